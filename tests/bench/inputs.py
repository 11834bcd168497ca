"""Creates the input files of the bench: `python -m tests.bench.inputs KIND FILE ROWS`.

The first rows of a larger file are those of a smaller one.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.ledger.store import Ledger

COLUMNS = ("Legacy ID", "Subject", "Details", "State", "Prio", "Due", "Email", "Phone", "Source", "Notes")
WIDE_MAPPING = """\
version: 1
source: bench
key: Legacy ID
columns:
  Legacy ID: CustomData.LegacyId
  Subject: {field: Title, required: true, max_length: 200}
  Details: {field: Description, max_length: 4000}
  State: {field: Status, required: true, values: {new: Open, wip: In Progress}, one_of: [Open, In Progress, Resolved]}
  Prio: {field: Priority, default: Medium}
  Due: {field: DueDate, type: datetime, format: "%d/%m/%Y %H:%M", timezone: Asia/Kolkata}
  Email: {field: LeadDetail.EmailAddress, type: email}
  Phone: {field: LeadDetail.Phone, type: phone}
  Source: CustomData.Source
ignore: [Notes]
"""
NESTED_MAPPING = """\
version: 1
source: bench
key: id
columns:
  id: CustomData.LegacyId
  subject: Title
  description: Description
  status: Status
  requester.email: {field: LeadDetail.EmailAddress, type: email}
  created_at: {field: CustomData.Created, type: datetime}
ignore: [via, tags, custom_fields, satisfaction_rating, requester.id, requester.name]
"""
# simple_client.py uses the names of the columns as names of the fields; our mapping does the same.
TICKET_COLUMNS = ("CustomData.LegacyId", "Title", "Status", "LeadDetail.EmailAddress")
LEDGER_RUN = "bench.20260101T000000Z.000000"
_LEDGER_COLUMNS = (
    *("account", "source", "key", "state", "manifest_row", "number", "ticket_id", "ticket_key", "attempts"),
    *("finished_at", "run", "title_hash", "lead_hash"),
)
_LEDGER_ROWS_AT_ONCE = 50_000
FILES_COLUMN = "Files"
_FILES_IN_A_FOLDER = 1_000
_WRONG = 57  # of every hundred rows, the one whose state the mapping does not allow
_STATES = ("new", "wip", "Resolved", "Open")
_PRIORITIES = ("Low", "Medium", "High", "")
_DETAILS = (
    "The printer on the third floor stopped, and nobody knows since when; it says PC LOAD LETTER.",
    "Customer writes:\nthe invoice is wrong, twice",
    'They call it "the big one", and it is: every second order of last month shows the wrong address.',
    "Nothing to add",
)


def ticket_mapping(source: str) -> str:
    """Return the mapping of the ticket files."""
    columns = "".join(f"  {column}: {column}\n" for column in TICKET_COLUMNS)
    return f"version: 1\nsource: {source}\nkey: {TICKET_COLUMNS[0]}\ncolumns:\n{columns}"


def wide_row(n: int) -> tuple[str, ...]:
    """Return a row of ten columns, about 220 bytes; one in a hundred is wrong."""
    return (
        f"L-{n:08}",
        f"Ticket {n}, from the old helpdesk",
        _DETAILS[n % 4],
        "closed?" if n % 100 == _WRONG else _STATES[n % 4],
        _PRIORITIES[n // 4 % 4],
        f"{n % 28 + 1:02}/{n % 12 + 1:02}/2024 {n % 24:02}:{n % 60:02}",
        f"customer.{n}@example.com",
        f"+91 98{n % 100_000_000:08}",
        "old helpdesk",
        f"not imported {n}",
    )


def wrong_rows(first: int, end: int) -> int:
    """Count the wrong rows of the wide rows from ``first`` up to ``end``."""
    return sum(n % 100 == _WRONG for n in range(first, end))


def faulty_row(n: int) -> tuple[str, ...]:
    """Return a row of ten columns with one wrong cell: the state, the date or the address."""
    key, subject, details, state, priority, due, email, *rest = wide_row(n)
    match n % 10:
        case 0 | 1 | 2:
            due = f"{n % 28 + 1:02}.{n % 12 + 1:02}.24"
        case 3:
            email = f"customer {n} at example.com"
        case _:
            state = f"waiting for {_PRIORITIES[n % 3]}"
    return (key, subject, details, state, priority, due, email, *rest)


def ticket_row(n: int) -> tuple[str, ...]:
    """Return a small ticket with its own lead."""
    return (f"{n:07}", f"Ticket {n}", "Open", f"lead{n}@example.com")


def file_name(n: int) -> str:
    """Return the path of the n-th file below the folder of attachments."""
    return f"{n // _FILES_IN_A_FOLDER:03}/document-{n:06}.pdf"


def write_csv(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write a manifest."""
    with path.open("w", encoding="utf-8", newline="", buffering=io.DEFAULT_BUFFER_SIZE * 16) as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_table(path: Path, rows: int) -> None:
    """Write a table of ten columns in the format of the file name."""
    match path.suffix:
        case ".csv":
            write_csv(path, COLUMNS, map(wide_row, range(rows)))
        case ".gz":
            with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([COLUMNS, *map(wide_row, range(rows))])
        case ".jsonl":
            with path.open("w", encoding="utf-8") as file:
                for n in range(rows):
                    file.write(json.dumps(dict(zip(COLUMNS, wide_row(n), strict=True))) + "\n")
        case ".xlsx":
            write_xlsx(path, rows)
        case _:
            from tests.manifest.books import Page, write  # noqa: PLC0415 - most of the bench does not need it

            write(path, Page(rows=[COLUMNS, *map(wide_row, range(rows))]))


