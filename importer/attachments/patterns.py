"""Which files a pattern stands for: `*`, `?` and `[…]` within a name, and `**` for any folders, below the root only."""

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
    """The pattern leads out of the root."""


class UnlistedError(Exception):
    """A folder may not be looked into: what the pattern stands for is not known."""


class _Entry(NamedTuple):
    """A name in a folder: ``form`` is the one of its Unicode forms in which names are compared."""

    form: str
    name: str
    is_folder: bool  # or a link to one
    is_link: bool


def is_pattern(name: str) -> bool:
    """Whether a name holds anything that stands for other characters."""
    return _WILD.search(name) is not None


def escaped(text: str) -> str:
    """A pattern that stands for ``text`` and nothing else."""
    return _WILD.sub(r"[\g<0>]", text)


class Patterns:
    """Finds files by patterns. Folders are listed once, as long as not more than ``remembered`` names are known."""

    def __init__(self, place: AttachmentFolder, remembered: int) -> None:
        self._place = place
        self._remembered = remembered
        self._listings: dict[str, list[_Entry]] = {}
        self._known = 0

    def expand(self, pattern: str, *, whole_folders: bool = False) -> list[str]:
        """The names, from the root on, of all files and links that fit, sorted; folders are none.

        ``whole_folders``: a folder that fits stands for the files in it. What begins with a dot is found only by a
        pattern that does. `**` does not go through links. Raises OutsideError and UnlistedError.
        """
        native = pattern.replace("\\", "/")
        if native.endswith("/") and not whole_folders:
            return []
        if native.startswith("/"):
            below = self._place.below(native)
            if below is None:
                raise OutsideError
            native = below
        parts = [part for part in native.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise OutsideError
        # Side by side they stand for no more than one of them does, and take far longer.
        parts = [part for at, part in enumerate(parts) if part != _ANY_FOLDERS or parts[at - 1 : at] != [part]]
        return sorted(dict.fromkeys(self._walk("", parts, whole_folders=whole_folders))) if parts else []

    def holds_files(self, folder: str) -> bool:
        """Whether any file lies below a folder. Raises OutsideError and UnlistedError."""
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
        elif not rest or is_pattern(part) or not part.isascii():  # there may be another of its Unicode forms
            is_name = _is_name(part)
            for entry in self._fitting(folder, part):
                name = f"{folder}{entry.name}"
                if entry.is_folder and (rest or (whole_folders and is_name)):
                    # What a pattern happens to find outside is passed over; what is named is refused.
                    if is_name and self._place.folder(f"{name}/") is None:
                        raise OutsideError
                    yield from walk(f"{name}/", rest or ["*"])
                elif not rest and not entry.is_folder:
                    yield name

    def _is_folder(self, name: str) -> bool:
        """Say whether there is a folder, and that it is inside: a row's own is often not there, so that comes first."""
        try:
            is_folder = name in self._listings or stat.S_ISDIR(self._place.look(name).st_mode)
        except OSError as error:
            _raise_unless_not_there(name, error)
            return False
        if self._place.folder(name) is None:
            raise OutsideError
        return is_folder

    def _fitting(self, folder: str, part: str) -> Iterator[_Entry]:
        """The entries of a folder that fit one part of a pattern; all that begin as it does are side by side."""
        form = unicodedata.normalize("NFC", part)
        beginning, rest = _parted(form)
        fits = _compiled(rest).match
        entries = self._entries(folder)
        for at in range(bisect.bisect_left(entries, beginning, key=lambda entry: entry.form), len(entries)):
            entry = entries[at]
            if not entry.form.startswith(beginning):
                return
            if fits(entry.form, len(beginning)) and (form.startswith((".", "[.]")) or not entry.form.startswith(".")):
                yield entry

    def _entries(self, folder: str) -> list[_Entry]:
        """What lies in a folder, sorted; nothing where there is none, or where it lies outside."""
        known = self._listings.get(folder)
        if known is not None:
            return known
        path = self._place.folder(folder)
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
    """Whether a part of a pattern stands for one name alone: nothing in it is wild but what is escaped."""
    return not is_pattern(_ESCAPED.sub("", part))


def _parted(form: str) -> tuple[str, str]:
    """What a part of a pattern begins with as it stands, and the pattern of the rest."""
    if not _is_name(form):
        wild = _WILD.search(form)
        assert wild is not None  # or there would be none without what is escaped
        return form[: wild.start()], form[wild.start() :]
    return _ESCAPED.sub(r"\1", form), ""


@functools.lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def _raise_unless_not_there(folder: str, error: OSError) -> None:
    """What is not there holds nothing; of what can't be looked into, nobody knows."""
    if error.errno not in NOT_THERE:
        raise UnlistedError(f"the folder {folder!r} can't be looked into: {error.strerror}") from None


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
