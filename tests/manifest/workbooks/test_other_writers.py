"""Workbooks of programs other than Excel and LibreOffice, which both open without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.books import Page, write
from tests.manifest.reading import read

# -- .xls that name a code page (Perl's WriteExcel, PEAR's Spreadsheet_Excel_Writer, reports from mainframes) ----------


@pytest.mark.parametrize("code_page", [1252, 1250, 1251, 932, 950, 10000, 65001])
def test_texts_of_an_old_workbook_are_unicode_whatever_code_page_it_names(tmp_path: Path, code_page: int) -> None:
    """Since Excel 97 texts are UTF-16, so none has a NUL behind each letter, and a sheet's name is one of them."""
    texts = ["Grüße an alle", "価格 – “ok” €", "Плати 🎫", "plain", "\u0080\u009f", "日本語" * 100]
    page = Page(
        rows=[["id", "text"], *([f"T-{number}", text] for number, text in enumerate(texts))], name="Übersicht 価格"
    )
    table = read(write(tmp_path / "tickets.xls", page, code_page=code_page))
    assert [text for _, text in table.cells] == texts
    assert table.manifest.sheet == "Übersicht 価格"
