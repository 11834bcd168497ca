"""Checks a mapping against the columns of a manifest: every column must be mapped or ignored, and must exist."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from types import MappingProxyType

from importer.errors import MappingError
from importer.mapping.checked_mapping import Mapping
from importer.mapping.findings import MappingFinding, format_findings
from importer.mapping.ignore_patterns import with_ignored_patterns
from importer.mapping.includes import is_two_column_mapping
from importer.mapping.list_columns import Repeated, repeated_column_errors
from importer.mapping.similar_names import did_you_mean

_COPY = re.compile(r"(.*) \([0-9]+\)", re.DOTALL)  # the manifest's reader numbers the copies of a column
_HINT = (
    "give each column of the manifest a field under `columns`, or list it under `ignore`, where `via.*` stands for all "
    "names that begin with `via.`; remove from the mapping the "
    "columns that the manifest does not have; names are compared letter by letter"
)
_NO_COMMON_COLUMN_HINT = (
    "either the mapping belongs to another manifest, or the column names are not in the first row: then set "
    "`manifest: {header_row: N}` in the mapping"
)
_BLANKS_HINT = (
    "the names differ only in blanks around them: for a text file, set `manifest: {strip: true}` in the mapping, which "
    "removes blanks around headers and cells; for any other file, write the names with their blanks"
)
_TABLE_HINT = (
    "give each column of the manifest a row in the table, without a SchemaName to ignore it; remove the columns that "
    "the manifest does not have; names are compared letter by letter"
)
_ABSENT_HINT = (
    "give each name of the JSON objects a field under `columns`, or list it under `ignore`, where `via.*` stands for "
    "all names that begin with `via.`; a column that no object "
    "has is treated as empty only if it is not in the key, and if most columns exist: export the others as null, or "
    "remove them from the mapping"
)


def is_ignored(mapping: Mapping, column: str) -> bool:
    """Return whether a column is ignored; `Labels (2)`, a second column of that name, is ignored like `Labels`."""
    return column in mapping.ignore or _original(column) in mapping.ignore


def check_columns(
    mapping: Mapping, columns: Sequence[str], absent: Collection[str] = (), repeated: Repeated = MappingProxyType({})
) -> None:
    """Check that the mapping and the manifest's header name the same columns.

    ``absent``: those of ``columns`` that a manifest without a header does not have; some may be treated as empty.
    ``repeated``: the columns of each name that the header has several times. Raises MappingError whose ``details`` name
    every unmentioned column, every place that names a missing column, and every place that can't take a list column.
    """
    if mapping.gaps.manifest:
        return
    mapping = with_ignored_patterns(mapping, columns, repeated)
    copies = {copy for of_name in repeated.values() for copy in of_name[1:]}
    present = [column for column in columns if column not in absent and column not in copies]
    if absent and _may_be_empty(mapping, present, absent):
        return
    findings = [
        *_missing(mapping, present),
        *_unmentioned(mapping, present),
        *repeated_column_errors(mapping, repeated),
    ]
    if findings:
        message = f"the mapping {mapping.path} does not fit the manifest's columns:"
        hint = _ABSENT_HINT if absent else _hint(mapping, present)
        raise MappingError(message, hint=hint, details=format_findings(mapping.path, findings))


def _may_be_empty(mapping: Mapping, present: Sequence[str], absent: Collection[str]) -> bool:
    """Return whether absent columns count as empty: not in the key, not most of them, and not misspelled."""
    if not present:  # there is no object at all
        return True
    known = mapping.mentioned_columns | mapping.ignore
    is_key = mapping.key_is_row_content or not set(mapping.key).isdisjoint(absent)
    is_misspelled = not known.issuperset(present) or any(did_you_mean(column, present, cutoff=1) for column in absent)
    return not is_key and not is_misspelled and 2 * len(absent) <= len(known)


def _hint(mapping: Mapping, columns: Sequence[str]) -> str:
    stripped = {column.strip() for column in columns}
    if mapping.mentioned_columns <= {*columns, *stripped} and stripped <= mapping.mentioned_columns | mapping.ignore:
        return _BLANKS_HINT
    if mapping.mentioned_columns.isdisjoint(columns):
        return _NO_COMMON_COLUMN_HINT
    return _TABLE_HINT if is_two_column_mapping(mapping.path) else _HINT


def _missing(mapping: Mapping, columns: Sequence[str]) -> Iterator[MappingFinding]:
    """Yield each place of the mapping that names a column the manifest does not have."""
    known, present = mapping.mentioned_columns, frozenset(columns)
    unmentioned = [column for column in columns if column not in known]
    for mention in mapping.mentions:
        if mention.column not in present:
            # A column that is mentioned elsewhere is suggested only if it looks the same.
            guess = did_you_mean(mention.column, unmentioned) or did_you_mean(mention.column, columns, cutoff=1)
            text = f"{mention.section}: the manifest has no column {mention.column!r}{guess}"
            yield MappingFinding(mention.line, text)


def _unmentioned(mapping: Mapping, columns: Sequence[str]) -> Iterator[MappingFinding]:
    """Yield each column of the manifest that the mapping does not mention."""
    if mapping.gaps.columns:
        return
    known, present = mapping.mentioned_columns, frozenset(columns)
    missing = [mention.column for mention in mapping.mentions if mention.column not in present]
    for column in dict.fromkeys(columns):
        if column not in known and not (is_ignored(mapping, column) and _original(column) in present):
            guess = did_you_mean(column, missing)
            yield MappingFinding(0, f"the manifest's column {column!r} is neither mapped nor ignored{guess}")


def _original(column: str) -> str:
    """Return a column's name without the number that a repeated name got."""
    copy = _COPY.fullmatch(column)
    return copy[1] if copy else column
