"""A row has one number: in `validate`, its report, the results and `rerun`, whatever the format of the manifest."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.cli.shop import HEADER, MAPPING, Account, Shop, good_row

GOOD = [good_row(number) for number in range(1, 7)]
WRONG = ("9", "", "Open", "w@example.com")
ROWS = [*GOOD, WRONG]


def _csv(path: Path) -> None:
    """A blank row, and a cell with a line break."""
    two_lines = (ROWS[1][0], "two\nlines", *ROWS[1][2:])
    table = [HEADER, ROWS[0], [], two_lines, *ROWS[2:]]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table)


def _json_lines(path: Path) -> None:
    """A blank line; there is no header."""
    lines = [json.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS]
    path.write_text("\n".join([lines[0], "", *lines[1:]]) + "\n", encoding="utf-8")


def _json(path: Path) -> None:
    path.write_text(json.dumps([dict(zip(HEADER, row, strict=True)) for row in ROWS], indent=1), encoding="utf-8")


def _xml(path: Path) -> None:
    records = ["".join(f"<{name}>{cell}</{name}>" for name, cell in zip(HEADER, row, strict=True)) for row in ROWS]
    path.write_text(f"<t>{''.join(f'<r>{record}</r>' for record in records)}</t>", encoding="utf-8")


def _workbook(path: Path) -> None:
    """Two rows of titles above the header, and a blank row."""
    book = openpyxl.Workbook()
    for row in [["Tickets"], [], HEADER, ROWS[0], [], *ROWS[1:]]:
        book.active.append(list(row))  # type: ignore[union-attr]
    book.save(path)


FORMATS = [(_csv, "csv", 9), (_json_lines, "jsonl", 8), (_json, "json", 7), (_xml, "xml", 7), (_workbook, "xlsx", 11)]


@pytest.mark.parametrize("form", FORMATS, ids=[suffix for _, suffix, _ in FORMATS])
def test_a_row_has_the_same_number_everywhere(
    shop: Shop, account: Account, form: tuple[Callable[[Path], None], str, int]
) -> None:
    """The number is that of the manifest's row, in messages, files and flags."""
    write, suffix, number = form
    results = "results.csv" if suffix.startswith("json") else "results.xlsx"
    manifest = f"tickets.{suffix}"
    write(shop.path(manifest))
    mapping = MAPPING + ("manifest: {header_row: 3}\n" if suffix == "xlsx" else "")
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    checked = shop.do("validate", manifest, "-m", "mapping.yaml", "--report", "problems.json")
    assert re.findall(r'"row": (\d+)', shop.path("problems.json").read_text("utf-8")) == [str(number)]
    run = shop.do("run", manifest, "-m", "mapping.yaml", "--skip-invalid", "--yes", "-o", results)
    chosen = shop.do("validate", manifest, "-m", "mapping.yaml", "--rows", str(number))
    again = shop.do("rerun", results, "-m", "mapping.yaml", "--rows", str(number), "--yes")
    for ended in (checked, run, chosen, again):
        assert re.findall(r"Subject: empty in row (\d+): .*", ended.out + ended.err) == [str(number)]
    rerun = shop.do("rerun", results, "-m", "mapping.yaml", "-o", "new.csv", "--yes")
    (row,) = [row for row in shop.results("new.csv") if row["import_status"] == "rejected"]
    assert (row["import_row"], rerun.code, len(account.keys)) == (str(number), 1, 6)


def test_a_message_about_another_row_names_its_number_in_the_manifest(shop: Shop) -> None:
    """In `rerun`, too, although both rows stand elsewhere in the results file."""
    records = [dict(zip(HEADER, row, strict=True)) for row in [*GOOD, GOOD[0]]]
    shop.path("tickets.jsonl").write_text("".join(f"\n{json.dumps(each)}" for each in records) + "\n", "utf-8")
    for command, file in (("run", "tickets.jsonl"), ("rerun", "tickets.sandbox.results.csv")):
        ended = shop.do(command, file, "-m", "mapping.yaml", "--sandbox", "--yes")
        assert "in row 8: repeated key" in ended.err
        assert "row 2 has the same key, '00001'" in ended.err
