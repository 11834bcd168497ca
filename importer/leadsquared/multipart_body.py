"""The body of *Create Ticket with Attachments*: built anew for each try, its files streamed from the disk."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from typing import Any

import aiohttp
from aiohttp import hdrs, payload
from aiohttp.abc import AbstractStreamWriter

from importer.leadsquared.attachment_streams import CheckedFile
from importer.leadsquared.ticket_request import ticket_json
from importer.models import Attachment, Ticket


async def check_files(files: Sequence[CheckedFile]) -> None:
    """Raise AttachmentChanged if a file changed while its request waited for the slot."""
    for file in files:
        await asyncio.get_running_loop().run_in_executor(None, file.check)


async def open_body(ticket: Ticket, files: contextlib.ExitStack) -> tuple[aiohttp.MultipartWriter, list[CheckedFile]]:
    """Open the files in a thread. A caller that is cancelled meanwhile leaves none open."""
    opened = contextlib.ExitStack()
    building = asyncio.get_running_loop().run_in_executor(None, _build_body, ticket, opened)
    try:
        found = await asyncio.shield(building)
    except BaseException:
        # The thread goes on, so what it opens is closed when it ends.
        building.add_done_callback(functools.partial(_close_late, opened))
        raise
    files.enter_context(opened)
    return found


def _close_late(opened: contextlib.ExitStack, building: asyncio.Future[Any]) -> None:
    building.exception()  # looked at, or the event loop would complain of it
    opened.close()


def is_sent_whole(body: aiohttp.MultipartWriter) -> bool:
    """Say whether the last byte of every file was given to the connection."""
    return all(part.given for part, _, _ in body if isinstance(part, _FilePart))


def text_body(ticket: Ticket, boundary: str) -> bytes:
    """Build the body of a ticket without files, in one piece.

    ``boundary`` may be the same for all: what a boundary stands in is a line of its own, and JSON has no line breaks.
    """
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="ticketDTO"\r\n\r\n'
    return f"{head}{ticket_json(ticket)}\r\n--{boundary}--\r\n".encode()


def _build_body(ticket: Ticket, opened: contextlib.ExitStack) -> tuple[aiohttp.MultipartWriter, list[CheckedFile]]:
    """Build the body: ``ticketDTO`` as a text part without a Content-Type of its own, then a ``files`` part each.

    Every file is opened and compared with what was checked; ``opened`` closes them. Raises AttachmentChanged, and
    OSError where the process can open no file at all.
    """
    files: list[CheckedFile] = []
    body = aiohttp.MultipartWriter("form-data")
    body.append_payload(_form_part(payload.StringPayload(ticket_json(ticket)), "ticketDTO"))
    for attachment in ticket.attachments:
        file = opened.enter_context(CheckedFile(attachment))
        files.append(file)
        part = _form_part(_FilePart(attachment, file), "files", filename=attachment.name)
        part.headers[hdrs.CONTENT_TYPE] = attachment.content_type
        body.append_payload(part)
    return body, files


def _form_part(part: payload.Payload, name: str, **disposition: str) -> payload.Payload:
    # Without quote_fields=False a file name would arrive as my%20file.pdf; browsers and curl send it as UTF-8.
    part.set_content_disposition("form-data", quote_fields=False, name=name, **disposition)
    part.headers.popall(hdrs.CONTENT_LENGTH, None)
    part.headers.popall(hdrs.CONTENT_TYPE, None)
    return part


class _FilePart(payload.Payload):
    """A file of known size, read block by block and never held; raises if it is not what was checked to its end."""

    _value: CheckedFile

    def __init__(self, attachment: Attachment, file: CheckedFile) -> None:
        super().__init__(file, content_type=attachment.content_type, filename=None)
        self._size = attachment.size_bytes
        self.given = False  # its last byte was given to the connection

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise NotImplementedError("a file part is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while block := await loop.run_in_executor(None, self._value.read_block):
            await writer.write(block)
        self.given = True
