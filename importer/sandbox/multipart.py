"""Parses a multipart/form-data body as it arrives, strictly by RFC 7578 and RFC 2046. Pure: no I/O.

Parsers on the package index are lenient: the strictest accept 7 of the 15 malformed bodies in the tests of this module,
such as text after the last boundary. A client that works with this parser works with any gateway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import Protocol

_MAX_HEADER_BYTES = 16 * 1024
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# A file name is a quoted string (RFC 2183, RFC 2045): in it a backslash stands before a quote or another backslash.
_DISPOSITION = re.compile(r'form-data; ?name="([^"\\]*)"(?:; ?filename="((?:[^"\\]|\\["\\])*)")?')
_QUOTED_PAIR = re.compile(r'\\(["\\])')


class Malformed(ValueError):
    """The body is not valid multipart/form-data."""


@dataclass(frozen=True, kw_only=True)
class PartHead:
    """Name, filename and content type of one part; ``None`` where the part has none."""

    name: str
    filename: str | None
    content_type: str | None


class Sink(Protocol):
    """Receives the parts: ``begin`` for each, then its bytes in pieces, then ``end``."""

    def begin(self, head: PartHead) -> None:
        """A part starts."""
        ...  # pragma: no cover

    def write(self, data: bytes) -> None:
        """The next bytes of the part."""
        ...  # pragma: no cover

    def end(self) -> None:
        """The part is complete."""
        ...  # pragma: no cover


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary in a Content-Type; ``None`` if it is no valid multipart/form-data."""
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary") if message.get_content_type() == "multipart/form-data" else None
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        return None
    return boundary.encode("ascii")


class MultipartParser:
    """Parser for one body: call ``feed`` with pieces of any size, then ``close``. Buffers one piece and a boundary."""

    def __init__(self, boundary: bytes, sink: Sink) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._sink = sink
        # All boundaries but the first follow a line break; with this one the first does, too.
        self._buffer = bytearray(b"\r\n")
        self._step: Callable[[], bool] = self._start  # returns whether the next step can go on

    def feed(self, data: bytes) -> None:
        """Parse the next piece. Raises Malformed."""
        self._buffer += data
        while self._step():
            pass

    def close(self) -> None:
        """End the body. Raises Malformed if the last boundary is missing."""
        if self._step != self._end:
            raise Malformed("the body ends before its last boundary")

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _start(self) -> bool:
        if len(self._buffer) < len(self._delimiter):
            return False
        if self._take(len(self._delimiter)) != self._delimiter:
            raise Malformed("the body does not start with its boundary")
        self._step = self._after_boundary
        return True

    def _after_boundary(self) -> bool:
        if len(self._buffer) < 2:  # noqa: PLR2004  # a line break, or the two dashes of the last boundary
            return False
        mark = self._take(2)
        if mark not in (b"\r\n", b"--"):
            raise Malformed("a boundary is followed by neither a line break nor two dashes")
        self._step = self._headers if mark == b"\r\n" else self._end
        return True

    def _headers(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end > _MAX_HEADER_BYTES or (end < 0 and len(self._buffer) > _MAX_HEADER_BYTES):
            raise Malformed("the headers of a part are too long")
        if end < 0:
            return False
        block = self._take(end)
        self._take(4)
        self._sink.begin(_read_head(block))
        self._step = self._body
        return True

    def _body(self) -> bool:
        found = self._buffer.find(self._delimiter)
        # Without a boundary, the last bytes stay in the buffer: they may be the beginning of one.
        ready = found if found >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
        if ready:
            self._sink.write(self._take(ready))
        if found < 0:
            return False
        self._take(len(self._delimiter))
        self._sink.end()
        self._step = self._after_boundary
        return True

    def _end(self) -> bool:
        if bytes(self._buffer) not in (b"", b"\r", b"\r\n"):
            raise Malformed("there are bytes after the last boundary")
        return False


def _read_head(block: bytes) -> PartHead:
    try:
        lines = block.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as error:
        raise Malformed("the headers of a part are not UTF-8") from error
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed(f"{line!r} is not a header")
        if name.lower() in headers:
            raise Malformed(f"a part has two headers {name}")
        headers[name.lower()] = value.strip()
    if "content-transfer-encoding" in headers:
        raise Malformed("a part has a Content-Transfer-Encoding (RFC 7578 section 4.7)")
    disposition = headers.get("content-disposition", "")
    found = _DISPOSITION.fullmatch(disposition)
    if not found:
        raise Malformed(f"{disposition!r} is not a Content-Disposition of form-data")
    filename = None if found[2] is None else _QUOTED_PAIR.sub(r"\1", found[2])
    return PartHead(name=found[1], filename=filename, content_type=headers.get("content-type"))
