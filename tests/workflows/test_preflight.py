"""Judging a manifest by itself: what it has to load, and what it leaves alone."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ONLY_FOR_SENDING = (
    "aiohttp",
    "aiolimiter",
    "sqlalchemy",
    "sqlite3",
    "xlsxwriter",
    "importer.workflows.run",
    "importer.sandbox",
)
COUNT_LOADED = """
import sys
from importer.cli import invoke
code = invoke(sys.argv[1:])
print(code, sorted(sys.modules))
"""


def test_a_check_loads_nothing_that_only_sending_needs(tmp_path, monkeypatch) -> None:
    """`validate` without a ledger waits for no client, no database and no writer of workbooks to be loaded."""
    # Measuring coverage loads a database of its own.
    for name in [name for name in os.environ if name.startswith(("LSQ_", "COV"))]:
        monkeypatch.delenv(name)
    # A copy, as a clone has no large attachments until someone makes them.
    samples = tmp_path / "sample_data"
    shutil.copytree(ROOT / "sample_data", samples)
    (samples / "attachments" / "diagnostics.log").write_bytes(b"05:00 all is well")
    mapping = ROOT / "mappings" / "old-helpdesk.yaml"
    command = [sys.executable, "-c", COUNT_LOADED, "validate", str(samples / "tickets.csv"), "-m", str(mapping)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    code, _, loaded = done.stdout.splitlines()[-1].partition(" ")
    modules = ast.literal_eval(loaded)
    assert code == "0", done.stdout + done.stderr
    assert "importer.workflows.preflight" in modules, "or this says nothing"
    assert not set(ONLY_FOR_SENDING) & set(modules)
