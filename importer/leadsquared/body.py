"""The body of *Create Ticket with Attachments*: built anew for each try, its files streamed from the disk."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import stat
from pathlib import Path

import aiohttp
from aiohttp import hdrs, payload
from aiohttp.abc import AbstractStreamWriter

from importer.leadsquared.wire import ticket_json
from importer.models import Attachment, Ticket

_READ_SIZE_BYTES = 128 * 1024
# The files that one process may have open, or its memory: passes, and says nothing about the file that met it.
SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


class AttachmentChanged(Exception):
    """A file is not what was checked any more."""


def build_body(ticket: Ticket, files: contextlib.ExitStack) -> aiohttp.MultipartWriter:
    """Build the body: ``ticketDTO`` as a text part without a Content-Type of its own, then a ``files`` part each.

    Every file is opened, and held against what was checked; ``files`` closes them. Raises AttachmentChanged, and
    OSError for want of means to open any file.
    """
    body = aiohttp.MultipartWriter("form-data")
    body.append_payload(_form_part(payload.StringPayload(ticket_json(ticket)), "ticketDTO"))
    for attachment in ticket.attachments:
        file = files.enter_context(_open_checked(attachment))
        part = _form_part(_FilePart(attachment, file), "files", filename=attachment.name)
        part.headers[hdrs.CONTENT_TYPE] = attachment.content_type
        body.append_payload(part)
    return body


def whole_given(body: aiohttp.MultipartWriter) -> bool:
    """Say whether the last byte of every file was given to the connection."""
    return all(part.given for part, _, _ in body if isinstance(part, _FilePart))


def text_body(ticket: Ticket, boundary: str) -> bytes:
    """Build the body of a ticket without files, in one piece.

    ``boundary`` may be the same for all: what a boundary stands in is a line of its own, and JSON has no line breaks.
    """
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="ticketDTO"\r\n\r\n'
    return f"{head}{ticket_json(ticket)}\r\n--{boundary}--\r\n".encode()


def _form_part(part: payload.Payload, name: str, **disposition: str) -> payload.Payload:
    # Without quote_fields=False a file name would arrive as my%20file.pdf; browsers and curl send it as UTF-8.
    part.set_content_disposition("form-data", quote_fields=False, name=name, **disposition)
    part.headers.popall(hdrs.CONTENT_LENGTH, None)
    part.headers.popall(hdrs.CONTENT_TYPE, None)
    return part


def _open_checked(attachment: Attachment) -> io.BufferedReader:
    """Open a file that is still what was checked. Raises AttachmentChanged; OSError for want of means to open any."""
    try:
        file = open(attachment.path, "rb", opener=_open_at_once)  # noqa: SIM115 - Path.open takes no opener
    except OSError as error:
        if error.errno in SCARCE:
            raise
        raise AttachmentChanged(f"{attachment.path} can't be opened any more: {error.strerror}") from error
    now = os.fstat(file.fileno())
    real_path = Path(os.path.realpath(attachment.path))
    checked = (attachment.size_bytes, attachment.modified_ns, attachment.path)
    if not stat.S_ISREG(now.st_mode) or (now.st_size, now.st_mtime_ns, real_path) != checked:
        file.close()
        raise AttachmentChanged(f"{attachment.path} changed after it had been checked")
    return file


def _open_at_once(path: str, flags: int) -> int:
    # A pipe that has taken the file's place would make an ordinary open wait for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _FilePart(payload.Payload):
    """A file of known size, read chunk by chunk and never held; raises if it does not yield exactly that size."""

    _value: io.BufferedReader

    def __init__(self, attachment: Attachment, file: io.BufferedReader) -> None:
        super().__init__(file, content_type=attachment.content_type, filename=None)
        self._size = attachment.size_bytes
        self._path = attachment.path
        self.given = False  # its last byte was given to the connection

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise NotImplementedError("a file part is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        loop = asyncio.get_running_loop()
        left = self._size or 0
        while left:
            data = await loop.run_in_executor(None, self._value.read, min(_READ_SIZE_BYTES, left))
            if not data:
                raise AttachmentChanged(f"{self._path} became shorter while it was being sent")
            left -= len(data)
            await writer.write(data)
        self.given = True
