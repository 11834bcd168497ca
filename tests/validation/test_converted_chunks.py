"""Each row is converted independently of the other rows of its chunk, whatever file it comes from."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.manifest.chunks import Chunk
from importer.manifest.delimited.block_parser import parse_block
from importer.manifest.records import RecordList
from importer.manifest.text_column import Column
from importer.mapping import FieldType
from importer.validation import Validator, fingerprints
from tests.validation.checking import convert_one, mapping_of

RULES = [
    "Title",
    "{field: Title, required: true}",
    "{field: Title, required: true, default: none}",
    "{field: Title, max_length: 3}",
    "{field: Title, max_length: 3, on_too_long: truncate}",
    "{field: CustomData.N, type: date, default: '2024-02-29', max_length: 10}",
    "{field: Title, values: {new: Open, '1': ' '}, one_of: [Open, ' ', '12']}",
    "{field: CustomData.N, type: integer}",
    "{field: CustomData.N, type: number, required: true}",
    "{field: CustomData.N, type: boolean}",
    "{field: CustomData.N, type: boolean, max_length: 4}",
    "{field: CustomData.N, type: phone}",
    "{field: CustomData.N, type: guid}",
    "{field: CustomData.N, type: email}",
    "{field: CustomData.N, type: email, max_length: 9}",
    "{field: CustomData.N, type: date}",
    "{field: CustomData.N, type: datetime}",
    "{field: CustomData.N, type: datetime, timezone: Europe/Berlin}",
    "{field: CustomData.N, type: date, format: '%d.%m.%Y'}",
    "{field: CustomData.N, type: datetime, format: '%m/%d/%Y %H:%M', timezone: America/New_York}",
    "{field: CustomData.N, type: datetime, format: '%d %b %Y'}",
    "{field: Title, strip: true, required: true}",
    "{field: Title, strip: true, max_length: 3}",
    "{field: Title, lower: true, max_length: 3}",
    "{field: Title, upper: true, max_length: 3}",
    "{field: Title, html: to_text}",
    "{field: Title, html: to_text, required: true}",
    "{field: Title, html: to_text, max_length: 3}",
    "{field: Title, html: from_text, max_length: 12}",
    "{field: CustomData.N, type: email, strip: true, lower: true}",
    "{field: CustomData.N, type: integer, thousands: '.'}",
    "{field: CustomData.N, type: number, decimal: ',', thousands: '.', strip: true}",
    "{field: CustomData.N, type: boolean, true_words: [new], false_words: [no]}",
    "{field: CustomData.N, type: phone, region: IN}",
    "{field: CustomData.N, type: date, format: ['%Y-%m-%d', '%d.%m.%Y', '%Y%m%d', '%d%m%Y']}",
    "{field: CustomData.N, type: datetime, format: ['%d.%m.%Y %H:%M', '%d.%m.%Y'], timezone: Europe/Berlin}",
]
LEADS = [
    "LeadDetail.EmailAddress",
    "{field: LeadDetail.EmailAddress, type: email}",
    "{field: LeadDetail.EmailAddress, default: x@example.com}",
    "{field: LeadDetail.Phone, type: phone}",
    "{field: LeadDetail.Phone, values: {'1': '+91 555 123456'}}",
    "LeadId",
    "{field: LeadDetail.EmailAddress, strip: true, lower: true}",
    "{field: LeadDetail.EmailAddress, html: to_text}",
    "{field: LeadDetail.Phone, type: phone, region: IN}",
]

GUID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"
NEARLY = st.sampled_from(
    [
        *(
            "",
            " ",
            "\t",
            "\u00a0",
            "é",
            "\u200b",
            '"',
            "new",
            "Open",
            "1",
            "12",
            "007",
            "-5",
            "+5",
            "1.5",
            "٣",
            "TRUE",
            "no",
        ),
        *(GUID, f"{{{GUID}}}", GUID.upper(), GUID[:-1], GUID + "0", GUID.replace("8", "g")),
        *("+91 (555) 12-34.56", "12345", "123456", "1234567890123456", "+12-", "1--23456", "12+345678", "-123456"),
        *("a@example.com", "A.b+c@Mail.example.COM", ".a@b.example", "a..b@b.example", "a.@b.example", "a@@b.example"),
        *("a b@b.example", "o'n@b.example", "ü@b.example"),
        *(f"a@{host}" for host in ("-b.example", "b-.example", "b--c.example", "b", "b.example1", ".b", "b.example.")),
        *(f"a@{host}" for host in ("b.test", "b.Local", "b.info", "b.ex-ample", "xn--b.example", "b.e")),
        *("2024-02-29", "2023-02-29", "2024-2-9", "2024-13-01", "2024-00-10", "2024-01-00", "0001-01-01", "9999-12-31"),
        *("2024-08-29T10:36:23", "2024-08-29 10:36", "2024-08-29T24:00", "2024-08-29T10:60:00", "2024-08-29T10:36:60"),
        *("2024-03-31T02:30", "2024-10-27T02:30:00", "2024-08-29T10:36:23.5", "2024-08-29T10:36:23Z", "1900-02-29"),
        *(
            "29.02.2024",
            "29.02.2023",
            "31.04.2024",
            "1.2.2024",
            "02/29/2024 23:59",
            "03/10/2024 02:30",
            "11/03/2024 01:30",
        ),
        *(
            "<p></p>",
            "<b>new</b>",
            "<br>",
            "a<b",
            "&nbsp;",
            "ß",
            "ŉ",
            "İ",
            "1.234",
            "1.5",
            "12.34.567",
            "1,5",
            "20120110",
        ),
        *("29 Feb 2024", "now", "today", "2024-08-29\n", " 2024-08-29"),
    ]
)
CELL = NEARLY | st.builds(lambda one, two: one + two, NEARLY, NEARLY) | st.text(max_size=4)


def chunk_of(rows: list[tuple[str, ...]], columns: tuple[str, ...], *, as_block: bool) -> Chunk:
    """Return the rows as they come from a text file, or from a workbook."""
    numbers = tuple(range(2, len(rows) + 2))
    if as_block:
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
        block = parse_block(text.getvalue().encode(), ",", last=True)
        if block is not None:  # a text with a NUL has no block
            return Chunk(columns=columns, rows=numbers, source=block)
    return Chunk(columns=columns, rows=numbers, source=RecordList(records=[list(row) for row in rows]))


TEMPLATES = [
    "",
    "templates: {LeadDetail.LastName: ' {Cell}', Tags: '{Cell}/{Lead}/{Cell}'}\n",
    "templates: {Tags: {columns: [Cell, Lead], join: '-'}, LeadDetail.Mobile: {columns: [Cell], join: ''}}\n",
    "templates: {LeadDetail.Mobile: '{Cell}{Lead}', LeadDetail.FirstName: '{Lead}@example.com'}\n",
]


def converted(validator: Validator, chunk: Chunk) -> list[Any]:
    """Return each row's problems, its ticket if it has none, and the identifiers of its lead."""
    rows = validator.convert_chunk(chunk, np.ones(len(chunk.rows), dtype=bool), build_tickets=True)
    problems = [rows.problems.get(at, []) for at in range(rows.size)]
    tickets = [None if problems[at] else rows.ticket(at) for at in range(rows.size)]
    return list(zip(problems, tickets, *rows.lead_identifiers(), strict=True))


