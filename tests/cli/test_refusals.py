"""What can't work says so at once: one clear message, a way out, the right exit code, and no call."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shop import ROOT, SECRET_KEY, Account, Ended, Shop, ended
from tests.manifest.books import container

Open = Callable[..., Account]
ACCOUNT_SETTINGS = ("LSQ_HOST", "LSQ_TENANT_ID", "LSQ_ACCESS_KEY", "LSQ_SECRET_KEY")


def assert_clear(refused: Ended, *words: str) -> None:
    """An error of one line and a hint, with these words, on standard error alone; exit 2."""
    assert refused.code == 2, refused.err
    assert refused.out == ""
    assert "Traceback" not in refused.err
    assert refused.err.startswith("error: ")
    assert refused.err.splitlines()[-1].startswith("hint: ")
    for word in words:
        assert word in refused.err


def test_wrong_keys_cost_one_call(shop: Shop, account: Account):
    """Refused keys: one call, exit 3, every row pending, and the way out is named."""
    shop.manifest(40)
    shop.set(LSQ_SECRET_KEY="not-the-key")
    refused = shop.run()
    assert (refused.code, account.calls) == (3, 1)
    assert shop.statuses() == {"pending": 40}
    assert {row["import_error_code"] for row in shop.results()} <= {"keys-refused", "not-reached"}
    assert shop.results()[0]["import_error_code"] == "keys-refused"
    assert "stopped: the account refuses the keys" in refused.err
    assert "LSQ_ACCESS_KEY" in refused.err
    shop.set(**account.variables)
    assert shop.run().code == 0
    assert account.calls == 41


def test_a_wrong_tenant_costs_one_call(shop: Shop, account: Account):
    """A URL that is not the account's API differs from a failed ticket: one call, exit 3."""
    shop.manifest(3)
    shop.set(LSQ_TENANT_ID="nobody")
    refused = shop.run()
    assert (refused.code, account.calls) == (3, 1)
    assert "LSQ_TENANT_ID" in refused.err


@pytest.mark.parametrize("missing", [ACCOUNT_SETTINGS, ACCOUNT_SETTINGS[1:3]])
def test_one_message_names_all_missing_settings(shop: Shop, account: Account, missing: tuple[str, ...]):
    """Settings that are not there are named together, and only these."""
    shop.manifest(1)
    shop.unset(*missing)
    refused = shop.run()
    assert_clear(refused, "--sandbox", *missing)
    assert [name for name in ACCOUNT_SETTINGS if f"  {name} is not set" in refused.err] == list(missing)
    assert account.calls == 0


def test_settings_come_from_a_file(shop: Shop, account: Account):
    """`.env` in the working folder gives what the environment does not."""
    shop.manifest(1)
    shop.unset(*ACCOUNT_SETTINGS)
    lines = [f"{name}={value}" for name, value in account.variables.items()]
    shop.path(".env").write_text("\n".join(lines), encoding="utf-8")
    assert shop.run().code == 0
    assert len(account.tickets) == 1


def write_folder(path: Path) -> None:
    path.mkdir()


def write_nothing(path: Path) -> None:
    path.touch()


def write_png(path: Path) -> None:
    shutil.copy(ROOT / "sample_data" / "attachments" / "screen.png", path)


def write_locked_workbook(path: Path) -> None:
    """An encrypted workbook: an OLE2 container with the stream that holds the package."""
    path.write_bytes(container({"EncryptedPackage": bytes(4096)}))


def write_nowhere(path: Path) -> None:
    assert not path.exists()


