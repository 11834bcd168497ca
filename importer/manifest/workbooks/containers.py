"""Containers of workbooks: ZIP archives (.xlsx, .xlsm, .xlsb, .ods), and OLE2 ([MS-CFB], .xls) with olefile."""

from __future__ import annotations

import html
import posixpath
import struct
import tempfile
import xml.parsers.expat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import olefile  # type: ignore[import-untyped]  # it ships no types


class DamagedWorkbookError(Exception):
    """A part of the workbook that is needed is missing or damaged."""


ROOT_RELATIONS = "_rels/.rels"
CONTENT_TYPES = "[Content_Types].xml"
_USUAL_NAMES = frozenset({"workbook.xml", "workbook.bin"})


@contextmanager
def open_package(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a ZIP archive; raise DamagedWorkbookError for missing or damaged parts."""
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():  # some Windows programs write backslashes in names
                archive.NameToInfo.setdefault(info.filename.replace("\\", "/"), info)
            yield archive
    # RuntimeError: encrypted members; its subclass NotImplementedError: an unknown compression.
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
        raise DamagedWorkbookError(str(error)) from error


def part_names(archive: zipfile.ZipFile) -> list[str]:
    """List the parts, with slashes in their names."""
    return [name.replace("\\", "/") for name in archive.namelist() if not name.endswith("/")]


def each_element(archive: zipfile.ZipFile, part: str, visit: Callable[[str, dict[str, str]], None]) -> None:
    """Call ``visit`` with the name (without prefix) and attributes of each element of a part."""
    parser = xml.parsers.expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        visit(name.rpartition(":")[2], attributes)

    parser.StartElementHandler = start
    with archive.open(part) as file:
        parser.ParseFile(file)


@dataclass(frozen=True, kw_only=True)
class Relation:
    """One entry of a list of relations: type, ID, and full name of the part it points to."""

    kind: str
    id: str
    target: str


def read_relations(archive: zipfile.ZipFile, part: str, folder: str) -> list[Relation]:
    """Read a list of relations, without external ones; targets are relative to ``folder``."""
    relations: list[Relation] = []

    def visit(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", folder, attributes["Target"].replace("\\", "/"))
            target = posixpath.normpath(target).lstrip("/")
            relations.append(Relation(kind=attributes["Type"], id=attributes["Id"], target=target))

    each_element(archive, part, visit)
    return relations


def relations_part(part: str) -> str:
    """Return the name of the part that lists the relations of another part."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


@dataclass(frozen=True, kw_only=True)
class MainPart:
    """The main part of an Office document: its name, and its content type or an empty text."""

    name: str
    content_type: str


def find_main_part(archive: zipfile.ZipFile) -> MainPart | None:
    """Find the main part by the relations of the package, its content type, or its name.

    Raises ExpatError and the like if these lists are not XML.
    """
    names = {name.casefold(): name for name in part_names(archive)}
    types: dict[str, str] = {}
    if CONTENT_TYPES.casefold() in names:
        types = _content_types(archive, names[CONTENT_TYPES.casefold()])
    targets = _main_targets(archive) if ROOT_RELATIONS in names else []
    of_type = [name for name, content_type in types.items() if ".main" in content_type]
    usual = [name for name in names if posixpath.basename(name) in _USUAL_NAMES]
    for target in (*targets, *of_type, *usual):
        if target.casefold() in names:
            return MainPart(name=names[target.casefold()], content_type=types.get(target.casefold(), ""))
    return None


def _content_types(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Read the content types of single parts, by their names in lower case."""
    types: dict[str, str] = {}

    def visit(name: str, attributes: dict[str, str]) -> None:
        if name == "Override":
            types[attributes.get("PartName", "").lstrip("/").casefold()] = attributes.get("ContentType", "")

    each_element(archive, part, visit)
    return types


def _main_targets(archive: zipfile.ZipFile) -> list[str]:
    targets: list[str] = []

    def visit(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            targets.append(posixpath.normpath(attributes.get("Target", "").replace("\\", "/")).lstrip("/"))

    each_element(archive, ROOT_RELATIONS, visit)
    return targets


def is_true(value: str | None) -> bool:
    """Read an XML boolean; a missing one is false."""
    return value in {"1", "true"}


def column_index(letters: str) -> int:
    """Convert column letters to an index: A is 0, AA is 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


@contextmanager
def changed_copy(
    path: Path, folder: Path | None, write: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]
) -> Iterator[Path]:
    """Yield the path of a temporary copy that ``write(original, copy)`` fills.

    The copy is in ``folder``, or in the folder for temporary files. Raises DamagedWorkbookError.
    """
    with tempfile.NamedTemporaryFile(prefix="ticket-importer-", suffix=".workbook", dir=folder) as file:
        with open_package(path) as original, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            write(original, copy)
        file.flush()
        yield Path(file.name)


def quoted(value: str) -> str:
    """Return the value of an XML attribute in quotes. `xml.sax.saxutils` would load a library for the web."""
    return f'"{html.escape(value)}"'.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")


OLE2_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def stream_names(path: Path) -> frozenset[str]:
    """Name the streams at the top of a container. Raises DamagedWorkbookError."""
    with _opened(path) as container:
        return frozenset(names[0] for names in container.listdir() if len(names) == 1)


def read_stream(path: Path, name: str) -> bytes:
    """Read a whole stream. Raises DamagedWorkbookError if it is missing or cut off."""
    with _opened(path) as container:
        content: bytes = container.openstream([name]).read()
        # olefile returns the part that it finds; half a workbook would have half of its formats.
        if len(content) != container.get_size([name]):
            raise EOFError(f"{name} is cut off")
        return content


def replace_stream(file: IO[bytes], name: str, content: bytes) -> None:
    """Overwrite a stream in ``file`` with content of the same size. Raises DamagedWorkbookError."""
    with _translate_errors(), olefile.OleFileIO(file, write_mode=True) as container:
        container.write_stream([name], content)


@contextmanager
def _opened(path: Path) -> Iterator[olefile.OleFileIO]:
    with _translate_errors(), path.open("rb") as file, olefile.OleFileIO(file) as container:
        yield container


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    # olefile's own errors are OSErrors; the others come from damaged sizes, offsets and names.
    except (OSError, struct.error, LookupError, ValueError, TypeError, EOFError, RecursionError) as error:
        raise DamagedWorkbookError(str(error)) from error
