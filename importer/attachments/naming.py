"""Names of attachments: the path that a cell means, and the file's name in the ticket."""

from __future__ import annotations

import functools
import mimetypes
import re
import urllib.parse
from pathlib import Path

from importer.attachments.found_files import FileFault, FoundFile
from importer.models import Attachment

_BAD_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # two letters at least: C:// is a drive
_FILE = re.compile(r"file:", re.IGNORECASE)
_DRIVE = re.compile(r"/[A-Za-z][:|]/")
_CONTENT_TYPES = mimetypes.MimeTypes()  # Python's own table: the same on every machine
for _ending, _type in {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".heic": "image/heic",
    ".log": "text/plain",
    ".msg": "application/vnd.ms-outlook",
    ".webp": "image/webp",
}.items():
    _CONTENT_TYPES.add_type(_type, _ending)


def as_path(name: str) -> str | FileFault:
    """Return the path of a name or of a `file:` address; other addresses are faults."""
    if ":" in name:
        if _FILE.match(name):
            return _path_of(name)
        if _ADDRESS.match(name):
            return FileFault("attachment-url", f"{name!r} is a web address, not a file")
    return bad_name(name) or name


def bad_name(name: str) -> FileFault | None:
    """Return the fault of a path with characters that a file name in a request can't have, if it has any."""
    if not _BAD_NAME.search(name):
        return None
    return FileFault("attachment-bad-name", f"the path {name!r} has a character that can't be sent in a file name")


def _path_of(address: str) -> str | FileFault:
    """`file:///C:/a%20b.pdf`, `file:///srv/a.pdf`, `file://localhost/srv/a.pdf`, `file:a.pdf` (RFC 8089)."""
    rest = address[len("file:") :]
    host = ""
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        rest = slash + rest
    try:
        path = urllib.parse.unquote(rest, errors="strict")
    except UnicodeDecodeError:
        return FileFault("attachment-bad-name", f"the percent-encoded characters of {address!r} are not UTF-8")
    if _DRIVE.match(path):
        path = f"{path[1]}:{path[3:]}"
    if host.lower() not in ("", "localhost"):
        path = f"//{host}{path}"  # a share of another machine, as Windows writes it
    return bad_name(path) or path


def as_attachment(path: str, file: FoundFile) -> Attachment:
    """Return the file as an attachment. ``path``: as the manifest has it."""
    shown_name = last_part(path)
    return Attachment(
        path=Path(file.path),
        name=shown_name,
        size_bytes=file.size_bytes,
        identity=file.identity,
        content_type=_content_type(ending_of(shown_name)),
    )


@functools.lru_cache(maxsize=1_000)
def _content_type(ending: str) -> str:
    content_type, encoding = _CONTENT_TYPES.guess_type(f"file.{ending}")
    return content_type if content_type and not encoding else "application/octet-stream"


def last_part(name: str) -> str:
    """Return the file name of a path as the manifest has it: a link's own name, not its target's."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def ending_of(file_name: str) -> str:
    """Return the text after the last dot; empty for `.pdf`, which has no ending."""
    stem, _, ending = file_name.rpartition(".")
    return ending if stem else ""
