"""Build the body of a request with files, which are streamed from the disk."""

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
from importer.leadsquared.requests import Request
from importer.models import Attachment


async def check_files(files: Sequence[CheckedFile]) -> None:
    """Raise AttachmentChanged if a file changed while its request waited for its slot."""
    for file in files:
        await asyncio.get_running_loop().run_in_executor(None, file.check)


async def open_body(request: Request, files: contextlib.ExitStack) -> tuple[aiohttp.MultipartWriter, list[CheckedFile]]:
    """Open the files in a thread and build the body.

    If the caller is cancelled, the files are closed.
    """
    opened = contextlib.ExitStack()
    building = asyncio.get_running_loop().run_in_executor(None, _build_body, request, opened)
    try:
        found = await asyncio.shield(building)
    except BaseException:
        # The thread continues; its files are closed when it ends.
        building.add_done_callback(functools.partial(_close_late, opened))
        raise
    files.enter_context(opened)
    return found


def _close_late(opened: contextlib.ExitStack, building: asyncio.Future[Any]) -> None:
    building.exception()  # marks it as seen, or asyncio warns of it
    opened.close()


def is_sent_whole(body: aiohttp.MultipartWriter) -> bool:
    """Return whether the last byte of every file was written to the connection."""
    return all(part.written for part, _, _ in body if isinstance(part, _FilePart))


def text_body(request: Request, boundary: str) -> bytes:
    """Return the form of a request without files.

    All bodies can share a ``boundary``: it has a whole line, and the JSON has no line breaks.
    """
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{request.part}"\r\n\r\n'
    return f"{head}{request.text}\r\n--{boundary}--\r\n".encode()


def _build_body(request: Request, opened: contextlib.ExitStack) -> tuple[aiohttp.MultipartWriter, list[CheckedFile]]:
    """Build the body: the JSON as a text part without a Content-Type, then one ``files`` part for each file.

    Every file is opened and compared with the checked one; ``opened`` closes them. Raises AttachmentChanged, and
    OSError if this process can't open files.
    """
    files: list[CheckedFile] = []
    body = aiohttp.MultipartWriter("form-data")
    body.append_payload(_form_part(payload.StringPayload(request.text), request.part))
    for attachment in request.attachments:
        file = opened.enter_context(CheckedFile(attachment))
        files.append(file)
        part = _form_part(_FilePart(attachment, file), "files", filename=attachment.name)
        part.headers[hdrs.CONTENT_TYPE] = attachment.content_type
        body.append_payload(part)
    return body, files


def _form_part(part: payload.Payload, name: str, **disposition: str) -> payload.Payload:
    # Browsers and curl send file names as UTF-8. With quote_fields, the name would arrive as my%20file.pdf.
    part.set_content_disposition("form-data", quote_fields=False, name=name, **disposition)
    part.headers.popall(hdrs.CONTENT_LENGTH, None)
    part.headers.popall(hdrs.CONTENT_TYPE, None)
    return part


class _FilePart(payload.Payload):
    """A file, read block by block. Raises AttachmentChanged if it is not the checked file."""

    _value: CheckedFile

    def __init__(self, attachment: Attachment, file: CheckedFile) -> None:
        super().__init__(file, content_type=attachment.content_type, filename=None)
        self._size = attachment.size_bytes
        self.written = False  # its last byte was written to the connection

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise NotImplementedError("a file part is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while block := await loop.run_in_executor(None, self._value.read_block):
            await writer.write(block)
        self.written = True
