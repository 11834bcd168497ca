"""Finds the files that `fetch` has downloaded, by their addresses."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from importer.attachments.addresses import as_shown
from importer.attachments.found_files import FileFault, FoundFile
from importer.attachments.lock import LockEntry, read_lock

CODE = "attachment-not-fetched"


class FetchedFiles:
    """The files of a folder, as its lock lists them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @functools.cached_property
    def _entries(self) -> Mapping[str, LockEntry]:
        return read_lock(self._folder)

    def entry(self, address: str) -> LockEntry | FileFault:
        """Return the entry of an address that has a file."""
        shown = as_shown(address)
        entry = self._entries.get(shown)
        if entry is None:
            return FileFault(CODE, f"{shown!r} was not fetched")
        if not entry.file:
            return FileFault(CODE, f"{shown!r} was not fetched: {entry.error}")
        return entry

    def check(self, entry: LockEntry, found: FoundFile | FileFault) -> FoundFile | FileFault:
        """Return the file of an entry, or a fault if it is gone or has changed since it was fetched."""
        if isinstance(found, FileFault):
            is_gone = found.code == "attachment-missing"
            return FileFault(CODE, f"{entry.url!r} was fetched, but {found.message}") if is_gone else found
        try:
            is_intact = entry.is_intact(found.path)
        except OSError as error:
            return FileFault("attachment-unreadable", f"{entry.file!r} can't be accessed: {error.strerror}")
        if not is_intact:
            return FileFault(CODE, f"{entry.file!r} has changed since it was fetched from {entry.url!r}")
        return found