def nested_record(n: int) -> dict[str, object]:
    """Return a ticket as an API exports it."""
    return {
        "id": n,
        "via": {
            "channel": "email",
            "source": {"from": {"address": f"lead{n}@example.com", "name": "Mina"}, "rel": None},
        },
        "created_at": "2024-08-29T10:36:23Z",
        "subject": f"Ticket {n}",
        "description": _DETAILS[n % len(_DETAILS)] * 2,
        "status": "open",
        "requester": {"id": n * 7, "name": "Mina", "email": f"lead{n}@example.com"},
        "tags": ["a", "b", f"c{n % 9}"],
        "custom_fields": [{"id": 360000123, "value": "red"}, {"id": 360000124, "value": n % 5}],
        "satisfaction_rating": {"score": "good", "comment": None},
    }


def write_files(folder: Path, files: int) -> None:
    """Create small files in folders of a thousand; in each, all are links to one file: others take minutes to delete."""
    for n in range(files):
        path = folder / file_name(n)
        if n % _FILES_IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True)
            path.write_bytes(b"%PDF")
            first = path
        else:
            path.hardlink_to(first)


def write_xlsx(path: Path, rows: int) -> None:
    """Write a workbook of ``rows`` rows below its header."""
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    workbook = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, COLUMNS)
    for n in range(rows):
        sheet.write_row(n + 1, 0, wide_row(n))
    workbook.close()


def write_bodies(path: Path, rows: int) -> None:
    """Write the ticketDTO of every row of a ticket file, one on each line, as the importer sends it."""
    from importer.leadsquared.ticket_request import ticket_json  # noqa: PLC0415 - as above
    from importer.models import Ticket  # noqa: PLC0415

    with path.open("w", encoding="utf-8") as file:
        for n in range(rows):
            fields = tuple(zip(TICKET_COLUMNS, ticket_row(n), strict=True))
            file.write(ticket_json(Ticket(fields=fields)) + "\n")


def fill_ledger(url: str, account: str, rows: int) -> None:
    """Add the first ``rows`` rows of a wide file to a new ledger as tickets of an earlier run.

    `Ledger.add_from_results` looks up each row and would take minutes for a million rows.
    """
    from importer.ledger import schema  # noqa: PLC0415 - as above
    from importer.ledger.store import Ledger  # noqa: PLC0415 - as above

    columns = [schema.tickets.c[name].name for name in _LEDGER_COLUMNS]
    statement = f"INSERT INTO {schema.tickets.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    ledger = Ledger.create(url)
    try:
        for start in range(0, rows, _LEDGER_ROWS_AT_ONCE):
            end = min(start + _LEDGER_ROWS_AT_ONCE, rows)
            with ledger.writing() as db:
                db.exec_driver_sql(statement, [_ticket_of_ledger(ledger, account, n) for n in range(start, end)])
    finally:
        ledger.close()


def _ticket_of_ledger(ledger: Ledger, account: str, n: int) -> tuple[str | int, ...]:
    """Return the ledger row of a wide row, in the order of ``_LEDGER_COLUMNS``."""
    ids = (str(n + 1), f"00000000-0000-4000-8000-{n:012}", f"#{n + 1}")
    row = dict(zip(COLUMNS, wide_row(n), strict=True))
    hashes = map(ledger.keyed_hash.hex, (row["Subject"], row["Email"].lower()))
    return (account, "bench", row["Legacy ID"], "created", n + 2, *ids, 1, "2026-01-01T00:00:00Z", LEDGER_RUN, *hashes)


def main(kind: str, target: str, rows: str, more: str = "") -> None:
    """Create a file; ``more``: the account of a ledger, or the number of files that a manifest names."""
    path, count = Path(target), int(rows)
    match kind:
        case "table":
            write_table(path, count)
        case "nested":
            path.write_text("".join(f"{json.dumps(nested_record(n))}\n" for n in range(count)), encoding="utf-8")
        case "faulty":
            write_csv(path, COLUMNS, map(faulty_row, range(count)))
        case "tickets":
            write_csv(path, TICKET_COLUMNS, map(ticket_row, range(count)))
        case "naming":
            named = ((*ticket_row(n), file_name(n % int(more))) for n in range(count))
            write_csv(path, (*TICKET_COLUMNS, FILES_COLUMN), named)
        case "files":
            write_files(path, count)
        case "bodies":
            write_bodies(path, count)
        case "ledger":
            fill_ledger(f"sqlite:///{path}", more, count)
        case _:
            raise ValueError(f"unknown kind {kind!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
