"""The ledger: one database that knows every ticket, every request for one, and every run."""

from importer.ledger.database import boot_clock_s, shown
from importer.ledger.leases import LEASE_S
from importer.ledger.records import (
    Claim,
    Entry,
    Import,
    Intent,
    Outcome,
    Rejection,
    RunInfo,
    new_run_id,
    source_of_run,
    utc_now,
)
from importer.ledger.store import Ledger

__all__ = [
    "LEASE_S",
    "Claim",
    "Entry",
    "Import",
    "Intent",
    "Ledger",
    "Outcome",
    "Rejection",
    "RunInfo",
    "boot_clock_s",
    "new_run_id",
    "shown",
    "source_of_run",
    "utc_now",
]
