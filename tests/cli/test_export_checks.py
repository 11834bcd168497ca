"""`run` stops before its first call if an export differs too much from earlier exports, and only then."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing

import pytest

from tests.cli.shop import KEY_FIELD, Account, Ended, Shop, next_command

Open = Callable[..., Account]
Row = tuple[str, str, str, str]
ROWS = 20


def row(key: str, number: int | str, title: str = "") -> Row:
    """Return a row whose title and lead follow from a number, whatever its key is."""
    return (key, title or f"Ticket {number}", "Open", f"lead{number}@example.com")


def rows(numbers: Iterable[int], key: str = "{:04}") -> list[Row]:
    return [row(key.format(number), number) for number in numbers]


class Nights:
    """Exports that are imported one after the other."""

    def __init__(self, shop: Shop, account: Account) -> None:
        self.shop = shop
        self.account = account

    def night(self, records: list[Row], *flags: str, name: str = "tickets.csv") -> Ended:
        """Import an export without a question; return the JSON summary."""
        self.shop.manifest(records, name)
        return self.shop.do("run", name, "-m", "mapping.yaml", "--json", *flags)

    def sent(self, records: list[Row], *flags: str, name: str = "tickets.csv") -> Ended:
        """Import an ordinary export: all new rows become tickets."""
        before = self.account.calls
        done = self.night(records, *flags, name=name)
        assert (done.code, done.summary["stopped_by"]) == (0, None), done.err
        assert self.account.calls - before == done.summary["created"]
        return done

    def stopped(self, records: list[Row], *flags: str, by: str, name: str = "tickets.csv") -> Ended:
        """Import a wrong export: nothing is sent, the results have every row, and the hint names the flag."""
        before = self.account.calls
        planned = self.planned(records, *flags, name=name)
        assert (planned.code, planned.summary["stopped_by"]) == (1, by), planned.err
        done = self.night(records, *flags, name=name)
        assert (done.code, done.summary["stopped_by"]) == (1, by), done.err
        assert self.account.calls == before
        assert done.summary["rows"] == len(records)
        assert done.summary["stopped"].startswith("nothing was sent: ")
        assert done.summary["go_on_with"].split()[0] in done.err
        assert "hint: " in done.err
        return done

    def planned(self, records: list[Row], *flags: str, name: str = "tickets.csv") -> Ended:
        """Return the plan of a run."""
        return self.night(records, "--dry-run", *flags, name=name)


@pytest.fixture
def nights(shop: Shop, account: Account) -> Nights:
    """An account and a ledger without tickets."""
    return Nights(shop, account)


def counts(done: Ended) -> tuple[int, ...]:
    return tuple(done.summary[name] for name in ("new", "known", "changed", "gone"))


# -- ordinary nights


def test_the_first_import_is_never_stopped(nights: Nights):
    """All rows are new, and there is nothing to compare them with."""
    assert counts(nights.sent(rows(range(ROWS)))) == (ROWS, 0, 0, 0)


def test_the_same_file_again_is_never_stopped_or_recorded(nights: Nights):
    """After a trial, after a rerun, and twice more; new rows of the next night are not compared with a known file."""
    nights.sent(rows(range(ROWS)))
    second = rows(range(100, 130))
    assert nights.night(second, "--limit", "10").code == 1
    assert nights.shop.do("rerun", "tickets.results.csv", "-m", "mapping.yaml").code == 0
    for _ in range(2):
        assert counts(nights.sent(second)) == (0, 30, 0, ROWS)
    nights.sent(rows(range(200, 230)))
    assert len(nights.account.keys) == len(set(nights.account.keys)) == ROWS + 60


def test_new_rows_each_night_are_never_stopped(nights: Nights):
    """With increasing keys, the same or new file names, and a few known rows."""
    for night in range(4):
        nights.sent(rows(range(100 * night, 100 * night + ROWS), "{}"))
        nights.sent(rows(range(100 * night + 40, 100 * night + 60), "{}"), name=f"tickets-2026-11-{night + 10}.csv")
    nights.sent(rows([*range(300, 305), *range(500, 520)], "{}"))


def test_an_export_that_ended_early_is_not_compared_with(shop: Shop, open_account: Open):
    """Most of its rows are known when it is read again; none of the next night's are."""
    nights = Nights(shop, open_account([{"match": {KEY_FIELD: "0139"}, "fault": "401", "times": 1}]))
    nights.sent(rows(range(ROWS)))
    second = rows(range(100, 140))
    assert nights.night(second, "--concurrency", "1").code == 3
    assert counts(nights.sent(second))[1] == 39
    nights.sent(rows(range(200, 230)))


