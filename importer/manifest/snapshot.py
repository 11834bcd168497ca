"""The private copy that a run reads, so that an export which rewrites the manifest meanwhile harms nothing."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ManifestError

_FOLDERS = "ticket-importer-run-"
_BLOCK_BYTES = 1 << 20
_ATTEMPTS = 3
_WAIT_S = 0.5


@dataclass(frozen=True, kw_only=True)
class PrivateCopy:
    """A copy that nobody else writes to. ``sha256`` (hex) and ``size_bytes`` are those of the bytes in it."""

    path: Path
    sha256: str
    size_bytes: int


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for private copies, as long as the block lasts; what killed runs of this user have left is removed.

    A run holds its folder locked, and the system lets go of that when the process ends, however it ends.
    """
    if os.name == "posix":
        _remove_left_behind()
    with tempfile.TemporaryDirectory(prefix=_FOLDERS) as name, contextlib.ExitStack() as stack:
        if os.name == "posix":
            stack.callback(os.close, _locked(name, os.O_RDONLY))
        yield Path(name)


def _remove_left_behind() -> None:
    folders: list[Path] = []
    with contextlib.suppress(OSError):
        folders = list(Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"))
    for folder in folders:
        with contextlib.suppress(OSError):  # another user's, in use, or gone by now
            descriptor = _locked(folder, os.O_RDONLY | os.O_NOFOLLOW, at_once=True)
            try:
                # One with nothing in it may have been made just now, and be locked next.
                if os.fstat(descriptor).st_uid == os.geteuid() and any(folder.iterdir()):
                    shutil.rmtree(folder)
            finally:
                os.close(descriptor)


def _locked(folder: Path | str, flags: int, *, at_once: bool = False) -> int:
    """Open and lock a folder. Raises OSError, also where it is locked and that must be ``at_once``."""
    import fcntl  # noqa: PLC0415 - Windows has none

    descriptor = os.open(folder, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if at_once else 0))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def private_copy(
    source: Path, folder: Path, *, on_bytes: Callable[[int], None] | None = None, wait_s: float = _WAIT_S
) -> PrivateCopy:
    """Copy ``source`` into ``folder`` (made if missing), readable by this user only, and hash it on the way.

    ``on_bytes`` is told the length of every block copied. A file that changes meanwhile is copied anew after
    ``wait_s`` seconds, three times in all. Raises ManifestError if there is no regular, readable file with content
    that holds still, or if the copy can't be written; then nothing is left in ``folder``.
    """
    _require_regular_file(source)
    target = _new_file(source, folder)
    try:
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(wait_s)
            copy = _copy_once(source, target, on_bytes)
            if copy is not None:
                return copy
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    target.unlink()
    raise ManifestError(
        f"{source} is being written to: it changed while it was copied, {_ATTEMPTS} times in a row",
        hint="Wait until the export has ended, then run the same command again.",
    )


def _require_regular_file(source: Path) -> None:
    try:
        mode = source.stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(source, error) from error
    if stat.S_ISDIR(mode):
        raise ManifestError(f"{source} is a folder, not a file", hint="Name the manifest itself.")
    if not stat.S_ISREG(mode):
        # A pipe could be read only once, and opening it would wait for a writer that may never come.
        raise ManifestError(
            f"{source} is a pipe or a device, not a regular file", hint="Save the rows to a file and name that."
        )


def _unreadable(source: Path, error: OSError | ValueError) -> ManifestError:
    if isinstance(error, FileNotFoundError):
        return ManifestError(f"{source} does not exist", hint=_similar_names(source))
    reason = getattr(error, "strerror", None) or str(error)
    return ManifestError(
        f"{source} can't be read: {reason}", hint="Check the path, and that the user who runs the import may read it."
    )


def _similar_names(source: Path) -> str:
    with contextlib.suppress(OSError):
        names = difflib.get_close_matches(source.name, [path.name for path in source.parent.iterdir()], n=1)
        if names:
            return f"Did you mean {names[0]}?"
    return "Check the path."


def _new_file(source: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # mkstemp makes the file for this user alone: tickets hold what customers wrote.
        descriptor, name = tempfile.mkstemp(dir=folder, prefix="manifest-", suffix=".copy")
    except OSError as error:
        raise _unwritable(source, error) from error
    os.close(descriptor)
    return Path(name)


def _unwritable(source: Path, error: OSError) -> ManifestError:
    return ManifestError(
        f"{source} can't be copied to {error.filename or 'the working folder'}: {error.strerror}",
        hint="Free some disk space, or let this user write to that folder.",
    )


def _copy_once(source: Path, target: Path, on_bytes: Callable[[int], None] | None) -> PrivateCopy | None:
    """Copy; None if the source changed while it was copied."""
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        reader = source.open("rb", buffering=0)
    except OSError as error:
        raise _unreadable(source, error) from error
    with reader, target.open("wb", buffering=0) as writer:
        before = _state(reader.fileno())
        while block := _read_block(source, reader.fileno()):
            _write_block(source, target, writer.fileno(), block)
            digest.update(block)
            size_bytes += len(block)
            if on_bytes is not None:
                on_bytes(len(block))
        after = _state(reader.fileno())
    if before != after or size_bytes != after[0]:
        return None
    if not size_bytes:
        raise ManifestError(f"{source} is empty: it has no bytes", hint="Export the file again.")
    return PrivateCopy(path=target, sha256=digest.hexdigest(), size_bytes=size_bytes)


def _state(descriptor: int) -> tuple[int, int]:
    state = os.fstat(descriptor)
    return state.st_size, state.st_mtime_ns


def _read_block(source: Path, descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _BLOCK_BYTES)
    except OSError as error:
        raise _unreadable(source, error) from error


def _write_block(source: Path, target: Path, descriptor: int, block: bytes) -> None:
    try:
        view = memoryview(block)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        error.filename = str(target)
        raise _unwritable(source, error) from error
