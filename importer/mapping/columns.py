"""Mapping against manifest: a column that nobody accounted for is an error, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from importer.errors import MappingError
from importer.mapping.findings import Finding, did_you_mean, located
from importer.mapping.including import is_table
from importer.mapping.values import Mapping

_HINT = (
    "columns are compared letter by letter: give each a field under `columns`, or list it under `ignore`, and take out "
    "of the mapping what the manifest does not have"
)
_NONE_HINT = (
    "the mapping is another manifest's, or the names of the columns stand in another row: `manifest: {header_row: N}` "
    "in the mapping says in which"
)
_TABLE_HINT = (
    "columns are compared letter by letter: give each a line in the table, without a SchemaName if it stays, and "
    "take out what the manifest does not have"
)


def check_columns(mapping: Mapping, columns: Sequence[str]) -> None:
    """Hold the manifest's header against the mapping.

    Raises MappingError whose ``details`` name every column of the manifest that the mapping does not mention, and
    every place of the mapping that names a column that the manifest does not have.
    """
    findings = [*_absent(mapping, columns), *_unmentioned(mapping, columns)]
    if findings:
        message = f"the mapping {mapping.path} does not fit the manifest's columns:"
        raise MappingError(message, hint=_hint(mapping, columns), details=located(mapping.path, findings))


def _hint(mapping: Mapping, columns: Sequence[str]) -> str:
    if not {use.column for use in mapping.uses} & set(columns):
        return _NONE_HINT
    return _TABLE_HINT if is_table(mapping.path) else _HINT


def _absent(mapping: Mapping, columns: Sequence[str]) -> Iterator[Finding]:
    known, there = {use.column for use in mapping.uses}, frozenset(columns)
    unclaimed = [column for column in columns if column not in known]
    for use in mapping.uses:
        if use.column not in there:
            # One that another place names as well is meant only if it looks the same.
            guess = did_you_mean(use.column, unclaimed) or did_you_mean(use.column, columns, cutoff=1)
            yield Finding(use.line, f"{use.use}: the manifest has no column {use.column!r}{guess}")


def _unmentioned(mapping: Mapping, columns: Sequence[str]) -> Iterator[Finding]:
    there = frozenset(columns)
    absent = [use.column for use in mapping.uses if use.column not in there]
    known = {use.column for use in mapping.uses}
    for column in dict.fromkeys(columns):
        if column not in known:
            guess = did_you_mean(column, absent)
            yield Finding(0, f"the manifest's column {column!r} is neither mapped nor ignored{guess}")
