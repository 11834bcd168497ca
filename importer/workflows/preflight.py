"""The first half of every import: the files are found in order, and each row is judged. Prints nothing, calls nothing.

`validate` is all of this and no more, so what only sending needs (the client, the database behind a ledger) is not
loaded here.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from importer.account_fields import AccountFields, check_fit
from importer.attachments import AttachmentFinder
from importer.errors import MappingError, UsageError
from importer.export_checks.checks import ExportLimits
from importer.ledger.records import RunInfo, new_run_id
from importer.manifest import Manifest, PrivateCopy, open_manifest, private_copy, private_folder
from importer.mapping import Mapping, check_columns, load_mapping
from importer.models import AttachmentCounts, ManifestOptions
from importer.results import COLUMNS, WORKBOOK_ENDING, Comparison, check_results, check_target, data_columns, part_path
from importer.runtime.garbage_collection import paused
from importer.submission.plan import Disposition
from importer.validation import Validator, check_mapping_values, with_stored_numbers
from importer.workflows.rerun.previous_results import RowSelection
from importer.workflows.row_passes import ProblemReceiver, RowPasses

if TYPE_CHECKING:  # a check without a ledger needs no database
    from importer.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class ImportJob:
    """What the user asked for. ``results`` is ``None`` where none are written, ``ledger_url`` where none is there."""

    command: str
    manifest: Path
    mapping: Path
    results: Path | None
    account_name: str
    ledger_url: str | None = None
    mapping_source: str | None = None  # for a mapping that is a table of columns, as is `mapping_key`
    mapping_key: tuple[str, ...] = ()
    choice: RowSelection = field(default_factory=RowSelection)
    fields: AccountFields | None = None  # as far as the account has told them
    skip_invalid: bool = False
    limit: int | None = None
    strict_end: bool = False  # a last row without a line end is rejected
    export_limits: ExportLimits = field(default_factory=ExportLimits)


class PreflightDialog(ProblemReceiver, Protocol):
    """What a check shows to the user."""

    def warn(self, text: str) -> None:
        """Show a warning."""


def validate_manifest(job: ImportJob, listener: PreflightDialog, ledger: Ledger | None) -> Preflight:
    """Judge every row of a manifest. With a ``ledger``, rows that are tickets already are not looked at."""
    with prepared(job) as judging:
        for warning in judging.warnings:
            listener.warn(warning)
        with paused():
            judging.rows.judge(ledger, judging.info, listener, record=False)
        of_files = judging.attachments.warnings if judging.attachments is not None else ()
        for warning in (*judging.rows.warnings, *of_files):
            listener.warn(warning)
        return judging


class Preflight:
    """The checked files of a job, and the rows in them.

    ``doubts``: what is probably wrong with the mapping. ``folder`` is for private copies, as long as it lasts.
    """

    def __init__(
        self, job: ImportJob, mapping: Mapping, doubts: tuple[str, ...], manifest: Manifest, copy: PrivateCopy
    ) -> None:
        self._job = job
        self.mapping = mapping
        self._doubts = doubts
        self.manifest = manifest
        self.folder = copy.path.parent
        self.text_bytes = copy.size_bytes if manifest.sheet is None else 0  # of all rows, as far as the file tells
        self.info = RunInfo(
            id=new_run_id(mapping.source),
            account=job.account_name,
            source=mapping.source,
            command=job.command,
            # A name may hold bytes that are no text, which no database takes.
            manifest=str(job.manifest.absolute()).encode(errors="surrogateescape").decode(errors="backslashreplace"),
            manifest_sha256=copy.sha256,
            mapping_sha256=mapping.sha256,
            key_field=mapping.key_field,
        )
        self._finder: AttachmentFinder | None = None
        self.rows = self._rows(job.manifest, stores_numbers=manifest.format.stores_numbers)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person would want to know of the files, and of the cells once the rows are judged."""
        of_files = self._finder.doubts if self._finder is not None else ()
        of_cells = self.rows.warnings
        return (*self.manifest.format.warnings, *self.mapping.warnings, *self._doubts, *of_files, *of_cells)

    @functools.cached_property
    def attachments(self) -> AttachmentCounts | None:
        """The files of all judged rows, and what belongs to no row; ``None`` for a mapping without attachments."""
        if self._finder is None:
            return None
        results = self._job.results
        written = [] if results is None else [results, part_path(results)]
        unclaimed = self._finder.unclaimed([self._original, *self.mapping.files, *written])
        files, size_bytes, rows = self.rows.plan.files
        return AttachmentCounts(
            files=files,
            size_bytes=size_bytes,
            rows=rows,
            unclaimed_files=unclaimed.files,
            unclaimed_folders=unclaimed.folders,
            warnings=unclaimed.warnings,
        )

    def hold_against(self, original: Path, comparison: Comparison | None, *, stores_numbers: bool) -> None:
        """Take the rows of a results file for those of the manifest ``original``, as far as it was found.

        Its attachments lie beside the manifest. Its numbers are those of the manifest, or of the workbook that it is.
        """
        self.rows = self._rows(original, stores_numbers=stores_numbers or self.manifest.format.stores_numbers)
        self.rows.hold_against(comparison)

    def check_fit(self) -> None:
        """Raise ResultsError if the new results can't hold these rows."""
        results = self._job.results
        if results is not None and results.suffix.lower() == WORKBOOK_ENDING:
            self.rows.check_fit(results)

    def may_send(self) -> bool:
        """Say whether judged rows may go out: none is rejected, or the others are to go all the same."""
        return self._job.skip_invalid or not self.rows.plan.counts()[Disposition.REJECT]

    def _rows(self, original: Path, *, stores_numbers: bool) -> RowPasses:
        self._original = original
        if self.mapping.attachments is not None:
            root = original.absolute().parent / (self.mapping.attachments.root or "")
            self._finder = AttachmentFinder(self.mapping.attachments, root)
        mapping = with_stored_numbers(self.mapping) if stores_numbers else self.mapping
        validator = Validator(mapping, self._finder, self.manifest.sheet, self._job.fields)
        return RowPasses(self.manifest, self.mapping, validator, self._job.choice)


