"""The screen of a terminal, and the log elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from importer.models import Rate, Status
from importer.reports import summary_lines
from importer.reports.summary import Summary
from tests.cli.shop import Account, Shop, ended, good_row
from tests.cli.terminal import Terminal

Open = Callable[..., Account]
RUN = ("run", "tickets.csv", "-m", "mapping.yaml")
QUESTION = "Send 30 tickets to"


def test_the_plan_is_shown_and_a_yes_sends(shop: Shop, account: Account):
    """On a terminal the plan stands there without log prefixes, then the question; a yes sends, and a bar ends full."""
    shop.manifest(30)
    with Terminal(*RUN) as terminal:
        terminal.until(QUESTION)
        assert account.calls == 0
        terminal.type("y\n")
        assert terminal.end() == 0
        seen = terminal.seen
    for line in (
        "account      ",
        "manifest     tickets.csv (CSV, UTF-8, comma-separated)",
        "rows         30",
        "to send      30 tickets",
        "duration     a few seconds: 30 calls at 1,000 per 1 s",
    ):
        assert f"\n{line}" in f"\n{seen}"
    assert re.search(r"100%\|█+\| 30/30, done, 30 created, 0 failed, 0 unknown", seen), seen
    assert re.search(r"^rows +30 created\r?$", seen, re.MULTILINE)
    assert "calls        30 in " in seen
    assert len(account.tickets) == 30


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("\n", 1), ("\x03", 130), ("\x04", 1)], ids=repr)
def test_only_a_yes_sends(shop: Shop, account: Account, answer: str, code: int):
    """No, Enter, Ctrl-C and Ctrl-D at the question end the run before the first call, without a traceback."""
    shop.manifest(30)
    with Terminal(*RUN) as terminal:
        terminal.until(QUESTION)
        terminal.type(answer)
        assert terminal.end() == code
        assert "Traceback" not in terminal.seen
    assert account.calls == 0
    assert not shop.path("tickets.results.csv").exists()
    assert shop.run().code == 0


def test_quiet_shows_the_plan_before_a_question(shop: Shop, account: Account):
    """With -q a user who is asked still sees the plan."""
    shop.manifest(30)
    with Terminal(*RUN, "-q") as terminal:
        terminal.until(QUESTION)
        assert "to send      30 tickets" in terminal.seen


def test_the_user_is_asked_to_create_a_missing_ledger(shop: Shop, account: Account):
    """On a terminal, a first run asks whether to make the ledger; a no sends nothing."""
    shop.manifest(30)
    shop.path("ledger.sqlite").unlink()
    with Terminal(*RUN) as terminal:
        terminal.until("No ledger found at")
        terminal.type("n\n")
        assert terminal.end() == 2
    assert not shop.path("ledger.sqlite").exists()
    with Terminal(*RUN) as terminal:
        terminal.until("No ledger found at")
        terminal.type("y\n")
        terminal.until(QUESTION)
        terminal.type("y\n")
        assert terminal.end() == 0
    assert len(account.tickets) == 30


@pytest.mark.parametrize("columns", [80, 120])
def test_the_bar_shows_time_counts_and_rate(shop: Shop, open_account: Open, columns: int):
    """The bar shows the time left, the counts, and the rate against the limit, also on 80 columns."""
    account = open_account(rate=Rate(4, 0.5))
    shop.manifest(30)
    shop.set(LSQ_RATE="4/0.5")
    with Terminal(*RUN, "--yes", columns=columns) as terminal:
        terminal.until(" of 4 per 0.5 s")
        terminal.type("\x03")
        assert terminal.end() == 130
        seen = terminal.seen.replace("^C", "")  # the keyboard's echo
    lines = re.findall(r" +\d+%\|[^\r\n]*", seen)
    assert any(
        re.search(r"\d+/30, \d+ s left, \d+ created, 0 failed, 0 unknown, \d\.\d of 4 per 0.5 s", line)
        for line in lines
    )
    assert max(map(len, lines)) <= columns
    made = len(account.tickets)
    assert shop.statuses() == {"created": made, "pending": 30 - made}
    assert "stopped: interrupted by SIGINT" in seen


@pytest.mark.parametrize("no_color", ["", "1"])
def test_only_a_terminal_without_no_color_shows_colors(shop: Shop, account: Account, no_color: str):
    """The plan and the summary are coloured on a terminal, unless NO_COLOR is set; a log file never is."""
    shop.manifest(3)
    shop.set(NO_COLOR=no_color)
    with Terminal(*RUN, "--yes", "--log-file", "run.log") as terminal:
        assert terminal.end() == 0
        assert ("\x1b[32m3 created" in terminal.raw) == (not no_color)
        assert ("\x1b[1mto send" in terminal.raw) == (not no_color)
    assert "INFO to send: 3 tickets\n" in shop.path("run.log").read_text(encoding="utf-8")
    assert "\x1b" not in shop.path("run.log").read_text(encoding="utf-8")


def test_a_table_of_fields_fits_a_narrow_terminal(shop: Shop, account: Account):
    """No line is broken in a word: the values are in a line of their own; a warning is marked as one."""
    shop.path(".env").write_text("LSQ_ACCESS_KEY=hush\n", encoding="utf-8")
    shop.path(".env").chmod(0o644)
    with Terminal("fields", columns=80) as terminal:
        assert terminal.end() == 0
        lines = terminal.seen.splitlines()
    assert max(map(len, lines)) <= 80
    assert (
        lines[lines.index("Priority             Priority                 Select") + 1]
        == "    Low, Medium, High, Urgent"
    )
    assert lines[0].startswith("warning: .env holds a key")


def test_the_use_of_the_rate_limit_is_logged_only_with_verbose(shop: Shop, account: Account):
    """The plan and the summary show no margin and no slots; the debug log has the use of the limit."""
    shop.manifest(3)
    plain = shop.run()
    assert "margin" not in plain.out + plain.err
    assert "rate limit" not in plain.out + plain.err
    shop.manifest(5)
    verbose = shop.run("-v")
    assert "DEBUG rate limit: 1,000 per 1 s" in verbose.err
    assert "rate limit" not in verbose.out


def test_json_is_one_object_on_standard_output(shop: Shop, open_account: Open):
    """--json: standard output is one object whose numbers are those of the results; all else is on standard error."""
    open_account([{"calls": 2, "fault": "400"}])
    shop.manifest(4)
    outcome = shop.run("--json")
    assert outcome.out.count("\n") == 1
    summary = outcome.summary
    assert (summary["rows"], summary["created"], summary["failed"], summary["calls"]) == (4, 3, 1, 4)
    assert (summary["exit_code"], outcome.code, summary["stopped"]) == (1, 1, None)
    assert summary["results"] == "tickets.results.csv"
    assert "to send: 4 tickets" in outcome.err


def test_json_says_why_a_run_stopped(shop: Shop, account: Account):
    """A run that stopped early says so in the object, too; quietly, with errors alone on standard error."""
    shop.manifest(4)
    shop.set(LSQ_ACCESS_KEY="wrong")
    outcome = shop.run("--json", "-q")
    assert (outcome.code, outcome.summary["exit_code"]) == (3, 3)
    assert "refuses the keys" in outcome.summary["stopped"]
    assert outcome.err.startswith("stopped: ")


def test_every_log_line_is_json(shop: Shop, account: Account):
    """--log-format json: each line of standard error and of the log file is an object, errors and their hints too."""
    shop.manifest(
        [("1", "", "Open", "a@example.com"), ("2", "b", "Nope", "b@example.com"), ("3", "c", "Open", "c@example.com")]
    )
    flags = ("--log-format", "json", "--log-file", "run.log")
    shop.set(LSQ_ACCESS_KEY="wrong")
    outcomes = [
        shop.run("--skip-invalid", *flags),
        shop.do("run", "nope.csv", "-m", "mapping.yaml", *flags),
    ]
    lines = [line for each in outcomes for line in each.err.splitlines()]
    entries = [json.loads(line) for line in lines]
    assert all({"time", "level", "message"} <= entry.keys() for entry in entries)
    assert [entry["message"] for entry in entries if entry["level"] == "ERROR"][1] == "nope.csv does not exist"
    assert entries[-1]["hint"]
    messages = [entry["message"] for entry in entries]
    assert [text for text in messages if "  " in text or text != text.strip()] == [], "no layout of a screen"
    assert "rows: 3; 2 rejected because of problems" in messages
    assert shop.path("run.log").read_text(encoding="utf-8").splitlines() == lines


@pytest.mark.parametrize("flags", [("--log-format", "json", "--json"), ("--json",), ("--log-file", "run.log")])
def test_a_log_ends_with_the_summary(shop: Shop, open_account: Open, flags: tuple[str, ...]):
    """Counts, seconds, exit code and results are fields of the last entry, as of the JSON object; as text, a line."""
    open_account([{"calls": 2, "fault": "400"}])
    shop.manifest(4)
    done = shop.run("-q", *flags)
    if "json" in flags:
        last = json.loads(done.err.splitlines()[-1])
        assert last.keys() == {"time", "level", "message", *done.summary}
        assert {name: last[name] for name in done.summary} == done.summary
        assert (last["level"], last["exit_code"], last["created"], last["failed"]) == ("WARNING", 1, 3, 1)
    else:
        log = done.err if "--json" in flags else shop.path("run.log").read_text(encoding="utf-8")
        last = log.splitlines()[-1]
        text = (
            r" WARNING ended with exit code 1: 3 created, 1 failed; 4 calls in \d+ s; results in tickets.results.csv$"
        )
        assert re.search(text, last), last


def test_a_log_file_keeps_what_the_screen_loses(shop: Shop, account: Account):
    """--log-file with -q: warnings and errors with time and level; an error with its hint is one line."""
    shop.manifest(1)
    shop.do("run", "nope.csv", "-m", "mapping.yaml", "-q", "--log-file", "run.log")
    (line,) = shop.path("run.log").read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+\d{4} ERROR nope.csv does not exist; hint: .+", line)


def test_a_quiet_run_without_trouble_logs_nothing(shop: Shop, account: Account):
    """-q: a run without trouble has nothing to say on standard error."""
    shop.manifest(2)
    assert shop.run("-q").err == ""


def test_text_of_cells_and_servers_can_not_steer_the_terminal(shop: Shop, account: Account):
    """What came from a cell or a server is a line of text: it can't steer the terminal, nor fake a line of ours."""
    shop.manifest([("1\x1b[2J", "a", "\x1b]0;title\x07", "a@example.com")])
    for outcome in (shop.run(), shop.do("validate", "tickets.csv", "-m", "mapping.yaml")):
        assert outcome.code == 1
        assert "\x1b" not in outcome.out + outcome.err
    told = Summary(run="r", account="a", results=None)
    told.count([(Status.FAILED, "refused", f"no\x1b[2J\n60 created{'x' * 5000}")])
    lines = list(summary_lines(told))
    assert lines[1].startswith("             1 failed: refused: no [2J 60 created")
    assert lines[1].isprintable()
    assert len(lines[1]) < 500


