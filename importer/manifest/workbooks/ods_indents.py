"""OpenDocument spreadsheets whose XML is indented for people, which calamine refuses: a copy without indents is read.

PhpSpreadsheet and LibreOffice's pretty printing write such files. Blanks within a paragraph are text and stay.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from importer.manifest.workbooks.ooxml import open_package

_CONTENT = "content.xml"
_START_BYTES = 1 << 20
_INDENT = re.compile(rb">\s+<(?:office|table):")
_PARAGRAPHS = frozenset({"text:p", "text:h"})


@contextmanager
def without_indents(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield the document's path, or that of a copy without indents, which is gone afterwards.

    The copy is made in ``folder``, or else where temporary files go. Raises UnreadableSheetError if a part is missing
    or damaged.
    """
    with open_package(path) as archive, archive.open(_CONTENT) as file:
        is_indented = _INDENT.search(file.read(_START_BYTES)) is not None
    if not is_indented:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="ticket-importer-", suffix=".workbook", dir=folder) as copy:
        with open_package(path) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            _write(archive, new)
        copy.flush()
        yield Path(copy.name)


def _write(archive: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        with archive.open(name) as source, new.open(name, "w", force_zip64=True) as target:
            if name == _CONTENT:
                _copy_content(source, target)
            else:
                shutil.copyfileobj(source, target)


def _copy_content(source: IO[bytes], target: IO[bytes]) -> None:
    writer = _Writer(target)
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = writer.start, writer.end
    parser.CharacterDataHandler = writer.text
    parser.ParseFile(source)


class _Writer:
    """Writes XML as it comes, but for blanks outside paragraphs, which are no cell's."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._paragraphs = 0
        self._is_open = False  # the last tag, which lacks its >
        target.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        self._paragraphs += name in _PARAGRAPHS
        written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
        self._write(f"<{name}{written}")
        self._is_open = True

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if self._is_open:
            self._target.write(b"/>")
            self._is_open = False
        else:
            self._write(f"</{name}>")
        self._paragraphs -= name in _PARAGRAPHS

    def text(self, text: str) -> None:
        """Take text."""
        if self._paragraphs or text.strip():
            self._write(escape(text))

    def _write(self, text: str) -> None:
        self._target.write(f"{'>' if self._is_open else ''}{text}".encode())
        self._is_open = False
