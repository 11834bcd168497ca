"""Copies Excel workbooks that the standard allows and calamine cannot read.

A copy has the same cells under the usual names: `xl/workbook.xml`, XML in UTF-8, no `<dimension>` without an area. For
errors that calamine does not know, such as #SPILL! or LibreOffice's Err:502, it has #N/A: calamine rejects a whole
sheet for one of them.
"""

from __future__ import annotations

import codecs
import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from importer.manifest.workbooks.containers import (
    CONTENT_TYPES,
    ROOT_RELATIONS,
    Relation,
    changed_copy,
    find_main_part,
    open_package,
    part_names,
    quoted,
    read_relations,
    relations_part,
)
from importer.manifest.workbooks.xlsx import row_blocks, sheet_part

_OFFICE_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 4096
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, "<?".encode("utf-16-le"), "<?".encode("utf-16-be"))
_DECLARED_ENCODING = re.compile(r"\A(<\?xml[^>]*?\bencoding\s*=\s*)([\"'])[^\"']*\2")
_DIMENSION = re.compile(rb"<(?:\w+:)?dimension\s[^<>]*?ref\s*=\s*[\"']([^\"']*)[\"'][^<>]*>")
_AREA = re.compile(rb"[A-Z]{1,3}[0-9]+(?::[A-Z]{1,3}[0-9]+)?")


@contextmanager
def in_standard_layout(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield the path of the workbook, or of a temporary copy in ``folder`` with the usual layout.

    Raises DamagedWorkbookError.
    """
    with open_package(path) as archive:
        main = find_main_part(archive)
        layout = None if main is None else _Layout.of(archive, main.name)
    if layout is None or layout.is_standard:
        yield path
        return
    with changed_copy(path, folder, layout.write_standard) as copy:
        yield copy


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Everything in a workbook that differs from the usual layout."""

    main: str
    utf16_parts: frozenset[str]
    parts_without_area: frozenset[str]  # sheets with a dimension that is not an area of cells
    has_root_relations: bool

    @classmethod
    def of(cls, archive: zipfile.ZipFile, main: str) -> _Layout:
        heads = {name: _head(archive, name) for name in part_names(archive) if name.endswith((".xml", ".rels"))}
        return cls(
            main=main,
            utf16_parts=frozenset(name for name, head in heads.items() if head.startswith(_UTF_16)),
            parts_without_area=frozenset(name for name, head in heads.items() if _has_no_area(head)),
            has_root_relations=ROOT_RELATIONS in heads,
        )

    @property
    def is_standard(self) -> bool:
        """Whether calamine reads the workbook unchanged."""
        has_usual_parts = self.main == self._standard_main and self.has_root_relations
        return has_usual_parts and not self.utf16_parts and not self.parts_without_area

    @property
    def _standard_main(self) -> str:
        return f"xl/workbook{posixpath.splitext(self.main)[1].lower() or '.xml'}"

    def write_standard(self, original: zipfile.ZipFile, copy: zipfile.ZipFile) -> None:
        """Write the copy, with all parts in the folder `xl`."""
        relations = relations_part(self.main)
        copy.writestr(
            ROOT_RELATIONS, _relations_xml([Relation(kind=_OFFICE_DOCUMENT, id="rId1", target=self._standard_main)])
        )
        for name in part_names(original):
            if name not in {ROOT_RELATIONS, CONTENT_TYPES, relations}:
                self._copy_part(original, copy, name)
        renamed = [
            Relation(kind=each.kind, id=each.id, target=posixpath.relpath(self._renamed(each.target), "xl"))
            for each in read_relations(original, relations, posixpath.dirname(self.main))
        ]
        copy.writestr(relations_part(self._standard_main), _relations_xml(renamed))

    def _renamed(self, name: str) -> str:
        """Return the name of a part in the copy."""
        if name == self.main:
            return self._standard_main
        folder = posixpath.dirname(self.main)
        below_xl = f"xl/{name[len(folder) :].lstrip('/')}"
        is_below = not folder or name.startswith(f"{folder}/")
        return below_xl if is_below and below_xl != self._standard_main else f"xl/other/{name}"

    def _copy_part(self, original: zipfile.ZipFile, copy: zipfile.ZipFile, name: str) -> None:
        with original.open(name) as source, copy.open(self._renamed(name), "w", force_zip64=True) as target:
            if name in self.utf16_parts:
                _copy_as_utf8(source, target)
                return
            head = source.read(_HEAD_BYTES)
            target.write(_DIMENSION.sub(b"", head, count=1) if name in self.parts_without_area else head)
            while block := source.read(_BLOCK_BYTES):
                target.write(block)


def _head(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        return file.read(_HEAD_BYTES)


def _has_no_area(head: bytes) -> bool:
    match = _DIMENSION.search(head)
    return match is not None and _AREA.fullmatch(match[1]) is None


def _copy_as_utf8(source: IO[bytes], target: IO[bytes]) -> None:
    start = source.read(_HEAD_BYTES)
    is_little_endian = start.startswith((codecs.BOM_UTF16_LE, _UTF_16[2]))
    decoder = codecs.getincrementaldecoder("utf-16-le" if is_little_endian else "utf-16-be")()
    text = decoder.decode(start).removeprefix("\ufeff")
    target.write(_DECLARED_ENCODING.sub(r"\1\2UTF-8\2", text, count=1).encode())
    while block := source.read(_BLOCK_BYTES):
        target.write(decoder.decode(block).encode())
    target.write(decoder.decode(b"", final=True).encode())


def _relations_xml(relations: list[Relation]) -> str:
    elements = "".join(
        f"<Relationship Type={quoted(each.kind)} Target={quoted(each.target)} Id={quoted(each.id)}/>"
        for each in relations
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{_PACKAGE}">{elements}</Relationships>'


_UNKNOWN_ERROR = re.compile(
    rb"(<c [^<>]*?\bt\s*=\s*[\"']e[\"'][^<>]*+>(?:<f(?:[ /][^<>]*+)?>(?:[^<]*+</f>)?)?<v>)"
    rb"(?!(?:#DIV/0!|#N/A|#NAME\?|#NULL!|#NUM!|#REF!|#VALUE!)<)[^<]++(?=</v>)"
)


@contextmanager
def without_unknown_errors(path: Path, folder: Path | None, sheet: str) -> Iterator[Path]:
    """Yield the path of a temporary copy in which unknown errors of ``sheet`` are #N/A.

    To calamine every error is an empty cell, so no text is lost: the scan reads the error from the workbook itself.
    Raises DamagedWorkbookError if there is no such sheet, or if it has no such errors.
    """

    def write(original: zipfile.ZipFile, copy: zipfile.ZipFile) -> None:
        count = 0
        part = original.getinfo(sheet_part(original, sheet)).filename
        for name in original.namelist():
            with copy.open(name, "w", force_zip64=True) as target:
                if name != part:
                    target.write(original.read(name))
                    continue
                for block in row_blocks(original, part):
                    changed, replaced = _UNKNOWN_ERROR.subn(rb"\1#N/A", block)
                    target.write(changed)
                    count += replaced
        if not count:
            raise LookupError(f"sheet {sheet!r} has no unknown errors")

    with changed_copy(path, folder, write) as copy:
        yield copy
