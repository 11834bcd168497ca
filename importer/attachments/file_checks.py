"""Checks files below the root by their names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from importer.attachments.found_files import FileFault, FoundFile
from importer.attachments.location import NOT_THERE, AttachmentFolder
from importer.attachments.naming import ending_of, last_part
from importer.attachments.unclaimed import Claims
from importer.mapping import AttachmentRules
from importer.models import file_identity

Check = Callable[[str], FoundFile | FileFault]


class FileChecks:
    """Checks whether named files can be attached, and notes which files the rows name.

    ``remembered``: how many names are cached.
    """

    def __init__(self, rules: AttachmentRules, folder: AttachmentFolder, root: Path, remembered: int) -> None:
        self._rules = rules
        self._folder = folder
        self._root = root
        self._remembered = remembered
        self._known: dict[str, FoundFile | FileFault] = {}
        self.claims = Claims()

    def check_cached(self, name: str) -> FoundFile | FileFault:
        """Return the file of this name or the reason why it can't be attached, from the cache if it is there."""
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= self._remembered:
                self._known.clear()
            found = self._known[name] = self.check(name)
        return found

    def check(self, name: str) -> FoundFile | FileFault:
        """Return the file of this name, or the reason why it can't be attached."""
        path, status = self._folder.locate(name)
        if not self._folder.contains(path):
            return FileFault("attachment-outside-root", f"{name!r} is outside {self._root}")
        if isinstance(status, OSError):
            if status.errno in NOT_THERE:
                self.claims.miss(name)
                return FileFault("attachment-missing", f"there is no file {name!r} in {self._root}")
            return FileFault("attachment-unreadable", f"{name!r} can't be accessed: {status.strerror}")
        self.claims.add(path)
        return self._check_rules(name, path, status)

    def _check_rules(self, name: str, path: str, status: os.stat_result) -> FoundFile | FileFault:
        rules = self._rules
        if not stat.S_ISREG(status.st_mode):
            return FileFault("attachment-not-a-file", f"{name!r} is not a regular file")
        if not os.access(path, os.R_OK):
            return FileFault("attachment-unreadable", f"this user may not read {name!r}")
        if status.st_size == 0:
            return FileFault("attachment-empty", f"{name!r} is empty")
        if status.st_size > rules.max_file_size_bytes:
            return FileFault(
                "attachment-too-large",
                f"{name!r} has {status.st_size:,} bytes; at most {rules.max_file_size_bytes:,} are allowed",
            )
        # A link's own ending counts, as that is the name that users see.
        if rules.extensions and ending_of(last_part(name)).lower() not in rules.extensions:
            return FileFault("attachment-type", f"{name!r} does not end in one of {', '.join(rules.extensions)}")
        return FoundFile(path, status.st_size, file_identity(status))
