"""`validate`, `explain`, `ledger init`, `sandbox`, help, completion, and how fast the command line answers."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import click
import pytest
import yaml

from importer.cli.commands import cli, ledger
from importer.error_codes import ERROR_CODES
from importer.sandbox import Fault, FaultPlan
from tests.cli.shop import HEADER, Account, Shop, ended, good_row

BAD = [
    good_row(1),
    ("00002", "", "Nope", "b@example.com"),
    ("00003", "c", "=cmd|'/c calc'!A1", "c@example.com"),
    ("00001", "d", "Open", "d@example.com"),
]
FOUND = [
    ("3", "Subject", "missing-value"),
    ("3", "State", "not-allowed"),
    ("4", "State", "not-allowed"),
    ("5", "ID", "duplicate-key"),
]
SLOW_TO_LOAD = ("pandas", "aiohttp", "sqlalchemy", "numpy", "pydantic", "tqdm")


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_a_report_holds_every_problem(shop: Shop, ending: str):
    """`validate --report` has each problem with row, column, value and advice, in the rows' order; it needs no account."""
    shop.manifest(BAD)
    outcome = shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", f"report.{ending}")
    assert outcome.code == 1
    assert "rows         4: 3 rejected" in outcome.out
    with shop.path(f"report.{ending}").open(encoding="utf-8-sig", newline="") as file:
        problems = json.load(file) if ending == "json" else list(csv.DictReader(file))
    assert [(str(each["row"]), each["column"], each["code"]) for each in problems] == FOUND
    assert all(each["message"] and each["hint"] for each in problems)
    formula = next(each["value"] for each in problems if "cmd" in (each["value"] or ""))
    assert formula.startswith("'=" if ending == "csv" else "=")
    assert not shop.path("ledger.sqlite").exists()


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_a_report_without_problems_is_empty(shop: Shop, ending: str):
    """Good rows: exit 0, and a report that is whole and has none."""
    shop.manifest(2)
    assert shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", f"report.{ending}").code == 0
    text = shop.path(f"report.{ending}").read_text(encoding="utf-8-sig")
    assert text.strip() == ("[]" if ending == "json" else "sheet,row,column,value,code,message,hint")


@pytest.mark.parametrize("name", ["tickets.csv", "mapping.yaml", "report.xlsx", "report", "nowhere/report.csv"])
def test_a_report_replaces_no_other_file(shop: Shop, name: str):
    """The manifest, an ending that is not known, a folder that is not there: exit 2, and nothing is touched."""
    shop.manifest(2)
    before = shop.path("tickets.csv").read_bytes()
    refused = shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", name)
    assert refused.code == 2
    assert "hint: " in refused.err
    assert shop.path("tickets.csv").read_bytes() == before


def test_a_failed_check_leaves_the_former_report(shop: Shop):
    """A report appears when it is whole: a check that could not be made does not leave half of one, or none."""
    shop.path("report.csv").write_text("former", encoding="utf-8")
    assert shop.do("validate", "nope.csv", "-m", "mapping.yaml", "--report", "report.csv").code == 2
    assert shop.path("report.csv").read_text(encoding="utf-8") == "former"
    assert sorted(path.name for path in shop.folder.iterdir()) == ["mapping.yaml", "report.csv"]


def test_rows_that_are_tickets_are_not_checked_again(shop: Shop, account: Account):
    """`validate` knows what `run` would skip, and that is all it takes from the ledger."""
    shop.manifest(2)
    shop.run()
    shop.manifest([("00001", "", "Nope", ""), good_row(2), good_row(3)])
    calls = account.calls
    outcome = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert (outcome.code, account.calls) == (0, calls)
    assert "rows         3: no problems found, 2 already imported" in outcome.out


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_code_is_explained(shop: Shop, code: str):
    """`explain` gives the meaning, the cause and the advice of each code that results can have."""
    outcome = shop.do("explain", code)
    assert outcome.code == 0
    entry = ERROR_CODES[code]
    assert all(sentence in outcome.out for sentence in (entry.meaning, entry.why, entry.advice))


