"""Errors and warnings about a mapping file, each with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self


class SourceLine(int):
    """Line number from 1 (0: the file as a whole), together with the file that it is in.

    ``file`` is None if the mapping is one file. As text it is ``12``, or ``12 of base.yaml``.
    """

    file: Path | None

    def __new__(cls, number: int, file: Path | None = None) -> Self:
        """Return the line ``number`` of ``file``."""
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
    """One error or warning. ``line``: a SourceLine, or the number of a line of the mapping file itself."""

    line: int
    text: str


def format_findings(path: Path, findings: Iterable[MappingFinding]) -> list[str]:
    """Return each finding once as ``FILE:LINE: text``: first those of ``path``, then those of included files."""
    located = {
        (getattr(each.line, "file", None) or path, int(each.line), each.text.replace("\n", "\\n")) for each in findings
    }
    ordered = sorted(located, key=lambda each: (each[0] != path, *each))
    return [f"{file}:{line}: {text}" if line else f"{file}: {text}" for file, line, text in ordered]
