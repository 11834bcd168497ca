"""What the tests of this room share: a manifest read to its end, and a refusal caught."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.manifest import Manifest, open_manifest
from importer.models import ManifestOptions, Problem


@dataclass(frozen=True, kw_only=True)
class Table:
    """All chunks of one pass, laid together."""

    manifest: Manifest
    columns: list[str]
    cells: list[list[str]]
    rows: list[int]
    problems: list[Problem]

    @property
    def how(self) -> str:
        """What was detected, as people are told."""
        return self.manifest.detected.describe()


def read(path: Path, expected: Collection[str] = (), *, size: int = 10_000, **options) -> Table:
    manifest = open_manifest(path, ManifestOptions(**options), expected)
    return read_pass(manifest, size)


def read_pass(manifest: Manifest, size: int = 10_000) -> Table:
    cells: list[list[str]] = []
    rows: list[int] = []
    problems: list[Problem] = []
    for chunk in manifest.chunks(size):
        assert tuple(chunk.frame.columns) == manifest.columns
        assert len(chunk.frame) == len(chunk.rows) <= size
        cells += chunk.frame.to_numpy(dtype=object).tolist()
        rows += chunk.rows
        problems += chunk.problems
    assert all(type(cell) is str for record in cells for cell in record)
    return Table(manifest=manifest, columns=list(manifest.columns), cells=cells, rows=rows, problems=problems)


def read_bytes(folder: Path, content: bytes, expected: Collection[str] = (), **options) -> Table:
    path = folder / "tickets.csv"
    path.write_bytes(content)
    return read(path, expected, **options)


def refusal(path: Path, expected: Collection[str] = (), **options) -> str:
    """Read what can't be read; return the error as a person sees it."""
    with pytest.raises(ManifestError) as caught:
        read(path, expected, **options)
    assert str(path) in caught.value.message, "the error names the file"
    assert caught.value.hint, "the error says what to do next"
    return "\n".join(caught.value.lines())


def refusal_of_bytes(folder: Path, content: bytes, expected: Collection[str] = (), **options) -> str:
    path = folder / "tickets.csv"
    path.write_bytes(content)
    return refusal(path, expected, **options)