def test_an_unknown_code_lists_the_known(shop: Shop):
    """The exit code is 2, and the message lists all codes; it suggests a similar one."""
    outcome = shop.do("explain", "nope")
    assert outcome.code == 2
    assert all(code in outcome.err for code in ERROR_CODES)
    assert "did you mean" not in outcome.err
    assert "did you mean not-allowed" in shop.do("explain", "notallowd").err


@pytest.mark.parametrize("written", ["Not_Allowed", "`not-allowed`", "not allowed"])
def test_a_code_may_have_other_case_quotes_and_blanks(shop: Shop, written: str):
    """Letter case, quotes and blanks do not matter."""
    assert shop.do("explain", written).out == shop.do("explain", "not-allowed").out


def test_explain_alone_lists_every_code(shop: Shop):
    """Without a code there is one line for each, under the state of its rows."""
    lines = shop.do("explain").out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith(" ")] == list(ERROR_CODES)
    assert [line for line in lines if not line.startswith(" ")] == ["rejected:", "failed:", "unknown:", "pending:"]


def test_ledger_init_can_be_repeated(shop: Shop, account: Account):
    """A ledger that is there stays as it is, and the command says so."""
    shop.manifest(1)
    shop.run()
    assert "exists already" in shop.do("ledger", "init").out
    assert shop.run("--json").summary["skipped"] == 1


def test_the_help_of_the_sandbox_explains_fault_plans(shop: Shop):
    """Its rules are a valid plan, and every fault is named in whole words, also on a narrow terminal."""
    shown = shop.do("sandbox", "--help").out
    rules = re.findall(r"^  (- \{.*\})", shown, re.MULTILINE)
    assert len(FaultPlan.parse(yaml.safe_load("\n".join(rules))).rules) == 5
    assert re.split(r",\s+", shown.partition("Faults:")[2].strip()) == list(Fault)


def test_the_sandbox_is_an_account(shop: Shop):
    """`sandbox` prints what a shell needs to use it, serves, applies its fault plan, and ends on SIGTERM with 0."""
    shop.path("faults.yaml").write_text("- {calls: 2, fault: refused-200}\n", encoding="utf-8")
    with shop.start("sandbox", "--faults", "faults.yaml", "--rate", "1000/1", "--latency", "0s") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(4)]
        shop.set(**dict(line.removeprefix("export ").split("=", 1) for line in lines))
        shop.do("ledger", "init")
        shop.manifest(3)
        assert shop.run().code == 1
        with urllib.request.urlopen(f"{os.environ['LSQ_HOST']}/sandbox/record") as answer:
            assert len(json.load(answer)["tickets"]) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert shop.statuses() == {"created": 2, "failed": 1}


def test_a_fault_plan_is_checked(shop: Shop):
    """A fault plan with a mistake is exit 2 and names it."""
    shop.path("faults.yaml").write_text("- {calls: 2, fault: rest-after}\n", encoding="utf-8")
    outcome = shop.do("sandbox", "--faults", "faults.yaml")
    assert outcome.code == 2
    assert "reset-after" in outcome.err