def test_a_full_export_that_grows_and_loses_a_few_is_never_stopped(nights: Nights):
    """Rows come and go, and one in ten is edited."""
    nights.sent(rows(range(20)))
    nights.sent(rows(range(1, 22)))
    edited = rows(range(2, 24))
    edited[3] = row(edited[3][0], 5, title="Another title")
    assert counts(nights.sent(edited)) == (2, 20, 1, 1)
    nights.sent(rows(range(6, 24)))


def test_a_few_rows_are_never_stopped(nights: Nights):
    """A single edited row may be the whole export."""
    nights.sent([row("1", 1), row("2", 2)])
    for number in range(3):
        nights.sent([row("1", 1, title=f"Edited {number}")])
    nights.sent([row("3", 3)])


def test_similar_keys_are_new_if_the_known_key_is_there_too(nights: Nights):
    """`100` and `0100` are two rows of one export."""
    nights.sent(rows(range(100, 120), "{}"))
    nights.sent(rows(range(100, 120), "{}") + rows(range(100, 120), "{:04}"))
    nights.sent(rows(range(200, 240), "{}"), name="other.csv")
    spellings = [each for key in ("{}", "{:04}", "{:05}") for each in rows(range(100, 120), key)]
    nights.sent(spellings, name="again.csv")


def test_increasing_numbers_are_not_similar_keys(nights: Nights):
    """Tickets of another queue have their own prefix, and numbers that are known."""
    nights.sent(rows(range(901, 950), "HD-{}"))
    nights.sent(rows(range(951, 1100), "HD-{}"))
    nights.sent(rows(range(901, 1000), "IT-{}"))


def test_the_sandbox_is_never_stopped(nights: Nights):
    """Its ledger is empty each time."""
    nights.sent(rows(range(ROWS)))
    nights.shop.manifest(rows(range(ROWS), "HD-{}"))
    assert nights.shop.run("--sandbox", "--json").code == 0


# -- accidents: keys


CHANGED = {
    "blanks": ("{:04}", "{:04}  ", "blanks around the keys"),
    "upper case": ("hd-{}", "HD-{}", "upper and lower case"),
    "zeros": ("{:04}", "{}", "leading zeros were lost"),
    "decimals": ("{}", "{}.0", "whole numbers became decimal ones"),
    "a prefix more": ("{}", "HD-{}", "the prefix 'hd-' was added"),
    "a prefix less": ("HD-{:04}", "{:04}", "the prefix 'hd-' is missing"),
}


@pytest.mark.parametrize(("was", "is_now", "difference"), CHANGED.values(), ids=CHANGED)
def test_changed_keys_stop_a_run(nights: Nights, was: str, is_now: str, difference: str):
    """On the second night and the third, for any file name: every row would be created again."""
    name = "tickets-2026-11-28.csv" if "prefix" in difference else "tickets.csv"
    nights.sent(rows(range(1, 1 + ROWS), was))
    for _ in range(2):
        done = nights.stopped(rows(range(1, 1 + ROWS), is_now), by="keys-changed", name=name)
        assert difference in done.err
        assert f"{is_now.format(1)!r} was {was.format(1)!r}" in done.err
        assert counts(done)[:2] == (ROWS, 0)
    nights.sent(rows(range(1, 1 + ROWS), is_now), "--expect-new", name=name)
    nights.sent(rows(range(1, 1 + ROWS), is_now), name=name)


def test_changed_keys_beside_a_few_new_ones_stop_a_run(nights: Nights):
    """More than half of at least ten unknown keys are known in another spelling; half or nine are not enough."""
    nights.sent(rows(range(1, 1 + ROWS), "{:04}"))
    nights.stopped(rows([*range(1, 12), *range(100, 110)], "{}"), by="keys-changed")
    nights.sent(rows([*range(1, 11), *range(100, 110)], "{}"), name="half.csv")
    nights.sent(rows(range(12, 21), "{}"), name="nine.csv")


