"""`fields`: shows the account's ticket fields, as a table, a file or JSON."""

from __future__ import annotations

import codecs
import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from importer.account_fields import AccountField, AccountFields
from importer.account_fields.cache import as_data
from importer.cli import options
from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_fields, step_lines, steps_data
from importer.cli.styles import screen_width, wrapped
from importer.cli.terminal import Terminal
from importer.errors import UsageError
from importer.results import escape_formula
from importer.runtime.atomic_files import begins_as, open_made, replacing, writing
from importer.runtime.display_text import labelled
from importer.runtime.events import Warned
from importer.settings import fields_folder, read_connection, read_environment
from importer.workflows.fetch_fields import FetchedFields, fetch_fields
from importer.workflows.known_fields import cache_fields

_CSV_COLUMNS = ("SchemaName", "name", "type", "mandatory", "active", "default", "max_length", "values")
_BEGINNINGS = {
    ".csv": codecs.BOM_UTF8 + ",".join(_CSV_COLUMNS).encode(),
    ".json": b'{\n "version": ',
}
_COLUMNS = ("name", "SchemaName", "type", "mandatory", "values")
_VALUES_SHOWN_CHARS = 60


def fields(output: Path | None, **flags: Any) -> Ending:
    """Show the account's ticket fields and save them for checks."""
    environment = read_environment()
    set_up_log(flags, environment)
    if output is not None:
        _check_output(output)
    account, _ = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    terminal = Terminal(bar=None)
    fetched = fetch_fields(account, environment, options.of_flags(flags), terminal.listen)
    for note in fetched.fields.notes:
        terminal.listen(Warned(note))
    if account is not None:
        cache_fields(fetched.fields, fields_folder(flags["ledger"], environment), terminal.listen)
    if output is not None:
        _write(output, fetched.fields)
    written = [labelled("written", str(output))] if output is not None else []
    steps = after_fields(command_run().typed)
    return Ending(
        data=as_data(fetched.fields) | {"next": steps_data(steps)},
        text=(*_table_lines(fetched), *written),
        last_lines=step_lines(steps),
    )


def _check_output(path: Path) -> None:
    """Raise UsageError, before the first call, if the file can't be written or is no list of fields."""
    ending = path.suffix.lower()
    if ending not in _BEGINNINGS:
        raise UsageError(
            f"{path}: fields can be written as {' or '.join(_BEGINNINGS)}",
            hint="choose one for -o",
        )
    with writing(str(path), "-o"):
        is_other = path.exists() and not begins_as(path, (_BEGINNINGS[ending],))
        tempfile.TemporaryFile(dir=path.parent).close()
    if is_other:
        raise UsageError(
            f"{path} exists and is not a list of fields", hint="name another file with -o, or move this one"
        )


def _table_lines(fetched: FetchedFields) -> Iterator[str]:
    found = fetched.fields
    rows = [_COLUMNS, *map(_cells, found)]
    screen = screen_width(sys.stdout)
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS) - 1)]
    for row in rows:
        first = "  ".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True))
        line = f"{first}  {row[-1]}".rstrip()
        yield from [line] if len(line) <= screen else [first.rstrip(), *wrapped(f"    {row[-1]}", screen)]
    calls = "1 call" if fetched.calls == 1 else f"{fetched.calls:,} calls"
    yield f"{len(found):,} fields of {found.account}; {calls}"


def _cells(field: AccountField) -> tuple[str, ...]:
    needed = "" if not field.mandatory else "default" if field.default else "yes"
    kind = field.data_type if field.active else f"{field.data_type} (off)"
    shown = (field.display_name, field.schema_name, kind, needed, _values_text(field))
    return tuple("".join(letter if letter.isprintable() else " " for letter in text) for text in shown)


def _values_text(field: AccountField) -> str:
    """Return as many values as fit one line, or the greatest length of a text field."""
    if field.values is None:
        return f"up to {field.max_length:,} characters" if field.max_length is not None else ""
    shown = ""
    for index, value in enumerate(field.values):
        longer = f"{shown}, {value}" if shown else value
        if len(longer) > _VALUES_SHOWN_CHARS and shown:
            return f"{shown}, … and {len(field.values) - index:,} more"
        shown = longer
    return shown


def _write(path: Path, found: AccountFields) -> None:
    """Write the fields to a file that appears when it is complete. Raises UsageError."""
    is_csv = path.suffix.lower() == ".csv"
    text = _csv_text(found) if is_csv else json.dumps(as_data(found), ensure_ascii=False, indent=1)
    encoding = "utf-8-sig" if is_csv else "utf-8"
    with (
        writing(str(path), "-o"),
        replacing(path) as temporary,
        os.fdopen(open_made(temporary), "w", encoding=encoding, errors="backslashreplace", newline="") as file,
    ):
        file.write(text)


def _csv_text(found: AccountFields) -> str:
    """Return a row per field. Line breaks separate values, as values may contain any other separator."""
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(
        [escape_formula(cell) for cell in row] for row in (_CSV_COLUMNS, *map(_csv_cells, found))
    )
    return text.getvalue()


def _csv_cells(field: AccountField) -> tuple[str, ...]:
    return (
        field.schema_name,
        field.display_name,
        field.data_type,
        "yes" if field.mandatory else "no",
        "yes" if field.active else "no",
        field.default,
        "" if field.max_length is None else str(field.max_length),
        "\n".join(field.values or ()),
    )
