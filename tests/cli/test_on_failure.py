"""`--on-failure` runs a command when a run did not go well, and never changes how the run ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from pathlib import Path

import pytest

from importer.cli.on_failure import run_on_failure
from tests.cli.shop import PATIENCE_S, Account, Shop, good_row

BAD = ("00002", "", "Open", "lead2@example.com")
TELL = ("--on-failure", "cat > told.json")
RUN = ("run", "tickets.csv", "-m", "mapping.yaml")


def told(shop: Shop) -> dict[str, object]:
    """What the command got on its standard input."""
    summary: dict[str, object] = json.loads(shop.path("told.json").read_text("utf-8"))
    shop.path("told.json").unlink()
    return summary


def test_the_command_gets_the_json_summary(shop: Shop, account: Account):
    """It is the object that --json prints, with --json or without; a run without failures does not call the command."""
    shop.manifest([good_row(1), BAD])
    printed = shop.run(*TELL, "--skip-invalid", "--json")
    assert printed.code == 1
    assert told(shop) == printed.summary
    assert shop.run(*TELL, "--skip-invalid").code == 1
    summary = told(shop)
    assert (summary["exit_code"], summary["skipped"], summary["rejected"]) == (1, 1, 1)
    assert summary["results"] == "tickets.results.csv"
    shop.manifest(1)
    assert shop.run(*TELL).code == 0
    assert not shop.path("told.json").exists()


@pytest.mark.parametrize(
    ("arguments", "stopped"),
    [
        (("run", "nowhere.csv", "-m", "mapping.yaml"), "nowhere.csv does not exist"),
        ((*RUN, "--limit", "none"), "Invalid value for '--limit'"),
        (RUN, "the account refuses the keys"),
    ],
)
def test_a_run_that_stops_early_is_told(shop: Shop, account: Account, arguments: tuple[str, ...], stopped: str):
    """Errors before the run, too; keys are hidden."""
    shop.manifest(1)
    shop.set(LSQ_ACCESS_KEY="wrong-4711-hush")
    done = shop.do(*arguments, *TELL)
    text = shop.path("told.json").read_text("utf-8")
    summary = told(shop)
    assert done.code == summary["exit_code"] != 0
    assert stopped in str(summary["stopped"])
    assert "hush" not in text


@pytest.mark.parametrize(
    ("command", "warning"),
    [
        ("exit 7", "ended with exit code 7"),
        ("no-such-command-anywhere", "ended with exit code 127"),
        ("exec 0<&-; exit 3", "ended with exit code 3"),
        ("echo to-the-log; kill -9 $$", "ended with exit code -9"),
    ],
)
def test_a_failing_command_changes_no_outcome(shop: Shop, account: Account, command: str, warning: str):
    """The exit code and standard output are unchanged, and a warning says how the command ended."""
    shop.manifest([good_row(1), BAD])
    done = shop.run("--skip-invalid", "--json", "--on-failure", command)
    assert (done.code, done.summary["created"]) == (1, 1)
    assert f"WARNING the command of --on-failure {warning}" in done.err


def test_a_command_that_hangs_is_stopped(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """With all processes that it has started; nothing waits for them."""
    run_on_failure(f"sleep 1000 & echo $! > {tmp_path}/pid; exec 1>&- 2>&-; wait", "{}", timeout_s=0.3)
    assert caplog.messages == ["the command of --on-failure was stopped, as it had not ended after 0.3 s"]
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(int((tmp_path / "pid").read_text()))
        ended, _, _ = select.select([process], [], [], PATIENCE_S)
        os.close(process)
        assert ended


def test_an_interruption_stops_only_the_command(shop: Shop, account: Account):
    """The run has ended, so its exit code stays."""
    shop.manifest([good_row(1), BAD])
    with shop.start(*RUN, "--skip-invalid", "--on-failure", "echo begun >&2; exec sleep 1000") as process:
        assert process.stderr is not None
        while process.stderr.readline() != "begun\n":
            assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        assert "was stopped, at SIGTERM" in process.stderr.read()
        assert process.wait() == 1
