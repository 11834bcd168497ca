"""Reads a workbook in a process with limits: answers one request of ``sheet_reader``.

A workbook of a few kilobytes can make a library take all memory, run for hours, panic or abort. This then ends only
this process, and ``sheet_reader`` explains it in a message.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from importer.errors import ManifestError
from importer.manifest.file_type import FileType
from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import Batch
from importer.manifest.workbooks.containers import DamagedWorkbookError
from importer.manifest.workbooks.ods import without_indents
from importer.manifest.workbooks.opened_sheet import open_sheet
from importer.manifest.workbooks.process_messages import ProcessLimits, ReadRequest, receive, send, unpack
from importer.manifest.workbooks.xlsx_copies import in_standard_layout

_EXTRA_ADDRESS_SPACE_BYTES = 1 << 30  # libraries reserve addresses that they never use
_NEARLY_ALL = 0.75
_OUT_OF_MEMORY_SCORE = "1000"  # the system kills this process first


def main() -> None:
    """Read the request from standard input, and write the answers to standard output."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of libraries must not mix with the answers
        _ignore_signals()
        request = receive(sys.stdin.buffer)
        if request is not None:
            threading.Thread(target=_exit_with_parent, daemon=True).start()
            # If the parent is gone or ends this process, it needs no answer.
            with contextlib.suppress(BrokenPipeError):
                _answer(unpack(request), answers)
    os._exit(0)  # a normal exit frees memory piece by piece, which takes long


def _answers_to(request: ReadRequest) -> Iterator[tuple[ManifestFormat, Header] | Batch | None]:
    """Yield all answers for a sheet. Raises ManifestError if it can't be read to its end."""
    with _readable_copy(request) as path:
        sheet = open_sheet(path, request.kind, request.options, request.expected, request.file_name)
        yield sheet.format, sheet.header
        yield from sheet.batches()
    yield None


def _answer(request: ReadRequest, answers: IO[bytes]) -> None:
    try:
        _set_limits(request.limits)
        for message in _answers_to(request):
            send(answers, message)
    except ManifestError as error:
        # A library may panic when it gets no memory, as it does when a file is damaged.
        is_full = _is_panic(error.__cause__) and _peak_memory_bytes() > _NEARLY_ALL * request.limits.memory_bytes
        send(answers, MemoryError() if is_full else error)
    except MemoryError:
        send(answers, MemoryError())
    except BrokenPipeError:
        raise
    except OSError as error:
        send(answers, OSError(error.errno or 0, error.strerror or str(error)))
    except Exception:  # noqa: BLE001 - it is raised again in the parent
        bug = RuntimeError("the process that reads the workbook failed")
        bug.add_note(traceback.format_exc())
        send(answers, bug)


@contextlib.contextmanager
def _readable_copy(request: ReadRequest) -> Iterator[Path]:
    """Yield the path of the workbook, or of a copy that calamine can read. Raises ManifestError."""
    path, file_name = request.path, request.file_name
    folder = None if str(path) == file_name else path.parent  # beside a private copy, and deleted with it
    try:
        match request.kind:
            case FileType.WORKBOOK | FileType.MACRO_WORKBOOK | FileType.BINARY_WORKBOOK:
                with in_standard_layout(path, folder) as readable:
                    yield readable
            case FileType.OPEN_DOCUMENT:
                with without_indents(path, folder) as readable:
                    yield readable
            case _:
                yield path
    except DamagedWorkbookError as error:
        raise ManifestError(
            f"{file_name}: the workbook is damaged: one of its parts can't be read",
            hint="Open it in Excel and save it again, or export it again.",
        ) from error


def _is_panic(error: BaseException | None) -> bool:
    return type(error).__name__ == "PanicException"


def _peak_memory_bytes() -> int:
    """Return the most memory that this process has had, or 0. `getrusage` includes the parent's memory."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def _ignore_signals() -> None:
    """Ignore signals that a terminal sends to all processes: the parent ends this one."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _exit_with_parent() -> None:
    """Exit when standard input ends: it does when the parent ends, for whatever reason."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _set_limits(limits: ProcessLimits) -> None:
    if os.name != "posix":
        return
    import resource  # noqa: PLC0415 - Windows has none

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_SCORE, "ascii")
    wanted = {
        resource.RLIMIT_CORE: 0,  # a core file would hold customers' texts
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_AS: limits.memory_bytes + _EXTRA_ADDRESS_SPACE_BYTES,
    }
    for kind, limit in wanted.items():
        _, hard_limit = resource.getrlimit(kind)
        soft_limit = limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit)
        with contextlib.suppress(OSError, ValueError):  # not every system has every limit
            resource.setrlimit(kind, (soft_limit, hard_limit))
