"""What is wrong with a mapping file, and where: gathered by every stage, shown once, in the file's order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """``line`` counts from 1; 0 stands for the file as a whole."""

    line: int
    text: str


def located(path: Path, findings: Iterable[Finding]) -> list[str]:
    """The findings as ``FILE:LINE: text``, sorted by line and each only once."""
    return [
        f"{path}:{finding.line}: {finding.text}" if finding.line else f"{path}: {finding.text}"
        for finding in sorted(set(findings))
    ]


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`` (did you mean 'x'?)`` for the known word that is most like ``word``, or nothing."""
    best = closest(word, known, cutoff)
    return f" (did you mean {best!r}?)" if best is not None else ""


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most like ``word``; one that differs only in case or outer blanks is the best of all."""
    candidates = list(known)
    folded = word.strip().casefold()
    for candidate in candidates:
        if candidate.strip().casefold() == folded:
            return candidate
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=cutoff)
    return found[0] if found else None
