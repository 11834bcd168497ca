"""Who is measured: the importer, and what a user would write otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.bench.account import ROOT, Account
from tests.bench.inputs import TICKET_COLUMNS, ticket_mapping, ticket_row, write_csv
from tests.bench.processes import Place, run

HERE = Path(__file__).parent
PYTHON = sys.executable
OURS = (PYTHON, "-m", "importer")
Who = Literal["ours", "otherwise"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One manifest in a folder, and the command that imports it."""

    folder: Path
    number: int
    rows: int

    def prepare(self, who: Who) -> tuple[str, ...]:
        """Write the manifest and, for ours, its mapping; give the command."""
        manifest = self.folder / f"tickets-{self.number}.csv"
        first = self.number * self.rows
        write_csv(manifest, TICKET_COLUMNS, map(ticket_row, range(first, first + self.rows)))
        if who == "otherwise":
            return (PYTHON, str(HERE / "obvious.py"), str(manifest))
        mapping = self.folder / f"source-{self.number}.yaml"
        mapping.write_text(ticket_mapping(f"bench-{self.number}"), encoding="utf-8")
        return (*OURS, "run", str(manifest), "-m", str(mapping), "--yes", "--no-progress")


def quiet_environment() -> dict[str, str]:
    """This process's environment without anybody's account in it; a program finds this package in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LSQ_", "SSL_CERT"))}
    return kept | {"PYTHONPATH": str(ROOT)}


def environment(account: Account, ledger: Path) -> Mapping[str, str]:
    """What leads a client to an account, and ours to its ledger."""
    return quiet_environment() | dict(account.environment) | {"LSQ_LEDGER": f"sqlite:///{ledger}"}


def make_ledger(file: Path) -> Path:
    """Make an empty ledger, as a user would."""
    place = Place(folder=file.parent, environment=quiet_environment())
    run((*OURS, "ledger", "init", "--ledger", str(file)), place)
    return file
