"""Refusals of one row and of the account, in several runs with one ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.cli.shop import KEY_FIELD, Account, Shop, good_row

Open = Callable[..., Account]
MX = "MXMandatoryAttributeMissingException"


def blocked(fault: str, *keys: int) -> list[dict[str, object]]:
    return [{"match": {KEY_FIELD: f"{key:05}"}, "fault": fault} for key in keys]


def always(fault: str) -> list[dict[str, object]]:
    return [{"every": 1, "fault": fault}]


def codes(shop: Shop) -> Counter[tuple[str, str]]:
    return Counter((row["import_status"], row["import_error_code"]) for row in shop.results())


@pytest.mark.parametrize(
    ("fault", "ends"),
    [("403", ("failed", "refused")), ("404", ("failed", "refused")), ("302", ("unknown", "unclear-answer")),
     ("not-json", ("unknown", "unclear-answer")), ("500-mx", ("unknown", "application-error"))],
)  # fmt: skip
def test_one_refused_row_stops_no_run(shop: Shop, open_account: Open, fault: str, ends: tuple[str, str]):
    """All other rows become tickets each night; the blocked row has the server's reason."""
    account = open_account(blocked(fault, 5))
    for night, rows in enumerate((20, 20, 30), start=1):
        shop.manifest(rows)
        done = shop.run()
        assert done.code == 1, done.err
        assert shop.statuses()[ends[0]] == 1
        assert shop.statuses()["created"] + shop.statuses()["skipped"] == rows - 1
        row = shop.results()[4]
        if night != 2 or ends[0] == "unknown":
            assert (row["import_status"], row["import_error_code"]) == ends
    assert sorted(account.keys) == [f"{key:05}" for key in range(1, 31) if key != 5]


@pytest.mark.parametrize("fault", ["403", "404", "302", "not-json", "500-mx"])
def test_a_single_refused_row_stops_no_run(shop: Shop, open_account: Open, fault: str):
    """If the ledger has a ticket: exit 1, and later rows are sent before it."""
    account = open_account(blocked(fault, 4))
    shop.manifest(3)
    assert shop.run().code == 0
    shop.manifest([good_row(4)])
    alone = shop.run()
    assert alone.code == 1, alone.err
    assert "stopped" not in alone.err
    state = "unknown" if fault in ("not-json", "500-mx") else "pending"
    assert shop.statuses() == {state: 1}
    shop.manifest([good_row(number) for number in range(4, 10)])
    assert shop.run().code == 1
    assert shop.statuses()["created"] == 5
    if state == "pending":
        assert account.sandbox.calls[-1].fault == fault  # it was the last to go
        assert shop.results()[0]["import_status"] == ("failed" if fault in ("403", "404") else "unknown")


@pytest.mark.parametrize("fault", ["403", "404"])
def test_rows_before_the_first_ticket_are_settled_by_it(shop: Shop, open_account: Open, fault: str):
    """After two refused rows the third succeeds, which shows that the account works; the two have failed."""
    account = open_account(blocked(fault, 4, 5))
    shop.manifest(3)
    assert shop.run().code == 0
    shop.manifest([good_row(number) for number in range(4, 10)])
    done = shop.run("--json")
    assert (done.code, account.calls) == (1, 9)
    assert codes(shop) == {("failed", "refused"): 2, ("created", ""): 4}
    assert [row["import_attempts"] for row in shop.results()] == ["1"] * 6
    part = Counter(shop.statuses())
    assert part["failed"] == done.summary["failed"] == 2


@pytest.mark.parametrize("fault", ["403", "404", "302"])
def test_a_row_that_stopped_a_run_is_not_sent_first_again(shop: Shop, open_account: Open, fault: str):
    """A refused first row stops only the first run of a new ledger."""
    open_account(blocked(fault, 1))
    shop.manifest(5)
    assert shop.run().code == 3
    again = shop.run()
    assert again.code == 1, again.err
    assert shop.statuses() == {"created": 4, "unknown" if fault == "302" else "failed": 1}


