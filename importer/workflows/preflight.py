"""The first half of every import: opens and checks the files, and checks each row. Sends and prints nothing.

`validate` does only this. So this module does not load what only sending needs: the client and the ledger's database.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from importer.attachments import AttachmentFinder
from importer.errors import ImporterError, MappingError, UsageError
from importer.ledger.records import RunInfo, new_run_id, path_text
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.snapshot import PrivateCopy, private_copy, private_folder
from importer.mapping import Mapping, WrongMappingError, load_mapping, with_ignored_patterns, with_repeated_columns
from importer.models import AttachmentCounts
from importer.reports import ProblemTally
from importer.reports.problem_tally import ProblemKind
from importer.reports.summary import Validation
from importer.results import (
    COLUMNS,
    ManifestComparison,
    ResultsContent,
    all_rows_path,
    check_results,
    check_results_path,
    has_only_open_rows,
    part_path,
    with_other_rows,
)
from importer.runtime.events import Emit, Warned, to_all
from importer.runtime.garbage_collection import paused
from importer.submission.plan import Disposition
from importer.validation import Validator
from importer.workflows.check_pass import CheckPass
from importer.workflows.import_job import ImportJob
from importer.workflows.manifest_rows import ManifestRows
from importer.workflows.mapping_checks import ManifestColumns, check_whole_mapping
from importer.workflows.options import Options

if TYPE_CHECKING:  # a check without a ledger needs no database
    from importer.ledger.store import Ledger


def validate_manifest(job: ImportJob, emit: Emit, ledger: Ledger | None) -> Validation:
    """Check every row of a manifest. With a ``ledger``, rows that are tickets already are not checked."""
    tally = ProblemTally()
    with open_files(job) as preflight:
        for warning in preflight.warnings:
            emit(Warned(warning))
        with paused():
            CheckPass(preflight.rows, ledger, preflight.info).check(to_all(tally.listen, emit), record=False)
        files, plan = preflight.attachments, preflight.rows.plan
        for warning in (*preflight.rows.warnings, *(files.warnings if files is not None else ())):
            emit(Warned(warning))
        counts = plan.counts()
        validation = Validation(
            manifest=str(job.manifest),
            mapping=str(job.mapping),
            detected=preflight.manifest.format.describe(),
            made_at=datetime.now().astimezone(),
            knows_fields=job.knows_fields,
            rows=len(plan),
            rejected=counts[Disposition.REJECT],
            blank=preflight.manifest.blank_rows,
            skipped=counts[Disposition.SKIP],
            excluded=counts[Disposition.EXCLUDE],
            acknowledged=counts[Disposition.ACKNOWLEDGE],
            not_selected=counts[Disposition.KEEP],
            seed=job.selection.seed,
            ignored_by_patterns=preflight.mapping.ignored_by_patterns,
            kinds=preflight.kinds(tally),
            warnings=preflight.warnings,
            attachments=files,
        )
    emit(validation)
    return validation


class Preflight:
    """The open and checked files of a job. ``folder``: for private copies; it is deleted at the end of the job."""

    def __init__(
        self, job: ImportJob, mapping: Mapping, mapping_warnings: tuple[str, ...], manifest: Manifest, copy: PrivateCopy
    ) -> None:
        self._job = job
        self.mapping = mapping
        self._mapping_warnings = mapping_warnings
        self.manifest = manifest
        self.results_content: ResultsContent | None = None  # of the file that `rerun` sends again
        self.all_rows: Path | None = None  # the file with all rows, if the results have only those to work on
        self._copy = copy
        self.folder = copy.path.parent
        self.text_bytes = copy.size_bytes if manifest.sheet is None else 0  # of all rows; not known for workbooks
        self.info = RunInfo(
            id=new_run_id(mapping.source),
            account=job.account_name,
            source=mapping.source,
            command=job.command,
            manifest=path_text(job.manifest.absolute()),
            manifest_sha256=copy.sha256,
            mapping_sha256=mapping.sha256,
            key_field=mapping.key_field,
            results=path_text(job.results.absolute()) if job.results is not None else "",
        )
        self._finder: AttachmentFinder | None = None
        self.set_original(job.manifest, None, frozenset())

    def set_original(self, original: Path, comparison: ManifestComparison | None, stored_types: frozenset[str]) -> None:
        """Set the manifest of the rows: of a results file, the manifest ``original`` from which it was made.

        Attachments are found relative to ``original``. ``comparison``: of the results file with it. ``stored_types``:
        as what cells of ``original`` may be stored besides text.
        """
        self._original = original
        if self.mapping.attachments is not None:
            root = original.absolute().parent / (self.mapping.attachments.root or "")
            self._finder = AttachmentFinder(self.mapping.attachments, root)
        types = stored_types | self.manifest.format.stored_types
        rules = tuple(replace(rule, stored_types=types) for rule in self.mapping.rules)
        validator = Validator(replace(self.mapping, rules=rules), self._finder, self.manifest.sheet, self._job.fields)
        self.rows = ManifestRows(self.manifest, self.mapping, validator, self._job.selection, comparison)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings about the files and, after the rows are checked, about cells."""
        of_attachments = self._finder.warnings if self._finder is not None else ()
        of_manifest = self.manifest.format.warnings
        return (*of_manifest, *self.mapping.warnings, *self._mapping_warnings, *of_attachments, *self.rows.warnings)

    @functools.cached_property
    def attachments(self) -> AttachmentCounts | None:
        """The files of all checked rows, and the files of no row; ``None`` for a mapping without attachments."""
        if self._finder is None:
            return None
        results = self._job.results
        written = [] if results is None else [results, part_path(results), *filter(None, [self.all_rows])]
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

    def kinds(self, tally: ProblemTally) -> tuple[ProblemKind, ...]:
        """Return the kinds of problems that were found, with changes of the mapping that would solve them."""
        kinds = tally.kinds()
        if not kinds:
            return ()
        from importer.reports.mapping_fixes import with_fixes  # noqa: PLC0415 - it loads `suggest`

        return with_fixes(kinds, self.mapping, self._job.fields, rows=len(self.rows.plan))

    def delete_copy(self) -> None:
        """Delete the private copy of the manifest, after all rows are checked."""
        self._copy.path.unlink(missing_ok=True)

    def may_send(self) -> bool:
        """Return whether rows may be sent: none is rejected, or ``--skip-invalid`` is set."""
        return self._job.options.skip_invalid or not self.rows.plan.counts()[Disposition.REJECT]


