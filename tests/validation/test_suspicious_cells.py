"""Cells that an earlier program probably damaged are counted in a warning, and sent unchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from importer.manifest.cell_values import is_misread
from importer.manifest.manifest import open_manifest
from importer.mapping import load_mapping
from importer.validation import SuspiciousCells

MAPPING = """version: 1
source: t
key: Id
columns:
  Id: CustomData.LegacyId
  Subject: Title
  Phone: {field: LeadDetail.Phone, type: phone}
ignore: [Note]
"""


def warnings(folder: Path, *rows: tuple[str, str, str], delimiter: str = ",", size: int = 10_000) -> list[str]:
    """Return the warnings for rows of ID, subject and phone, read ``size`` at a time; the note is ignored."""
    (folder / "m.yaml").write_text(MAPPING, encoding="utf-8")
    mapping = load_mapping(folder / "m.yaml")
    lines = [delimiter.join(("Id", "Subject", "Phone", "Note")), *(delimiter.join((*row, "'1")) for row in rows)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    manifest = open_manifest(folder / "t.csv", mapping.manifest, ("Id", "Subject", "Phone", "Note"))
    oddities = SuspiciousCells(mapping, has_escapes=delimiter == "\t")
    for chunk in manifest.chunks(size):
        oddities.check(chunk, np.ones(len(chunk.rows), dtype=bool))
    return list(oddities.warnings)


@pytest.mark.parametrize("size", [1, 2, 10_000])
@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("'00123", "begin with an apostrophe before a number or sign"),
        ("'=A1", "begin with an apostrophe"),
        ('="00123"', 'are texts written as ="..."'),
        ('"=""00123"""', 'are texts written as ="..."'),
        ("GrÃ¼ÃŸe", "look like UTF-8 that was read as Windows-1252"),
        ("itâ€™s late", "look like UTF-8"),
        ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "look like UTF-8"),
        ("\\N", "are \\N"),
    ],
)
def test_suspicious_cells_are_counted_per_column(tmp_path: Path, odd: str, said: str, size: int) -> None:
    """One line a column with the first cell, for keys and texts, whatever the size of chunks."""
    rows = [("T1", "Grüße", ""), ("T2", odd, ""), ("T3", "l’été “x” IRMÃ”", ""), ("T4", odd, "")]
    (line,) = warnings(tmp_path, *rows, size=size)
    assert line.startswith(f"column 'Subject': 2 cells {said}")
    assert "in row 3;" in line
    (line,) = warnings(tmp_path, ("T1", "x", ""), (odd, "y", ""))
    assert line.startswith("column 'Id': 1 cell ")
    assert "it is part of the key" in line


@pytest.mark.parametrize(
    "subject", ["'s-Hertogenbosch", "'quoted' word", "= 5", "C:\\N", "São “x”", "MÃE", "é… ok", "#1"]
)
def test_ordinary_cells_are_not_suspicious(tmp_path: Path, subject: str) -> None:
    """Names begin with an apostrophe, and capital letters come before quotes."""
    assert not warnings(tmp_path, ("1", subject, "+49 30 1234567"))


def test_escapes_are_counted_in_tab_separated_files(tmp_path: Path) -> None:
    """Only there they mean line breaks; Windows paths are no escapes."""
    rows = [("1", "one\\ntwo", ""), ("2", "C:\\temp\\new", "")]
    (line,) = warnings(tmp_path, *rows, delimiter="\t")
    assert line.startswith("column 'Subject': 1 cell contains \\n, \\t or \\r as two characters")
    assert not warnings(tmp_path, *rows)


def test_phone_extensions_are_counted(tmp_path: Path) -> None:
    """They are removed from the sent number, with a warning."""
    (line,) = warnings(tmp_path, ("1", "x12", "+49 30 1234567 x12"), ("2", "y", "+49 30 1234568"))
    assert line.startswith("column 'Phone': 1 cell has an extension, which is removed from the phone number")


@pytest.mark.parametrize("text", ["Â£5", "æ—¥æœ¬", "ðŸŽ«", "cafÃ©", "Ã€ bientÃ´t", "â€œokâ€\u009d"])
def test_misread_texts_are_found(text: str) -> None:
    """Currencies, other scripts and emojis are damaged in the same way."""
    assert is_misread(text)


@pytest.mark.parametrize("text", ["Grüße", "IRMÃ” foi", "ÂNGELA", "naïve", "Ð", "русский текст", "Ã", "Ã€", "日本"])
def test_texts_that_only_look_misread_are_ignored(text: str) -> None:
    """A letter followed by a sign is no proof."""
    assert not is_misread(text)