@pytest.mark.parametrize(
    ("fault", "first", "code"),
    [("401", "pending", "keys-refused"), ("403", "pending", "keys-refused"), ("404", "pending", "wrong-url"),
     ("302", "pending", "wrong-url"), ("not-json", "unknown", "unclear-answer"),
     ("500-mx", "unknown", "application-error")],
)  # fmt: skip
def test_a_refusal_by_an_unknown_account_stops_after_one_call(
    shop: Shop, open_account: Open, fault: str, first: str, code: str
):
    """The ledger has no ticket of the account."""
    account = open_account(always(fault))
    shop.manifest(30)
    done = shop.run()
    assert (done.code, account.calls) == (3, 1)
    assert "stopped: " in done.err
    assert "hint: " in done.err
    assert codes(shop)[(first, code)] == 1
    assert shop.statuses()["pending"] == 30 - (first == "unknown")


@pytest.mark.parametrize(
    ("fault", "state"),
    [("403", "pending"), ("404", "pending"), ("302", "pending"), ("not-json", "unknown"), ("500-mx", "unknown")],
)
def test_refusals_by_a_known_account_stop_after_three_calls(shop: Shop, open_account: Open, fault: str, state: str):
    """The ledger has tickets of it: three rows are tried one by one, whatever --concurrency says."""
    account = open_account([{"calls": "6-1000", "fault": fault}])
    shop.manifest(5)
    assert shop.run().code == 0
    shop.manifest(40)
    for night in (1, 2):
        done = shop.run("--concurrency", "20")
        assert (done.code, account.calls) == (3, 5 + 3 * night), done.err
        assert "3 times in a row" in done.err
        unknown = 3 * night if state == "unknown" else 0
        assert shop.statuses() == Counter({"skipped": 5, "pending": 35 - unknown, "unknown": unknown}) + Counter()


def test_refused_keys_stop_any_run(shop: Shop, open_account: Open):
    """A 401 is never about its row."""
    open_account([{"calls": "6-1000", "fault": "401"}])
    shop.manifest(20)
    done = shop.run("--concurrency", "1")
    assert done.code == 3
    assert shop.statuses() == {"created": 5, "pending": 15}


@pytest.mark.parametrize("fault", ["403", "302", "500-mx"])
def test_refusals_after_a_ticket_count_for_max_failures(shop: Shop, open_account: Open, fault: str):
    """As when a key is withdrawn, or all rows lack a field."""
    account = open_account([{"calls": "6-1000", "fault": fault}])
    shop.manifest(100)
    done = shop.run("--max-failures", "4", "--concurrency", "1")
    assert (done.code, account.calls) == (3, 9)
    assert "too many failures" in done.err
    assert shop.statuses()["pending"] == 91


def test_an_error_of_the_application_is_no_outage(shop: Shop, open_account: Open):
    """Thirty rows that lack a mandatory field are unknown, the rest are tickets, and sending does not pause."""
    lacking = [key for key in range(2, 62) if key % 2]
    account = open_account(blocked("500-mx", *lacking))
    shop.manifest(61)
    done = shop.run("--concurrency", "1", "--retry-status", "500")
    assert (done.code, account.calls) == (1, 61)
    assert codes(shop) == {("created", ""): 31, ("unknown", "application-error"): 30}
    assert "pauses" not in done.err
    assert MX in shop.results()[2]["import_error"]
    assert "--refusals" in shop.results()[2]["import_hint"]


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_named_types_of_errors_are_refusals(shop: Shop, open_account: Open, how: str):
    """Such rows are failed, also with a new ledger, and `rerun` sends them again."""
    account = open_account([{"calls": "1-30", "fault": "500-mx"}])
    shop.manifest(30)
    flags = ["--refusals", f"MXOther,{MX}"] if how == "flag" else []
    if how == "variable":
        shop.set(LSQ_REFUSALS=f" {MX} ,MXOther")
    done = shop.run("--max-failures", "100", *flags)
    assert (done.code, account.calls) == (1, 30)
    assert codes(shop) == {("failed", "refused"): 30}
    assert shop.rerun(*flags).code == 0
    assert len(account.keys) == 30


