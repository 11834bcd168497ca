"""Reads manifests for tests, to the end or to an error."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from importer.errors import ManifestError
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.workbooks import workbook_file
from importer.manifest.workbooks.sheet_reader import SheetReader
from importer.models import ManifestOptions, Problem
from tests import fork_server


class ForkedReader(SheetReader):
    """Reads workbooks in forked processes with the usual limits: a new process takes 30 times as long to start."""

    def _start(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        error_output = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": error_output}
        return fork_server.start(main="importer.manifest.workbooks.child_process:main", **pipes), error_output

    @classmethod
    @contextmanager
    def used(cls) -> Iterator[None]:
        """Use it in the block instead of `SheetReader`."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workbook_file, "SheetReader", cls)
            yield


@dataclass(frozen=True, kw_only=True)
class Table:
    """All chunks of one pass, joined."""

    manifest: Manifest
    columns: list[str]
    cells: list[list[str]]
    rows: list[int]
    problems: list[Problem]

    @property
    def how(self) -> str:
        """The description of the file that users see."""
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
    """Read a file that is refused; return the error as users see it."""
    with pytest.raises(ManifestError) as caught:
        read(path, expected, **options)
    assert str(path) in caught.value.message, "the error names the file"
    assert caught.value.hint, "the error says what to do next"
    return "\n".join(caught.value.lines())


def refusal_of_bytes(folder: Path, content: bytes, expected: Collection[str] = (), **options) -> str:
    path = folder / "tickets.csv"
    path.write_bytes(content)
    return refusal(path, expected, **options)
