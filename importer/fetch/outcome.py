"""What one attempt to download a file gave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits for one download. ``least_bytes_per_s``: a slower answer counts as broken."""

    max_file_size_bytes: int
    answer_s: float = 30.0  # without any byte, and for ``least_bytes_per_s``
    connect_s: float = 30.0
    least_bytes_per_s: int = 1_000
    redirects: int = 10


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A part file is complete. ``name``: the file name that the server says, or empty."""

    name: str = ""
    etag: str = ""


class DownloadError(Exception):
    """An attempt failed. ``is_temporary``: another attempt may succeed. ``retry_after_s``: the server's wish.

    ``is_unreachable``: there was no connection at all.
    """

    def __init__(
        self,
        message: str,
        *,
        is_temporary: bool = False,
        is_unreachable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.is_temporary = is_temporary
        self.is_unreachable = is_unreachable
        self.retry_after_s = retry_after_s


def too_large(size_bytes: int | None, limits: Limits) -> DownloadError:
    """Return the error for a file that is larger than allowed. ``None``: its size is not known."""
    has = f"has {size_bytes:,} bytes" if size_bytes is not None else "is larger"
    return DownloadError(f"the file {has}; at most {limits.max_file_size_bytes:,} are allowed")
