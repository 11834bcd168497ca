"""The process that reads a workbook: started by ``reader``, it answers one request and ends.

A workbook of a few kilobytes can make a library take all memory, run for hours, panic or abort. Here that ends a
process that nobody needs, and ``reader`` turns the way it ended into a message.
"""

from __future__ import annotations

import contextlib
import gc
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
from importer.manifest.records import BlankRecords
from importer.manifest.workbooks.messages import (
    BlankRows,
    Bug,
    End,
    Opened,
    OutOfMemory,
    ReaderLimits,
    ReadRefused,
    Request,
    RowsMessage,
    Unreadable,
    receive,
    send,
    unpacked,
)
from importer.manifest.workbooks.ods_indents import without_indents
from importer.manifest.workbooks.package_parts import usual_package
from importer.manifest.workbooks.sheet_facts import UnreadableSheetError
from importer.manifest.workbooks.workbook import load_workbook

_ADDRESS_SPACE_BYTES = 1 << 30  # more than memory: libraries reserve what they never use
_NEARLY_ALL = 0.75
_OUT_OF_MEMORY_SCORE = "1000"  # of all processes, this one is to go first


def main() -> None:
    """Read the request from standard input, and write the answers to what was standard output."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
        _leave_signals_to_parent()
        request = receive(sys.stdin.buffer)
        if request is not None:
            threading.Thread(target=_end_with_parent, daemon=True).start()
            # A parent that has gone, or that ends this process, needs no answer.
            with contextlib.suppress(BrokenPipeError):
                _answer(unpacked(request), answers)
    os._exit(0)  # to give memory back piece by piece takes long


def messages_of(request: Request) -> Iterator[Opened | RowsMessage | BlankRows | End]:
    """All that the importer needs of a sheet. Raises ManifestError if it can't be read to its end."""
    with _as_calamine_expects(request) as path:
        sheet = load_workbook(path, request.kind, request.options, request.expected, request.shown)
        yield Opened(where=sheet.where, format=sheet.format, header=sheet.header)
        for block, problems in sheet.blocks():
            if isinstance(block, BlankRecords):
                yield BlankRows(size=len(block))
            else:
                yield RowsMessage.of(block, problems)
    yield End()


def _answer(request: Request, answers: IO[bytes]) -> None:
    try:
        _limit(request.limits)
        gc.disable()
        for message in messages_of(request):
            send(answers, message)
    except ManifestError as error:
        # A library that gets no memory may panic, too, as it does at damage.
        if _is_panic(error.__cause__) and _used_bytes() > _NEARLY_ALL * request.limits.memory_bytes:
            send(answers, OutOfMemory())
        else:
            send(answers, ReadRefused(message=error.message, hint=error.hint, details=error.details))
    except MemoryError:
        send(answers, OutOfMemory())
    except BrokenPipeError:
        raise
    except OSError as error:
        send(answers, Unreadable(number=error.errno or 0, text=error.strerror or str(error)))
    except Exception:  # noqa: BLE001 - it is raised again in the parent
        send(answers, Bug(traceback=traceback.format_exc()))


@contextlib.contextmanager
def _as_calamine_expects(request: Request) -> Iterator[Path]:
    """Yield the workbook's path, or that of a copy that calamine reads. Raises ManifestError."""
    path, shown = request.path, request.shown
    folder = None if str(path) == shown else path.parent  # beside a private copy, with which it is removed
    try:
        match request.kind:
            case FileType.WORKBOOK | FileType.MACRO_WORKBOOK | FileType.BINARY_WORKBOOK:
                with usual_package(path, folder) as usual:
                    yield usual
            case FileType.OPEN_DOCUMENT:
                with without_indents(path, folder) as usual:
                    yield usual
            case _:
                yield path
    except UnreadableSheetError as error:
        raise ManifestError(
            f"{shown}: the workbook is damaged: one of its parts can't be read",
            hint="Open it in Excel and save it again, or export it again.",
        ) from error


def _is_panic(error: BaseException | None) -> bool:
    return type(error).__name__ == "PanicException"


def _used_bytes() -> int:
    """How much memory this process has had at most, or 0. `getrusage` counts the memory of the parent, too."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    return 0


def _leave_signals_to_parent() -> None:
    """Ignore what a terminal or a service manager sends to all processes: the parent ends this one."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _end_with_parent() -> None:
    """Wait for the end of standard input: it comes when the parent ends, however it ends."""
    while os.read(0, 1):
        pass
    os._exit(1)


def _limit(limits: ReaderLimits) -> None:
    if os.name != "posix":
        return
    import resource  # noqa: PLC0415 - Windows has none

    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_SCORE, "ascii")
    wanted = {
        resource.RLIMIT_CORE: 0,  # a copy of memory on the disk is full of what customers wrote
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_AS: limits.memory_bytes + _ADDRESS_SPACE_BYTES,
    }
    for what, limit in wanted.items():
        _, most = resource.getrlimit(what)
        lowest = limit if most == resource.RLIM_INFINITY else min(limit, most)
        with contextlib.suppress(OSError, ValueError):  # a system without this one
            resource.setrlimit(what, (lowest, most))