def test_a_dry_run_sends_and_records_nothing(shop: Shop, account: Account):
    """--dry-run prints the requests with their secrets masked; no call, no results, and the ledger stays as it is."""
    shop.manifest(5)
    before = shop.path("ledger.sqlite").read_bytes()
    planned = shop.run("--dry-run", "--limit", "2")
    assert (planned.code, account.calls) == (0, 0)
    assert planned.out.count("POST http://127.0.0.1:") == 2
    assert planned.out.count("X-LSQ-SECRET-KEY: ********") == 2
    assert '"Value": "Ticket 1"' in planned.out
    assert shop.path("ledger.sqlite").read_bytes() == before
    assert not shop.path("tickets.results.csv").exists()
    shop.path("ledger.sqlite").unlink()
    without = shop.run("--dry-run", "--json")
    assert without.code == 0
    assert "no ledger found at" in without.summary["warnings"][0]
    assert not shop.path("ledger.sqlite").exists()


def test_a_dry_run_fails_where_the_run_would(shop: Shop, account: Account):
    """A place where the results can't be written is an error before the first import, not after the rehearsal."""
    shop.manifest(5)
    for place in ("nowhere/results.csv", "mapping.yaml", "results.txt"):
        planned, real = (shop.run("-o", place, *flags) for flags in (("--dry-run",), ()))
        assert (planned.code, planned.err) == (real.code, real.err) == (2, real.err)
    assert account.calls == 0


