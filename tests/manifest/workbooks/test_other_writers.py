"""Workbooks of other programs, which Excel and LibreOffice open without a warning."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.manifest.books import Cell, Formatted, Page, with_part, write
from tests.manifest.reading import read, refusal

# -- .xls that name a code page (Perl's WriteExcel, PEAR's Spreadsheet_Excel_Writer, reports from mainframes) ----------


@pytest.mark.parametrize("code_page", [1252, 1250, 1251, 932, 950, 10000, 65001])
def test_texts_of_an_xls_are_unicode_with_any_code_page(tmp_path: Path, code_page: int) -> None:
    """Since Excel 97 texts and sheet names are UTF-16."""
    texts = ["Grüße an alle", "価格 – “ok” €", "Плати 🎫", "plain", "\u0080\u009f", "日本語" * 100]
    page = Page(
        rows=[["id", "text"], *([f"T-{number}", text] for number, text in enumerate(texts))], name="Übersicht 価格"
    )
    table = read(write(tmp_path / "tickets.xls", page, code_page=code_page))
    assert [text for _, text in table.cells] == texts
    assert table.manifest.sheet == "Übersicht 価格"


# -- parts of .xlsx and .ods as few programs write them ---------------------------------------------------------------

ROWS: list[list[Cell]] = [["Id", "Subject", "Code"], ["A1", "Grüße", Formatted(123, "00000")]]
CELLS = [["A1", "Grüße", "00123"]]
Renaming = Callable[[str], str]


def rewritten(
    path: Path, rename: Renaming = str, change: Callable[[str, bytes], bytes] = lambda _, content: content
) -> Path:
    """Rewrite all parts of a workbook."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(rename(name), change(name, content))
    return path


def with_lists(path: Path) -> Path:
    """Add the lists of parts that `books` does not write for an .xlsb."""
    with zipfile.ZipFile(path) as archive:
        if "_rels/.rels" in archive.namelist():
            return path
    kind = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
    types = f'<Types xmlns="t"><Override PartName="/xl/workbook.bin" ContentType="{kind}"/></Types>'
    with_part(path, "[Content_Types].xml", lambda _: types.encode())
    relation = '<Relationship Id="rId1" Type="t/officeDocument" Target="xl/workbook.bin"/>'
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("_rels/.rels", f'<Relationships xmlns="r">{relation}</Relationships>')
    return path


def moved(old: bytes, new: bytes) -> tuple[Renaming, Callable[[str, bytes], bytes]]:
    """Replace a text in part names and in references to them."""
    return (
        lambda name: name.replace(old.decode(), new.decode()),
        lambda name, content: content.replace(old, new) if name.endswith((".rels", "].xml")) else content,
    )


def in_utf16(content: bytes) -> bytes:
    text = content.decode("utf-8")
    return ('<?xml version="1.0" encoding="UTF-16"?>' + text[text.find("?>") + 2 if "<?xml" in text else 0 :]).encode(
        "utf-16"
    )


@pytest.mark.parametrize("kind", [".xlsx", ".xlsb"])
@pytest.mark.parametrize(
    ("old", "new"),
    [(b"workbook.", b"workbook2."), (b"xl/", b""), (b"xl/", b"Excel/"), (b"workbook.", b"Workbook.")],
    ids=["another name", "at the root", "another folder", "a capital letter"],
)
def test_main_part_is_found_by_the_lists_of_parts(tmp_path: Path, kind: str, old: bytes, new: bytes) -> None:
    """The standard prescribes no part names."""
    path = rewritten(with_lists(write(tmp_path / f"tickets{kind}", Page(rows=ROWS))), *moved(old, new))
    assert read(path).cells == CELLS


@pytest.mark.parametrize("ending", [(".rels",), (".rels", ".xml")], ids=["relations", "all parts"])
def test_parts_in_utf_16(tmp_path: Path, ending: tuple[str, ...]) -> None:
    """The XML standard allows UTF-16."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=ROWS))
    rewritten(path, change=lambda name, content: in_utf16(content) if name.endswith(ending) else content)
    assert read(path).cells == CELLS


def test_a_package_without_its_own_relations(tmp_path: Path) -> None:
    """The list of content types is enough."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=ROWS))
    assert read(with_part(path, "_rels/.rels", lambda _: None)).cells == CELLS


@pytest.mark.parametrize("dimension", [b"A1:@7", b"", b"A1:", b"Table1", b"$A$1:$C$2"])
def test_dimension_without_an_area_is_ignored(tmp_path: Path, dimension: bytes) -> None:
    """The positions of the cells are enough."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=ROWS))
    part = "xl/worksheets/sheet1.xml"
    with_part(path, part, lambda content: content.replace(b'ref="A1:C2"', b'ref="%s"' % dimension))
    assert read(path).cells == CELLS


def test_an_indented_open_document(tmp_path: Path) -> None:
    """Blanks between elements are ignored, and blanks in a paragraph are text."""
    rows: list[list[Cell]] = [*ROWS, ["A2", "two  words\nand lines", Formatted(7, "00000")], ["A3", "<&> \"'", None]]
    path = write(tmp_path / "tickets.ods", Page(rows=rows))
    whole = read(path).cells
    with_part(path, "content.xml", lambda content: re.sub(rb">(?=<)", b">\n    ", content))
    assert read(path).cells == whole
    assert whole[0] == CELLS[0]


def test_temporary_copies_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are deleted after reading, and after an error."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    path = rewritten(write(tmp_path / "tickets.xlsx", Page(rows=ROWS)), *moved(b"workbook.", b"workbook2."))
    assert read(path).cells == CELLS
    with_part(path, "xl/worksheets/sheet1.xml", lambda _: b"<")
    assert refusal(path)
    assert not list((tmp_path / "tmp").iterdir())
