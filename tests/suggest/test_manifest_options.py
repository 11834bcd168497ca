"""A draft has the options of `manifest:` that the file needs, and `validate` reads the file with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.cli import invoke
from importer.suggest import suggest
from tests.suggest.making import loaded

ROWS: list[tuple[str, ...]] = [("ID", "Subject", "Email", "Body")]
ROWS += [(f"00{n}", f"Printer, {n} is broken", f"a{n % 7}@example.com", f"text {n}, and more") for n in range(20)]


def _written(rows: list[tuple[str, ...]], delimiter: str = ",", quote: str = '"') -> str:
    return "".join(delimiter.join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in rows)


def _with_cells(column: int, texts: list[str]) -> list[tuple[str, ...]]:
    """Return the rows with other cells in a column, in turn."""
    changed = [(*row[:column], texts[n % len(texts)].format(n=n), *row[column + 1 :]) for n, row in enumerate(ROWS[1:])]
    return [ROWS[0], *changed]


NEEDED = {
    "several characters": (_written(ROWS, "||", ""), 'manifest: {delimiter: "||"}'),
    "quoted cells": (_written(ROWS, "^"), 'manifest: {delimiter: "^"}'),
    "below a title": (
        "Report of March\n" + _written(ROWS, "|"),
        "manifest: {header_row: 2}  # guess: the rows above look like a title",
    ),
    "blanks and escapes": (
        _written(_with_cells(3, ['say \\"{n}\\", and more']), " ; "),
        "manifest:\n  strip: true  # guess: there are blanks around quoted cells; it removes blanks around all cells\n  escape",
    ),
    "tilde": (_written(ROWS, "~", ""), 'manifest: {delimiter: "~"}'),
    "control character": (_written(ROWS, "\x01", ""), 'manifest: {delimiter: "\\u0001"}'),
    "quotes": (_written(ROWS, quote="'"), 'manifest: {quote: "\'"}'),
    "blanks": (_written(ROWS, " ; ", ""), "manifest: {strip: true}  # guess: "),
    "comments": (_written(ROWS[:4]) + "# checked\n" + _written(ROWS[4:]), 'manifest: {comment: "#"}  # guess: '),
    "escapes": (
        _written(_with_cells(3, ["\\N", "one\\ntwo"]), "\t", ""),
        'manifest: {escape: "\\\\"}  # guess: it has escapes such as \\n and \\N',
    ),
    "copy": (_written(_with_cells(3, ["\\N"]), "\t", "") + "\\.\n", "manifest: {dialect: postgres-copy}"),
    "ambiguous escapes": (
        _written(_with_cells(3, ['say \\"{n}\\"', "one\\ntwo"])),
        'manifest: {escape: "\\\\"}  # guess: `\\n` in a cell is a line break then, as MySQL writes it',
    ),
    "footer": (
        _written(ROWS) + '"Confidential"\n"Report of March"\n',
        "manifest: {footer: skip}  # guess: 2 rows, 22 to 23, are skipped as the footer: 'Confidential'",
    ),
    "words for empty": (
        _written([(*row, due) for row, due in zip(ROWS, ["Due date", *["NULL", "2024-05-06"] * 10], strict=True)]),
        "manifest: {empty: [\"NULL\"]}  # guess: 'NULL' in 10 cells",
    ),
    "apostrophes": (_written(_with_cells(0, ["'00{n}"])), "manifest: {repair: [apostrophe]}"),
    "misread letters": (_written(_with_cells(1, ["GrÃ¼ÃŸe aus {n}"])), "manifest: {repair: [misread]}"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_options_that_a_file_needs(name: str, tmp_path: Path):
    """The draft has the option, its columns have their fields, and `validate` finds no problem with it."""
    text, option = NEEDED[name]
    path = tmp_path / "tickets.csv"
    path.write_text(text, encoding="utf-8")
    suggestion = suggest(path, None)
    assert option in suggestion.text
    mapping = loaded(tmp_path, suggestion)
    assert {"Title", "LeadDetail.EmailAddress"} <= {rule.field for rule in mapping.rules}
    assert mapping.key == ("ID",)
    assert invoke(["validate", str(path), "-m", str(tmp_path / "draft.yaml")]) == 0


@pytest.mark.parametrize(
    "text",
    [
        _written(ROWS),
        _written(ROWS, ";", ""),
        _written(_with_cells(3, ["C:\\new\\temp"]), "\t", ""),  # a folder, not escapes
        _written(_with_cells(1, ["'90s music", "other {n}", "more {n}"])),  # a text may begin with an apostrophe
        _written(_with_cells(1, ["NULL", "other {n}"])),  # one column of texts may have this text
    ],
)
def test_no_options_where_none_is_needed(text: str, tmp_path: Path):
    """What the reader finds by itself, and what may be meant as it is, is not in the draft."""
    path = tmp_path / "tickets.csv"
    path.write_text(text, encoding="utf-8")
    assert "manifest:" not in suggest(path, None).text


def test_a_row_that_was_cut_off_is_no_footer(tmp_path: Path):
    """A short last row may be a ticket: it is not skipped."""
    path = tmp_path / "tickets.csv"
    path.write_text(_written(ROWS, quote="").replace(", ", " ") + "0021,Printer\n", encoding="utf-8")
    assert "footer" not in suggest(path, None).text


TICKETS = [{"id": n, "subject": f"Printer {n} is broken", "email": f"a{n}@example.com"} for n in range(3)]
USERS = [{"id": n, "name": f"Mina {n}", "email": f"u{n}@example.com"} for n in range(9)]
XML = "".join(f"<t><id>{n}</id><subject>It is broken {n}</subject><email>a{n}@example.com</email></t>" for n in (1, 2))


def test_a_single_ticket_with_a_list_is_a_row(tmp_path: Path):
    """A list inside a ticket is not taken for the rows, although it is longer."""
    path = tmp_path / "ticket.json"
    comments = [{"id": n, "body": f"Answer {n}"} for n in range(5)]
    path.write_text(json.dumps({**TICKETS[0], "comments": comments}), encoding="utf-8")
    suggestion = suggest(path, None)
    assert (suggestion.rows, "\nmanifest:" in suggestion.text) == (1, False)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        (json.dumps({"users": USERS, "tickets": TICKETS}), "{records: tickets}  # guess: the file has other lists, too: users"),
        (json.dumps({"exported by": "Mina", "tickets": TICKETS}), "{records: tickets}  # guess: the file is one object"),
        (json.dumps({"data": {"open ones": TICKETS, "users": USERS}}), '{records: "data.\\"open ones\\""}  # guess: the file has other'),
        (f"<x><users><u>1</u><u>2</u></users><all>{XML}</all></x>", "{records: all/t}  # guess: the file has other lists"),
    ],
    ids=["several-lists", "wrapper", "quoted-path", "xml"],
)  # fmt: skip
def test_the_list_of_tickets_is_found(text: str, option: str, tmp_path: Path):
    """Of several lists, the one with most names of ticket fields has the rows; the others are named."""
    path = tmp_path / "tickets.json"
    path.write_text(text, encoding="utf-8")
    suggestion = suggest(path, None)
    assert f"manifest: {option}" in suggestion.text
    assert suggestion.rows == text.count("broken")
    loaded(tmp_path, suggestion)
    assert invoke(["validate", str(path), "-m", str(tmp_path / "draft.yaml")]) == 0
