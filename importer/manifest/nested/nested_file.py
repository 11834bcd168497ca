"""A file of records with objects and lists inside, as batches of rows, and what makes its columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from importer.manifest.header import Header
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.nested.column_tree import ColumnTree
from importer.manifest.nested.values import JsonObject
from importer.manifest.records import Batch, RecordList
from importer.models import ManifestOptions, Problem

_MAX_ROWS = 10_000
_MAX_CHARS = 1 << 23  # of all cells of a batch
_MAX_SHOWN = 5


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
        """Return a maker of rows with so many cells."""


def nested_columns(options: ManifestOptions, *, is_xml: bool = False) -> NestedColumns:
    """Return the columns as the mapping wants them."""
    if not options.columns:
        return ColumnTree(options, is_xml=is_xml)
    from importer.manifest.nested.expression_columns import ExpressionColumns  # noqa: PLC0415 - loading it takes time

    return ExpressionColumns(options)


class NestedRows(Protocol):
    """A maker of rows: one record after another becomes cells."""

    def cells(self, record: JsonObject, /) -> list[str]:
        """Return the record's cells."""

    def problems(self, row: int, record: JsonObject, cells: list[str], /) -> Iterator[Problem]:
        """Yield the problems of the record whose cells were made last."""


@dataclass(frozen=True, kw_only=True)
class NestedFile:
    """A file of records whose names are known. It has no header row, so the first record is row 1.

    ``records``: reads all records in one pass.
    """

    format: ManifestFormat
    header: Header
    rows: NestedRows
    records: Callable[[], Iterator[JsonObject]]

    def batches(self, size: int) -> Iterator[Batch]:
        """Read all rows in one pass, at most ``size`` at a time. Raises ManifestError.

        A list in a column that takes one value, and a name that an object has twice, are problems of their rows.
        """
        first_row, chars = 1, 0
        cells: list[list[str]] = []
        problems: list[Problem] = []
        for record in self.records():
            row = self.rows.cells(record)
            problems += self.rows.problems(first_row + len(cells), record, row)
            cells.append(row)
            chars += sum(map(len, row))
            if len(cells) >= min(size, _MAX_ROWS) or chars > _MAX_CHARS:
                yield Batch(first_row=first_row, records=RecordList(records=cells), problems=tuple(problems))
                first_row, chars = first_row + len(cells), 0
                cells, problems = [], []
        if cells:
            yield Batch(first_row=first_row, records=RecordList(records=cells), problems=tuple(problems))


def nested_file(
    manifest_format: ManifestFormat,
    columns: NestedColumns,
    names: tuple[str, ...],
    may_lack: Collection[str],
    records: Callable[[], Iterator[JsonObject]],
) -> NestedFile:
    """Return a file whose columns a first pass has found; those of ``may_lack`` that no record has follow them."""
    absent = sorted(frozenset(may_lack).difference(names))
    all_names = (*names, *absent)
    absent += columns.absent
    return NestedFile(
        format=replace(
            manifest_format,
            ignored_members=columns.ignored_members,
            absent_columns=tuple(absent),
            warnings=(*manifest_format.warnings, *(_absence_warnings(absent) if columns else ())),
        ),
        header=Header(columns=all_names, width=len(all_names), row=0),
        rows=columns.rows(len(all_names)),
        records=records,
    )


def _absence_warnings(absent: Sequence[str]) -> Iterator[str]:
    if absent:
        more = f" and {len(absent) - _MAX_SHOWN:,} more" if len(absent) > _MAX_SHOWN else ""
        yield f"no object has {', '.join(map(repr, absent[:_MAX_SHOWN]))}{more}; these columns count as empty"
