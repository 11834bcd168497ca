"""The parts of an Excel workbook that is a ZIP archive (.xlsx, .xlsm, .xlsb): which is which, and their XML."""

from __future__ import annotations

import xml.parsers.expat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from importer.manifest.workbooks.sheet_facts import UnreadableSheetError


@contextmanager
def open_package(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive. Whatever is found missing or damaged meanwhile is raised as UnreadableSheetError."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():  # some programs of Windows write backslashes in names
                archive.NameToInfo.setdefault(info.filename.replace("\\", "/"), info)
            yield archive
    # RuntimeError: an archive whose members are encrypted; NotImplementedError, which is one: an unknown compression.
    except (
        zipfile.BadZipFile,
        zlib.error,
        xml.parsers.expat.ExpatError,
        LookupError,
        ValueError,
        EOFError,
        OSError,
        RuntimeError,
    ) as error:
        raise UnreadableSheetError(str(error)) from error


def each_element(archive: zipfile.ZipFile, part: str, see: Callable[[str, dict[str, str]], None]) -> None:
    """Show every element of a part, in its order: the name without its namespace prefix, and the attributes."""
    parser = xml.parsers.expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        see(name.rpartition(":")[2], attributes)

    parser.StartElementHandler = start
    with archive.open(part) as file:
        parser.ParseFile(file)


class Relations:
    """Where the workbook's parts are: ``targets`` by their IDs, and ``styles``, if there are any."""

    def __init__(self, archive: zipfile.ZipFile, workbook: str) -> None:
        self.styles: str | None = None
        self.targets: dict[str, str] = {}
        place = PurePosixPath(workbook)
        each_element(archive, str(place.parent / "_rels" / f"{place.name}.rels"), self._see)

    def _see(self, name: str, attributes: dict[str, str]) -> None:
        if name != "Relationship":
            return
        # A target is relative to the folder `xl`, unless it begins with a slash.
        target = str(PurePosixPath("/xl") / attributes["Target"]).removeprefix("/")
        self.targets[attributes["Id"]] = target
        if attributes["Type"].endswith("/styles"):
            self.styles = target


def is_true(value: str | None) -> bool:
    """Read an XML boolean; one that is not there is false."""
    return value in {"1", "true"}


def column_index(letters: str) -> int:
    """Count a column from its letters: A is 0, AA is 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1
