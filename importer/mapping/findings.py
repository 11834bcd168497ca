"""What is wrong with a mapping file, and where: gathered by every stage, shown once, in the file's order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from importer.mapping.similar_names import closest, difference


class SourceLine(int):
    """A line, from 1; 0 stands for a file as a whole.

    ``file`` is the file in which it is counted; ``None`` for a mapping that is one file. All that only counts lines may
    take it for the number that it is; shown, it says which file's it is, where there are several.
    """

    file: Path | None

    def __new__(cls, number: int, file: Path | None = None) -> Self:
        """Take ``number`` for a line of ``file``."""
        line = super().__new__(cls, number)
        line.file = file
        return line

    def __str__(self) -> str:
        number = int.__repr__(self)
        return f"{number} of {self.file.name}" if self.file is not None else number

    def __format__(self, form: str) -> str:
        return format(str(self), form)


@dataclass(frozen=True, slots=True, order=True)
class MappingFinding:
    """One thing that is wrong, or doubtful. ``line`` may be a `Line`; a mere number is one of the mapping itself."""

    line: int
    text: str


def located(path: Path, findings: Iterable[MappingFinding]) -> list[str]:
    """The findings as ``FILE:LINE: text``, each only once: those of ``path``, then those of the files it includes.

    Each is one line, whatever the names in it.
    """
    places = {
        (getattr(each.line, "file", None) or path, int(each.line), each.text.replace("\n", "\\n")) for each in findings
    }
    ordered = sorted(places, key=lambda place: (place[0] != path, *place))
    return [f"{file}:{line}: {text}" if line else f"{file}: {text}" for file, line, text in ordered]


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`` (did you mean 'x'?)`` for the known word that is most like ``word``, or nothing.

    What an eye can't see is said as well: ``(did you mean 'x', which has a non-breaking blank?)``.
    """
    best = closest(word, known, cutoff)
    if best is None:
        return ""
    unseen = difference(word, best)
    return f" (did you mean {best!r}, {unseen}?)" if unseen else f" (did you mean {best!r}?)"
