"""`rerun` reads numbers as `run` does: how the manifest stored them is a fact of its content, whatever its name is."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from importer.cli import invoke
from tests.cli.shop import KEY_FIELD, Account, Shop
from tests.cli.spreadsheets import read, save_workbook

Open = Callable[..., Account]
Write = Callable[[Path], None]
HEADER = ("ID", "Subject", "Email", "Amount")
AMOUNT = "CustomData.Amount"
MAPPING = f"""\
version: 1
source: shop
key: ID
key_field: {KEY_FIELD}
columns:
  ID: {KEY_FIELD}
  Subject: Title
  Email: LeadDetail.EmailAddress
  Amount: {{field: {AMOUNT}, type: number, decimal: ",", thousands: "."}}
"""


def records(amount: object) -> list[dict[str, object]]:
    """A row whose amount has two meanings if it may be a stored number, and one whose amount is clear."""
    rows = ((key, "A title", f"{key}@example.com", each) for key, each in (("A-1", amount), ("A-2", "2.345,5")))
    return [dict(zip(HEADER, row, strict=True)) for row in rows]


def lines(rows: Sequence[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def zipped(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tickets.data", content)


def as_workbook(path: Path) -> None:
    target = path.with_name("book.xlsx")
    pd.DataFrame(records(1.234)).to_excel(target, index=False, engine="openpyxl")
    target.rename(path)


def as_packed_workbook(path: Path) -> None:
    as_workbook(path.with_name("inner.xlsx"))
    path.write_bytes(gzip.compress(path.with_name("inner.xlsx").read_bytes()))


def as_csv(path: Path) -> None:
    rows = [HEADER, *(row.values() for row in records("1.234"))]
    path.write_text("".join(";".join(map(str, row)) + "\n" for row in rows), "utf-8")


STORED: dict[str, tuple[str, Write]] = {
    # what the manifest is: its name, and how it is made
    "JSON Lines": ("tickets.jsonl", lambda path: put(path, lines(records(1.234)))),
    "JSON": ("tickets.json", lambda path: put(path, json.dumps(records(1.234)).encode())),
    "JSON Lines in gzip": (
        "tickets.jsonl.gz",
        lambda path: put(path, gzip.compress(lines(records(1.234)))),
    ),
    "JSON Lines in ZIP": ("tickets.zip", lambda path: zipped(path, lines(records(1.234)))),
    "JSON named .csv": ("tickets.csv", lambda path: put(path, json.dumps(records(1.234)).encode())),
    "JSON without an ending": ("tickets", lambda path: put(path, json.dumps(records(1.234)).encode())),
    "a workbook": ("tickets.xlsx", as_workbook),
    "a workbook in gzip": ("tickets.xlsx.gz", as_packed_workbook),
    "a workbook named .csv": ("tickets.csv", as_workbook),
}


@pytest.fixture
def accounting(shop: Shop, open_account: Open) -> Account:
    """An account, and a mapping with a German number in it."""
    account = open_account()
    shop.path("mapping.yaml").write_text(MAPPING, "utf-8")
    return account


def imported(shop: Shop, name: str, write: Write, *flags: str) -> None:
    write(shop.path(name))
    assert shop.do("run", name, "-m", "mapping.yaml", "--skip-invalid", "-o", "r.csv", *flags).code in (0, 1)


def codes(shop: Shop, *flags: str) -> list[str]:
    """The error codes of both rows after the first is run again."""
    done = shop.do("rerun", "r.csv", "-m", "mapping.yaml", "--skip-invalid", *flags)
    assert done.code in (0, 1), done.err
    return [row["import_error_code"] for row in shop.results("r.csv")]


@pytest.mark.parametrize(("name", "write"), STORED.values(), ids=STORED)
def test_a_stored_number_stays_ambiguous(shop: Shop, accounting: Account, name: str, write: Write):
    """1.234 was rejected by `run`, and no `rerun` sends it as 1234, whatever the manifest is and is named."""
    imported(shop, name, write)
    assert [row["import_error_code"] for row in shop.results("r.csv")] == ["ambiguous-number", ""]
    assert codes(shop) == ["ambiguous-number", ""]
    assert accounting.keys == ["A-2"]


@pytest.mark.parametrize("how", ["named", "renamed", "gone", "on another machine"])
def test_a_stored_number_stays_ambiguous_however_the_manifest_is_found(shop: Shop, accounting: Account, how: str):
    """The content of the manifest says how its numbers are stored; where it is gone they may be either."""
    name, write = STORED["JSON Lines in gzip"]
    imported(shop, name, write)
    flags: tuple[str, ...] = ()
    match how:
        case "named":
            flags = ("--manifest", name)
        case "renamed":
            shop.path(name).rename(shop.path("export.txt"))
            flags = ("--manifest", "export.txt")
        case "gone":
            shop.path(name).unlink()
        case "on another machine":
            shop.path(name).rename(shop.path("elsewhere.bin"))
            shop.set(LSQ_LEDGER=str(shop.path("other.sqlite")))
            assert invoke(["ledger", "init"]) == 0
            flags = ("--manifest", "elsewhere.bin")
    for _ in range(2):
        assert codes(shop, *flags) == ["ambiguous-number", ""]
    assert accounting.keys == ["A-2"]


def test_a_text_that_is_one_number_is_sent(shop: Shop, accounting: Account):
    """The same cell of a CSV file is 1234, in a `rerun` and in the `rerun` of its results, too."""
    imported(shop, "tickets.csv", as_csv, "--limit", "1")
    assert [ticket.value(AMOUNT) for ticket in accounting.tickets] == ["1234"]
    rows = shop.results("r.csv")
    assert [row["import_status"] for row in rows] == ["created", "pending"]
    assert codes(shop) == ["", ""]


def test_a_text_is_sent_by_rerun_as_by_run(shop: Shop, open_account: Open):
    """The rows that were refused go again with the number that `run` has sent, once and twice."""
    account = open_account([{"match": {KEY_FIELD: "A-1"}, "fault": "refused-200", "times": 2}])
    shop.path("mapping.yaml").write_text(MAPPING, "utf-8")
    imported(shop, "tickets.csv", as_csv)
    assert codes(shop) == ["refused", ""]
    assert codes(shop) == ["", ""]
    assert [ticket.value(AMOUNT) for ticket in account.tickets] == ["2345.5", "1234"]


def test_a_workbook_saved_as_csv_is_not_the_original_manifest(shop: Shop, accounting: Account):
    """It has the same keys, and its texts may be the numbers of the workbook: the ledger knows that another file was read."""
    imported(shop, "tickets.xlsx", as_workbook)
    as_csv(shop.path("saved.csv"))
    assert codes(shop, "--manifest", "saved.csv") == ["ambiguous-number", ""]
    shop.path("tickets.xlsx").unlink()
    assert codes(shop, "--manifest", "saved.csv") == ["ambiguous-number", ""]
    assert accounting.keys == ["A-2"]


def test_results_that_a_spreadsheet_saved_may_store_numbers(shop: Shop, open_account: Open):
    """A workbook of results may hold a number where the manifest had a text, so 1.234 is not sent from it."""
    account = open_account([{"match": {KEY_FIELD: "A-1"}, "fault": "refused-200", "times": 1}])
    shop.path("mapping.yaml").write_text(MAPPING, "utf-8")
    as_csv(shop.path("tickets.csv"))
    assert shop.do("run", "tickets.csv", "-m", "mapping.yaml", "-o", "r.xlsx").code == 1
    save_workbook(shop.path("r.xlsx"), read(shop.path("r.xlsx")), numbers=True)
    done = shop.do("rerun", "r.xlsx", "-m", "mapping.yaml", "-o", "again.csv")
    assert done.code == 1, done.err
    assert [row["import_error_code"] for row in shop.results("again.csv")] == ["ambiguous-number", ""]
    assert account.keys == ["A-2"]


def test_attachments_are_those_of_the_manifests_folder_although_the_manifest_has_changed(
    shop: Shop, open_account: Open
):
    """The results lie elsewhere, beside a file of the same name; the next export has replaced the manifest."""
    account = open_account([{"match": {KEY_FIELD: "A-1"}, "fault": "refused-200", "times": 1}])
    shop.path("mapping.yaml").write_text(MAPPING + "attachments: {columns: [Files]}\n", "utf-8")
    for folder, text in (("in", "the right file"), ("out", "another file")):
        shop.path(folder).mkdir()
        shop.path(folder).joinpath("a.txt").write_text(text)
    header = ";".join((*HEADER, "Files"))
    manifest = shop.path("in").joinpath("tickets.csv")
    manifest.write_text(f"{header}\nA-1;A title;a@example.com;1;a.txt\n", "utf-8")
    assert shop.do("run", str(manifest), "-m", "mapping.yaml", "-o", "out/r.csv").code == 1
    manifest.write_text(f"{header}\nB-1;A title;b@example.com;1;\n", "utf-8")
    done = shop.do("rerun", "out/r.csv", "-m", "mapping.yaml")
    assert done.code == 0, done.err
    (ticket,) = account.tickets
    assert [file.size for file in ticket.files] == [len("the right file")]
