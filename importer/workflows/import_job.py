"""What the user asks an import to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.account_fields import AccountFields
from importer.export_checks.checks import ExportLimits
from importer.models import RowNumbers, Status
from importer.results import WORKBOOK_ENDING
from importer.workflows.options import Options


@dataclass(frozen=True, kw_only=True)
class RowSelection:
    """The rows that the user wants to send. ``only``: the states of a rerun; ``None`` for a run.

    ``rows``, ``where`` (texts such as ``COLUMN=value``) and ``sample`` choose rows; the others keep their state. The
    rest is for a rerun. ``manifest``: the manifest to compare the results file with. ``allow_missing``: rows may be
    missing. ``accept_edits``: cells that a spreadsheet changed are sent. ``restore``: they are put back from the
    manifest.
    """

    only: frozenset[Status] | None = None
    rows: RowNumbers | None = None
    where: tuple[str, ...] = ()
    sample: int | None = None
    seed: int | None = None  # of the sample
    resend_unknown: bool = False
    manifest: Path | None = None
    allow_missing: bool = False
    accept_edits: bool = False
    restore: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether flags may leave out rows."""
        return self.rows is not None or bool(self.where) or self.sample is not None


@dataclass(frozen=True, kw_only=True)
class ImportJob:
    """The files, the account and the options of one `validate`, `run` or `rerun`.

    ``results`` is ``None`` if none are written, ``ledger_url`` if there is no ledger. ``fields``: of the account, if
    they were read. ``notes``: the folder where this host notes what it has sent, ``None`` if it notes nothing.
    """

    command: str
    manifest: Path
    mapping: Path
    results: Path | None
    account_name: str
    options: Options
    ledger_url: str | None = None
    fields: AccountFields | None = None
    notes: Path | None = None

    @property
    def selection(self) -> RowSelection:
        """The rows that the user wants to send."""
        options = self.options
        return RowSelection(
            only=options.only if self.is_rerun else None,
            rows=options.rows,
            where=options.where,
            sample=options.sample,
            seed=options.seed,
            resend_unknown=options.on_unknown == "retry",
            manifest=Path(options.original) if options.original is not None else None,
            allow_missing=options.allow_missing,
            accept_edits=options.accept_edits,
            restore=options.restore,
        )

    @property
    def export_limits(self) -> ExportLimits:
        """How much an export may differ from earlier exports."""
        options = self.options
        return ExportLimits(
            expect_new=options.expect_new,
            max_changed=options.max_changed,
            max_gone=options.max_gone,
            min_rows=options.min_rows,
        )

    @property
    def writes_workbook(self) -> bool:
        """Whether the results are a workbook."""
        return self.results is not None and self.results.suffix.lower() == WORKBOOK_ENDING

    @property
    def knows_fields(self) -> bool:
        """Whether rows are checked with the account's fields; without them the embedded sandbox accepts any field."""
        return self.fields is not None

    @property
    def is_rerun(self) -> bool:
        """Whether the manifest is a results file."""
        return self.command == "rerun"
