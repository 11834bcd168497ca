"""A process that may open few files: fewer rows at once, or a message that says what to raise."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from tests.cli.limits import start_with
from tests.cli.shop import Account, Ended, ended, quick
from tests.ledger.ledgers import empty_ledger_file

MAPPING = """\
version: 1
source: few
key: ID
key_field: CustomData.LegacyId
columns: {ID: CustomData.LegacyId, Subject: Title, Email: LeadDetail.EmailAddress}
attachments: {columns: [Files], root: files, max_files: 100}
"""


def import_with(account: Account, folder: Path, *, files: int, rows: int) -> Ended:
    """Import ``rows`` rows with ``files`` attachments each, in a process that may open 64 files."""
    names = [f"a{number}.txt" for number in range(files)]
    (folder / "files").mkdir()
    for name in names:
        (folder / "files" / name).write_text("x", encoding="utf-8")
    with (folder / "m.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ID", "Subject", "Email", "Files"))
        writer.writerows((n, f"Ticket {n}", f"ann{n}@example.com", ";".join(names)) for n in range(rows))
    (folder / "m.yaml").write_text(MAPPING, encoding="utf-8")

    variables = {**account.variables, "LSQ_LEDGER": str(folder / "ledger.sqlite")}
    (folder / "ledger.sqlite").write_bytes(empty_ledger_file())
    run = ("run", "m.csv", "-m", "m.yaml", "--yes", "--no-progress", "--rate", "500/1")
    return ended(start_with({"RLIMIT_NOFILE": 64}, *run, cwd=folder, env=variables))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_few_open_files_lower_the_concurrency(tmp_path: Path) -> None:
    """All rows become tickets without a pause, and a line says that there are fewer at once."""
    with Account(quick(latency_s=0.2)) as account:
        done = import_with(account, tmp_path, files=6, rows=20)
        assert done.code == 0, done.err
        assert account.calls == 20
    assert "at most" in done.err
    assert "ulimit -n" in done.err
    assert "pauses" not in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_too_few_open_files_for_one_row_is_an_error(tmp_path: Path) -> None:
    """The run stops at once and says what to raise: no pause, no call, nothing unknown."""
    with Account(quick()) as account:
        done = import_with(account, tmp_path, files=70, rows=2)
        assert done.code == 3, done.err
        assert account.calls == 0
    assert "can't open enough files to send a single row" in done.err
    assert "ulimit -n 1024" in done.err
    assert "pauses" not in done.err