def test_changed_keys_of_several_columns_stop_a_run(nights: Nights):
    """Each part of the key is compared."""
    mapping = nights.shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8").replace("key: ID", "key: [ID, State]"), "utf-8")
    nights.sent(rows(range(1, 1 + ROWS), "{:04}"))
    nights.stopped(rows(range(1, 1 + ROWS), "{}"), by="keys-changed")
    nights.stopped(rows(range(1, 1 + ROWS), "HD-{}"), by="keys-changed")


def test_keys_that_were_known_and_are_not_stop_a_run(nights: Nights):
    """The export has numbered its rows anew: the keys look normal, but nearly all were known last time."""
    nights.sent(rows(range(ROWS)))
    nights.sent(rows(range(ROWS + 1)))
    done = nights.stopped(rows(range(ROWS + 1), "{}-x-2026"), by="keys-changed")
    assert "0% of the keys are known, and 95% of the last export's were" in done.err
    nights.sent(rows(range(ROWS + 1), "{}-x-2026"), "--expect-new")


def test_another_key_column_for_the_same_file_stops_a_run(nights: Nights):
    """The mapping names another column as the key: every row looks new."""
    nights.sent(rows(range(ROWS)))
    mapping = nights.shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8").replace("key: ID", "key: Email"), "utf-8")
    done = nights.stopped(rows(range(ROWS)), by="keys-changed")
    assert "the mapping names another key column" in done.err


def test_a_stopped_export_is_not_compared_with(nights: Nights):
    """Its rows are pending, so their keys are not known, and the third night is stopped, too."""
    nights.sent(rows(range(1, 1 + ROWS), "{:04}"))
    for form in ("{}", "HD-{}", "{:05}", "{}"):
        nights.stopped(rows(range(1, 1 + ROWS), form), by="keys-changed")
    assert len(nights.account.keys) == ROWS


# -- accidents: rows


def test_rows_with_other_keys_stop_a_run(nights: Nights):
    """One column was sorted alone: known keys have other titles and leads."""
    nights.sent(rows(range(ROWS)))
    turned = [row(f"{number:04}", ROWS - number) for number in range(ROWS)]
    done = nights.stopped(turned, by="renumbered")
    assert counts(done) == (0, ROWS, ROWS - 1, 0)
    assert done.summary["go_on_with"] == "--max-changed 95%"
    nights.stopped(turned, "--max-changed", "94%", by="renumbered")
    nights.sent(turned, "--max-changed", "95%")
    nights.sent(turned)


def test_other_fields_do_not_count_as_changed(nights: Nights):
    """The states change each night."""
    nights.sent(rows(range(ROWS)))
    closed = [(key, title, "Closed", lead) for key, title, _, lead in rows(range(ROWS))]
    assert counts(nights.sent(closed)) == (0, ROWS, 0, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{field: LeadDetail.EmailAddress, type: email}", "{field: LeadDetail.Phone, type: phone, region: DE}"),
        ("{field: LeadDetail.EmailAddress, type: email}", "{field: LeadId, type: guid}"),
        (
            "  Subject: {field: Title, required: true}",
            "  Subject: {field: Title, max_length: 5, on_too_long: truncate}",
        ),
        ("  Subject: {field: Title, required: true}", "templates: {Title: '{Subject} ({ID})'}\ncolumns:"),
    ],
    ids=["phone", "LeadId", "cut", "template"],
)
def test_converted_cells_do_not_count_as_changed(nights: Nights, old: str, new: str):
    """Titles and leads are compared as they were sent."""
    mapping = nights.shop.path("mapping.yaml")
    text = mapping.read_text("utf-8").replace(old, new)
    if "templates" in new:
        text = text.replace("columns:\n  ID", "columns:\n  ID", 1).replace(f"{new}\n", "") + new.removesuffix(
            "\ncolumns:"
        )
    mapping.write_text(text, "utf-8")
    lead = (lambda n: f"030 12345{n:02}") if "Phone" in new else (lambda n: f"5AF882CC-0000-4000-8000-0000000000{n:02}")
    if "Lead" not in new:
        lead = lambda n: f"Lead{n}@Example.com"  # noqa: E731
    records = [(f"{n:04}", f" Ticket {n}", "Open", lead(n)) for n in range(ROWS)]
    nights.sent(records)
    assert counts(nights.planned([*records, (f"{ROWS:04}", "x", "Open", lead(ROWS))])) == (1, ROWS, 0, 0)
    turned = [(key, title, state, lead(ROWS - n)) for n, (key, title, state, _) in enumerate(records)]
    assert counts(nights.planned(turned)) == (0, ROWS, ROWS - 1, 0)