def write_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "make", "word"),
    [
        ("tickets.csv", write_nowhere, "does not exist"),
        ("tickets.csv", write_nothing, "(0 bytes)"),
        ("tickets.csv", write_folder, "folder"),
        ("tickets.csv", write_png, "PNG"),
        ("tickets.csv", write_pipe, "pipe"),
        ("tickets.xlsx", write_locked_workbook, "password"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(
    shop: Shop, account: Account, name: str, make: Callable[[Path], None], word: str
):
    """What is not a table is one clear line, for `run` and `validate` alike, and nothing is left behind."""
    make(shop.path(name))
    for command in ("run", "validate"):
        refused = shop.do(command, name, "-m", "mapping.yaml")
        assert_clear(refused, name, word)
        assert len(refused.err.splitlines()) == 2
    assert account.calls == 0
    assert list(shop.folder.glob("*results*")) == []


def test_a_file_that_is_no_mapping_is_refused(shop: Shop, account: Account):
    """The message for a missing file, a manifest in its place, or a missing flag says what is expected."""
    shop.manifest(1)
    assert_clear(shop.do("run", "tickets.csv", "-m", "nope.yaml"), "nope.yaml", "no such file")
    assert_clear(shop.do("run", "mapping.yaml", "-m", "tickets.csv"), "tickets.csv")
    left_out = shop.do("run", "tickets.csv")
    assert left_out.code == 2
    assert "--mapping" in left_out.err
    assert account.calls == 0


def test_a_mapping_for_other_columns_is_refused(shop: Shop, account: Account):
    """One message names the columns that only the manifest has, and those that only the mapping has."""
    shop.path("tickets.csv").write_text("ID,Subjekt,State\n1,a,Open\n", encoding="utf-8")
    refused = shop.run()
    assert_clear(refused, "Subjekt", "Subject", "Email", "mapping.yaml")
    assert account.calls == 0


def test_run_refuses_results_and_rerun_refuses_manifests(shop: Shop, account: Account):
    """Results given to `run`, and a manifest given to `rerun`, are refused with the name of the right command."""
    shop.manifest(1)
    shop.run()
    calls = account.calls
    assert_clear(shop.do("run", "tickets.results.csv", "-m", "mapping.yaml"), "rerun")
    assert_clear(shop.do("rerun", "tickets.csv", "-m", "mapping.yaml"), "`run`")
    assert account.calls == calls


@pytest.mark.parametrize("flags", [(), ("--ledger", "a ledger.sqlite")])
def test_a_missing_ledger_without_a_terminal_is_an_error(shop: Shop, account: Account, flags: tuple[str, ...]):
    """Without a ledger every row looks new: exit 2 and the command that makes one, which works when it is pasted."""
    shop.manifest(2)
    shop.path("ledger.sqlite").unlink()
    refused = shop.run(*flags)
    assert_clear(refused, "ledger init")
    assert account.calls == 0
    name, *arguments = shlex.split(refused.err.split("`")[1])
    assert name == "ticket-importer"
    assert shop.do(*arguments).code == 0
    assert shop.run(*flags).code == 0


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (("--rate", "25"), "25/5"),
        (("--limit", "0"), "--limit"),
        (("--max-failures", "many"), "--max-failures"),
        (("--retry-status", "404"), "server errors"),
        (("--grace", "soon"), "20s"),
        (("--limt", "3"), "--limit"),
        (("-o", "nowhere/results.csv"), "nowhere"),
        (("-o", "."), "folder"),
        (("--log-file", "nowhere/run.log"), "nowhere/run.log"),
        (("--answer-timeout", "0s"), "--answer-timeout"),
    ],
)
def test_invalid_flags_are_usage_errors(shop: Shop, account: Account, flags: tuple[str, ...], word: str):
    """A flag that can't be meant is exit 2 and says what it takes; nothing is sent."""
    shop.manifest(1)
    refused = shop.run(*flags)
    assert (refused.code, account.calls) == (2, 0)
    assert word in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.parametrize("flags", [(), ("--ledger", "other.sqlite")])
@pytest.mark.parametrize("name", ["tickets.results.csv", "tickets.results.csv.part", "{ledger}", ".env", "key.txt"])
def test_the_log_can_not_be_a_file_that_no_argument_names(
    shop: Shop, account: Account, name: str, flags: tuple[str, ...]
):
    """The default results, the ledger, the settings and a key's file are none for a log either."""
    shop.manifest(1)
    shop.path("key.txt").write_text(SECRET_KEY, encoding="utf-8")
    shop.path(".env").write_text("# nothing\n", encoding="utf-8")
    shop.unset("LSQ_SECRET_KEY")
    shop.set(LSQ_SECRET_KEY_FILE=str(shop.path("key.txt")))
    assert shop.do("ledger", "init", *flags).code == 0
    name = name.format(ledger=flags[-1] if flags else "ledger.sqlite")
    before = shop.path(name).read_bytes() if shop.path(name).exists() else b""
    assert_clear(shop.run(*flags, "--log-file", name), name, "--log-file")
    assert account.calls == 0
    assert (shop.path(name).read_bytes() if shop.path(name).exists() else b"") == before


def test_all_settings_are_checked_at_once(shop: Shop):
    """A wrong limit or certificate does not hide missing settings, and no row is checked first."""
    shop.manifest(1)
    shop.set(LSQ_RATE="xx", SSL_CERT_FILE="/nope.pem")
    assert_clear(shop.run(), "LSQ_RATE", "SSL_CERT_FILE", *ACCOUNT_SETTINGS)
    shop.set(
        LSQ_HOST="https://api.example.com", LSQ_TENANT_ID="1", LSQ_ACCESS_KEY="a", LSQ_SECRET_KEY="b", LSQ_RATE="1/1"
    )
    refused = shop.run("--yes")
    assert_clear(refused, "SSL_CERT_FILE: /nope.pem")
    assert "to send" not in refused.err