@settings(max_examples=200, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    lead=st.sampled_from(LEADS),
    templates=st.sampled_from(TEMPLATES),
    rows=st.lists(st.tuples(CELL, CELL | st.sampled_from(["\0", "\ud800"])), min_size=1, max_size=6),
    as_block=st.booleans(),
)
def test_rows_are_converted_alike_alone_and_in_a_chunk(rule, lead, templates, rows, as_block) -> None:
    """A row has the same problems, ticket and lead, whatever the chunk's other rows are."""
    mapping = mapping_of(f"version: 1\nsource: s\nkey: Lead\ncolumns: {{Lead: {lead}, Cell: {rule}}}\n{templates}")
    validator = Validator(mapping, None, None)
    # A text file contains neither a NUL nor half a surrogate pair.
    as_block = as_block and not any("\0" in cell or "\ud800" in cell for row in rows for cell in row)
    together = converted(validator, chunk_of(rows, ("Lead", "Cell"), as_block=as_block))
    for at, row in enumerate(rows):
        alone = Chunk(columns=("Lead", "Cell"), rows=(at + 2,), source=RecordList(records=[list(row)]))
        assert converted(validator, alone) == [together[at]]


@settings(max_examples=100, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    rows=st.lists(st.tuples(CELL, CELL, st.booleans()), min_size=1, max_size=6),
    build_tickets=st.booleans(),
)
def test_only_the_wanted_rows_are_converted(rule, rows, build_tickets) -> None:
    """Problems are found with and without tickets, in the wanted rows only."""
    validator = Validator(
        mapping_of(f"version: 1\nsource: s\nkey: Lead\ncolumns: {{Lead: LeadId, Cell: {rule}}}\n"), None, None
    )
    wanted = np.array([each for _, _, each in rows])
    chunk = chunk_of([row[:2] for row in rows], ("Lead", "Cell"), as_block=True)
    all_problems = validator.convert_chunk(chunk, np.ones(len(rows), dtype=bool), build_tickets=True).problems
    found = validator.convert_chunk(chunk, wanted, build_tickets=build_tickets)
    assert found.positions.tolist() == np.flatnonzero(wanted).tolist()
    expected = {index: all_problems[at] for index, at in enumerate(found.positions.tolist()) if at in all_problems}
    assert found.problems == expected


LETTERS = st.text(st.sampled_from("abzAZ09-_.+'@é!"), max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        lambda a, b, c: f"{a}@{b}.{c}", LETTERS, LETTERS, LETTERS | st.sampled_from(["com", "test", "LOCAL", "arpa"])
    )
)
@example("a" * 60 + "@b.example")
@example("a" * 40 + "@" + "b" * 12 + ".example")
def test_addresses_are_accepted_as_by_the_library(address: str) -> None:
    """Usual addresses are accepted by their form, without the library, which accepts all of them."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - the library itself, not our use of it

    taken = convert_one(FieldType.EMAIL, address) is not None
    try:
        validate_email(address.strip(), check_deliverability=False)
        valid = True
    except EmailNotValidError:
        valid = False
    assert taken == valid


# -- fingerprints


@settings(deadline=None)
@given(
    texts=st.lists(st.text(max_size=20) | st.text("ab", max_size=600) | st.sampled_from(["\0", "a\0", "a"]), max_size=8)
)
def test_only_equal_cells_have_equal_fingerprints(texts) -> None:
    """Of any length and of any characters."""
    prints = fingerprints(Column.from_any_texts(texts)).T.tolist()
    assert len({tuple(each) for each in prints}) == len(set(texts))
    assert prints == [fingerprints(Column.from_any_texts([text])).T.tolist()[0] for text in texts]


@settings(deadline=None)
@given(texts=st.lists(st.text('a"é, \n', max_size=30), min_size=1, max_size=5))
def test_fingerprints_do_not_depend_on_quoting(texts) -> None:
    """The same cell from a file and from a ledger is the same key."""
    column = chunk_of([(text,) for text in texts], ("C",), as_block=True).column("C")
    assert column is not None
    assert fingerprints(column).tolist() == fingerprints(Column.from_any_texts(texts)).tolist()
