"""The measured clients: the importer, and the script that a user would write instead."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.bench.account import ROOT, Account
from tests.bench.inputs import TICKET_COLUMNS, ticket_mapping, ticket_row, write_csv
from tests.bench.processes import ProcessSettings, run

HERE = Path(__file__).parent
PYTHON = sys.executable
OURS = (PYTHON, "-m", "importer")
ClientName = Literal["ours", "baseline"]


@dataclass(frozen=True, kw_only=True)
class ManifestImport:
    """One manifest in a folder and the command that imports it."""

    folder: Path
    number: int
    rows: int

    def prepare(self, client: ClientName) -> tuple[str, ...]:
        """Write the manifest and, for the importer, its mapping; return the command."""
        manifest, mapping = self.write()
        if client == "baseline":
            return (PYTHON, str(HERE / "simple_client.py"), str(manifest))
        return (*OURS, "run", str(manifest), "-m", str(mapping), "--yes", "--no-progress")

    def write(self) -> tuple[Path, Path]:
        """Write the manifest and its mapping; return their paths."""
        manifest = self.folder / f"tickets-{self.number}.csv"
        first = self.number * self.rows
        write_csv(manifest, TICKET_COLUMNS, map(ticket_row, range(first, first + self.rows)))
        mapping = self.folder / f"source-{self.number}.yaml"
        mapping.write_text(ticket_mapping(f"bench-{self.number}"), encoding="utf-8")
        return manifest, mapping


def quiet_environment() -> dict[str, str]:
    """Return the environment of this process without an account, and with the path of this package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LSQ_", "SSL_CERT"))}
    return kept | {"PYTHONPATH": str(ROOT)}


def environment(account: Account, ledger: Path) -> Mapping[str, str]:
    """Return the variables that name an account, the ledger, and a state folder, as a port is used again soon."""
    own = {"LSQ_LEDGER": f"sqlite:///{ledger}", "XDG_STATE_HOME": str(ledger.parent / "state")}
    return quiet_environment() | dict(account.environment) | own


def make_ledger(file: Path) -> Path:
    """Create an empty ledger with the command line."""
    place = ProcessSettings(folder=file.parent, environment=quiet_environment())
    run((*OURS, "ledger", "init", "--ledger", str(file)), place)
    return file
