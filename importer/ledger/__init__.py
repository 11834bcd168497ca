"""The ledger: one database that knows every ticket, every request for one, and every run.

Who only judges rows needs no more than its records: the database behind it is loaded when first asked for.
"""

import importlib
from typing import TYPE_CHECKING

from importer.ledger.records import (
    Claim,
    Intent,
    LedgerEntry,
    Outcome,
    Rejection,
    RowFromResults,
    RunInfo,
    new_run_id,
    source_of_run,
    utc_now,
)

if TYPE_CHECKING:
    from importer.ledger.database import boot_clock_s, safe_url
    from importer.ledger.leases import LEASE_S
    from importer.ledger.store import Ledger
else:
    _HOMES = {
        "LEASE_S": "leases",
        "Ledger": "store",
        "boot_clock_s": "database",
        "safe_url": "database",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = [
    "LEASE_S",
    "Claim",
    "Intent",
    "Ledger",
    "LedgerEntry",
    "Outcome",
    "Rejection",
    "RowFromResults",
    "RunInfo",
    "boot_clock_s",
    "new_run_id",
    "safe_url",
    "source_of_run",
    "utc_now",
]
