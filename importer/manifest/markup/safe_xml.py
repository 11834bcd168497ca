"""Parses XML in blocks: nothing is expanded or fetched, and depth and sizes are bounded. Finds its encoding, too."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TextIO
from xml.parsers import expat

from importer.errors import ManifestError
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.manifest_format import EncodingCertainty

MAX_LEVELS = 100
_BLOCK_CHARS = 1 << 18
_MAX_TAG_BYTES = 1 << 24
_BUFFER_CHARS = 1 << 16
_REFUSED = "Such files can read other files or fill the memory. If this one is harmless, delete its <!DOCTYPE ...>."


class XmlError(Exception):
    """The text is not XML, or too large or deep; the message says where."""


class Handler(Protocol):
    """A receiver of the events of an XML text."""

    def start(self, name: str, attributes: list[str], /) -> None:
        """Take the start of an element; names and values of its attributes alternate."""

    def end(self, name: str, /) -> None:
        """Take the end of an element."""

    def text(self, text: str, /) -> None:
        """Take a piece of text."""


class SafeXml:
    """An XML text on its way to a handler."""

    def __init__(self, handler: Handler, file_name: str) -> None:
        self._file_name = file_name
        self._handler = handler
        self._levels = 0
        parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.buffer_size = _BUFFER_CHARS
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = handler.text
        parser.StartDoctypeDeclHandler = self._refuse_external
        parser.EntityDeclHandler = self._refuse_entity
        parser.AttlistDeclHandler = self._refuse_default
        parser.ExternalEntityRefHandler = self._refuse_reference
        parser.SkippedEntityHandler = self._refuse_reference
        self._parser = parser

    @property
    def line(self) -> int:
        """Return the line of the current event."""
        return self._parser.CurrentLineNumber

    def parse(self, text: TextIO) -> Iterator[None]:
        """Read the text to its end; yield after each block. Raises XmlError, and ManifestError for entities."""
        fed = 0
        is_start = True
        while block := text.read(_BLOCK_CHARS):
            if is_start and not (block := block.lstrip()):
                continue
            is_start = False
            self._feed(block, is_final=False)
            fed += len(block) if block.isascii() else len(block.encode("utf-8", "surrogatepass"))
            if fed - self._parser.CurrentByteIndex > _MAX_TAG_BYTES:
                raise XmlError(f"a tag or comment has more than {_MAX_TAG_BYTES:,} bytes in line {self.line}")
            yield
        self._feed("", is_final=True)
        yield

    def _feed(self, block: str, *, is_final: bool) -> None:
        try:
            self._parser.Parse(block, is_final)
        except expat.ExpatError as error:
            raise XmlError(f"{expat.ErrorString(error.code)} in line {error.lineno}") from None
        except UnicodeEncodeError:
            raise XmlError(f"half a character in line {self.line}") from None

    def _start(self, name: str, attributes: list[str]) -> None:
        self._levels += 1
        if self._levels > MAX_LEVELS + 1:
            raise XmlError(f"elements are nested more than {MAX_LEVELS} levels deep in line {self.line}")
        self._handler.start(name, attributes)

    def _end(self, name: str) -> None:
        self._levels -= 1
        self._handler.end(name)

    def _refuse_external(self, _name: str, system: str | None, public: str | None, _internal: bool) -> None:  # noqa: FBT001
        if system is not None or public is not None:
            raise self._refusal(f"refers to another file ({system or public!r}), which is never read")

    def _refuse_entity(self, name: str, *_: Any) -> None:
        raise self._refusal(f"defines the entity {name!r}; entities are not expanded")

    def _refuse_default(self, element: str, attribute: str, _type: str, default: str | None, _required: bool) -> None:  # noqa: FBT001
        if default is not None:
            raise self._refusal(f"defines a default value of the attribute {attribute!r} of {element!r}")

    def _refuse_reference(self, name: str | None, *_: Any) -> int:
        raise self._refusal(f"uses the entity {name!r}, which it does not define")

    def _refusal(self, what: str) -> ManifestError:
        return ManifestError(f"{self._file_name}, line {self.line}: the XML {what}", hint=_REFUSED)


_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._:-]{0,40})[\"']")
_START_BYTES = 4096


def find_xml_encoding(path: Path, wanted: str | None, file_name: str) -> Encoding:
    """Return the encoding; one that the mapping names wins. Raises ManifestError if the text does not fit it."""
    if wanted is not None:
        return find_encoding(path, wanted, file_name)
    with path.open("rb") as file:
        declared = _DECLARATION.match(file.read(_START_BYTES))
    # Unicode is recognised by itself, and certainly.
    if declared is None or _is_unicode(name := declared[1].decode()):
        return find_encoding(path, None, file_name)
    try:
        encoding = find_encoding(path, name, file_name)
    except ManifestError as error:
        message = error.message.replace("the mapping says so", "its first line says so")
        raise ManifestError(message, hint=error.hint, details=error.details) from None
    return replace(encoding, certainty=EncodingCertainty.CERTAIN)


def _is_unicode(name: str) -> bool:
    try:
        return codecs.lookup(name).name.startswith("utf")
    except LookupError:
        return False
