"""Cells that an earlier program has probably changed are counted in a warning, and sent as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from importer.manifest import open_manifest
from importer.mapping import load_mapping
from importer.validation import SuspiciousCells
from importer.validation.suspicious_cells import is_misread

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
    """The warnings for rows of ID, subject and phone, read ``size`` at a time; the note is ignored."""
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
def test_odd_cells_are_counted_with_the_first_of_them(tmp_path: Path, odd: str, said: str, size: int) -> None:
    """One line a column, in a key as in a text, however many rows are read at once."""
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
def test_ordinary_cells_are_not_odd(tmp_path: Path, subject: str) -> None:
    """Names begin with an apostrophe, and capital letters stand before quotes."""
    assert not warnings(tmp_path, ("1", subject, "+49 30 1234567"))


def test_escapes_of_a_file_without_quotes(tmp_path: Path) -> None:
    """In a tab-separated file they stand for line breaks; a path of Windows is none, and no other file is looked at."""
    rows = [("1", "one\\ntwo", ""), ("2", "C:\\temp\\new", "")]
    (line,) = warnings(tmp_path, *rows, delimiter="\t")
    assert line.startswith("column 'Subject': 1 cell contains \\n, \\t or \\r as two characters")
    assert not warnings(tmp_path, *rows)


def test_extensions_of_phone_numbers(tmp_path: Path) -> None:
    """They are left out of the number that is sent, with a warning."""
    (line,) = warnings(tmp_path, ("1", "x12", "+49 30 1234567 x12"), ("2", "y", "+49 30 1234568"))
    assert line.startswith("column 'Phone': 1 cell has an extension, which is removed from the phone number")


@pytest.mark.parametrize("text", ["Â£5", "æ—¥æœ¬", "ðŸŽ«", "cafÃ©", "Ã€ bientÃ´t", "â€œokâ€\u009d"])
def test_misread_texts(text: str) -> None:
    """Currencies, other scripts and emojis are broken in the same way."""
    assert is_misread(text)


@pytest.mark.parametrize("text", ["Grüße", "IRMÃ” foi", "ÂNGELA", "naïve", "Ð", "русский текст", "Ã", "Ã€", "日本"])
def test_texts_that_only_look_misread(text: str) -> None:
    """A letter with a sign behind it is no proof."""
    assert not is_misread(text)
