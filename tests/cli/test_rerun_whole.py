"""`rerun` refuses a file with missing rows or with changed `import_*` columns, with the reason, and sends nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from importer.cli import invoke
from importer.results.cell_limits import MAX_CELL
from tests.cli.shop import KEY_FIELD, Account, Shop, good_row, next_command
from tests.cli.spreadsheets import mend, read, save

Open = Callable[..., Account]
RESULTS, BOOK = "tickets.results.csv", "tickets.results.xlsx"


@pytest.fixture
def failed(shop: Shop, open_account: Open) -> Account:
    """Results of five rows; the second one failed."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "refused-200", "times": 1}])
    shop.manifest(5)
    assert shop.run().code == 1
    return account


def without(shop: Shop, *rows: int) -> None:
    """Delete rows, counted from 1 below the header."""
    save(shop.path(RESULTS), [record for at, record in enumerate(read(shop.path(RESULTS))) if at not in rows])


def refused(shop: Shop, account: Account, *flags: str) -> str:
    """Why nothing was sent and nothing was written."""
    before, calls = shop.path(RESULTS).read_bytes(), account.calls
    done = shop.rerun(*flags)
    assert (done.code, account.calls) == (2, calls), done.err
    assert shop.path(RESULTS).read_bytes() == before
    assert "hint: " in done.err
    return done.err


def test_missing_rows_are_named(shop: Shop, failed: Account):
    """The manifest tells which: wherever they stood, the last one, too."""
    without(shop, 3, 5)
    assert "rows 4, 6 are missing of those in " in refused(shop, failed)
    done = shop.rerun("--allow-missing")
    assert done.code == 0, done.err
    assert [row["import_row"] for row in shop.results()] == ["2", "3", "5"]
    assert shop.rerun("--allow-missing").code == 0, "and what is missing stays so"


def test_the_next_command_works(shop: Shop, open_account: Open):
    """The next command after a rerun with missing rows works when it is copied."""
    account = open_account([{"match": {KEY_FIELD: "00002"}, "fault": "refused-200", "times": 2}])
    shop.manifest(5)
    shop.run()
    without(shop, 5)
    again = shop.rerun("--allow-missing")
    assert again.code == 1
    assert shop.do(*next_command(again.out)).code == 0
    assert len(account.keys) == 5


def test_the_ledger_knows_how_many_rows_there_were(shop: Shop, failed: Account):
    """The manifest was rewritten by the next export; that rows are missing is seen all the same."""
    shop.manifest(1)
    without(shop, 5)
    assert "it has 4 rows, and run shop." in refused(shop, failed)
    assert "had 5" in refused(shop, failed)
    assert shop.rerun("--allow-missing").code == 0
    assert sorted(failed.keys) == [f"{number:05}" for number in range(1, 6)]


def test_the_ledger_knows_the_keys(shop: Shop, failed: Account):
    """Without the manifest, a key that lost its zeros is found out before it is sent as another row's."""
    shop.path("tickets.csv").unlink()
    mend(shop.path(RESULTS), "00002", import_key="2")
    reason = refused(shop, failed)
    assert "import_key was changed" in reason
    assert "import_row 3: '2'" in reason


def test_missing_row_numbers_cause_a_warning_without_manifest_and_ledger(shop: Shop, open_account: Open):
    """On another machine a gap may be a blank row of the manifest: it is no error, and it is not hidden."""
    open_account([{"match": {KEY_FIELD: "00002"}, "fault": "400", "times": 1}])
    shop.manifest([good_row(1), ("", "", "", ""), good_row(2), good_row(3), good_row(4)])
    shop.run()
    assert shop.rerun("--only", "rejected").code == 1, "the blank row is none that could be missing"
    shop.path("tickets.csv").unlink()
    shop.set(LSQ_LEDGER=str(shop.path("elsewhere.sqlite")))
    assert invoke(["ledger", "init"]) == 0
    without(shop, 3)
    done = shop.rerun()
    assert done.code == 0
    assert "rows 3, 5 are not in tickets.results.csv" in done.err


def test_another_manifest_is_refused(shop: Shop, failed: Account):
    """--manifest of another file, or of one with other rows, would compare what does not belong together."""
    shop.path("tickets.csv").rename(shop.path("first.csv"))
    shop.manifest([good_row(number) for number in range(11, 16)], "others.csv")
    shop.manifest(3, "shorter.csv")
    assert "others.csv is not the manifest of" in refused(shop, failed, "--manifest", "others.csv")
    assert "it has no rows 5, 6" in refused(shop, failed, "--manifest", "shorter.csv")
    assert "mapping.yaml" in refused(shop, failed, "--manifest", "mapping.yaml")
    assert "none.csv does not exist" in refused(shop, failed, "--manifest", "none.csv")
    assert shop.rerun("--manifest", "first.csv").code == 0


