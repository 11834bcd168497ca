"""What the user asks an import to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from importer.account_fields import AccountFields
from importer.export_checks.checks import ExportLimits
from importer.models import RowNumbers, Status
from importer.results import WORKBOOK_ENDING
from importer.settings import SANDBOX_ACCOUNT


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


@dataclass(frozen=True, kw_only=True)
class ImportJob:
    """The files, the account and the options of one `validate`, `run` or `rerun`.

    ``results`` is ``None`` if none are written, ``ledger_url`` if there is no ledger.
    """

    command: str
    manifest: Path
    mapping: Path
    results: Path | None
    account_name: str
    ledger_url: str | None = None
    mapping_source: str | None = None  # only for a CSV mapping, like `mapping_key`
    mapping_key: tuple[str, ...] = ()
    selection: RowSelection = field(default_factory=RowSelection)
    fields: AccountFields | None = None  # of the account, if they were read
    skip_invalid: bool = False
    limit: int | None = None
    strict_end: bool = False  # a last row without a line end is rejected
    keep_results: int = 10  # of former runs
    open_only: bool = False  # the workbook has only the rows to work on, and a CSV file beside it all rows
    export_limits: ExportLimits = field(default_factory=ExportLimits)

    @property
    def writes_workbook(self) -> bool:
        """Whether the results are a workbook."""
        return self.results is not None and self.results.suffix.lower() == WORKBOOK_ENDING

    @property
    def knows_fields(self) -> bool:
        """Whether rows are checked with the account's fields; the sandbox inside the process accepts any field."""
        return self.fields is not None or self.account_name == SANDBOX_ACCOUNT

    @property
    def is_rerun(self) -> bool:
        """Whether the manifest is a results file."""
        return self.selection.only is not None
