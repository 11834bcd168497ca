"""Patterns with ``*`` under ``ignore``, such as ``Custom field (*``: which columns of a manifest they cover. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from importer.mapping.checked_mapping import Mapping
from importer.mapping.list_columns import Repeated

_NO_COLUMNS: Repeated = MappingProxyType({})


def is_pattern(name: str) -> bool:
    """Return whether an entry of ``ignore`` is a pattern."""
    return "*" in name


def with_ignored_patterns(mapping: Mapping, columns: Sequence[str], repeated: Repeated = _NO_COLUMNS) -> Mapping:
    """Return the mapping with the columns that its patterns cover under ``ignore``, and their number for each pattern.

    A pattern does not cover a column that the mapping names elsewhere. A column whose whole name is the pattern is the
    only one that it covers.
    """
    if not mapping.ignore_patterns:
        return mapping
    named = mapping.mentioned_columns
    named = named.union(*(copies for name, copies in repeated.items() if name in named))
    left = [column for column in columns if column not in named]
    covered: list[tuple[str, int]] = []
    ignored: set[str] = set()
    for pattern in mapping.ignore_patterns:
        names = {pattern} if pattern in left else {each for each in left if _covers(pattern, each)} - ignored
        ignored |= names
        covered.append((pattern, len(names)))
    return replace(mapping, ignore=mapping.ignore | ignored, ignored_by_patterns=tuple(covered))


def _covers(pattern: str, column: str) -> bool:
    """Match without a regular expression: each part between two ``*`` is found at its first place after the former."""
    first, *inner, last = pattern.split("*")
    if not column.startswith(first) or not column.endswith(last) or len(column) < len(first) + len(last):
        return False
    at, end = len(first), len(column) - len(last)
    for part in inner:
        found = column.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
