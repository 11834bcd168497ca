"""Attachments that belong to no row: they are counted and named before the first call, with the likely reason."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from tests.cli.shop import MAPPING, Account, Shop

FOLDERS = "attachments: {root: attachments, folder: '{ID}'}\n"
NAMES = "attachments: {root: attachments, columns: [Files]}\n"


def write(root: Path, *names: str, content: bytes = b"12345") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def rows(shop: Shop, keys: list[str]) -> None:
    shop.manifest([(key, f"Ticket {key}", "Open", f"lead{at}@example.com") for at, key in enumerate(keys)])


def counts(shop: Shop, *arguments: str) -> dict[str, int | None]:
    """The attachments of the plan, as JSON."""
    done = shop.run("--dry-run", "--json", *arguments)
    found: dict[str, int | None] = json.loads(done.out)["attachments"]
    return found


def test_folders_without_leading_zeros_are_reported(shop: Shop, account: Account):
    """Half the keys have lost their zeros in the names of folders: the plan, `validate` and JSON say so."""
    keys = [f"{number:07}" for number in range(35_000, 35_400)]
    rows(shop, keys)
    shop.path("mapping.yaml").write_text(MAPPING + FOLDERS)
    root = shop.path("attachments")
    write(root, *(f"{key}/{name}.txt" for key in keys[:123] for name in "ab"))
    write(root, *(f"{int(key)}/a.txt" for key in keys[200:325]))
    write(
        root, *(f"{keys[0]}/sub/{number}.txt" for number in range(7)), *(f"loose{number}.txt" for number in range(30))
    )
    (root / "empty").mkdir()
    write(root, ".hidden", ".git/config")
    line = "attachments  246 files (1.2 KB) for 123 of 400 rows; 126 folders and 30 files belong to no row"
    checked = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert line in checked.out.splitlines()
    planned = shop.run("--dry-run")
    assert line in planned.out.splitlines()
    for output in (checked.err, planned.out):
        assert "no row has '0035000/sub/', '35200/', '35201/' …" in output
        assert "rows look for '0035200' and there is '35200': 125 names differ only in leading zeros" in output
    wanted = {"files": 246, "bytes": 1230, "rows": 123, "unclaimed_files": 30, "unclaimed_folders": 126}
    assert counts(shop) == wanted
    assert shop.run("--json").summary["attachments"] == wanted
    assert counts(shop) == wanted, "rows that are tickets already keep their files"
    assert account.calls == 400


@pytest.mark.parametrize(
    ("key", "folder", "reason"),
    [
        ("00123", "123", "leading zeros"),
        ("AB-00123", "AB-123", "leading zeros"),
        ("TICKET-1", "ticket-1", "upper and lower case"),
        ("A-1", "A_1", "separators"),
        ("A 1", "A1", "separators"),
        ("ﬁle", "file", "Unicode form"),
        ("AB-007", "ab_7", "more than one of zeros, case, Unicode and separators"),
    ],
)
def test_the_likely_reason_for_unclaimed_folders_is_shown(shop: Shop, key: str, folder: str, reason: str):
    """The folder that the row names and the folder on the disk differ in one respect."""
    rows(shop, [key])
    shop.path("mapping.yaml").write_text(MAPPING + FOLDERS)
    write(shop.path("attachments"), f"{folder}/a.txt")
    output = shop.do("validate", "tickets.csv", "-m", "mapping.yaml").err
    assert f"rows look for {key!r} and there is {folder!r}: 1 name differs only in {reason};" in output


def test_another_form_of_unicode_is_the_same_name(shop: Shop, account: Account):
    """A folder from a Mac is its row's, and no reason is needed."""
    rows(shop, ["Müller"])
    shop.path("mapping.yaml").write_text(MAPPING + FOLDERS)
    write(shop.path("attachments"), unicodedata.normalize("NFD", "Müller") + "/a.txt")
    assert counts(shop) == {"files": 1, "bytes": 5, "rows": 1, "unclaimed_files": 0, "unclaimed_folders": 0}
    assert account.calls == 0


def test_files_that_no_row_names_are_counted(shop: Shop):
    """Names in cells: through a link, in two rows, missing, and too large; each file that is named is a row's."""
    shop.path("mapping.yaml").write_text(MAPPING + NAMES.replace("}", ", max_file_size: 8}"))
    write(shop.path("attachments"), "a.txt", "b.txt", "in/c.txt", "in/Left.txt", "other/d.txt", "other/deep/e.txt")
    write(shop.path("attachments"), "large.txt", content=b"123456789")
    (shop.path("attachments") / "link.txt").symlink_to("b.txt")
    cells = ["a.txt; link.txt", "a.txt", "in/c.txt; in/left.txt", "large.txt", ""]
    text = "".join(f"{at},Ticket,Open,l{at}@example.com,{cell}\n" for at, cell in enumerate(cells))
    shop.path("tickets.csv").write_text(f"ID,Subject,State,Email,Files\n{text}")
    checked = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert "attachments  4 files (20 bytes) for 3 of 5 rows; 1 folder and 1 file belong to no row" in checked.out
    assert "no row has 'other/', 'in/Left.txt'\n" in checked.err
    assert "rows look for 'in/left.txt' and there is 'in/Left.txt'" in checked.err


def test_nothing_is_counted_in_the_manifests_own_folder(shop: Shop, account: Account):
    """Anything may lie there, so nothing is counted; but below the part that all rows' folders share, it is."""
    rows(shop, ["1"])
    write(shop.folder, "files/1/a.txt", "files/2/b.txt", "private/notes.txt")
    shop.path("mapping.yaml").write_text(MAPPING + "attachments: {folder: 'files/{ID}'}\n")
    assert counts(shop) == {"files": 1, "bytes": 5, "rows": 1, "unclaimed_files": 0, "unclaimed_folders": 1}
    shop.path("mapping.yaml").write_text(MAPPING + "attachments: {columns: [Files]}\n")
    shop.path("tickets.csv").write_text("ID,Subject,State,Email,Files\n1,Ticket,Open,a@example.com,files/1/a.txt\n")
    found = counts(shop)
    assert (found["files"], found["unclaimed_files"], found["unclaimed_folders"]) == (1, None, None)
    assert account.calls == 0


def test_a_missing_root_causes_a_warning(shop: Shop):
    """Nothing can be counted; a warning gives the reason."""
    rows(shop, ["1"])
    shop.path("mapping.yaml").write_text(MAPPING + FOLDERS)
    output = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert output.code == 0
    assert "can't be listed (No such file or directory)" in output.err


def test_a_mapping_without_attachments_has_no_counts(shop: Shop, account: Account):
    """A mapping without attachments has no line, and JSON has null."""
    shop.manifest(2)
    done = shop.run("--json")
    assert done.summary["attachments"] is None
    assert "belong" not in done.err
    assert account.calls == 2
