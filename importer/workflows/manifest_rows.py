"""The rows of one manifest, and what is found out about them while they are checked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from importer.account_fields import AccountFields
from importer.manifest.chunks import Chunk
from importer.manifest.manifest import Manifest
from importer.mapping import Mapping
from importer.results import ManifestComparison, data_columns, data_header
from importer.submission.plan import Plan
from importer.validation import RenumberedRowCounter, RowFilter, SuspiciousCells, Validator, cell_choices
from importer.workflows.chosen_rows import ChosenRows
from importer.workflows.import_job import RowSelection
from importer.workflows.rerun.previous_results import PreviousResults


class ManifestRows:
    """The rows of a manifest or of a results file.

    The check pass fills ``plan`` and ``suspicious_cells``. ``columns``: the manifest's own, without those that an
    import adds.
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
        self.chosen = ChosenRows(selection, manifest)
        is_rerun = selection.only is not None
        self.columns = list(data_columns(manifest.columns)) if is_rerun else list(manifest.columns)
        self.header = data_header(manifest) if is_rerun else manifest.columns_as_written
        self.previous = PreviousResults(mapping, validator, selection, comparison)
        self.plan = Plan()
        self.row_filter = RowFilter(mapping.rows)
        has_escapes = manifest.format.delimiter == "\t" and not manifest.format.notes
        self.suspicious_cells = SuspiciousCells(mapping, has_escapes=has_escapes)

    def chunks(self, size: int, *, read_ahead: bool = False) -> Iterator[Chunk]:
        """Read all rows in one pass. Those of a results file have the row numbers of its manifest."""
        chunks = self.manifest.chunks(size, read_ahead=read_ahead)
        return chunks if self.selection.only is None else map(_numbered_as_in_manifest, chunks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the check found: skipped lines, restored cells, filters without rows, suspicious cells."""
        found = (
            self.manifest.skipped,
            self.chosen.warnings,
            self.previous.warnings,
            self.row_filter.warnings,
            self.suspicious_cells.warnings,
        )
        return tuple(itertools.chain.from_iterable(found))

    def cell_choices(self, fields: AccountFields | None) -> dict[int, tuple[str, ...]]:
        """Return, for the index of a column, the values that its cells may have."""
        choices = cell_choices(self.mapping, fields)
        return {at: choices[column] for at, column in enumerate(self.columns) if column in choices}

    def renumbered_row_counter(self) -> RenumberedRowCounter:
        """Return a counter of rows whose title or lead differs from the one that was sent."""
        return RenumberedRowCounter(self.validator.mapping, self.manifest.sheet)


def _numbered_as_in_manifest(chunk: Chunk) -> Chunk:
    """Return rows of a results file with their ``import_row``, which a message, a flag and the ledger name."""
    rows = tuple(map(int, chunk.texts("import_row")))
    row_of = dict(zip(chunk.rows, rows, strict=True))
    problems = tuple(replace(problem, row=row_of[problem.row]) for problem in chunk.problems)
    return replace(chunk, rows=rows, problems=problems)
