"""Judging a manifest by itself: what it has to load, and what it leaves alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).parents[1]
ONLY_FOR_SENDING = ("aiohttp", "aiolimiter", "sqlalchemy", "sqlite3", "xlsxwriter", "importer.run", "importer.sandbox")
COUNT_LOADED = """
import sys
from importer.cli import invoke
code = invoke(sys.argv[1:])
print(code, sorted(sys.modules))
"""


def test_a_check_loads_nothing_that_only_sending_needs(tmp_path, monkeypatch) -> None:
    """`validate` without a ledger waits for no client, no database and no writer of workbooks to be loaded."""
    for name in ("LSQ_HOST", "LSQ_TENANT_ID", "LSQ_ACCESS_KEY", "LSQ_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    sample, mapping = SAMPLES / "sample_data" / "tickets.csv", SAMPLES / "mappings" / "old-helpdesk.yaml"
    command = [sys.executable, "-c", COUNT_LOADED, "validate", str(sample), "-m", str(mapping)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    code, _, loaded = done.stdout.splitlines()[-1].partition(" ")
    modules = ast.literal_eval(loaded)
    assert code == "0", done.stdout + done.stderr
    assert "importer.judging" in modules, "or this says nothing"
    assert not set(ONLY_FOR_SENDING) & set(modules)
