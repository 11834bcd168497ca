"""The rows of one manifest, which a run reads three times: to check them, to send them, and to write the results.

Each pass reads them chunk by chunk, so that they need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from importer.ledger.records import RunInfo
from importer.manifest.chunks import Chunk
from importer.manifest.manifest import Manifest
from importer.mapping import Mapping
from importer.results import ManifestComparison, ResultRow, data_columns
from importer.submission.plan import Plan
from importer.validation import RenumberedRowCounter, SharedLeads, SuspiciousCells, Validator
from importer.workflows.import_job import RowSelection
from importer.workflows.rerun.previous_results import PreviousResults

if TYPE_CHECKING:  # a check without a ledger needs no database
    from importer.ledger.store import Ledger


class ManifestRows:
    """The rows of a manifest or of a results file, and what the passes over them share.

    The check pass fills ``plan``, ``shared_leads`` and ``suspicious_cells``. ``columns``: the manifest's own,
    without those that an import adds.
    """

    def __init__(
        self,
        manifest: Manifest,
        mapping: Mapping,
        validator: Validator,
        selection: RowSelection,
        comparison: ManifestComparison | None = None,
    ) -> None:
        self.manifest = manifest
        self.mapping = mapping
        self.validator = validator
        self.selection = selection
        is_rerun = selection.only is not None
        self.columns = list(data_columns(manifest.columns)) if is_rerun else list(manifest.columns)
        self.previous = PreviousResults(mapping, validator, selection, comparison)
        self.plan = Plan()
        self.shared_leads = SharedLeads()
        self.suspicious_cells = SuspiciousCells(mapping, has_escapes=manifest.format.delimiter == "\t")

    def keys(self, chunk: Chunk, previous: list[ResultRow] | None) -> list[str]:
        """Return the key of each row.

        In a results file that is ``import_key``, even if the cells were edited. Rows without one get a key from their
        cells.
        """
        keys = self.validator.row_keys.of_chunk(chunk, self.columns)
        if previous is None:
            return keys
        return [each.key or key for each, key in zip(previous, keys, strict=True)]

    def renumbered_row_counter(self) -> RenumberedRowCounter:
        """Return a counter of rows whose title or lead differs from the one that was sent."""
        return RenumberedRowCounter(self.validator.mapping, self.manifest.sheet)


def ledger_states(ledger: Ledger | None, run: RunInfo, keys: Sequence[str]) -> dict[str, str]:
    """Return the ledger's state of each of these keys that it knows."""
    return {} if ledger is None else ledger.states(run.account, run.source, [key for key in keys if key])
