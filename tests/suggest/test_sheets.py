"""The sheet for a draft, and repeated columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.mapping import load_mapping
from importer.suggest import suggest

HEADER = ("Id", "Subject", "Mail")
ROWS = [(f"T-{number}", f"Printer {number}", f"mina{number}@example.com") for number in range(30)]


def workbook(path: Path, **sheets: Sequence[tuple[str, ...]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path


@pytest.mark.parametrize(
    "cover",
    [
        [("Report of March",)],
        [("Report",), (), ("Made by", "Mina"), ("Made on", "2024-03-08"), ("For", "all")],
        [],
    ],
)
def test_sheet_with_a_table_is_chosen(tmp_path: Path, cover: list[tuple[str, ...]]) -> None:
    """As `validate` chooses it by the mapping's columns."""
    path = workbook(tmp_path / "tickets.xlsx", Cover=cover, Data=[HEADER, *ROWS])
    suggestion = suggest(path, None)
    assert "sheet 'Data'" in suggestion.detected
    (tmp_path / "m.yaml").write_text(suggestion.text, encoding="utf-8")
    mapping = load_mapping(tmp_path / "m.yaml")
    found = open_manifest(path, mapping.manifest, [mention.column for mention in mapping.mentions])
    assert found.sheet == "Data"


def test_first_of_two_tables_is_chosen(tmp_path: Path) -> None:
    """Although the second is wider."""
    wide = [(*HEADER, "a", "b"), *((*row, "x", "y") for row in ROWS)]
    assert "sheet 'First'" in suggest(workbook(tmp_path / "t.xlsx", First=[HEADER, *ROWS], Second=wide), None).detected


def test_draft_names_the_chosen_sheet(tmp_path: Path) -> None:
    """So `validate` reads the same sheet."""
    path = workbook(tmp_path / "t.xlsx", First=[HEADER, *ROWS], Other=[("Key", "Summary", "Mail"), *ROWS])
    suggestion = suggest(path, None, "Other")
    assert "manifest: {sheet: Other}" in suggestion.text
    assert "Summary: " in suggestion.text
    with pytest.raises(ManifestError, match="has no sheet 'Othr'"):
        suggest(path, None, "Othr")


def test_repeated_columns_are_joined(tmp_path: Path) -> None:
    """The rule names the column once."""
    path = tmp_path / "jira.csv"
    lines = ["Key,Summary,Mail,Labels,Labels,Subject,Subject", *(",".join((*row, "a", "", "b", "c")) for row in ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = suggest(path, None).text
    assert 'Labels: {field: Tags, join: ", "}  # guess: the header has it 2 times' in text
    assert text.count("Subject") >= 1
    assert "(2)" not in text
