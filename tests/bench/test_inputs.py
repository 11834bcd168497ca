"""Input files of the bench have the right rows. `make bench-quick` runs its measurements."""

from __future__ import annotations

import contextlib
import csv
import json
import sqlite3
from pathlib import Path

import pytest

from importer.ledger.records import RowFromResults, RunInfo
from importer.ledger.store import Ledger
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions, TicketIds
from tests.bench import inputs
from tests.bench.inputs import COLUMNS, wide_row


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".jsonl", ".xlsx", ".xlsb", ".ods", ".xls"])
def test_a_table_of_any_format_has_the_same_rows(tmp_path: Path, ending: str) -> None:
    """The rows are equal, line breaks and quotes included, so that formats can be compared."""
    path = tmp_path / f"wide{ending}"
    inputs.main("table", str(path), "10")
    manifest = open_manifest(path, ManifestOptions(), set(COLUMNS))
    rows = [row for chunk in manifest.chunks(100) for row in chunk.frame[list(COLUMNS)].itertuples(index=False)]
    assert [tuple(row) for row in rows] == [wide_row(n) for n in range(10)]


def test_one_row_in_a_hundred_is_wrong() -> None:
    """One row in a hundred is rejected; all keys and addresses differ."""
    rows = [wide_row(n) for n in range(1_000)]
    assert sum(row[3] == "closed?" for row in rows) == 10
    assert len({row[0] for row in rows}) == len({row[6] for row in rows}) == 1_000


def test_every_faulty_row_has_one_fault() -> None:
    """Each differs from the correct row in one cell; there are faults in three columns."""
    differing = []
    for n in range(100):
        if n % 100 != 57:
            ((index, *_),) = [
                (index, good) for index, good in enumerate(wide_row(n)) if good != inputs.faulty_row(n)[index]
            ]
            differing.append(COLUMNS[index])
    assert set(differing) == {"State", "Due", "Email"}


def test_manifest_names_existing_files(tmp_path: Path) -> None:
    """A manifest with more names than files names each file again."""
    inputs.main("files", str(tmp_path / "attachments"), "3")
    inputs.main("naming", str(tmp_path / "naming.csv"), "7", "3")
    with (tmp_path / "naming.csv").open(encoding="utf-8", newline="") as file:
        names = [row[inputs.FILES_COLUMN] for row in csv.DictReader(file)]
    assert len(names) == 7
    assert {tmp_path / "attachments" / name for name in names} == set((tmp_path / "attachments").rglob("*.pdf"))


def test_bodies_are_as_the_importer_sends_them(tmp_path: Path) -> None:
    """Each line is a ticketDTO."""
    inputs.main("bodies", str(tmp_path / "bodies"), "3")
    bodies = [json.loads(line) for line in (tmp_path / "bodies").read_text("utf-8").splitlines()]
    assert [body["Fields"][0]["Value"] for body in bodies] == ["0000000", "0000001", "0000002"]


def test_a_ledger_has_the_rows_that_the_importer_would_add(tmp_path: Path) -> None:
    """Each row equals the one that `Ledger.add_from_results` adds, except for two hashes."""
    inputs.main("ledger", str(tmp_path / "made.db"), "3", "tenant")
    ledger = Ledger.create(f"sqlite:///{tmp_path / 'entered.db'}")
    info = RunInfo(
        id=inputs.LEDGER_RUN,
        account="tenant",
        source="bench",
        command="run",
        manifest="earlier.csv",
        manifest_sha256="",
        mapping_sha256="",
        key_field=None,
    )
    tickets = [
        RowFromResults(
            key=wide_row(n)[0],
            manifest_row=n + 2,
            state="created",
            ids=TicketIds(number=str(n + 1), ticket_id=f"00000000-0000-4000-8000-{n:012}", key=f"#{n + 1}"),
            error_code="",
            error="",
            attempts=1,
            finished_at="2026-01-01T00:00:00Z",
            run=inputs.LEDGER_RUN,
        )
        for n in range(3)
    ]
    ledger.add_from_results(info, tickets)
    ledger.close()
    made, entered = (rows_of(tmp_path / name) for name in ("made.db", "entered.db"))
    hashes = 2  # of title and lead, which a run enters and a results file does not know
    assert [row[:-hashes] for row in made] == [row[:-hashes] for row in entered]
    assert len(made) == 3
    assert all(all(row[-hashes:]) for row in made)


def rows_of(ledger: Path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(ledger)) as db:
        return db.execute("SELECT * FROM tickets ORDER BY id").fetchall()


def test_an_unknown_kind_is_an_error(tmp_path: Path) -> None:
    """A misspelt kind raises ValueError."""
    with pytest.raises(ValueError, match="unknown kind"):
        inputs.main("manifesto", str(tmp_path / "x"), "3")
