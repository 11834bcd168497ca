"""Starts the process that reads a workbook, takes its answers, and says in a message why it ended if it must not."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Collection
from pathlib import Path
from typing import IO

from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.workbooks.limits import limits_for
from importer.manifest.workbooks.messages import (
    BlankRows,
    Bug,
    End,
    Opened,
    OutOfMemory,
    ReadRefused,
    Request,
    RowsMessage,
    Unreadable,
    receive,
    send,
    unpacked,
)
from importer.models import ManifestOptions

# With this program's own search path, and never with modules from the working folder. One thread for numpy: others
# would only reserve memory. Nobody sees where in a library something went wrong, and to find that out takes long.
_START = (
    "import os, sys; sys.path[:] = sys.argv[1:]; os.environ.update(OPENBLAS_NUM_THREADS='1', RUST_BACKTRACE='0'); "
    "from importer.manifest.workbooks.child import main; main()"
)
_NO_MEMORY = b"memory allocation of"  # what Rust says before it aborts
_REASON_BYTES = 1 << 16
_LAST_S = 1  # behind its last message a process has nothing to do


class SheetReader:
    """A sheet that a process reads, row after row. Leaving it ends the process.

    ``opened``: what is known before the first row.
    """

    opened: Opened

    def __init__(
        self, path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], shown: str
    ) -> None:
        self._shown = shown
        self._limits = limits_for(path)
        self._process, self._errors = self._start()
        self._end = weakref.finalize(self, _end, self._process, self._errors)
        self._is_intact = True
        request = Request(
            path=path.absolute(),
            kind=kind,
            options=options,
            expected=frozenset(expected),
            shown=shown,
            limits=self._limits,
        )
        try:
            try:
                send(_pipe(self._process.stdin), request)
            except BrokenPipeError:
                raise self._ended() from None
            opened = self._message()[1]
            assert isinstance(opened, Opened)
            self.opened = opened
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        self._end()

    def next_rows(self) -> bytes | None:
        """Read the next rows, a packed message; ``None`` behind the last. Raises ManifestError if that fails."""
        if not self._is_intact:
            raise ManifestError(
                f"{self._shown}: reading the workbook was broken off", hint="Run the same command again."
            )
        self._is_intact = False  # until a whole message is there: a signal may come between
        content, message = self._message()
        if isinstance(message, End):
            return None
        self._is_intact = True
        return content

    def _start(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        command = [sys.executable, "-P", "-c", _START, *sys.path]
        errors = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it is closed with the process
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        except BaseException:
            errors.close()
            raise
        return process, errors

    def _message(self) -> tuple[bytes, Opened | RowsMessage | BlankRows | End]:
        """Read the next message, packed and unpacked. Raises what went wrong in the process."""
        content = receive(_pipe(self._process.stdout))
        if content is None:
            raise self._ended()
        message = unpacked(content)
        if not isinstance(message, Opened | RowsMessage | BlankRows):  # it is the last one
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_S)
            self.close()
        match message:
            case ReadRefused():
                raise ManifestError(message.message, hint=message.hint, details=message.details)
            case Unreadable():
                raise OSError(message.number, message.text)
            case OutOfMemory():
                raise self._too_large()
            case Bug():
                error = RuntimeError("the process that reads the workbook failed")
                error.add_note(message.traceback)
                raise error
        return content, message

    def _ended(self) -> ManifestError:
        """The error for a process that ended before its last message."""
        code = self._process.wait()
        self._errors.seek(0)
        if (
            _NO_MEMORY in self._errors.read(_REASON_BYTES) or code == -signal.SIGKILL
        ):  # as the system ends what takes too much
            return self._too_large()
        if code == -signal.SIGXCPU:
            return ManifestError(
                f"{self._shown}: the workbook can't be read within {self._limits.cpu_s:,} s, too long for its size",
                hint="Open it in Excel and save it again, or save the sheet as CSV.",
            )
        return ManifestError(
            f"{self._shown}: the workbook is damaged and can't be read",
            hint="Open it in Excel and save it again, or export it again.",
        )

    def _too_large(self) -> ManifestError:
        return ManifestError(
            f"{self._shown}: the workbook can't be read in {self._limits.memory_bytes / 1e9:,.1f} GB of memory, as "
            "much as one of its size may take: it has too many cells, or the same long text in very many of them",
            hint="Delete the stray cells far below or far right (Ctrl+End goes there), or save the table as CSV, which "
            "is read in little memory.",
        )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, errors):
        with contextlib.suppress(BrokenPipeError):  # what was not sent is of no interest
            _pipe(stream).close()
    process.wait()
