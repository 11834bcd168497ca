"""File names for the disk, of names that addresses, headers and cells say. Pure."""

from __future__ import annotations

import re
import unicodedata

_MOST_BYTES = 180  # most disks take 255; leaves room for what an archive or a sync program adds
_MOST_ENDING_BYTES = 20
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
# Windows gives these names to devices, with any ending.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.IGNORECASE)
_OWN = re.compile(r"attachments\.lock\.csv|[0-9]+", re.IGNORECASE)


def safe_name(said: str, fallback: str) -> str:
    """Return a file name that is valid on all systems and never leads to another folder.

    Of a path only the last part counts. ``fallback`` is used if nothing is left.
    """
    last = unicodedata.normalize("NFC", said.replace("\\", "/").rstrip("/").rpartition("/")[2])
    name = _UNSAFE.sub("_", last).strip().lstrip(".").rstrip(". ")
    if not name.strip("_"):
        name = fallback
    if _RESERVED.match(name) or _OWN.fullmatch(name):
        name = f"_{name}"
    return _shortened(name)


def _shortened(name: str) -> str:
    """Cut a name that is too long for a disk, before its ending."""
    if len(name.encode()) <= _MOST_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > _MOST_ENDING_BYTES:
        stem, dot, ending = name, "", ""
    room = _MOST_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending


def place(name: str, number: int) -> str:
    """Return the place of the file with this number among those of one name, which is never changed by it."""
    return name if number == 1 else f"{number}/{name}"