@contextlib.contextmanager
def naming_wrong_files(mapping: Path, manifest: Path, options: Options) -> Iterator[None]:
    """Add what is wrong with the mapping, and a missing manifest, to an error about something else.

    So the user can correct settings, mapping and manifest in one round.
    """
    try:
        yield
    except UsageError as error:
        if not isinstance(error, MappingError):
            try:
                load_mapping(mapping, source=options.source, key=options.key)
            except MappingError as other:
                error.details = (*error.details, f"also: {other.message}", *(f"  {line}" for line in other.details))
        if not manifest.exists() and not any(str(manifest) in text for text in (error.message, *error.details)):
            error.details = (*error.details, f"also: there is no file {manifest}")
        raise


@contextlib.contextmanager
def open_files(job: ImportJob) -> Iterator[Preflight]:
    """Open the mapping and the manifest, and check them and the place of the results before any row is checked."""
    try:
        mapping = load_mapping(job.mapping, source=job.options.source, key=job.options.key)
    except WrongMappingError as error:
        _report_further_errors(job, error)
        raise
    with private_folder() as folder:
        copy = private_copy(job.manifest, folder)
        manifest = _open(job, mapping, copy)
        open_only = job.options.open_only
        if job.is_rerun and has_only_open_rows(manifest):
            open_only = True  # the new results have the form of the previous ones
            manifest = with_other_rows(manifest, job.manifest, mapping.manifest.for_results(), folder)
        content = _check_kind(job, manifest, mapping)
        columns = content.columns if content is not None else manifest.columns
        warnings = check_whole_mapping(job, mapping, ManifestColumns.of(manifest, columns))
        all_rows = all_rows_path(job.results) if open_only and job.results and job.writes_workbook else None
        _check_results_place(job, mapping, all_rows)
        mapping = with_ignored_patterns(with_repeated_columns(mapping, manifest.repeated), columns, manifest.repeated)
        preflight = Preflight(job, mapping, warnings, manifest, copy)
        preflight.results_content = content
        preflight.all_rows = all_rows
        yield preflight


def _open(job: ImportJob, mapping: Mapping, copy: PrivateCopy) -> Manifest:
    # The options describe the manifest. A results file always has this program's own format.
    options = (
        replace(mapping.manifest, strict_end=job.options.strict_end)
        if not job.is_rerun
        else mapping.manifest.for_results()
    )
    expected = _expected(job, mapping)
    may_lack = expected if not job.is_rerun else ()
    with paused():
        return open_manifest(copy.path, options, expected, may_lack=may_lack, original=job.manifest)


def _report_further_errors(job: ImportJob, error: WrongMappingError) -> None:
    """Raise MappingError with the errors of a mapping and what else is wrong with the rest of it, if anything is.

    So the user can correct a misspelled key and a misspelled column in one round.
    """
    if (rest := error.rest) is None:
        return
    columns = None
    with private_folder() as folder, contextlib.suppress(ImporterError):  # errors of the mapping come first
        manifest = _open(job, rest, private_copy(job.manifest, folder))
        content = _check_kind(job, manifest, rest)
        columns = ManifestColumns.of(manifest, content.columns if content is not None else manifest.columns)
    check_whole_mapping(job, rest, columns, error)


def _expected(job: ImportJob, mapping: Mapping) -> set[str]:
    return mapping.mentioned_columns.union(COLUMNS if job.is_rerun else ())


def _check_kind(job: ImportJob, manifest: Manifest, mapping: Mapping) -> ResultsContent | None:
    """Return the content of a results file, for `rerun`; raise an error if the file is of the wrong kind."""
    if job.is_rerun:
        return check_results(manifest, str(job.manifest), account=job.account_name, source=mapping.source)
    if taken := [column for column in manifest.columns if column in COLUMNS]:
        raise UsageError(
            f"{job.manifest} has columns that only results have: {', '.join(taken)}",
            hint="to send the rows of a results file again, use `ticket-importer rerun`",
        )
    return None


def _check_results_place(job: ImportJob, mapping: Mapping, all_rows: Path | None) -> None:
    if job.results is None:
        return
    former = job.manifest if not job.is_rerun else job.selection.manifest
    inputs = [path for path in (*mapping.files, former) if path is not None]
    # `check_results` has checked the account and the source of the results that are sent again.
    checked = job.manifest if job.is_rerun else None
    for path in filter(None, (job.results, all_rows)):
        check_results_path(path, account=job.account_name, source=mapping.source, inputs=inputs, checked=checked)
