"""Outputs that can't be written, users without a home, and bugs: the outcome is the same in the process and in JSON."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from importer.api import imports
from tests.cli.shop import PATIENCE_S, SECRET_KEY, Account, Shop, ended

RUN = ("run", "tickets.csv", "-m", "mapping.yaml", "--json")
FULL = Path("/dev/full")  # every write to it fails, as on a full disk
ENVELOPE = {"run", "account", "started_at", "finished_at", "seconds", "exit_code", "stopped", "details", "hint", "warnings"}  # fmt: skip


def test_a_log_file_on_a_full_disk_changes_no_outcome(shop: Shop, account: Account):
    """One warning, all tickets, and exit code 0 in the process and in JSON."""
    shop.manifest(3)
    done = ended(shop.start(*RUN, "--log-file", str(FULL), "-v"))
    assert done.code == done.summary["exit_code"] == 0
    assert done.summary["created"] == len(account.tickets) == 3
    assert done.err.count("can't be written any more: No space left on device; the command goes on") == 1
    assert "Traceback" not in done.err
    assert "Logging error" not in done.err


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_on_a_full_disk_changes_no_outcome(shop: Shop, account: Account, stream: str):
    """Nor does Python's last flush of the stream."""
    shop.manifest(3)
    with FULL.open("w") as full:
        done = ended(shop.start(*RUN, **{stream: full}))
    assert done.code == 0
    assert len(account.tickets) == 3
    assert "Traceback" not in done.err
    assert stream == "stdout" or done.summary["exit_code"] == 0


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_changes_no_outcome(shop: Shop, account: Account, closed: str):
    """As with `>&-` and under some daemons."""
    shop.manifest(3)
    command = ["/bin/sh", "-c", f'exec "$@" {closed}>&-', "-", sys.executable, "-m", "importer", *RUN]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert len(account.tickets) == 3
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "nowhere.csv", "-m", "mapping.yaml", "--json"),
        ("run", "--json"),
        ("run", "tickets.csv", "-m", "mapping.yaml", "--nonsense", "--json"),
        ("rerun", "nowhere.csv", "-m", "mapping.yaml", "--json"),
        ("resolve", "nowhere.csv", "--json"),
        ("history", "nothing", "--json"),
        ("history", "--json"),
        ("fields", "--sandbox", "--json"),
        ("run", "tickets.csv", "-m", "mapping.yaml", "--dry-run", "--json"),
        ("run", "tickets.csv", "-m", "mapping.yaml", "--json"),
    ],
)
def test_every_json_object_has_the_same_members(shop: Shop, account: Account, arguments: tuple[str, ...]):
    """Time, run and details are there at every exit code, and the code is the process' own."""
    shop.manifest(1)
    assert account.calls == 0
    done = shop.do(*arguments)
    assert set(done.summary) >= ENVELOPE
    assert done.summary["exit_code"] == done.code
    assert done.summary["started_at"] <= done.summary["finished_at"]
    assert (done.summary["stopped"] is None) == (done.code in (0, 1))


def test_warnings_of_the_settings_are_in_the_log_and_in_json(shop: Shop, account: Account):
    """A proxy in `.env` is ignored; the log and JSON each have one warning of it."""
    shop.manifest(1)
    shop.path(".env").write_text("HTTPS_PROXY=http://proxy.example.com\n", encoding="utf-8")
    done = shop.run("--json")
    assert done.code == 0, done.err
    (warning,) = done.summary["warnings"]
    assert "line 1: HTTPS_PROXY is ignored" in warning
    assert done.err.count("HTTPS_PROXY is ignored") == 1
    assert len(account.tickets) == 1


def test_a_bug_has_an_exit_code_of_its_own(shop: Shop, account: Account, monkeypatch: pytest.MonkeyPatch):
    """Code 5 from the command and in JSON, one line on the screen, and a private file with the details."""
    assert account.calls == 0
    shop.manifest(1)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"with {SECRET_KEY} in it")

    monkeypatch.setattr(imports, "read_connection", broken)
    done = shop.do(*RUN)
    assert done.code == done.summary["exit_code"] == 5
    (detail,) = done.summary["details"]
    file = Path(re.sub("^details are in ", "", detail))
    assert f"details are in {file}" in done.err
    assert "Traceback" not in done.err
    assert "ZeroDivisionError" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for text in (done.out, done.err, file.read_text(encoding="utf-8")):
        assert SECRET_KEY not in text
    file.unlink()


def homeless(shop: Shop, *commands: tuple[str, ...], **variables: str) -> tuple[list[int], str]:
    """Run commands in one process as a user that the system does not know, without HOME, as in a container."""
    names = ("LSQ_HOST", "LSQ_TENANT_ID", "LSQ_ACCESS_KEY", "LSQ_SECRET_KEY", "PATH")
    environment = {name: os.environ[name] for name in names if name in os.environ} | variables
    program = (
        "import json, sys\n"
        "from importer.cli import invoke\n"
        "codes = [invoke(command) for command in json.loads(sys.argv[1])]\n"
        "print('', json.dumps(codes), sep='\\n')\n"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-user=54321", sys.executable, "-c", program, json.dumps(commands)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        cwd=shop.folder,
        timeout=PATIENCE_S,
    )
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_user_without_a_home_needs_only_a_ledger(shop: Shop, account: Account):
    """Every command works with LSQ_LEDGER; other files that belong in the home folder are beside the ledger."""
    ledger = str(shop.path("kept") / "ledger.sqlite")
    shop.path("kept").mkdir()
    shop.manifest(1)
    commands = (("ledger", "init"), ("fields",), RUN, ("history",), ("validate", *RUN[1:4]))
    codes, err = homeless(shop, *commands, LSQ_LEDGER=ledger)
    assert codes == [0] * 5, err
    assert len(account.tickets) == 1
    assert len(list(shop.path("kept").glob("fields/*.json"))) == 1
    assert not shop.path("~").exists()


def test_a_user_without_home_and_ledger_learns_what_is_missing(shop: Shop, account: Account):
    """An error of the settings, not a bug; what needs no ledger works without one."""
    shop.manifest(1)
    codes, err = homeless(shop, ("ledger", "init"), RUN, ("history",))
    assert codes == [2] * 3, err
    assert err.count("no place for the ledger") == 3
    assert err.count("LSQ_LEDGER") >= 3
    codes, err = homeless(shop, ("validate", *RUN[1:4]), (*RUN, "--sandbox"), ("suggest", "tickets.csv"))
    assert codes == [0] * 3, err
    assert account.calls == 0
    assert not shop.path("~").exists()
