"""Reads manifests for tests, to the end or to an error."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ManifestError
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.workbooks import child_process, workbook_file
from importer.manifest.workbooks.sheet_reader import SheetReader
from importer.models import ManifestOptions, Problem

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


class ForkedReader(SheetReader):
    """Reads workbooks in forked processes with the usual limits: a new process takes 30 times as long to start."""

    def _start(self) -> Any:
        process = ForkedProcess()
        return process, process.error_output

    @classmethod
    @contextmanager
    def used(cls) -> Iterator[None]:
        """Use it in the block instead of `SheetReader`."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(workbook_file, "SheetReader", cls)
            yield


class ForkedProcess:
    """A forked process, with the methods of `subprocess.Popen` that a `SheetReader` needs."""

    def __init__(self) -> None:
        self.error_output = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
        for_request, request = _FORKS.Pipe(duplex=False)
        answers, for_answers = _FORKS.Pipe(duplex=False)
        with for_request, for_answers, request, answers:
            errors = DupFd(self.error_output.fileno())
            self._process = _FORKS.Process(target=_serve, args=(for_request, for_answers, errors), daemon=True)
            self._process.start()
            self.stdin = os.fdopen(os.dup(request.fileno()), "wb")
            self.stdout = os.fdopen(os.dup(answers.fileno()), "rb")

    def kill(self) -> None:
        """End the process."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it ends; return its exit code."""
        self._process.join(timeout)
        return self._process.exitcode


def _serve(request: Connection, answers: Connection, errors: Any) -> None:
    gc.freeze()  # as in `tests.chaos.children`
    os.dup2(request.fileno(), 0)
    os.dup2(answers.fileno(), 1)
    os.dup2(errors.detach(), 2)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    child_process.main()


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
