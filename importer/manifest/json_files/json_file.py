"""Reads JSON Lines, or a list in JSON, into batches of records: one object is one row."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError
from importer.manifest.chunks import Batch
from importer.manifest.delimited.encoding import Encoding, find_encoding
from importer.manifest.header import Header
from importer.manifest.json_files.parsing import (
    BlankLines,
    BrokenObjectError,
    JsonObject,
    ParsedObject,
    cell_text,
    parse_lines,
    parse_list,
)
from importer.manifest.json_files.wrapper import refuse_wrapper
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.records import BlankRecords, RecordList, is_blank
from importer.models import ManifestOptions, Problem

_MAX_COLUMNS = 1 << 14
_MAX_BATCH = 10_000  # an object in memory is many times larger than its text
_MAX_BROKEN = 20
_MAX_SHOWN = 5
_START_CHARS = 1 << 16


@dataclass(frozen=True, kw_only=True)
class JsonFile:
    """A text file of objects with known names: one per line, or all in one list.

    It has no header row, so the first line, or the list's first object, is row 1.
    """

    path: Path
    shown: str
    encoding: Encoding
    is_list: bool
    format: ManifestFormat
    header: Header

    def batches(self, size: int) -> Iterator[Batch]:
        """Read all objects in one pass, at most ``size`` at a time; a blank line is a blank row.

        A value that is a list or an object, and a name that an object has twice, are problems of their rows.
        """
        row = 1
        with self.encoding.open(self.path) as text:
            found = parse_list(text) if self.is_list else _expand_blank_lines(parse_lines(text))
            for is_blank_run, some in itertools.groupby(found, lambda each: isinstance(each, BlankLines)):
                if is_blank_run:
                    for run in some:
                        assert isinstance(run, BlankLines)
                        yield Batch(first_row=row, records=BlankRecords(size=run.size))
                        row += run.size
                    continue
                objects = cast("Iterator[ParsedObject]", some)
                while part := list(itertools.islice(objects, min(size, _MAX_BATCH))):
                    yield self._batch(row, part)
                    row += len(part)

    def _batch(self, first_row: int, some: Sequence[ParsedObject]) -> Batch:
        problems: list[Problem] = []
        records: list[list[str]] = []
        for number, record in enumerate(some, start=first_row):
            if isinstance(record, BrokenObjectError):
                broken = f"{_unit(is_list=self.is_list)} {number}: {record}"
                raise _unreadable(self.shown, [broken], is_list=self.is_list)
            cells = {name: cell_text(value) for name, value in record.items()}
            records.append([cells.get(column, "") for column in self.header.columns])
            if not is_blank(cells.values()):
                problems += _problems(number, record, cells)
        return Batch(first_row=first_row, records=RecordList(records=records), problems=tuple(problems))


def open_json(path: Path, options: ManifestOptions, may_lack: Collection[str], shown: str) -> JsonFile:
    """Find the encoding, and all names in a first pass: the columns, as they first appear.

    The names of ``may_lack`` that no object has follow; an empty list has only those. Raises ManifestError that lists
    all that is not a JSON object, or if there is no name.
    """
    encoding = find_encoding(path, options.encoding, shown)
    with encoding.open(path) as text:
        is_list = text.read(_START_CHARS).lstrip().startswith("[")
    if not is_list:
        with encoding.open(path) as text:
            refuse_wrapper(text, may_lack, shown)
    with encoding.open(path) as text:
        found = parse_list(text) if is_list else parse_lines(text)
        names = _names(found, shown, is_list=is_list, may_be_empty=bool(may_lack))
    absent = sorted(frozenset(may_lack).difference(names))
    columns = (*names, *absent)
    header = Header(columns=columns, width=len(columns), row=0)
    manifest_format = ManifestFormat(
        name="JSON" if is_list else "JSON Lines",
        encoding=encoding.codec,
        bom=bool(encoding.bom),
        certainty=encoding.certainty,
        header_row=0,
        absent_columns=tuple(absent),
        warnings=(*encoding.warnings, *(_absence_warning(absent) if names else ())),
    )
    return JsonFile(path=path, shown=shown, encoding=encoding, is_list=is_list, format=manifest_format, header=header)


def _expand_blank_lines(found: Iterator[ParsedObject | BlankLines]) -> Iterator[ParsedObject | BlankLines]:
    """Replace each blank line by an empty object, except in very long runs of blank lines."""
    for each in found:
        if isinstance(each, BlankLines) and each.size < _MAX_BATCH:
            yield from itertools.repeat(JsonObject(), each.size)
        else:
            yield each


def _names(found: Iterator[ParsedObject | BlankLines], shown: str, *, is_list: bool, may_be_empty: bool) -> list[str]:
    names: dict[str, None] = {}
    broken: list[str] = []
    number = 0
    for record in found:
        number += record.size if isinstance(record, BlankLines) else 1
        if isinstance(record, BlankLines):
            continue
        if isinstance(record, BrokenObjectError):
            broken.append(f"{_unit(is_list=is_list)} {number}: {record}")
            if len(broken) == _MAX_BROKEN:
                break
        else:
            names |= dict.fromkeys(record)
        if len(names) > _MAX_COLUMNS:
            where = f"{_unit(is_list=is_list)} {number}"
            raise ManifestError(
                f"{shown}: the objects up to {where} have more than {_MAX_COLUMNS:,} different names",
                hint="Each name is a column: export the file with the same names in each object.",
            )
    if broken:
        raise _unreadable(shown, broken, is_list=is_list)
    if not names and (number or not may_be_empty):
        raise ManifestError(f"{shown} contains no JSON object with a name", hint="Export the file again.")
    return list(names)


def _absence_warning(absent: Sequence[str]) -> Iterator[str]:
    if absent:
        more = f" and {len(absent) - _MAX_SHOWN:,} more" if len(absent) > _MAX_SHOWN else ""
        yield f"no object has {', '.join(map(repr, absent[:_MAX_SHOWN]))}{more}; these columns count as empty"


def _unit(*, is_list: bool) -> str:
    return "object" if is_list else "line"


def _unreadable(shown: str, broken: list[str], *, is_list: bool) -> ManifestError:
    if is_list:
        return ManifestError(
            f"{shown} is not a list of objects in JSON:",
            details=broken,
            hint="Export the file again, or correct it there.",
        )
    return ManifestError(
        f"{shown} is not JSON Lines (one JSON object per line):",
        details=broken,
        hint='Write one object per line, such as {"id": 1, "subject": "Help"}, or all in one list: [{...}, {...}].',
    )


def _problems(row: int, record: JsonObject, cells: dict[str, str]) -> Iterator[Problem]:
    for name, value in record.items():
        if isinstance(value, list | dict):
            kind = "a list" if isinstance(value, list) else "an object"
            yield _problem("nested-value", row, name, cells[name], f"{name}: the value is {kind}.")
    for name in sorted(record.broken_texts):
        yield _problem(
            "half-character", row, name, cells[name], f"{name}: the value contains half a character as an escape."
        )
    for name in sorted(record.repeated_names):
        yield _problem("name-twice", row, name, cells[name], f"{name}: the object has this name more than once.")


def _problem(code: str, row: int, column: str, value: str, message: str) -> Problem:
    return Problem(code=code, row=row, column=column, value=value, message=message, hint=ERROR_CODES[code].advice)
