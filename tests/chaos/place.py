"""A folder with a manifest, a mapping, a ledger and an account, for tests of several runs."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from tests.chaos.children import Command, do
from tests.cli.shop import KEY_FIELD, Account

MAPPING = f"""\
version: 1
source: chaos
key: ID
key_field: {KEY_FIELD}
columns: {{ID: {KEY_FIELD}, Subject: Title, Email: LeadDetail.EmailAddress}}
"""
RESULTS = "manifest.results.csv"
RUN = ("run", "manifest.csv", "-m", "mapping.yaml", "--yes")


class Place:
    """Runs commands in this folder in forked processes (see ``children``)."""

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self.account = account
        (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
        assert self.do("ledger", "init") == 0

    def command(self, *arguments: str) -> Command:
        """A command with the settings of the account."""
        variables = {
            **self.account.variables,
            "LSQ_LEDGER": str(self.folder / "ledger.sqlite"),
            "LSQ_RATE": "1000/1",
        }
        return Command(folder=self.folder, arguments=arguments, variables=variables)

    def do(self, *arguments: str) -> int:
        """Run a command to its end."""
        return do(self.command(*arguments))

    def write_manifest(self, rows: Iterable[tuple[str, str]]) -> None:
        """Write a manifest with these keys and subjects."""
        with (self.folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("ID", "Subject", "Email"))
            writer.writerows((key, subject, f"lead{key}@example.com") for key, subject in rows)

    def results(self) -> list[dict[str, str]]:
        """Return the rows of the results."""
        with (self.folder / RESULTS).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def printed(self) -> str:
        """Return all output of the commands."""
        return (self.folder / "output.txt").read_text(encoding="utf-8")

    def ask(self, sql: str, *, patience_s: float = 5.0) -> list[tuple[str, ...]]:
        """Query or change the ledger with SQL."""
        path = self.folder / "ledger.sqlite"
        with closing(sqlite3.connect(path, timeout=patience_s, isolation_level=None)) as ledger:
            return ledger.execute(sql).fetchall()