def test_other_types_stay_unknown(shop: Shop, open_account: Open):
    """Types are compared as a whole, and the flag replaces the environment's list."""
    open_account(blocked("500-mx", 2))
    shop.set(LSQ_REFUSALS=MX)
    shop.manifest(3)
    assert shop.run("--refusals", MX[:-1]).code == 1
    assert shop.statuses() == {"created": 2, "unknown": 1}


@pytest.mark.parametrize("text", ["NullReferenceException", "MX", "MXOne,,MXTwo", "500", "MXOne MXTwo"])
def test_invalid_types_of_refusals_are_usage_errors(shop: Shop, account: Account, text: str):
    """They are refused before anything is sent."""
    shop.manifest(1)
    for refused in (shop.run("--refusals", text), _with_variable(shop, text)):
        assert refused.code == 2
        assert "begins with MX" in refused.err
    assert account.calls == 0


def _with_variable(shop: Shop, text: str):
    shop.set(LSQ_REFUSALS=text)
    return shop.run()


@pytest.mark.parametrize("fault", ["cached-answer", "repeated-number"])
def test_answers_of_a_cache_stop_the_run(shop: Shop, open_account: Open, fault: str):
    """Three in a row stop the run, and the hint names gateways and caches."""
    account = open_account([{"calls": "2-1000", "fault": fault}])
    shop.manifest(30)
    done = shop.run("--concurrency", "1")
    assert (done.code, account.calls) == (3, 4), done.err
    assert codes(shop) == {("created", ""): 1, ("unknown", "number-twice"): 3, ("pending", "not-reached"): 26}
    assert "gateway, proxy or cache" in done.err
    error = shop.results()[1]["import_error"]
    assert "row 2 (key '00001', source 'shop')" in error
    assert "row 3 (key '00002', source 'shop')" in error


def test_a_single_answer_of_a_cache_makes_its_row_unknown(shop: Shop, open_account: Open):
    """Between correct answers the run continues; the row is not `created`."""
    account = open_account([{"every": 4, "fault": "cached-answer"}])
    shop.manifest(40)
    assert shop.run().code == 1
    made = set(account.keys)
    assert {row["ID"] for row in shop.results() if row["import_status"] == "created"} == made
    assert codes(shop) == {("created", ""): 30, ("unknown", "number-twice"): 10}


def test_a_sandbox_gives_no_ticket_number_twice(shop: Shop):
    """A rerun of sandbox results has a new sandbox, and the tickets of the first in its ledger."""
    shop.manifest([good_row(1), ("00002", "Ticket 2", "Nonsense", "b@example.com"), good_row(3)])
    assert shop.run("--sandbox", "--skip-invalid").code == 1
    results = shop.path("tickets.sandbox.results.csv")
    text = results.read_text(encoding="utf-8-sig").replace("Nonsense", "Open")
    results.write_text(text, encoding="utf-8-sig")
    done = shop.do("rerun", results.name, "-m", "mapping.yaml", "--sandbox", "--manifest", "tickets.csv")
    assert done.code == 0, done.err
    numbers = [row["import_ticket_number"] for row in shop.results(results.name)]
    assert len(set(numbers)) == 3


def test_set_refuses_the_ticket_of_another_row(shop: Shop, open_account: Open):
    """The message names that row; invalid numbers are refused, too."""
    open_account(blocked("500", 2))
    shop.manifest(3)
    assert shop.run("--concurrency", "1").code == 1
    taken = shop.results()[0]["import_ticket_number"]
    for number in (taken, f"0{taken}", "0", "abc"):
        done = shop.do("resolve", "tickets.results.csv", "--set", f"3=created:{number}")
        assert done.code == 2
        expected = (
            "already belongs to row 2 (key '00001', source 'shop')" if number == taken else "is not a ticket number"
        )
        assert expected in done.err
    assert shop.statuses() == {"created": 2, "unknown": 1}
