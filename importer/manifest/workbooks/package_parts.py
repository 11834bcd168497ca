"""Excel workbooks whose parts are named, placed or encoded as the standard allows and calamine doesn't expect.

Of such a workbook a copy is read that has the same cells under the usual names: `xl/workbook.xml`, XML in UTF-8, and no
`<dimension>` that names no cells.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr

from importer.manifest.workbooks.ooxml import each_element, open_package

_ROOT_RELATIONS = "_rels/.rels"
_CONTENT_TYPES = "[Content_Types].xml"
_OFFICE_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_USUAL_NAMES = frozenset({"workbook.xml", "workbook.bin"})
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 4096
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, "<?".encode("utf-16-le"), "<?".encode("utf-16-be"))
_DECLARED = re.compile(r"\A(<\?xml[^>]*?\bencoding\s*=\s*)([\"'])[^\"']*\2")
_DIMENSION = re.compile(rb"<(?:\w+:)?dimension\s[^<>]*?ref\s*=\s*[\"']([^\"']*)[\"'][^<>]*>")
_AREA = re.compile(rb"[A-Z]{1,3}[0-9]+(?::[A-Z]{1,3}[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class MainPart:
    """The part that a package is all about: its name, and its content type or an empty text."""

    name: str
    content_type: str


def main_part(archive: zipfile.ZipFile) -> MainPart | None:
    """Find the main part of an Office document: by the package's relations, its content type, or else its name.

    Raises ExpatError and the like if the lists are no XML.
    """
    names = {name.replace("\\", "/").casefold(): name.replace("\\", "/") for name in archive.namelist()}
    types: dict[str, str] = {}
    if _CONTENT_TYPES.casefold() in names:
        types = _overrides(archive, names[_CONTENT_TYPES.casefold()])
    targets = _main_targets(archive) if _ROOT_RELATIONS in names else []
    of_type = [name for name, kind in types.items() if ".main" in kind]
    usual = [name for name in names if posixpath.basename(name) in _USUAL_NAMES]
    for target in (*targets, *of_type, *usual):
        if target.casefold() in names:
            return MainPart(name=names[target.casefold()], content_type=types.get(target.casefold(), ""))
    return None


def _overrides(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    types: dict[str, str] = {}

    def see(name: str, attributes: dict[str, str]) -> None:
        if name == "Override":
            types[attributes.get("PartName", "").lstrip("/").casefold()] = attributes.get("ContentType", "")

    each_element(archive, part, see)
    return types


def _main_targets(archive: zipfile.ZipFile) -> list[str]:
    targets: list[str] = []

    def see(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            targets.append(posixpath.normpath(attributes.get("Target", "").replace("\\", "/")).lstrip("/"))

    each_element(archive, _ROOT_RELATIONS, see)
    return targets


@contextmanager
def usual_package(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield the workbook's path, or that of a copy with the usual names, which is gone afterwards.

    The copy is made in ``folder``, or else where temporary files go. Raises UnreadableSheetError if a part is missing
    or damaged.
    """
    with open_package(path) as archive:
        main = main_part(archive)
        changes = None if main is None else _Changes.of(archive, main.name)
    if changes is None or not changes.needed:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="ticket-importer-", suffix=".workbook", dir=folder) as copy:
        with open_package(path) as archive, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
            changes.write(archive, new)
        copy.flush()
        yield Path(copy.name)