def test_requests_that_are_not_sent_do_not_count_as_calls(shop: Shop, account: Account):
    """The summary counts the calls that were made, not the connections that could not be."""
    shop.manifest(3)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        shop.set(LSQ_HOST=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    stopped = shop.run("--give-up-after", "1s", "--json")
    assert stopped.code == 3
    assert (stopped.summary["pending"], stopped.summary["calls"]) == (3, 0)


@pytest.mark.parametrize("name", ["tickets.csv", "./mapping.yaml", "out.csv"])
def test_the_log_can_not_be_a_file_that_the_command_uses(shop: Shop, account: Account, name: str):
    """--log-file on the manifest, the mapping or the results is a slip: it would add its lines to them."""
    shop.manifest(1)
    before = {path: path.read_bytes() for path in map(shop.path, ("tickets.csv", "mapping.yaml"))}
    refused = shop.run("-o", "out.csv", "--log-file", name)
    assert account.calls == 0
    assert_clear(refused, Path(name).name, "--log-file")
    assert {path: path.read_bytes() for path in before} == before


def test_an_unwritable_results_file_is_refused_before_the_first_call(shop: Shop, account: Account):
    """Results that could not be written are found out before the first ticket, not after the last."""
    shop.manifest(1)
    refused = shop.run("-o", "/proc/results.csv")
    assert (refused.code, account.calls) == (2, 0)
    assert_clear(refused, "/proc/results.csv", "-o")


def test_a_full_temporary_folder_is_an_error(shop: Shop, account: Account):
    """Without a place for temporary files there is a message or a way around; never a traceback, never half an import."""
    shop.manifest(2)
    outcome = ended(shop.start("run", "tickets.csv", "-m", "mapping.yaml", env={**os.environ, "TMPDIR": "/nope"}))
    assert "Traceback" not in outcome.err
    assert len(account.tickets) == (2 if outcome.code == 0 else 0)


def test_a_too_long_name_of_results_is_an_error(shop: Shop, account: Account):
    """A manifest may have a name that its results can't have, with `.results.csv` behind it."""
    name = f"{'a' * 245}.csv"
    shop.manifest(1, name)
    assert_clear(shop.do("run", name, "-m", "mapping.yaml"), "File name too long", "-o")
    assert shop.do("run", name, "-m", "mapping.yaml", "-o", "results.csv").code == 0
    assert len(account.tickets) == 1


@pytest.mark.skipif(not hasattr(os, "O_NONBLOCK"), reason="file names are text on Windows")
def test_a_manifest_name_that_is_no_text_is_accepted(shop: Shop, account: Account):
    """File names are bytes here; one that is not UTF-8 is recorded as well as it can be shown."""
    shop.manifest(2, os.fsdecode(b"t\xff\xe4.csv"))
    done = shop.do("run", os.fsdecode(b"t\xff\xe4.csv"), "-m", "mapping.yaml", "-o", "results.csv")
    assert (done.code, len(account.tickets)) == (0, 2), done.err
    (known,) = shop.do("history", "--json").summary["runs"]
    assert known["manifest"].endswith("t\\xff\\xe4.csv")


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("run", "tickets.csv", "-m", "nowhere.yaml"), 2, "nowhere.yaml"),
        (("run", "tickets.csv", "-m", "mapping.yaml", "--limit", "0"), 2, "--limit"),
        (("rerun", "nothing.csv", "-m", "mapping.yaml"), 2, "nothing.csv"),
        (("resolve", "nothing.csv"), 2, "nothing.csv"),
        (("history", "nothing"), 2, "nothing"),
    ],
)
def test_json_says_why_nothing_was_sent(shop: Shop, account: Account, arguments: tuple[str, ...], code: int, word: str):
    """With --json, standard output is one object even where there is nothing to sum up."""
    shop.manifest(1)
    refused = shop.do(*arguments, "--json")
    assert refused.code == refused.summary["exit_code"] == code
    assert word in refused.summary["stopped"]
    assert account.calls == 0


def test_too_many_failures_stop_the_run(shop: Shop, open_account: Open):
    """A mapping that the account refuses is found out after --max-failures rows: exit 3, and the rest is pending."""
    account = open_account([{"calls": "1-1000", "fault": "400"}])
    shop.manifest(60)
    stopped = shop.run("--max-failures", "5", "--concurrency", "1")
    assert stopped.code == 3
    assert account.calls == 5
    assert shop.statuses() == {"failed": 5, "pending": 55}
    assert "stopped: " in stopped.err


def test_keys_are_shown_nowhere(shop: Shop, open_account: Open):
    """Whatever happens, the keys are in no output, log, results file or ledger; not even if the server echoes them."""
    account = open_account([{"calls": 2, "fault": "400"}, {"calls": 3, "fault": "500"}])
    shop.manifest(4)
    printed = [
        shop.run("--dry-run", "-v"),
        shop.run("-v", "--log-file", "run.log", "--log-format", "json"),
        shop.rerun("-v"),
        shop.run("--ledger", "nope.sqlite"),
    ]
    shop.set(LSQ_ACCESS_KEY="another-key-4712")
    printed += [shop.run("-v")]
    shown = "".join(each.out + each.err for each in printed).encode()
    kept = b"".join(path.read_bytes() for path in shop.folder.rglob("*") if path.is_file())
    for key in (account.variables["LSQ_ACCESS_KEY"], SECRET_KEY, "another-key-4712"):
        assert key.encode() not in shown + kept
    assert b"********" in shown
