"""Copies OpenDocument spreadsheets without the indents that calamine rejects.

PhpSpreadsheet and LibreOffice's pretty printing write such files. Whitespace in a paragraph is text and stays.
"""

from __future__ import annotations

import html
import re
import shutil
import xml.parsers.expat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from importer.manifest.workbooks.ooxml import open_package
from importer.manifest.workbooks.zip_copy import changed_copy, quoted

_CONTENT = "content.xml"
_START_BYTES = 1 << 20
_INDENT = re.compile(rb">\s+<(?:office|table):")
_PARAGRAPHS = frozenset({"text:p", "text:h"})


@contextmanager
def without_indents(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield the path of the document, or of a temporary copy in ``folder`` without indents.

    Raises DamagedWorkbookError.
    """
    with open_package(path) as archive, archive.open(_CONTENT) as file:
        is_indented = _INDENT.search(file.read(_START_BYTES)) is not None
    if not is_indented:
        yield path
        return
    with changed_copy(path, folder, _write) as copy:
        yield copy


def _write(original: zipfile.ZipFile, copy: zipfile.ZipFile) -> None:
    for name in original.namelist():
        with original.open(name) as source, copy.open(name, "w", force_zip64=True) as target:
            if name == _CONTENT:
                _copy_without_indents(source, target)
            else:
                shutil.copyfileobj(source, target)


def _copy_without_indents(source: IO[bytes], target: IO[bytes]) -> None:
    writer = _XmlWriter(target)
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = writer.start, writer.end
    parser.CharacterDataHandler = writer.text
    parser.ParseFile(source)


class _XmlWriter:
    """Writer of XML that leaves out whitespace between elements outside paragraphs."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._open_paragraphs = 0
        self._is_tag_open = False  # the last start tag still lacks its >
        target.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Write the start of an element."""
        self._open_paragraphs += name in _PARAGRAPHS
        written = "".join(f" {key}={quoted(value)}" for key, value in attributes.items())
        self._write(f"<{name}{written}")
        self._is_tag_open = True

    def end(self, name: str) -> None:
        """Write the end of an element."""
        if self._is_tag_open:
            self._target.write(b"/>")
            self._is_tag_open = False
        else:
            self._write(f"</{name}>")
        self._open_paragraphs -= name in _PARAGRAPHS

    def text(self, text: str) -> None:
        """Write text, but not indents."""
        if self._open_paragraphs or text.strip():
            self._write(html.escape(text, quote=False))

    def _write(self, text: str) -> None:
        self._target.write(f"{'>' if self._is_tag_open else ''}{text}".encode())
        self._is_tag_open = False
