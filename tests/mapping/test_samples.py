"""The sample data is what its README says it is."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from importer.attachments import AttachmentFinder
from importer.error_codes import ERROR_CODES
from importer.manifest.manifest import open_manifest
from importer.mapping import FieldType, Mapping, check_columns, load_mapping
from importer.models import ManifestOptions
from importer.validation import Validator
from tests.make_samples import SAMPLES, make_workbook, read_table

ATTACHMENTS = SAMPLES / "attachments"


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    return load_mapping(SAMPLES.parent / "mappings" / "old-helpdesk.yaml")


@pytest.fixture(scope="module")
def tickets() -> list[dict[str, str]]:
    header, *records = read_table(SAMPLES / "tickets.csv")
    return [dict(zip(header, record, strict=True)) for record in records]


@pytest.mark.parametrize("name", ["tickets.csv", "broken.csv"])
def test_sample_mapping_fits_both_files(mapping: Mapping, name: str):
    """Without a warning, and without an unknown column."""
    assert mapping.warnings == ()
    check_columns(mapping, read_table(SAMPLES / name)[0])


def test_the_samples_use_the_whole_language(mapping: Mapping, tickets: list[dict[str, str]]):
    """Every type has a filled column, every mapped value occurs, and each kind of lead has several tickets."""
    assert {rule.type for rule in mapping.rules} == set(FieldType)
    for rule in mapping.rules:
        written = {ticket[rule.column] for ticket in tickets}
        assert written != {""}, rule.column
        assert not rule.one_of or written <= {"", *rule.values, *rule.one_of}, rule.column
        assert set(rule.values) <= written, rule.column
    for column in ("Customer", "E-mail", "Phone"):
        filled = [ticket[column] for ticket in tickets if ticket[column]]
        assert 1 < len(set(filled)) < len(filled), column


def test_workbook_is_made_from_the_csv(tmp_path: Path):
    """Cell by cell: value, type and number format."""
    make_workbook(SAMPLES / "tickets.csv", tmp_path / "made.xlsx")
    made, kept = (
        [
            [(cell.value, cell.data_type, cell.number_format) for cell in row]
            for row in openpyxl.load_workbook(path)["Tickets"].iter_rows()
        ]
        for path in (tmp_path / "made.xlsx", SAMPLES / "tickets.xlsx")
    )
    assert kept == made
    assert len(made) == 61
    assert {data_type for row in made for _, data_type, _ in row} == {"s", "n", "d", "b"}


def test_every_attachment_exists(tickets: list[dict[str, str]]):
    """Except the one that make_large_file.py makes."""
    made = (ATTACHMENTS / ".gitignore").read_text(encoding="utf-8").split()
    named = {
        name
        for ticket in tickets
        for cell in (ticket["Files"], ticket["Screenshot"])
        for name in cell.split(";")
        if name
    }
    assert "diagnostics.log" in named
    assert [name for name in sorted(named) if name not in made and not (ATTACHMENTS / name).stat().st_size] == []
    assert max(len((ticket["Files"] + ";" + ticket["Screenshot"]).strip(";").split(";")) for ticket in tickets) == 5


def test_file_names_can_be_checked_out_anywhere():
    """On Linux, macOS and Windows."""
    names = [path.name for path in ATTACHMENTS.rglob("*")]
    assert names
    assert [name for name in names if re.search(r'[<>:"\\|?*\x00-\x1f]|[. ]$', name)] == []


def test_large_files_are_made_once_and_always_the_same(tmp_path: Path):
    """The script makes missing files, completes short ones, and leaves others alone."""
    script = tmp_path / "make_large_file.py"
    script.write_bytes((SAMPLES / "make_large_file.py").read_bytes())
    folder = tmp_path / "attachments"
    folder.mkdir()

    def run() -> str:
        return subprocess.run([sys.executable, script], check=True, capture_output=True, text=True, timeout=60).stderr

    assert run().count("made ") == 2
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: len(content) for name, content in first.items()} == {
        "diagnostics.log": 5_000_000,
        "diagnostics-full.log": 7_000_000,
    }
    assert run() == ""
    (folder / "diagnostics.log").write_bytes(b"cut off")
    assert run().count("made ") == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def mistakes() -> dict[int, list[str]]:
    """Row -> codes, as sample_data/README.md lists them."""
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", text, flags=re.MULTILINE)
    return {int(row): re.findall(r"`([a-z-]+)`", codes) for row, codes in rows}


def test_broken_csv_has_one_of_each_mistake():
    """Every code that rejects a row is in the list, and the list has every row of the file."""
    codes = list(ERROR_CODES)
    others = (SAMPLES / "README.md").read_text(encoding="utf-8").split("Not in the file")[1]
    rejecting = set(codes[: codes.index("attachment-changed")]) - set(re.findall(r"`([a-z-]+)`", others))
    listed = mistakes()
    with (SAMPLES / "broken.csv").open(encoding="utf-8", newline="") as file:
        assert sorted(listed) == list(range(2, len(list(csv.reader(file))) + 1))
    assert {code for row in listed.values() for code in row} == rejecting
    assert sum(not row for row in listed.values()) >= 3, "some rows are good"


def test_csv_and_workbook_have_the_same_cells():
    as_csv, as_workbook = (
        pd.concat([chunk.frame for chunk in open_manifest(SAMPLES / name, ManifestOptions()).chunks()])
        for name in ("tickets.csv", "tickets.xlsx")
    )
    assert len(as_csv) == 60
    assert as_workbook.to_dict("list") == as_csv.to_dict("list")


@pytest.fixture(scope="module")
def finder(mapping: Mapping, tmp_path_factory: pytest.TempPathFactory) -> AttachmentFinder:
    """The samples' attachments with the large ones made: their content does not matter here."""
    root = tmp_path_factory.mktemp("samples") / "attachments"
    shutil.copytree(ATTACHMENTS, root, ignore=shutil.ignore_patterns("diagnostics*"))
    for name, size_bytes in {"diagnostics.log": 5_000_000, "diagnostics-full.log": 7_000_000}.items():
        with (root / name).open("wb") as file:
            file.truncate(size_bytes)
    assert mapping.attachments is not None
    return AttachmentFinder(mapping.attachments, root)


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.xlsx", "broken.csv"])
def test_rows_are_rejected_for_what_the_readme_says(mapping: Mapping, finder: AttachmentFinder, name: str):
    """The tickets have no problem, and each broken row has exactly the listed ones."""
    listed = mistakes() if name == "broken.csv" else {}
    validator = Validator(mapping, finder, None)
    found: dict[int, set[str]] = {}
    for chunk in open_manifest(SAMPLES / name, ManifestOptions()).chunks():
        converted = validator.convert_chunk(chunk, np.ones(len(chunk.rows), dtype=bool), build_tickets=False)
        problems = [each for of_row in converted.problems.values() for each in of_row]
        for problem in (*chunk.problems, *problems):
            found.setdefault(problem.row, set()).add(problem.code)
    of_keys = {"missing-key", "duplicate-key"}  # judged against the other rows, not by the mapping
    assert found == {row: set(codes) for row, codes in listed.items() if set(codes) - of_keys}
