"""What a name in a cell means, and what the file is called in the ticket."""

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
    """The path that a name stands for: itself, or what a `file:` address says. An address elsewhere is a fault."""
    if ":" in name:
        if _FILE.match(name):
            return _path_of(name)
        if _ADDRESS.match(name):
            return FileFault("attachment-url", f"{name!r} is an address and not a file")
    return bad_name(name) or name


def bad_name(name: str) -> FileFault | None:
    """The fault of a path that can't be sent as a file's name."""
    if not _BAD_NAME.search(name):
        return None
    return FileFault("attachment-bad-name", f"the path {name!r} holds a character that can't be sent in a file name")


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
        return FileFault("attachment-bad-name", f"{address!r} is not UTF-8 behind its percent signs")
    if _DRIVE.match(path):
        path = f"{path[1]}:{path[3:]}"
    if host.lower() not in ("", "localhost"):
        path = f"//{host}{path}"  # a share of another machine, which Windows writes so
    return bad_name(path) or path


def as_attachment(path: str, file: FoundFile) -> Attachment:
    """The file as the ticket has it; ``path`` as the manifest says it."""
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
    """The file name as the manifest writes it: a link's own name, not its target's."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def ending_of(file_name: str) -> str:
    """What stands behind the last dot; nothing in `.pdf`, which is a name."""
    stem, _, ending = file_name.rpartition(".")
    return ending if stem else ""
