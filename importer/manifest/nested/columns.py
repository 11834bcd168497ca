"""What makes columns of nested records: the names in them, or expressions of the mapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from importer.manifest.nested.column_tree import ColumnTree
from importer.manifest.nested.values import JsonObject
from importer.models import ManifestOptions, Problem


class NestedColumns(Protocol):
    """The columns of records: each record is added in a first pass."""

    def __bool__(self) -> bool: ...

    @property
    def ignored_members(self) -> int:
        """Return how many members of the records no column reads."""

    @property
    def absent(self) -> tuple[str, ...]:
        """Return the columns for which no record has a value."""

    def add(self, record: JsonObject, /) -> None:
        """Look at a record. Raises BrokenObjectError, TooManyNamesError."""

    def columns(self, file_name: str, /) -> tuple[str, ...]:
        """Return the names of the columns. Raises ManifestError."""

    def rows(self, width: int, /) -> NestedRows:
        """Return what makes rows of so many cells of the records."""


def nested_columns(options: ManifestOptions, *, is_xml: bool = False) -> NestedColumns:
    """Return the columns as the mapping wants them."""
    if not options.columns:
        return ColumnTree(options, is_xml=is_xml)
    from importer.manifest.nested.expression_columns import ExpressionColumns  # noqa: PLC0415 - loading it takes time

    return ExpressionColumns(options)


class NestedRows(Protocol):
    """Makes the cells of one record after another."""

    def cells(self, record: JsonObject, /) -> list[str]:
        """Return the record's cells."""

    def problems(self, row: int, record: JsonObject, cells: list[str], /) -> Iterator[Problem]:
        """Yield the problems of the record whose cells were made last."""