@contextlib.contextmanager
def prepared(job: ImportJob) -> Iterator[Preflight]:
    """Find everything that is wrong with the files before a row is looked at."""
    mapping = load_mapping(job.mapping, source=job.mapping_source, key=job.mapping_key)
    with private_folder() as folder:
        copy = private_copy(job.manifest, folder)
        # How the manifest was written says nothing of the results, which are ours.
        options = replace(mapping.manifest, strict_end=job.strict_end) if job.choice.only is None else ManifestOptions()
        expected = _expected(job, mapping)
        may_lack = expected if job.choice.only is None else ()
        with paused():
            manifest = open_manifest(copy.path, options, expected, may_lack=may_lack, shown_as=job.manifest)
        doubts = _check_mapping(job, mapping, manifest, _own_columns(job, manifest, mapping))
        _check_results_place(job, mapping)
        yield Preflight(job, mapping, doubts, manifest, copy)


def _check_mapping(job: ImportJob, mapping: Mapping, manifest: Manifest, columns: Sequence[str]) -> tuple[str, ...]:
    """Hold a mapping against its own types, the manifest's columns and the account; give what is probably wrong.

    Raises one MappingError with all that is surely wrong, so that nobody needs a round for each.
    """
    checks: tuple[Callable[[], tuple[str, ...] | None], ...] = (
        partial(check_mapping_values, mapping),
        partial(check_columns, mapping, columns, manifest.format.absent_columns),
        partial(_hold_against_account, job, mapping),
    )
    doubts: tuple[str, ...] = ()
    errors: list[MappingError] = []
    for check in checks:
        try:
            doubts += check() or ()
        except MappingError as error:
            errors.append(error)
    if len(errors) > 1:
        raise MappingError(
            f"the mapping {mapping.path} can't be used:",
            details=[detail for error in errors for detail in error.details],
            hint="; ".join(error.hint for error in errors),
        )
    for found in errors:
        raise found
    return doubts


def _hold_against_account(job: ImportJob, mapping: Mapping) -> tuple[str, ...]:
    """Give what the account will probably not take of a mapping. Raises MappingError with what it surely will not."""
    if job.fields is None:
        return ()
    now = datetime.now(UTC)
    fit = check_fit(mapping, job.fields, now)
    if fit.errors:
        raise MappingError(
            f"the mapping {mapping.path} does not fit the account {job.account_name}:",
            details=fit.errors,
            hint=f"the account's fields were read {job.fields.age_text(now)}; if it has changed since, read them anew "
            "with `ticket-importer fields`",
        )
    return fit.warnings


def _expected(job: ImportJob, mapping: Mapping) -> set[str]:
    return {use.column for use in mapping.uses}.union(COLUMNS if job.choice.only is not None else ())


def _own_columns(job: ImportJob, manifest: Manifest, mapping: Mapping) -> tuple[str, ...]:
    """The columns that are not an import's, of a file that is what the command takes."""
    if job.choice.only is not None:
        check_results(manifest, str(job.manifest), account=job.account_name, source=mapping.source)
        return data_columns(manifest.columns)
    if taken := [column for column in manifest.columns if column in COLUMNS]:
        raise UsageError(
            f"{job.manifest} has columns that only results have: {', '.join(taken)}",
            hint="a results file is run again with `ticket-importer rerun`",
        )
    return manifest.columns


def _check_results_place(job: ImportJob, mapping: Mapping) -> None:
    if job.results is None:
        return
    former = job.manifest if job.choice.only is None else job.choice.manifest
    inputs = [path for path in (*mapping.files, former) if path is not None]
    # The results that are run again were held against account and source just now.
    checked = job.manifest if job.choice.only is not None else None
    check_target(job.results, account=job.account_name, source=mapping.source, inputs=inputs, checked=checked)
