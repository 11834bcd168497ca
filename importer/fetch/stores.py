"""Downloads a file from a store: S3, Google Cloud Storage, Azure or SFTP, by fsspec. All functions block."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from typing import Any

from importer.attachments.addresses import scheme_of
from importer.errors import UsageError
from importer.fetch.outcome import Downloaded, DownloadError, Limits, too_large
from importer.fetch.part_file import PartFile, Validator

_LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "sftp": "sshfs"}
_READ_BYTES = 4_000_000


def check_libraries(schemes: Iterable[str]) -> None:
    """Raise UsageError if a library for one of the schemes is not installed."""
    needed = {scheme: _LIBRARIES[scheme] for scheme in schemes if scheme in _LIBRARIES}
    missing = sorted({name for name in ("fsspec", *needed.values()) if importlib.util.find_spec(name) is None})
    if needed and missing:
        named = ", ".join(f"{scheme}:" for scheme in sorted(needed))
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"addresses with {named} need {', '.join(missing)}, which {verb} not installed",
            hint="install them with: pip install 'lsq-ticket-importer[stores]'",
        )


def download(address: str, part: PartFile, limits: Limits, is_stopped: Callable[[], bool]) -> Downloaded:
    """Complete the part of a file. Raises DownloadError, and OSError of the own disk."""
    try:
        return _download(address, part, limits, is_stopped)
    except (DownloadError, _DiskError) as error:
        if isinstance(error, _DiskError):
            raise error.error from None
        raise
    except FileNotFoundError:
        raise DownloadError("the store has no such file") from None
    except PermissionError:
        raise DownloadError("the store refuses access; check its credentials in the environment") from None
    except Exception as error:  # noqa: BLE001 - each store's library has its own errors
        kind = type(error).__name__
        raise DownloadError(f"the store can't be read ({kind})", is_temporary=_is_temporary(error)) from None


def _download(address: str, part: PartFile, limits: Limits, is_stopped: Callable[[], bool]) -> Downloaded:
    import fsspec  # noqa: PLC0415 - rarely needed, and it may not be installed

    system, path = fsspec.core.url_to_fs(address)
    info: dict[str, Any] = system.info(path)
    size_bytes, etag = info.get("size"), str(info.get("ETag") or info.get("etag") or info.get("mtime") or "")
    if info.get("type") == "directory":
        raise DownloadError("the address is a folder")
    if size_bytes is not None and size_bytes > limits.max_file_size_bytes:
        raise too_large(size_bytes, limits)
    if not (part.size_bytes and etag) or part.validator.etag != etag or part.size_bytes > (size_bytes or 0):
        _on_disk(lambda: part.restart(Validator(etag=etag)))
    with system.open(path, "rb", block_size=_READ_BYTES, cache_type="readahead") as file:
        if part.size_bytes:
            file.seek(part.size_bytes)
        while data := file.read(_READ_BYTES):
            if is_stopped():
                raise DownloadError("stopped", is_temporary=True)
            if part.size_bytes + len(data) > limits.max_file_size_bytes:
                raise too_large(None, limits)
            _write(part, data)
    if size_bytes is not None and part.size_bytes != size_bytes:
        raise DownloadError(f"{part.size_bytes:,} of {size_bytes:,} bytes arrived", is_temporary=True)
    if not part.size_bytes:
        raise DownloadError("the file is empty")
    return Downloaded(etag=etag)


class _DiskError(Exception):
    """The own disk can't be written, as opposed to an OSError of a store."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def _on_disk(work: Callable[[], None]) -> None:
    try:
        work()
    except OSError as error:
        raise _DiskError(error) from error


def _write(part: PartFile, data: bytes) -> None:
    _on_disk(lambda: part.write(data))


def _is_temporary(error: Exception) -> bool:
    return isinstance(error, OSError | TimeoutError) or "Timeout" in type(error).__name__


def is_store(address: str) -> bool:
    """Return whether an address is one of a store."""
    return scheme_of(address) in _LIBRARIES
