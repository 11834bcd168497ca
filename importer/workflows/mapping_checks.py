"""Checks a mapping with the manifest's columns and the account's fields, and reports all errors at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Self

from importer.account_fields import check_mapping
from importer.errors import MappingError
from importer.manifest.header import RepeatedColumns
from importer.manifest.manifest import Manifest
from importer.mapping import Mapping, check_columns
from importer.validation import check_mapping_values
from importer.workflows.import_job import ImportJob


@dataclass(frozen=True, kw_only=True)
class ManifestColumns:
    """The columns of a manifest. ``absent``: those that no record has; ``repeated``: names with several columns."""

    names: Sequence[str]
    absent: Sequence[str]
    repeated: RepeatedColumns

    @classmethod
    def of(cls, manifest: Manifest, names: Sequence[str]) -> Self:
        """Return the columns of a manifest; ``names`` are without those of a results file."""
        return cls(names=names, absent=manifest.format.absent_columns, repeated=manifest.repeated)


def check_whole_mapping(
    job: ImportJob, mapping: Mapping, columns: ManifestColumns | None, known: MappingError | None = None
) -> tuple[str, ...]:
    """Check a mapping and return warnings.

    ``columns``: ``None`` if the manifest can't be read. ``known``: the errors of a mapping of which ``mapping`` is the
    rest. Raises one MappingError with all errors.
    """
    checks: list[Callable[[], tuple[str, ...] | None]] = [partial(check_mapping_values, mapping)]
    if columns is not None:
        checks.append(partial(check_columns, mapping, columns.names, columns.absent, columns.repeated))
    checks.append(partial(_check_account_fields, job, mapping))
    warnings: tuple[str, ...] = ()
    errors: list[MappingError] = [known] if known is not None else []
    for check in checks:
        try:
            warnings += check() or ()
        except MappingError as error:
            errors.append(error)
    if errors:
        raise combined_error(mapping, errors, mapping.warnings if job.fields is None else ())
    return warnings


def combined_error(mapping: Mapping, errors: Sequence[MappingError], warnings: Sequence[str] = ()) -> MappingError:
    """Return one error for all. ``warnings``: probable mistakes, which are corrected in the same round."""
    details = [detail for error in errors for detail in error.details]
    message = errors[0].message if len(errors) == 1 else f"the mapping {mapping.path} can't be used:"
    hint = "; ".join(dict.fromkeys(error.hint for error in errors))
    return MappingError(message, hint=hint, details=dict.fromkeys([*details, *warnings]))


def _check_account_fields(job: ImportJob, mapping: Mapping) -> tuple[str, ...]:
    """Return warnings about rules that the account may refuse. Raises MappingError for rules that it will refuse."""
    if job.fields is None:
        return ()
    now = datetime.now(UTC)
    fit = check_mapping(mapping, job.fields, now)
    if fit.errors:
        raise MappingError(
            f"the mapping {mapping.path} does not fit the account {job.account_name}:",
            details=fit.errors,
            hint=f"correct the mapping. The account's fields were read {job.fields.age_text(now)}; if it has "
            "changed since, read them again with `ticket-importer fields`",
        )
    return fit.warnings