COMMANDS = [(), ("ledger",), *((name,) for name in cli.commands), ("ledger", "init")]


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_has_help(shop: Shop, command: tuple[str, ...]):
    """--help and -h answer for each command, on standard output, with a sentence on every flag."""
    outcome = shop.do(*command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: ticket-importer")
    assert shop.do(*command, "-h") == outcome


@pytest.mark.parametrize("group", [(), ("ledger",)], ids=str)
def test_no_command_shows_the_help_in_lines(shop: Shop, group: tuple[str, ...]):
    """Without a command the help is shown as it is with --help, and the exit code is that of wrong usage."""
    outcome = shop.do(*group)
    assert (outcome.code, outcome.err) == (2, shop.do(*group, "--help").out)


@pytest.mark.parametrize("group", [(), ("ledger",)], ids=str)
def test_command_summaries_fit_one_line_of_80_columns(shop: Shop, monkeypatch: pytest.MonkeyPatch, group: tuple[str]):
    """`--help` cuts no summary off, and every summary is a sentence in one line."""
    monkeypatch.setenv("COLUMNS", "80")
    listed = shop.do(*group, "--help").out.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    names = [line.split()[0] for line in listed if line.strip()]
    assert names == sorted((ledger if group else cli).commands)
    assert all(line.endswith(".") and not line.endswith("...") and len(line) <= 80 for line in listed if line.strip())


@pytest.mark.parametrize("name", cli.commands)
def test_every_option_has_a_help_text(name: str):
    """Each option of each command is explained by a sentence."""
    options = [each for each in cli.commands[name].params if isinstance(each, click.Option)]
    assert all(option.help for option in options)


@pytest.mark.parametrize("name", cli.commands)
def test_files_are_left_to_the_commands_to_check(name: str):
    """Click's own check of a file that can't be read is a usage error without a hint."""
    types = [each.type for each in cli.commands[name].params]
    assert not any(each.readable or each.exists for each in types if isinstance(each, click.Path))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["run", "--help"], 0),
        (["--version"], 0),
        (["run"], 2),
        (["runn"], 2),
        (["run", "--rate", "x"], 2),
    ],
    ids=str,
)
def test_help_and_usage_errors_load_no_slow_library(arguments: list[str], code: int):
    """Help, the version and usage errors answer without the libraries that take a second to load."""
    script = (
        "import sys; from importer.cli import invoke; code = invoke(sys.argv[1:]); "
        f"print('loaded', [name for name in {SLOW_TO_LOAD!r} if name in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"loaded [] {code}"


def test_the_shell_completes(shop: Shop):
    """The completion script for bash comes out, and completes commands and flags."""
    command = [sys.executable, "-m", "importer"]
    shop.set(_TICKET_IMPORTER_COMPLETE="bash_source")
    script = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "_TICKET_IMPORTER_COMPLETE=bash_complete" in script
    shop.set(_TICKET_IMPORTER_COMPLETE="bash_complete", COMP_WORDS="ticket-importer run --max-f", COMP_CWORD="2")
    completed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert completed.split() == ["plain,--max-failures"]


def test_help_into_a_closed_pipe(shop: Shop):
    """`ticket-importer --help | head -1` leaves no traceback."""
    process = shop.start("--help")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(20)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()


def test_a_plain_locale_imports_any_text(shop: Shop, account: Account):
    """In the plainest locale, without a home folder, an import in several scripts works and prints what it can."""
    shop.manifest([("鍵1", "請求書 – «Störung»", "Open", "a@example.com"), ("鍵2", "x", "失敗", "b@example.com")])
    kept = {name: value for name, value in os.environ.items() if name.startswith(("LSQ_", "PATH", "COVERAGE"))}
    outcome = ended(
        subprocess.Popen(  # a new interpreter, not a fork of one that has read these variables already
            [sys.executable, "-m", "importer", "run", "tickets.csv", "-m", "mapping.yaml", "--skip-invalid"],
            env={**kept, "LC_ALL": "C", "PYTHONIOENCODING": "ascii:strict"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        )
    )  # fmt: skip
    assert outcome.code == 1, outcome.err
    assert account.keys == ["鍵1"]
    assert "1 created, 1 rejected" in outcome.out or "1 rejected" in outcome.out


def test_a_run_from_another_folder_writes_beside_the_manifest(
    shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Started elsewhere, results are written beside the manifest, and the next command works from there."""
    shop.manifest(3)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert shop.do("run", "../tickets.csv", "-m", "../mapping.yaml").code == 0
    assert shop.statuses() == {"created": 3}
    assert list(elsewhere.iterdir()) == []
    assert HEADER[0] in shop.results()[0]