def test_dry_run_as_json(shop: Shop, account: Account):
    """With --json a dry run prints one object: the plan's figures, and the first requests."""
    shop.manifest([*map(good_row, range(1, 5)), ("5", "", "Open", "a@example.com")])
    planned = shop.run("--dry-run", "--json", "--skip-invalid")
    assert planned.code == planned.summary["exit_code"] == 1
    plan = planned.summary
    assert (plan["rows"], plan["to_send"], plan["rejected"], plan["skipped"]) == (5, 4, 1, 0)
    assert "X-LSQ-SECRET-KEY: ********" in plan["requests"][0]
    (kind,) = plan["kinds"]
    assert (kind["title"], kind["code"], kind["rows"]) == ("Subject: empty in row 6", "missing-value", 1)
    assert kind["yaml"].startswith("columns:\n  Subject:\n    field: Title\n")
    assert account.calls == 0
    assert shop.run("--json", "--skip-invalid").summary["kinds"] == [kind]


def test_a_process_without_a_terminal_logs(shop: Shop, account: Account):
    """Without a terminal there is no question and no bar: stamped log lines, and the summary on standard output."""
    shop.manifest(3)
    outcome = ended(shop.start(*RUN))
    assert outcome.code == 0
    assert "█" not in outcome.err
    assert all(re.match(r"\d{4}-\d\d-\d\dT[0-9:]+\+\d{4} [A-Z]+ ", line) for line in outcome.err.splitlines())
    assert outcome.out.startswith("rows         3 created\ncalls        3 in ")
