"""The line for cron in importer/cli/README.md, run as cron runs it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.shop import ROOT, Account, Shop


def cron_line() -> str:
    """The command of the example, without its time."""
    text = (ROOT / "importer/cli/README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^15 2 \* \* \*  (.*)$", text, flags=re.MULTILINE)
    return str(line)


def run_by_cron(shop: Shop) -> subprocess.CompletedProcess[str]:
    """Run the line in the shop's folder, with the environment that cron gives."""
    line = cron_line().replace("/srv/tickets", str(shop.folder))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(shop.folder), "SHELL": "/bin/sh"}
    return subprocess.run(
        ["/bin/sh", "-c", line], check=False, capture_output=True, text=True, cwd="/", env=environment, timeout=120
    )


def test_the_line_for_cron_works(shop: Shop, account: Account):
    """Rows become tickets, JSON and log are in files, and nothing is printed; a broken set-up prints one line."""
    shop.manifest(2)
    scripts = shop.path(".venv") / "bin"
    scripts.mkdir(parents=True)
    (scripts / "ticket-importer").symlink_to(Path(sys.executable).parent / "ticket-importer")
    settings = {**account.variables, "LSQ_LEDGER": str(shop.path("ledger.sqlite"))}
    shop.path(".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    shop.path(".env").chmod(0o600)
    good = run_by_cron(shop)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    assert len(account.tickets) == 2
    shop.path("tickets.csv").unlink()
    bad = run_by_cron(shop)
    assert bad.stdout == f"ticket import: exit code 2, see {shop.folder}/import.log\n"
    first, second = (json.loads(line) for line in shop.path("runs.jsonl").read_text(encoding="utf-8").splitlines())
    assert (first["exit_code"], first["created"], second["exit_code"]) == (0, 2, 2)
    assert set(second) <= set(first)
    assert second["started_at"] <= second["finished_at"]
    assert "tickets.csv" in shop.path("import.log").read_text(encoding="utf-8")
