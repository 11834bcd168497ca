"""What is new since the last run of a manifest: rows of the export, and rows that newly need work.

The last run is the last one of the same source and manifest name; dates in a name don't count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from importer.export_checks.checks import SinceLastRun
from importer.ledger.previous_exports import ExportRecord, KeyHashes, are_in, key_hashes, unpack_contents, unpack_keys
from importer.ledger.records import RunInfo
from importer.ledger.results_runs import rejected_rows, runs_of_source
from importer.ledger.store import Ledger

_YEAR, _MONTH, _DAY = r"(?:20\d\d)", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATE = rf"(?:{_YEAR}([-_.]?){_MONTH}\1{_DAY}|{_DAY}([-_.]?){_MONTH}\2{_YEAR})"
_TIME = r"(?:[T_ .-]?(?:[01]\d|2[0-3])[:_.h-]?[0-5]\d(?:[:_.m-]?[0-5]\d)?Z?)"
_MOMENT = re.compile(rf"(?<!\d){_DATE}{_TIME}?(?!\d)", re.ASCII | re.IGNORECASE)


def export_name(manifest: str) -> str:
    """Return the name by which exports of one table are known: the file's name, with DATE for a date and time in it."""
    return _MOMENT.sub("DATE", PurePath(manifest).name)


def compare_exports(keys: bytes, contents: bytes, last: ExportRecord | None) -> SinceLastRun:
    """Compare the packed keys and contents of an export with those of the last one."""
    if last is None:
        return SinceLastRun()
    here, there = unpack_keys(keys), unpack_keys(last.keys)
    is_known = are_in(here, there)
    edited = None
    if last.contents is not None:
        is_now = unpack_contents(contents)[is_known]
        was = unpack_contents(last.contents)[np.searchsorted(there, here[is_known])]
        edited = int((is_now != was).sum())
    return SinceLastRun(
        new=here.size - int(is_known.sum()), edited=edited, gone=there.size - int(are_in(there, here).sum())
    )


class FailingRows:
    """Counts rows that need work, by whether they needed it in the last run already."""

    def __init__(self, ledger: Ledger, run: RunInfo) -> None:
        self._ledger = ledger
        self._known: KeyHashes | None = None  # the rows that the last runs rejected; ``None`` without one
        if last := list(_last_runs(ledger, run)):
            found = [key_hashes(ledger.keyed_hash, rows) for each in last for rows in rejected_rows(ledger, each)]
            self._known = np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)
        self._new = self._still = 0

    def count(self, rows: Sequence[tuple[str, bool]]) -> None:
        """Count failing rows: the key or the content of each, and whether the ledger knows that it failed before."""
        if self._known is not None and rows:
            failed_before = np.array([before for _, before in rows])
            failed_before |= are_in(key_hashes(self._ledger.keyed_hash, [name for name, _ in rows]), self._known)
            self._still += int(failed_before.sum())
            self._new += int((~failed_before).sum())

    def added_to(self, since: SinceLastRun) -> SinceLastRun | None:
        """Return a comparison with the counts of this object; ``None`` without a last run."""
        if self._known is None:
            return None
        return replace(since, newly_failed=self._new, still_failing=self._still)


def _last_runs(ledger: Ledger, run: RunInfo) -> Iterator[str]:
    """Yield the last run that has read a manifest of this name to its end.

    If flags left out rows of it, their state is that of the run before, which follows; and so on.
    """
    name = export_name(run.manifest)
    for each in runs_of_source(ledger, run.account, run.source):
        is_comparable = each.run != run.id and each.command == "run" and each.rows is not None
        if is_comparable and export_name(each.manifest) == name:
            yield each.run
            if not each.partial:
                return