def test_another_title_of_the_mapping_stops_a_run(nights: Nights):
    """Both possible reasons are named."""
    nights.sent(rows(range(ROWS)))
    mapping = nights.shop.path("mapping.yaml")
    mapping.write_text(mapping.read_text("utf-8").replace("  Subject: {field: Title, required: true}", "  Subject: CustomData.Subject") + 'templates: {Title: "Old: {Subject}"}\n', "utf-8")  # fmt: skip
    done = nights.stopped(rows(range(ROWS + 1)), by="renumbered")
    assert "gave its keys to other rows, or the mapping builds titles and leads differently" in done.err


def test_a_cut_export_stops_a_run(nights: Nights):
    """Three nights had all rows; the fourth has fewer than half."""
    for night in range(3):
        nights.sent(rows(range(ROWS + night)))
    done = nights.stopped(rows(range(10)), by="shrunk")
    assert counts(done) == (0, 10, 0, 12)
    assert done.summary["go_on_with"] == "--max-gone 55%"
    nights.sent(rows(range(11)))
    nights.sent(rows(range(4)), "--max-gone", "70%")
    nights.sent(rows(range(4)))


def test_too_few_rows_stop_a_run(nights: Nights):
    """Also on the first night, and with --yes."""
    done = nights.stopped(rows(range(9)), "--min-rows", "10", "--yes", by="min-rows")
    assert done.summary["go_on_with"] == "--min-rows 9"
    nights.sent(rows(range(10)), "--min-rows", "10")


def test_all_reasons_are_shown_at_once(nights: Nights):
    """The command in the hint has all flags."""
    nights.sent(rows(range(1, 1 + ROWS), "{:04}"))
    nights.shop.manifest(rows(range(1, 1 + ROWS), "{}"))
    done = nights.shop.run("--min-rows", "100")
    assert done.code == 1
    assert "nothing was sent: the keys look changed" in done.err
    assert "also: the export has 20 rows, fewer than --min-rows 100" in done.err
    command = next_command(done.out)
    assert command[-3:] == ["--expect-new", "--min-rows", "20"]
    assert nights.shop.do(*command, "--json").summary["created"] == ROWS


def test_undone_tickets_count_as_known(nights: Nights):
    """Their keys in another spelling are changed keys."""
    nights.sent(rows(range(1, 1 + ROWS), "{:04}"))
    with closing(sqlite3.connect(nights.shop.path("ledger.sqlite"))) as db, db:
        db.execute("update tickets set state = 'undone'")
    assert counts(nights.planned(rows(range(1, 1 + ROWS), "{:04}"))) == (0, ROWS, 0, 0)
    nights.stopped(rows(range(1, 1 + ROWS), "{}"), by="keys-changed")


def test_the_log_counts_keys(nights: Nights):
    """A line of the plan, and of the log."""
    nights.shop.manifest(rows(range(ROWS)))
    done = nights.shop.run("--log-format", "json")
    assert any(json.loads(line)["message"] == "compared: with earlier imports: 20 new, 0 known, 0 changed, 0 gone" for line in done.err.splitlines())  # fmt: skip


def test_rerun_has_no_export_checks(shop: Shop):
    """The user has looked at its rows."""
    for flag in (["--expect-new"], ["--max-changed", "50%"], ["--max-gone", "50%"], ["--min-rows", "1"]):
        assert shop.rerun(*flag).code == 2
