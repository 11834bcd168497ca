"""Nobody's wall clock decides anything: it may be set, or jump for daylight saving, while a run goes on."""

from __future__ import annotations

import ast
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import importer
from importer.ledger import LEASE_S, boot_clock_s
from tests.ledger.making import ask, begun, new_ledger

PACKAGE = Path(importer.__file__).parent
WALL_CLOCK = {
    *("time.time", "time.time_ns", "time.ctime", "time.localtime", "time.gmtime", "time.strftime", "time.mktime"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "Timestamp.now", "Timestamp.today"),
    *("func.now", "func.current_timestamp", "func.localtime", "func.localtimestamp"),
}
# For people, in records and in names: utc_now and new_run_id. By what else should a day's calls be known over a restart
# of the machine: utc_minute. A report says when it was made, and people are told how old the account's fields are, which
# changes nothing else. The stand-in account stamps its tickets as a server does. Every JSON object says when its command
# began and ended. A date in Retry-After counts from the answer's own date, or else from this clock. The system sets a
# file's ctime by it.
MAY = {
    "cli/json_envelope.py": {"", "members"},
    "leadsquared/client.py": {"_explain", "_post"},
    "leadsquared/attachment_streams.py": {"_is_hashed"},
    "ledger/records.py": {"utc_now", "new_run_id", "utc_minute"},
    "cli/validate.py": {"_about"},
    "cli/known_fields.py": {"fields_line"},
    "account_fields/reading.py": {"read"},
    "workflows/preflight.py": {"_hold_against_account"},
}


def readings(path: Path) -> Iterator[tuple[str, str]]:
    """Every use of the wall clock in a module, as the function that it stands in and what is used."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
            if f"{owner}.{node.attr}" in WALL_CLOCK:
                inside = [each.name for each in functions if each.lineno <= node.lineno <= (each.end_lineno or 0)]
                yield (inside[-1] if inside else "", f"{owner}.{node.attr}")


def test_the_wall_clock_is_read_for_people_only() -> None:
    """Leases, slots, waits and orders go by clocks that nobody can set; records and names show the time of day."""
    found = {
        f"{name}: {function} uses {what}"
        for path in PACKAGE.rglob("*.py")
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith("sandbox/")
        for function, what in readings(path)
        if function not in MAY.get(name, set())
    }
    assert not found
    assert {function for function, _ in readings(PACKAGE / "ledger" / "records.py")} == MAY["ledger/records.py"]


def test_nothing_is_taken_from_a_module_by_a_shorter_name() -> None:
    """`from time import time` would hide from the rule above."""
    hidden = {
        f"{path.name}: from time import {alias.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
    }
    assert not hidden


def test_a_lease_is_on_a_clock_that_counts_from_the_machines_start(tmp_path: Path) -> None:
    """The same in every process of this machine, suspended time included, and not the time of day."""
    before = boot_clock_s()
    elsewhere = subprocess.run(
        [sys.executable, "-c", "from importer.ledger import boot_clock_s; print(boot_clock_s())"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert before <= float(elsewhere.stdout) <= boot_clock_s()
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(boot_clock_s() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = begun(ledger)
        lease = float(str(ask(tmp_path, "select lease_until from runs where id = ?", run.id)[0][0]))
    assert before < lease - LEASE_S <= boot_clock_s()


def test_the_order_of_requests_is_not_told_by_the_time_of_day(tmp_path: Path) -> None:
    """What happened first has the smaller number, whatever the clock on the wall said when it happened."""
    with contextlib.closing(new_ledger(tmp_path)):
        columns = {str(row[1]): str(row[2]) for row in ask(tmp_path, "pragma table_info(attempts)")}
    assert columns["id"] == columns["settled_after"] == "INTEGER"
