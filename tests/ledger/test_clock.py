"""No decision depends on the wall clock: it may be set, or jump for daylight saving, during a run."""

from __future__ import annotations

import ast
import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from importer.ledger.database import boot_clock_s
from importer.ledger.leases import LEASE_S
from tests.ledger.ledgers import live_run, new_ledger, query
from tests.source_code import PACKAGE, nodes, source_id, sources

WALL_CLOCK = {
    *("time.time", "time.time_ns", "time.ctime", "time.localtime", "time.gmtime", "time.strftime", "time.mktime"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "Timestamp.now", "Timestamp.today"),
    *("func.now", "func.current_timestamp", "func.localtime", "func.localtimestamp"),
}
# Modules that may read the wall clock, how often, and what for. No decision about rows or calls depends on it.
MAY_READ = {
    "account_fields/fields_reader.py": (1, "the time at which the fields were read, shown to the user"),
    "cli/ending.py": (2, "begin and end of a command in its JSON object"),
    "fetch/fetcher.py": (1, "the time at which a file was fetched, and of an error, for the user"),
    "fetch/web.py": (1, "a date in Retry-After"),
    "leadsquared/attachment_streams.py": (1, "compared with a file's ctime, which the system takes from this clock"),
    "leadsquared/client.py": (1, "a date in Retry-After, where the answer has no date of its own"),
    "ledger/records.py": (
        5,
        "times and ages for the user, names of runs, the age of what is pruned, and the calls of a day, which outlast a restart",
    ),
    "manifest/snapshot.py": (1, "compared with a folder's mtime, which the system takes from this clock"),
    "workflows/known_fields.py": (1, "the age of the account's fields, shown to the user"),
    "suggest/preset_draft.py": (1, "the age of the account's fields, shown to the user"),
    "workflows/mapping_checks.py": (1, "the age of the account's fields, shown to the user"),
    "workflows/preflight.py": (1, "the time of a report, shown to the user"),
}


def readings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield every use of the wall clock in a module: the function around it and the name used."""
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in nodes(path):
        if isinstance(node, ast.Attribute):
            owner = getattr(node.value, "attr", getattr(node.value, "id", ""))
            if f"{owner}.{node.attr}" in WALL_CLOCK:
                inside = [each.name for each in functions if each.lineno <= node.lineno <= (each.end_lineno or 0)]
                yield (inside[-1] if inside else "", f"{owner}.{node.attr}")


def test_only_listed_modules_read_the_wall_clock() -> None:
    """Leases, slots, waits and orders use clocks that nobody can set; records and names show the time of day."""
    found = Counter(
        name for path in sources() if not (name := source_id(path)).startswith("sandbox/") for _ in readings(path)
    )
    assert dict(found) == {name: uses for name, (uses, _) in MAY_READ.items()}
    assert {function for function, _ in readings(PACKAGE / "ledger" / "records.py")} == {
        *("utc_now", "new_run_id", "utc_minute", "utc_before", "seconds_since")
    }


def test_no_module_imports_names_from_time() -> None:
    """`from time import time` would escape the check above."""
    hidden = {
        f"{path.name}: from time import {alias.name}"
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
    }
    assert not hidden


def test_leases_use_the_clock_that_counts_from_machine_start(tmp_path: Path) -> None:
    """The clock is the same in every process of this machine, and includes suspended time."""
    before = boot_clock_s()
    elsewhere = subprocess.run(
        [sys.executable, "-c", "from importer.ledger.database import boot_clock_s; print(boot_clock_s())"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert before <= float(elsewhere.stdout) <= boot_clock_s()
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(boot_clock_s() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
    with contextlib.closing(new_ledger(tmp_path)) as ledger:
        run = live_run(ledger)
        lease = float(str(query(tmp_path, "select lease_until from runs where id = ?", run.id)[0][0]))
    assert before < lease - LEASE_S <= boot_clock_s()


def test_the_order_of_requests_does_not_depend_on_the_time_of_day(tmp_path: Path) -> None:
    """An earlier request has the smaller number, even if the wall clock was set back in between."""
    with contextlib.closing(new_ledger(tmp_path)):
        columns = {str(row[1]): str(row[2]) for row in query(tmp_path, "pragma table_info(attempts)")}
    assert columns["id"] == columns["settled_after"] == "INTEGER"
