"""Records the results files of a run, and removes those of former runs (`--keep-results`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from importer.errors import LedgerError
from importer.ledger.result_files import record_result_files, was_written
from importer.ledger.store import Ledger
from importer.results import removable, sha256_of
from importer.runtime.events import Emit, Noted, Warned


def record_results(ledger: Ledger, run: str, files: Sequence[Path], emit: Emit) -> None:
    """Record which files a run has written. A failure is only a warning: the results are complete."""
    try:
        record_result_files(ledger, run, {path: sha256_of(path) for path in files})
    except (OSError, LedgerError) as error:
        emit(Warned(f"the results files could not be recorded, so --keep-results will not remove them: {error}"))


def remove_former_results(ledger: Ledger, files: Sequence[Path], keep: int, emit: Emit) -> None:
    """Remove the oldest former results of each file, except for the newest ``keep``.

    A file stays if it was edited since it was written, or if the ledger does not know it.
    """
    for path in files:
        try:
            for former in removable(path, keep, partial(was_written, ledger)):
                former.unlink()
                emit(Noted(f"removed {former}: --keep-results {keep}"))
        except (OSError, LedgerError) as error:
            emit(Warned(f"former results of {path} could not be removed: {error}"))
