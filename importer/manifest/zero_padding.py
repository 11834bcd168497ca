"""Where a workbook pads numbers with zeros: 00123 is stored as 123, and only the cell's format knows of the zeros.

The reader of the cells (calamine) gives no formats, and openpyxl takes many times longer to give them. So this looks
into the styles, and only if one of them pads does it go through the sheet's XML, for style numbers alone.
"""

from __future__ import annotations

import xml.parsers.expat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from importer.manifest.cells import ZeroPadding

Padding = Mapping[int, Mapping[int, ZeroPadding]]
"""Row -> column -> format, both counted from 0."""

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
            return _cells(archive, parts.sheets[sheet], styles) if styles else {}
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
    found: dict[int, dict[int, ZeroPadding]] = {}
    row, column = -1, -1

    def see(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column
        if name == "c":
            # A cell without a reference stands behind the one before.
            reference = attributes.get("r")
            column = column + 1 if reference is None else _column_index(reference)
            style = attributes.get("s")
            if style in styles:
                found.setdefault(row, {})[column] = styles[style]
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
