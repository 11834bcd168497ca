"""Finds files below the root by patterns: `*`, `?` and `[…]` within a name, `**` for any folders."""

from __future__ import annotations

import bisect
import functools
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from fnmatch import translate
from typing import NamedTuple

from importer.attachments.location import NOT_THERE, AttachmentFolder

_WILD = re.compile(r"[*?[]")
_ESCAPED = re.compile(r"\[([*?[])\]")
_ANY_FOLDERS = "**"


class OutsideError(Exception):
    """The pattern leads outside the root."""


class UnlistedError(Exception):
    """A folder can't be listed, so that it is not known which files match."""


class _Entry(NamedTuple):
    """A directory entry. ``form``: its name in the Unicode form in which names are compared (NFC)."""

    form: str
    name: str
    is_folder: bool  # or a link to one
    is_link: bool


def is_pattern(name: str) -> bool:
    """Return whether a name has wildcards."""
    return _WILD.search(name) is not None


def escaped(text: str) -> str:
    """Return a pattern that matches ``text`` only."""
    return _WILD.sub(r"[\g<0>]", text)


class Patterns:
    """Finds files by patterns. Listings of folders are cached, up to ``remembered`` names."""

    def __init__(self, root: AttachmentFolder, remembered: int) -> None:
        self._root = root
        self._remembered = remembered
        self._listings: dict[str, list[_Entry]] = {}
        self._known = 0

    def expand(self, pattern: str, *, whole_folders: bool = False) -> list[str]:
        """Return the sorted paths, relative to the root, of all files and links that match; folders are left out.

        ``whole_folders``: a folder that matches adds the files in it. Names that begin with a dot are matched only by
        patterns that do. `**` does not follow links. Raises OutsideError and UnlistedError.
        """
        native = pattern.replace("\\", "/")
        if native.endswith("/") and not whole_folders:
            return []
        if native.startswith("/"):
            below = self._root.below(native)
            if below is None:
                raise OutsideError
            native = below
        parts = [part for part in native.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise OutsideError
        # `**/**` matches the same files as `**`, and takes much longer.
        parts = [part for at, part in enumerate(parts) if part != _ANY_FOLDERS or parts[at - 1 : at] != [part]]
        return sorted(dict.fromkeys(self._walk("", parts, whole_folders=whole_folders))) if parts else []

    def holds_files(self, folder: str) -> bool:
        """Return whether there is any file below a folder. Raises OutsideError and UnlistedError."""
        parts = [part for part in folder.replace("\\", "/").split("/") if part not in ("", ".")]
        return any(True for _ in self._walk("", [*parts, _ANY_FOLDERS], whole_folders=False))

    def _walk(self, folder: str, parts: Sequence[str], *, whole_folders: bool) -> Iterator[str]:
        part, rest = parts[0], parts[1:]
        walk = functools.partial(self._walk, whole_folders=whole_folders)
        if part == _ANY_FOLDERS:
            yield from walk(folder, rest or ["*"])
            for entry in self._entries(folder):
                if entry.is_folder and not entry.is_link and not entry.name.startswith("."):
                    yield from walk(f"{folder}{entry.name}/", parts)
        elif rest and not is_pattern(part) and self._is_folder(f"{folder}{part}/"):
            yield from walk(f"{folder}{part}/", rest)
        elif not rest or is_pattern(part) or not part.isascii():  # the name may be there in another Unicode form
            is_name = _is_name(part)
            for entry in self._matching(folder, part):
                name = f"{folder}{entry.name}"
                if entry.is_folder and (rest or (whole_folders and is_name)):
                    # A named folder outside the root is refused; one that a wildcard matches is left out.
                    if is_name and self._root.folder(f"{name}/") is None:
                        raise OutsideError
                    yield from walk(f"{name}/", rest or ["*"])
                elif not rest and not entry.is_folder:
                    yield name

    def _is_folder(self, name: str) -> bool:
        """Return whether a folder exists, and check that it is inside the root.

        Existence is checked first, because many rows have no folder.
        """
        try:
            is_folder = name in self._listings or stat.S_ISDIR(self._root.look(name).st_mode)
        except OSError as error:
            _raise_unless_not_there(name, error)
            return False
        if self._root.folder(name) is None:
            raise OutsideError
        return is_folder

    def _matching(self, folder: str, part: str) -> Iterator[_Entry]:
        """Yield the entries of a folder that match one part of a pattern, by a search in the sorted names."""
        form = unicodedata.normalize("NFC", part)
        beginning, rest = _parted(form)
        matches = _compiled(rest).match
        entries = self._entries(folder)
        for at in range(bisect.bisect_left(entries, beginning, key=lambda entry: entry.form), len(entries)):
            entry = entries[at]
            if not entry.form.startswith(beginning):
                return
            if matches(entry.form, len(beginning)) and (
                form.startswith((".", "[.]")) or not entry.form.startswith(".")
            ):
                yield entry

    def _entries(self, folder: str) -> list[_Entry]:
        """Return the sorted entries of a folder; none if it does not exist or is outside the root."""
        known = self._listings.get(folder)
        if known is not None:
            return known
        path = self._root.folder(folder)
        found: list[_Entry] = []
        if path is not None:
            try:
                with os.scandir(path) as listing:
                    found = sorted(map(_entry, listing))
            except OSError as error:
                _raise_unless_not_there(folder, error)
        if self._known + len(found) > self._remembered or len(self._listings) > self._remembered:
            self._listings.clear()
            self._known = 0
        self._listings[folder] = found
        self._known += len(found)
        return found


def _is_name(part: str) -> bool:
    """Return whether a part of a pattern matches one name only: all its wildcards are escaped."""
    return not is_pattern(_ESCAPED.sub("", part))


def _parted(form: str) -> tuple[str, str]:
    """Split a part of a pattern into its plain beginning and the pattern of the rest."""
    if not _is_name(form):
        wild = _WILD.search(form)
        assert wild is not None  # as it is not a plain name
        return form[: wild.start()], form[wild.start() :]
    return _ESCAPED.sub(r"\1", form), ""


@functools.lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _raise_unless_not_there(folder: str, error: OSError) -> None:
    """Raise UnlistedError unless the folder does not exist."""
    if error.errno not in NOT_THERE:
        raise UnlistedError(f"the folder {folder!r} can't be listed: {error.strerror}") from None


def _entry(entry: os.DirEntry[str]) -> _Entry:
    try:
        is_folder = entry.is_dir()
    except OSError:  # a link to itself
        is_folder = False
    return _Entry(
        form=unicodedata.normalize("NFC", entry.name),
        name=entry.name,
        is_folder=is_folder,
        is_link=entry.is_symlink(),
    )
