"""`fields`: what the account says of its ticket fields, as a table, a file or JSON."""

from __future__ import annotations

import codecs
import csv
import json
import os
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options
from importer.cli.commands import cli
from importer.cli.json_envelope import enveloped
from importer.cli.known_fields import fetch_fields, keep
from importer.cli.output import log, say, set_up_log
from importer.errors import UsageError
from importer.runtime.atomic_files import begins_as, open_made, replacing, writing
from importer.settings import Environment, fields_folder, read_connection

if TYPE_CHECKING:
    from importer.account_fields import AccountField, AccountFields
    from importer.workflows.fetch_fields import FetchedFields

_CSV_COLUMNS = ("SchemaName", "name", "type", "mandatory", "active", "default", "max_length", "values")
_BEGINNINGS = {
    ".csv": codecs.BOM_UTF8 + ",".join(_CSV_COLUMNS).encode(),
    ".json": b'{\n "version": ',
}
_COLUMNS = ("name", "SchemaName", "type", "mandatory", "values")
_VALUES_SHOWN_CHARS = 60


@cli.command()
@click.option("-o", "--output", type=options.PATH, help="Write them to this file, .csv or .json.")
@click.option("--sandbox", is_flag=True, help="Ask an embedded stand-in account.")
@options.asking
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options.logging_flags
def fields(output: Path | None, **flags: Any) -> int:
    """Show the account's ticket fields, and keep them for the checks of the other commands.

    An administrator's keys are needed. Name, SchemaName, type, whether a ticket needs it, and a select field's values.
    """
    environment = Environment(os.environ, Path(".env"))
    set_up_log(flags, environment)
    if output is not None:
        _check_place(output)
    account, _ = read_connection(environment, flags["rate"], sandbox=flags["sandbox"])
    fetched = fetch_fields(account, environment, flags)
    for note in fetched.fields.notes:
        log.warning("%s", note)
    if account is not None:
        keep(fetched.fields, fields_folder(flags["ledger"], environment))
    if output is not None:
        _write(output, fetched.fields)
    _show(fetched, as_json=flags["as_json"])
    if output is not None and not flags["as_json"]:
        say(f"written    {output}")
    return 0


def _check_place(path: Path) -> None:
    """Raise UsageError for what is no file of fields or can't be one: no call is made for nothing, and nothing lost."""
    ending = path.suffix.lower()
    if ending not in _BEGINNINGS:
        raise UsageError(f"{path}: the fields are written as {' or '.join(_BEGINNINGS)}", hint="choose one for -o")
    with writing(str(path), "-o"):
        is_other = path.exists() and not begins_as(path, (_BEGINNINGS[ending],))
        tempfile.TemporaryFile(dir=path.parent).close()
    if is_other:
        raise UsageError(
            f"{path} is there and is not a list of fields", hint="name another file with -o, or move this one away"
        )


def _show(fetched: FetchedFields, *, as_json: bool) -> None:
    found = fetched.fields
    if as_json:
        say(enveloped(_as_data(found)))
        return
    rows = [_COLUMNS, *map(_cells, found)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS) - 1)]
    for row in rows:
        parts = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        say("  ".join([*parts, row[-1]]).rstrip())
    calls = "1 call" if fetched.calls == 1 else f"{fetched.calls:,} calls"
    say(f"{len(found):,} fields of {found.account}; {calls}")


def _cells(field: AccountField) -> tuple[str, ...]:
    needed = "" if not field.mandatory else "default" if field.default else "yes"
    kind = field.data_type if field.active else f"{field.data_type} (off)"
    shown = (field.display_name, field.schema_name, kind, needed, _values_text(field))
    return tuple("".join(letter if letter.isprintable() else " " for letter in text) for text in shown)


def _values_text(field: AccountField) -> str:
    """As many values as a line takes, or how long a text may be."""
    if field.values is None:
        return f"up to {field.max_length:,} characters" if field.max_length is not None else ""
    shown = ""
    for index, value in enumerate(field.values):
        longer = f"{shown}, {value}" if shown else value
        if len(longer) > _VALUES_SHOWN_CHARS and shown:
            return f"{shown}, … and {len(field.values) - index:,} more"
        shown = longer
    return shown


def _as_data(found: AccountFields) -> dict[str, Any]:
    from importer.account_fields.cache import as_data  # noqa: PLC0415 - see the package's docstring

    return as_data(found)


def _write(path: Path, found: AccountFields) -> None:
    """Write them to a file that appears when it is whole. Raises UsageError."""
    is_csv = path.suffix.lower() == ".csv"
    text = _csv_text(found) if is_csv else json.dumps(_as_data(found), ensure_ascii=False, indent=1)
    encoding = "utf-8-sig" if is_csv else "utf-8"
    with (
        writing(str(path), "-o"),
        replacing(path) as temporary,
        os.fdopen(open_made(temporary), "w", encoding=encoding, errors="backslashreplace", newline="") as file,
    ):
        file.write(text)


def _csv_text(found: AccountFields) -> str:
    """A row for each field; values are parted by line breaks, as they may hold any other separator."""
    from importer.results import harmless  # noqa: PLC0415 - see the package's docstring

    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(
        [harmless(cell) for cell in row] for row in (_CSV_COLUMNS, *map(_csv_cells, found))
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