@dataclass(frozen=True, kw_only=True)
class _Changes:
    """What is to be another way in the copy."""

    main: str
    relations: str
    encoded: frozenset[str]  # parts in UTF-16
    measured: frozenset[str]  # sheets with a dimension that is none
    has_root: bool

    @classmethod
    def of(cls, archive: zipfile.ZipFile, main: str) -> _Changes:
        heads = {name: _head(archive, name) for name in _names(archive) if name.endswith((".xml", ".rels"))}
        folder, name = posixpath.split(main)
        return cls(
            main=main,
            relations=posixpath.join(folder, "_rels", f"{name}.rels"),
            encoded=frozenset(name for name, head in heads.items() if head.startswith(_UTF_16)),
            measured=frozenset(name for name, head in heads.items() if _has_no_area(head)),
            has_root=_ROOT_RELATIONS in heads,
        )

    @property
    def needed(self) -> bool:
        """Whether calamine does not read the workbook as it is."""
        return bool(self.encoded or self.measured) or self.main != self._usual_main or not self.has_root

    @property
    def _usual_main(self) -> str:
        return f"xl/workbook{posixpath.splitext(self.main)[1].lower() or '.xml'}"

    def write(self, archive: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        """Write the copy, with all parts in the folder `xl`."""
        usual = self._usual_main
        new.writestr(_ROOT_RELATIONS, _relations([(_OFFICE_DOCUMENT, "rId1", usual)]))
        for name in _names(archive):
            if name not in {_ROOT_RELATIONS, _CONTENT_TYPES, self.relations}:
                self._copy(archive, new, name, self._renamed(name))
        found = _resolved(archive, self.relations, posixpath.dirname(self.main))
        relations = [(kind, name, posixpath.relpath(self._renamed(target), "xl")) for kind, name, target in found]
        new.writestr(f"xl/_rels/{posixpath.basename(usual)}.rels", _relations(relations))

    def _renamed(self, name: str) -> str:
        """The name of a part in the copy."""
        if name == self.main:
            return self._usual_main
        folder = posixpath.dirname(self.main)
        within = f"xl/{name[len(folder) :].lstrip('/')}"
        is_within = not folder or name.startswith(f"{folder}/")
        return within if is_within and within != self._usual_main else f"xl/other/{name}"

    def _copy(self, archive: zipfile.ZipFile, new: zipfile.ZipFile, name: str, as_name: str) -> None:
        with archive.open(name) as source, new.open(as_name, "w", force_zip64=True) as target:
            if name in self.encoded:
                _copy_as_utf8(source, target)
                return
            head = source.read(_HEAD_BYTES)
            target.write(_DIMENSION.sub(b"", head, count=1) if name in self.measured else head)
            while block := source.read(_BLOCK_BYTES):
                target.write(block)


def _names(archive: zipfile.ZipFile) -> list[str]:
    return [name.replace("\\", "/") for name in archive.namelist() if not name.endswith("/")]


def _head(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(_HEAD_BYTES)


def _has_no_area(head: bytes) -> bool:
    match = _DIMENSION.search(head)
    return match is not None and _AREA.fullmatch(match[1]) is None


def _copy_as_utf8(source: IO[bytes], target: IO[bytes]) -> None:
    start = source.read(_HEAD_BYTES)
    is_little = start.startswith((codecs.BOM_UTF16_LE, _UTF_16[2]))
    decoder = codecs.getincrementaldecoder("utf-16-le" if is_little else "utf-16-be")()
    text = decoder.decode(start).removeprefix("\ufeff")
    target.write(_DECLARED.sub(r"\1\2UTF-8\2", text, count=1).encode())
    while block := source.read(_BLOCK_BYTES):
        target.write(decoder.decode(block).encode())
    target.write(decoder.decode(b"", final=True).encode())


def _resolved(archive: zipfile.ZipFile, part: str, folder: str) -> list[tuple[str, str, str]]:
    """The relations of the main part, each a type, an ID and the name of a part."""
    found: list[tuple[str, str, str]] = []

    def see(name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", folder, attributes["Target"].replace("\\", "/"))
            found.append((attributes["Type"], attributes["Id"], posixpath.normpath(target).lstrip("/")))

    each_element(archive, part, see)
    return found


def _relations(found: list[tuple[str, str, str]]) -> str:
    lines = "".join(
        f"<Relationship Type={quoteattr(kind)} Target={quoteattr(target)} Id={quoteattr(name)}/>"
        for kind, name, target in found
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{_PACKAGE}">{lines}</Relationships>'
