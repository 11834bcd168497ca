"""Starts the process that reads a workbook, with limits of memory and time, and explains an early end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import weakref
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.workbooks.process_messages import ProcessLimits, ReadRequest, receive, send, unpack
from importer.models import ManifestOptions

# calamine takes up to 10 bytes of memory for each byte of an unpacked sheet whose cells hold values, and 24 bytes for
# each empty cell between the first and the last.
_LEAST_MEMORY_BYTES = 2 << 30
_MEMORY_PER_BYTE = 20
_SHARE_OF_MACHINE = 0.5
_LEAST_CPU_S = 60
_CPU_S_PER_BYTE = 2e-6  # ten times what a slow processor needs
_MAX_DEFLATE_RATIO = 1032  # whatever size an archive declares
_CONTAINER_MEMORY_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limits_for(path: Path) -> ProcessLimits:
    """Return the limits for a workbook; they grow with its size, up to half of the memory."""
    size_bytes = _unpacked_bytes(path)
    memory_bytes = max(_LEAST_MEMORY_BYTES, _MEMORY_PER_BYTE * size_bytes)
    machine_bytes = _machine_bytes()
    if machine_bytes is not None:
        memory_bytes = min(memory_bytes, int(_SHARE_OF_MACHINE * machine_bytes))
    return ProcessLimits(memory_bytes=memory_bytes, cpu_s=_LEAST_CPU_S + int(_CPU_S_PER_BYTE * size_bytes))


def _unpacked_bytes(path: Path) -> int:
    """Return the declared size of all parts, or the largest possible size if that is less."""
    packed_bytes = path.stat().st_size
    with contextlib.suppress(zipfile.BadZipFile, RuntimeError, ValueError), zipfile.ZipFile(path) as archive:
        declared_bytes = sum(part.file_size for part in archive.infolist())
        return min(max(declared_bytes, packed_bytes), _MAX_DEFLATE_RATIO * packed_bytes)
    return packed_bytes


def _machine_bytes() -> int | None:
    """Return the memory of the machine or its container; None if it is not known."""
    known: list[int] = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in _CONTAINER_MEMORY_FILES:
        with contextlib.suppress(OSError, ValueError):
            known.append(int(Path(name).read_text("ascii")))  # "max" is not a number: no limit
    return min(known, default=None)


# The process has this program's search path, without modules from the working folder. numpy gets one thread, because
# more would only reserve memory. Rust writes no backtrace, which takes long and is not shown.
_START = (
    "import os, sys; sys.path[:] = sys.argv[1:]; os.environ.update(OPENBLAS_NUM_THREADS='1', RUST_BACKTRACE='0'); "
    "from importer.manifest.workbooks.child_process import main; main()"
)
_RUST_OUT_OF_MEMORY = b"memory allocation of"  # Rust writes this before it aborts
_ERROR_OUTPUT_BYTES = 1 << 16
_EXIT_S = 1  # after its last message the process only exits


class SheetReader:
    """Reader of one sheet in a process."""

    format: ManifestFormat
    header: Header

    def __init__(
        self, path: Path, kind: FileType, options: ManifestOptions, expected: Collection[str], file_name: str
    ) -> None:
        self._file_name = file_name
        self._limits = limits_for(path)
        self._process, self._error_output = self._start()
        self._end = weakref.finalize(self, _end, self._process, self._error_output)
        self._is_intact = True
        request = ReadRequest(
            path=path.absolute(),
            kind=kind,
            options=options,
            expected=frozenset(expected),
            file_name=file_name,
            limits=self._limits,
        )
        try:
            try:
                send(_pipe(self._process.stdin), request)
            except BrokenPipeError:
                raise self._early_end() from None
            self.format, self.header = self._answer()[1]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        self._end()

    def next_rows(self) -> bytes | None:
        """Return the next rows as a packed message; None at the end. Raises ManifestError."""
        if not self._is_intact:
            raise ManifestError(
                f"{self._file_name}: reading the workbook was interrupted", hint="Run the same command again."
            )
        self._is_intact = False  # until the whole message is read: a signal may interrupt that
        content, answer = self._answer()
        if answer is None:
            return None
        self._is_intact = True
        return content

    def _start(self) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        command = [sys.executable, "-P", "-c", _START, *sys.path]
        error_output = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it is closed with the process
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=error_output
            )
        except BaseException:
            error_output.close()
            raise
        return process, error_output

    def _answer(self) -> tuple[bytes, Any]:
        """Read the next answer, packed and unpacked. Raises it if it is an exception."""
        content = receive(_pipe(self._process.stdout))
        if content is None:
            raise self._early_end()
        answer = unpack(content)
        if answer is None or isinstance(answer, Exception):  # it is the last one
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_EXIT_S)
            self.close()
        if isinstance(answer, MemoryError):
            raise self._too_large()
        if isinstance(answer, Exception):
            raise answer
        return content, answer

    def _early_end(self) -> ManifestError:
        """Return the error for a process that ended before its last message."""
        code = self._process.wait()
        self._error_output.seek(0)
        # The system kills a process that takes too much memory.
        if _RUST_OUT_OF_MEMORY in self._error_output.read(_ERROR_OUTPUT_BYTES) or code == -signal.SIGKILL:
            return self._too_large()
        if code == -signal.SIGXCPU:
            return ManifestError(
                f"{self._file_name}: reading the workbook takes more than {self._limits.cpu_s:,} s, too long for its "
                "size",
                hint="Open it in Excel and save it again, or save the sheet as CSV.",
            )
        return ManifestError(
            f"{self._file_name}: the workbook is damaged and can't be read",
            hint="Open it in Excel and save it again, or export it again.",
        )

    def _too_large(self) -> ManifestError:
        return ManifestError(
            f"{self._file_name}: reading the workbook takes more than {self._limits.memory_bytes / 1e9:,.1f} GB of "
            "memory, the limit for its size: it has too many cells, or the same long text in very many of them",
            hint="In each sheet, delete stray cells far below or far to the right of the table (Ctrl+End goes there), "
            "or save the table as CSV, which needs little memory.",
        )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _end(process: subprocess.Popen[bytes], error_output: IO[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, error_output):
        with contextlib.suppress(BrokenPipeError):  # the process needs no more input
            _pipe(stream).close()
    process.wait()
