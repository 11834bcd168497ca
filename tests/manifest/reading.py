"""What the tests of this room share: a manifest read to its end, and a refusal caught."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.manifest import Manifest, open_manifest
from importer.manifest.file_type import FileType
from importer.manifest.workbooks import source
from importer.manifest.workbooks.child import messages_of
from importer.manifest.workbooks.messages import End, ReaderLimits, Request
from importer.models import ManifestOptions, Problem


class ReadHere:
    """Reads workbooks in this process, for tests of thousands of them: a process for each takes long to start."""

    def __init__(
        self, path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], shown: str
    ) -> None:
        no_limits = ReaderLimits(memory_bytes=0, cpu_s=0)
        request = Request(path=path, kind=kind, options=options, expected=expected, shown=shown, limits=no_limits)
        self._messages = messages_of(request)
        self.opened = next(self._messages)

    def next_rows(self) -> bytes | None:
        """The next message, packed."""
        message = next(self._messages)
        return None if isinstance(message, End) else pickle.dumps(message)

    @classmethod
    @contextmanager
    def used(cls) -> Iterator[None]:
        """For as long as the block lasts, instead of the process."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(source, "SheetReader", cls)
            yield


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
        return self.manifest.format.describe()


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
