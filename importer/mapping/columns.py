"""Mapping against manifest: a column that nobody accounted for is an error, in both directions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from importer.errors import MappingError
from importer.mapping.findings import MappingFinding, did_you_mean, located
from importer.mapping.includes import is_table
from importer.mapping.rules import Mapping

_COPY = re.compile(r"(.*) \([0-9]+\)", re.DOTALL)  # as the reader of a header names it
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


_ABSENT_HINT = (
    "give each name of the objects a field under `columns`, or list it under `ignore`; a column that no object has may "
    "be an empty one, but not the key's, and not most of them: export those as null, or take them out of the mapping"
)


def is_ignored(mapping: Mapping, column: str) -> bool:
    """Whether a column is ignored, by its name or as one of several that have it: `Labels (2)` is a `Labels`."""
    copy = _COPY.fullmatch(column)
    return column in mapping.ignore or (copy is not None and copy[1] in mapping.ignore)


def check_columns(mapping: Mapping, columns: Sequence[str], absent: Collection[str] = ()) -> None:
    """Hold the manifest's header against the mapping.

    ``absent``: those of ``columns`` that a manifest without a header does not have, and that may do as empty ones.
    Raises MappingError whose ``details`` name every column of the manifest that the mapping does not mention, and
    every place of the mapping that names a column that the manifest does not have.
    """
    there = [column for column in columns if column not in absent]
    if absent and _may_lack(mapping, there, absent):
        return
    findings = [*_absent(mapping, there), *_unmentioned(mapping, there)]
    if findings:
        message = f"the mapping {mapping.path} does not fit the manifest's columns:"
        hint = _ABSENT_HINT if absent else _hint(mapping, there)
        raise MappingError(message, hint=hint, details=located(mapping.path, findings))


def _may_lack(mapping: Mapping, there: Sequence[str], absent: Collection[str]) -> bool:
    """Whether columns may be taken as empty: they are not in the key, not the most, and surely not misspelt."""
    if not there:  # not an object is there
        return True
    known = {use.column for use in mapping.uses}
    is_key = mapping.key_is_row_content or not set(mapping.key).isdisjoint(absent)
    is_misspelt = not known.issuperset(there) or any(did_you_mean(column, there, cutoff=1) for column in absent)
    return not is_key and not is_misspelt and 2 * len(absent) <= len(known)


def _hint(mapping: Mapping, columns: Sequence[str]) -> str:
    if not {use.column for use in mapping.uses} & set(columns):
        return _NONE_HINT
    return _TABLE_HINT if is_table(mapping.path) else _HINT


def _absent(mapping: Mapping, columns: Sequence[str]) -> Iterator[MappingFinding]:
    known, there = {use.column for use in mapping.uses}, frozenset(columns)
    unclaimed = [column for column in columns if column not in known]
    for use in mapping.uses:
        if use.column not in there:
            # One that another place names as well is meant only if it looks the same.
            guess = did_you_mean(use.column, unclaimed) or did_you_mean(use.column, columns, cutoff=1)
            yield MappingFinding(use.line, f"{use.use}: the manifest has no column {use.column!r}{guess}")


def _first(column: str) -> str:
    copy = _COPY.fullmatch(column)
    return copy[1] if copy else column


def _unmentioned(mapping: Mapping, columns: Sequence[str]) -> Iterator[MappingFinding]:
    there = frozenset(columns)
    absent = [use.column for use in mapping.uses if use.column not in there]
    known = {use.column for use in mapping.uses}
    for column in dict.fromkeys(columns):
        if column not in known and not (is_ignored(mapping, column) and _first(column) in there):
            guess = did_you_mean(column, absent)
            yield MappingFinding(0, f"the manifest's column {column!r} is neither mapped nor ignored{guess}")
