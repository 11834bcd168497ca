"""The ledger knows the content of every results file that a run wrote, on both databases."""

from __future__ import annotations

from importer.ledger.result_files import record_result_files, was_written
from importer.ledger.store import Ledger
from tests.ledger.ledgers import live_run


def test_a_file_is_known_by_its_content(ledger: Ledger, tmp_path) -> None:
    """Whatever its name is later; a run that writes a file twice is no error."""
    run = live_run(ledger)
    record_result_files(ledger, run.id, {tmp_path / "r.xlsx": "aa", tmp_path / "r.csv": "bb"})
    record_result_files(ledger, run.id, {tmp_path / "r.csv": "cc"})
    assert [was_written(ledger, each) for each in ("aa", "bb", "cc", "dd")] == [True, False, True, False]
