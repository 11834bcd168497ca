"""Where a workbook pads numbers with zeros: 00123 is stored as 123, and only the cell's format knows of the zeros.

The reader of the cells (calamine) gives no formats, and openpyxl takes many times longer to give them. So this looks
into the styles, and only if one of them pads does it go through the sheet's XML, for style numbers alone: as text
where the cells are written as all spreadsheets write them, by an XML parser where they are not.
"""

from __future__ import annotations

import re
import xml.parsers.expat
import zipfile
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from importer.manifest.cells import ZeroPadding

_BLOCK_BYTES = 1 << 22
_DECLARATION = b"<?xml "
_ASCII_INSIDE = (_DECLARATION, b"<worksheet", b"\xef\xbb\xbf<")  # how every encoding but UTF-16 and its kind begins


@dataclass(frozen=True, kw_only=True, eq=False)
class Padded:
    """The cells of one column with one format. ``column`` and the ascending ``rows`` are counted from 0."""

    column: int
    zeros: ZeroPadding
    rows: npt.NDArray[np.int64]


Padding = tuple[Padded, ...]

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"


class UnreadableFormatsError(Exception):
    """The parts of the workbook that hold its formats are missing or damaged."""


def find_padding(path: Path, sheet: str) -> Padding:
    """Find the cells of a sheet whose number format pads with zeros. Raises UnreadableFormatsError."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _Parts(archive)
            styles = _padding_styles(archive, parts.styles)
            return _cells(archive, parts.sheets[sheet], styles) if styles else ()
    # RuntimeError: an archive whose members are encrypted; NotImplementedError: an unknown compression.
    except (
        zipfile.BadZipFile,
        xml.parsers.expat.ExpatError,
        LookupError,
        ValueError,
        EOFError,
        OSError,
        RuntimeError,
    ) as error:
        raise UnreadableFormatsError(str(error)) from error


def _each_element(archive: zipfile.ZipFile, part: str, see: Callable[[str, dict[str, str]], None]) -> None:
    """Show every element of a part, in its order: the name without its namespace prefix, and the attributes."""
    parser = xml.parsers.expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        see(name.rpartition(":")[2], attributes)

    parser.StartElementHandler = start
    with archive.open(part) as file:
        parser.ParseFile(file)


class _Parts:
    """Which part of the archive holds the styles, if any, and which the sheets, by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.styles: str | None = None
        self.sheets: dict[str, str] = {}
        self._targets: dict[str, str] = {}
        _each_element(archive, _RELATIONS, self._see_relation)
        _each_element(archive, _WORKBOOK, self._see_sheet)

    def _see_relation(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship":
            return
        # A target is relative to the folder `xl`, unless it begins with a slash.
        target = str(PurePosixPath("/xl") / attributes["Target"]).removeprefix("/")
        self._targets[attributes["Id"]] = target
        if attributes["Type"].endswith("/styles"):
            self.styles = target

    def _see_sheet(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            relation = next(value for key, value in attributes.items() if key.endswith(":id"))
            self.sheets[attributes["name"]] = self._targets[relation]


def _padding_styles(archive: zipfile.ZipFile, part: str | None) -> dict[str, ZeroPadding]:
    """Map the numbers of those cell styles that pad, as the sheet writes them, to their formats."""
    styles: dict[str, ZeroPadding] = {}
    if part is None:
        return styles
    formats: dict[str, ZeroPadding] = {}
    section, count = "", 0

    def see(name: str, attributes: dict[str, str]) -> None:
        nonlocal section, count
        # The same elements stand in other sections, too, with another meaning.
        if name in {"numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}:
            section = name
        elif (section, name) == ("numFmts", "numFmt"):
            padding = ZeroPadding.parse(attributes["formatCode"])
            if padding is not None:
                formats[attributes["numFmtId"]] = padding
        elif (section, name) == ("cellXfs", "xf"):
            number_format = attributes.get("numFmtId", "0")
            if number_format in formats:
                styles[str(count)] = formats[number_format]
            count += 1

    _each_element(archive, part, see)
    return styles


def _cells(archive: zipfile.ZipFile, part: str, styles: dict[str, ZeroPadding]) -> Padding:
    places = _scanned(archive, part, list(styles))
    if places is None:
        places = _parsed(archive, part, set(styles))
    return tuple(
        Padded(column=column, zeros=styles[style], rows=np.sort(np.array(rows, dtype=np.int64)))
        for (column, style), rows in places.items()
    )


_Places = dict[tuple[int, str], "array[int]"]
"""(Column, style) -> rows."""


def _scanned(archive: zipfile.ZipFile, part: str, styles: list[str], block_bytes: int = _BLOCK_BYTES) -> _Places | None:
    """Find the cells of some styles by how all spreadsheets write a cell; None if one may be written otherwise.

    Several times as fast as a parser. A cell begins `<c r="B7" s="3"`, perhaps with a type in between. That there are
    as many of these as there are attributes `s="3"`, however spaced and quoted, says that none was missed.
    """
    numbers = b"|".join(style.encode() for style in styles)
    # Whatever ends so, and not only `s`: a pattern that begins with a letter is searched many times faster.
    attribute = rb"s\s*=\s*[\"'](?:" + numbers + rb")[\"']"
    any_of_them, of_a_row = re.compile(attribute), re.compile(rb"<row\s[^<>]*?" + attribute)
    cell = re.compile(rb'<c r="([A-Z]++)([0-9]++)"(?: t="[a-zA-Z]*+")? s="(' + numbers + rb')"')
    found: dict[tuple[bytes, bytes], array[int]] = defaultdict(lambda: array("q"))
    for number, block in enumerate(_blocks(archive, part, block_bytes)):
        if number == 0 and not block.startswith(_ASCII_INSIDE):
            return None
        cells = cell.findall(block)
        others = len(any_of_them.findall(block)) - len(cells)
        if others and others != len(of_a_row.findall(block)):
            return None
        # In a comment, CDATA or the like, what looks like a cell is none.
        if b"<!" in block or block.find(b"<?", 0 if number else len(_DECLARATION)) >= 0:
            return None
        for letters, row, style in cells:
            found[letters, style].append(int(row) - 1)
    return {(_column_index(letters.decode()), style.decode()): rows for (letters, style), rows in found.items()}


def _blocks(archive: zipfile.ZipFile, part: str, block_bytes: int) -> Iterator[bytes]:
    """Read a part in blocks that end before a tag, so that none is torn."""
    with archive.open(part) as file:
        rest = b""
        while more := file.read(block_bytes):
            rest += more
            end = max(rest.rfind(b"<"), 0)
            yield rest[:end]
            rest = rest[end:]
        yield rest


def _parsed(archive: zipfile.ZipFile, part: str, styles: set[str]) -> _Places:
    """Find the cells of some styles, whatever way of XML they are written in."""
    found: _Places = defaultdict(lambda: array("q"))
    row, column = -1, -1

    def see(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column
        if name == "c":
            # A cell without a reference stands behind the one before.
            reference = attributes.get("r")
            column = column + 1 if reference is None else _column_index(reference)
            if (style := attributes.get("s", "")) in styles:
                found[column, style].append(row)
        elif name == "row":
            row = int(attributes["r"]) - 1 if "r" in attributes else row + 1
            column = -1

    _each_element(archive, part, see)
    return found


def _column_index(reference: str) -> int:
    """Count a column from its letters: A1 is 0, AA1 is 26."""
    index = 0
    for letter in reference.rstrip("0123456789"):
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1
