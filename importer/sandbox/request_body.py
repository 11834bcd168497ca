"""Reads request bodies. Attachments are hashed while they are read, and not kept."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from importer.sandbox.multipart import Malformed, MultipartParser, PartHead, boundary_of
from importer.sandbox.state_records import FileRecord

# No limit is documented; this one bounds the memory that a rehearsal needs.
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"})


class TooLarge(Exception):
    """The body exceeds the maximum size."""


@dataclass(frozen=True, kw_only=True)
class TicketBody:
    """A ticket's document and files. ``document`` is ``None`` if it is missing or unreadable, with problems."""

    document: bytes | None
    as_json: bool = False
    files: tuple[FileRecord, ...] = ()
    problems: tuple[str, ...] = ()


async def read_ticket(request: web.BaseRequest, max_bytes: int) -> TicketBody:
    """Read a ticket as JSON or multipart. An invalid body is read to its end, too.

    Raises TooLarge, and ConnectionError if the client disconnects.
    """
    if is_json(request):
        document, problems = await read_document(request, max_bytes)
        return TicketBody(document=document, as_json=True, problems=problems)
    content_type = request.headers.get("Content-Type", "")
    boundary = boundary_of(content_type)
    if boundary is None or "Content-Encoding" in request.headers:
        await _drain(request, max_bytes)
        problem = (
            f"the body's type {content_type!r} is neither multipart/form-data with a boundary nor application/json"
        )
        return TicketBody(document=None, problems=(problem if boundary is None else "the body is compressed",))
    intake = _Intake()
    try:
        await _parse(request, MultipartParser(boundary, intake), max_bytes)
    except Malformed as error:
        intake.problems.append(f"the multipart body is malformed: {error}")
        await _drain(request, max_bytes)
    return intake.body()


async def read_document(request: web.BaseRequest, max_bytes: int) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the bytes of a JSON body, or ``None`` and the problem. Raises TooLarge and ConnectionError."""
    document = bytearray()
    async for chunk in _chunks(request, min(max_bytes, MAX_DOCUMENT_BYTES)):
        document += chunk
    if not is_json(request):
        return None, ("the body is not application/json",)
    return bytes(document), ()


def is_json(request: web.BaseRequest) -> bool:
    """Return whether the request's headers announce uncompressed JSON in UTF-8."""
    content_type = request.headers.get("Content-Type", "").lower()
    return content_type in JSON_TYPES and "Content-Encoding" not in request.headers


async def _parse(request: web.BaseRequest, parser: MultipartParser, max_bytes: int) -> None:
    async for chunk in _chunks(request, max_bytes):
        parser.feed(chunk)
    parser.close()


async def _drain(request: web.BaseRequest, max_bytes: int) -> None:
    async for _ in _chunks(request, max_bytes):
        pass


async def _chunks(request: web.BaseRequest, max_bytes: int) -> AsyncIterator[bytes]:
    if (request.content_length or 0) > max_bytes:
        raise TooLarge
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge
        yield chunk


class _Intake:
    """Receives a ticket's parts: keeps the document, hashes the files, collects problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._documents: list[bytearray] = []
        self._cut = False  # whether a document was too long and is incomplete
        self._files: list[FileRecord] = []
        self._head = PartHead(name="", filename=None, content_type=None)
        self._size = 0
        self._hash = hashlib.sha256()

    def begin(self, head: PartHead) -> None:
        """See `Sink.begin`."""
        self._head, self._size, self._hash = head, 0, hashlib.sha256()
        match head.name:
            case "ticketDTO":
                self._documents.append(bytearray())
                if head.filename is not None:
                    self.problems.append("ticketDTO has a filename, but must be a text part")
                if head.content_type is not None:
                    self.problems.append(f"ticketDTO has a Content-Type ({head.content_type}), but must have none")
            case "files":
                self.problems.extend(_filename_problems(head.filename))
            case _:
                self.problems.append(f"unknown part {head.name!r}; the parts are ticketDTO and files")

    def write(self, data: bytes) -> None:
        """See `Sink.write`."""
        self._size += len(data)
        if self._head.name == "files":
            self._hash.update(data)
        elif self._head.name == "ticketDTO" and self._size <= MAX_DOCUMENT_BYTES:
            self._documents[-1] += data

    def end(self) -> None:
        """See `Sink.end`."""
        if self._head.name == "ticketDTO" and self._size > MAX_DOCUMENT_BYTES:
            self._cut = True
            self.problems.append(f"ticketDTO has {self._size} bytes; at most {MAX_DOCUMENT_BYTES} are allowed")
        if self._head.name != "files":
            return
        name = self._head.filename or ""
        if not self._size:
            self.problems.append(f"the file {name!r} is empty")
        self._files.append(
            FileRecord(name=name, content_type=self._head.content_type, size=self._size, sha256=self._hash.hexdigest())
        )

    def body(self) -> TicketBody:
        """Return the received ticket, with every problem."""
        if len(self._documents) != 1:
            self.problems.append(f"there are {len(self._documents)} ticketDTO parts instead of one")
        document = bytes(self._documents[0]) if len(self._documents) == 1 and not self._cut else None
        return TicketBody(document=document, files=tuple(self._files), problems=tuple(self.problems))


def _filename_problems(name: str | None) -> list[str]:
    if not name:
        return ["a part files has no filename"]
    if name in (".", "..") or any(char in "/\\" or not char.isprintable() for char in name):
        return [f"{name!r} is not a file name"]
    return []