def test_an_edited_status_does_not_send_a_ticket_again(shop: Shop, failed: Account):
    """Setting a created row to pending would make its ticket twice where no ledger knows it."""
    mend(shop.path(RESULTS), "00001", import_status="pending")
    assert "import_status is pending, but it has an import_ticket_number" in refused(shop, failed)


def test_a_created_row_stays_created_whatever_its_cells(shop: Shop, failed: Account):
    """A note typed beside a created row makes that row too wide; its state and IDs stay to the letter."""
    before = shop.results()
    records = read(shop.path(RESULTS))
    records[1].append("call them back")
    save(shop.path(RESULTS), records)
    assert shop.rerun().code == 0
    assert shop.results()[0] == before[0]


@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_row_of_the_wrong_width_is_not_sent_uncorrected(shop: Shop, account: Account, *, with_manifest: bool):
    """The results have such a row cut or filled up, so that it looks complete: it stays rejected until it is corrected."""
    header = "ID,Subject,State,Email"
    text = f"{header}\n00001,Good,Open,1@example.com\n00002,Fire, help,Open,2@example.com,x\n00003,Short,Open\n"
    shop.path("tickets.csv").write_text(text, encoding="utf-8")
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "constants: {LeadDetail.Phone: '+4930123456'}\n", "utf-8")
    assert shop.run("--skip-invalid").code == 1
    widths = ["", "too-many-cells", "too-few-cells"]
    assert [row["import_error_code"] for row in shop.results()] == widths
    if not with_manifest:
        shop.path("tickets.csv").unlink()
    for _ in range(2):
        assert shop.rerun("--skip-invalid").code == 1
        assert [row["import_error_code"] for row in shop.results()] == widths
    records = read(shop.path(RESULTS))
    records[2][:4] = ["00002", "Fire, help", "Open", "2@example.com"]
    records[3][3] = "3@example.com"
    save(shop.path(RESULTS), records)
    done = shop.rerun(*([] if with_manifest else ["--accept-edits"]))
    assert done.code == 0, done.err
    assert sorted(account.keys) == ["00001", "00002", "00003"]


def test_a_header_in_the_middle_is_never_a_ticket(shop: Shop, account: Account):
    """Two exports put together: the second header is rejected, and stays so when the results are run again."""
    header = "ID,Subject,State,Email"
    text = f"{header}\n00001,Good,Open,1@example.com\n{header}\n00002,Fine,Open,2@example.com\n"
    shop.path("tickets.csv").write_text(text, encoding="utf-8")
    assert shop.run("--skip-invalid").code == 1
    for _ in range(2):
        assert [row["import_error_code"] for row in shop.results()] == ["", "header-again", ""]
        assert shop.rerun("--skip-invalid").code == 1
    assert sorted(account.keys) == ["00001", "00002"]


def test_attachments_lie_beside_the_manifest(shop: Shop, open_account: Open):
    """Results in another folder are run again with the files where they were."""
    account = open_account([{"match": {KEY_FIELD: "00001"}, "fault": "400", "times": 1}])
    shop.path("out").mkdir()
    shop.path("fire.txt").write_text("fire")
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "attachments: {columns: [Files]}\n", "utf-8")
    shop.path("tickets.csv").write_text("ID,Subject,State,Email,Files\n00001,A,Open,1@example.com,fire.txt\n", "utf-8")
    assert shop.run("-o", "out/results.csv").code == 1
    done = shop.do("rerun", "out/results.csv", "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert len(account.tickets[0].files) == 1


# -- a workbook's limits


def test_cells_too_long_for_a_workbook_are_refused_before_the_first_call(shop: Shop, account: Account):
    """A cell of 32,768 characters is named with its row; as CSV the same rows go."""
    mapping = shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8") + "ignore: [Notes]\n", "utf-8")
    long = "x" * (MAX_CELL + 1)
    shop.path("tickets.csv").write_text(
        f"ID,Subject,State,Email,Notes\n00001,A,Open,1@example.com,\n00002,B,Open,2@example.com,{long}\n", "utf-8"
    )
    refusal = shop.run("-o", BOOK)
    assert (refusal.code, account.calls) == (2, 0)
    assert "row 3, Notes: 32,768 characters; a cell holds at most 32,767" in refusal.err
    assert not shop.path(BOOK).exists()
    assert shop.run().code == 0
    assert shop.rerun("-o", BOOK).code == 2


def test_more_rows_than_a_workbook_holds_are_refused(shop: Shop, account: Account):
    """A million rows go as CSV only."""
    with shop.path("tickets.csv").open("w") as file:
        file.write("ID,Subject,State,Email\n")
        file.write("1,a,Open,a\n" * 1_048_576)
    refusal = shop.run("-o", BOOK)
    assert (refusal.code, account.calls) == (2, 0)
    assert "1,048,577 rows of 17 cells" in refusal.err
