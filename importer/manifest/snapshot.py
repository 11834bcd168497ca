"""The private copy that a run reads, so that a program may rewrite the manifest meanwhile."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ManifestError

_FOLDER_PREFIX = "ticket-importer-run-"
_BLOCK_BYTES = 1 << 20
_RESULTS = re.compile(r"\.results(\.\d+)?\.\w+$")
_ATTEMPTS = 3
_WAIT_S = 0.5
_NEW_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class PrivateCopy:
    """A copy that no other program writes to, with the SHA-256 (hex) and size of its bytes."""

    path: Path
    sha256: str
    size_bytes: int


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Provide a folder for private copies, as long as the block lasts.

    Also removes folders that killed runs of this user left behind: a run locks its folder, and the system releases the
    lock when the process ends in any way.
    """
    if os.name == "posix":
        _remove_left_behind()
    with tempfile.TemporaryDirectory(prefix=_FOLDER_PREFIX) as name, contextlib.ExitStack() as stack:
        if os.name == "posix":
            stack.callback(os.close, _open_locked(name, os.O_RDONLY))
        yield Path(name)


def _remove_left_behind() -> None:
    folders: list[Path] = []
    with contextlib.suppress(OSError):
        folders = list(Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"))
    for folder in folders:
        with contextlib.suppress(OSError):  # another user's, in use, or already removed
            descriptor = _open_locked(folder, os.O_RDONLY | os.O_NOFOLLOW, without_waiting=True)
            try:
                status = os.fstat(descriptor)
                # An empty folder may be brand new, and not locked yet.
                is_new = time.time() - status.st_mtime < _NEW_S and not any(folder.iterdir())
                if status.st_uid == os.geteuid() and not is_new:
                    shutil.rmtree(folder)
            finally:
                os.close(descriptor)


def _open_locked(folder: Path | str, flags: int, *, without_waiting: bool = False) -> int:
    """Open and lock a folder. Raises OSError, with ``without_waiting`` also if it is locked."""
    import fcntl  # noqa: PLC0415 - Windows has none

    descriptor = os.open(folder, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if without_waiting else 0))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def private_copy(
    source: Path, folder: Path, *, on_bytes: Callable[[int], None] | None = None, wait_s: float = _WAIT_S
) -> PrivateCopy:
    """Copy ``source`` into ``folder``, readable by this user only, and hash it.

    ``folder`` is created if missing. ``on_bytes`` is called with the length of each copied block. A file that changes
    meanwhile is copied again after ``wait_s`` seconds, three times in all. Raises ManifestError if ``source`` is not a
    regular, readable file with content that stays the same, or if the copy can't be written; then nothing is left in
    ``folder``.
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
        f"{source} is still being written: it changed while it was copied, {_ATTEMPTS} times in a row",
        hint="Wait until the export has finished, then run the same command again.",
    )


def _require_regular_file(source: Path) -> None:
    try:
        mode = source.stat().st_mode
    except (OSError, ValueError) as error:
        raise _unreadable(source, error) from error
    if stat.S_ISDIR(mode):
        raise ManifestError(f"{source} is a folder, not a file", hint="Give the path of a file.")
    if not stat.S_ISREG(mode):
        # A pipe can be read only once, and opening it waits for a writer.
        raise ManifestError(
            f"{source} is a pipe or a device, not a regular file", hint="Save the rows to a file, and give its path."
        )


def _unreadable(source: Path, error: OSError | ValueError) -> ManifestError:
    if isinstance(error, FileNotFoundError):
        return ManifestError(f"{source} does not exist", hint=_similar_names(source))
    reason = getattr(error, "strerror", None) or str(error)
    return ManifestError(
        f"{source} can't be read: {reason}", hint="Check the path, and whether this user may read the file."
    )


def _similar_names(source: Path) -> str:
    with contextlib.suppress(OSError):
        is_results = bool(_RESULTS.search(source.name))  # a manifest is no results file, and the other way round
        others = [path.name for path in source.parent.iterdir() if bool(_RESULTS.search(path.name)) == is_results]
        stems = {Path(name).stem: name for name in sorted(others)}  # equal endings make any two names look similar
        if found := difflib.get_close_matches(source.stem, stems, n=1):
            return f"Did you mean {stems[found[0]]}?"
    return "Check the path."


def _new_file(source: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # mkstemp creates the file for this user only: tickets hold customers' data.
        descriptor, name = tempfile.mkstemp(dir=folder, prefix="manifest-", suffix=".copy")
    except OSError as error:
        raise _unwritable(source, error) from error
    os.close(descriptor)
    return Path(name)


def _unwritable(source: Path, error: OSError) -> ManifestError:
    return ManifestError(
        f"{source} can't be copied to {error.filename or 'the working folder'}: {error.strerror}",
        hint="Free some disk space, or allow this user to write to that folder.",
    )


def _copy_once(source: Path, target: Path, on_bytes: Callable[[int], None] | None) -> PrivateCopy | None:
    """Copy the file; return None if it changed meanwhile."""
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
        raise ManifestError(f"{source} is empty (0 bytes)", hint="Export the file again.")
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
