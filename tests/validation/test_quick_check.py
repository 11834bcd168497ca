"""The quick check accepts only valid cells: validation of chunks and of single rows finds the same problems."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.manifest import Chunk, Column
from importer.manifest.delimited.block_parser import parse_block
from importer.manifest.records import RecordList
from importer.mapping import FieldType, Rule
from importer.validation import SharedLeads, Validator, fingerprints
from importer.validation.byte_checks import certainly_valid
from importer.validation.type_conversion import convert
from tests.validation.checking import mapping_of

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
            return Chunk(columns=columns, rows=numbers, source=block.part(0, len(block)))
    return Chunk(columns=columns, rows=numbers, source=RecordList(records=[list(row) for row in rows]))


@settings(max_examples=250, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    lead=st.sampled_from(LEADS),
    rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6),
    as_block=st.booleans(),
)
def test_chunks_and_rows_have_the_same_problems(rule, lead, rows, as_block) -> None:
    """The messages are the same too, with any cells in the cache."""
    mapping = mapping_of(f"version: 1\nsource: s\nkey: Lead\ncolumns: {{Lead: {lead}, Cell: {rule}}}\n")
    validator = Validator(mapping, None, None)
    chunk = chunk_of(rows, ("Lead", "Cell"), as_block=as_block)
    expected = validator.convert_rows(chunk.frame, np.array(chunk.rows)).problems
    everyone = np.ones(len(rows), dtype=bool)
    for _ in range(2):
        assert validator.find_problems(chunk, everyone).problems == dict(expected)
    assert validator.find_problems(chunk, ~everyone).problems == {}


@settings(max_examples=150, deadline=None)
@given(
    templates=st.sampled_from(
        [
            "{LeadDetail.EmailAddress: ' {Cell}', Tags: '{Cell}/{Name}/{Cell}'}",
            "{LeadDetail.Phone: '{Cell}{Name}', LeadDetail.EmailAddress: '{Name}@example.com'}",
            "{LeadId: '{Name}{Cell}', LeadDetail.Phone: '{Cell}'}",
        ]
    ),
    rows=st.lists(st.tuples(CELL, CELL | st.sampled_from(["\0", "\ud800"])), min_size=1, max_size=6),
)
def test_templates_have_the_same_problems_in_chunks_and_rows(templates, rows) -> None:
    """Rows with templates have the same problems, and their leads the same names."""
    text = f"version: 1\nsource: s\nkey: Name\ncolumns: {{Name: LeadDetail.LastName}}\ntemplates: {templates}\n"
    validator = Validator(mapping_of(text), None, None)
    # A text file contains neither a NUL nor half a surrogate pair.
    as_block = not any("\0" in cell or "\ud800" in cell for row in rows for cell in row)
    chunk = chunk_of(rows, ("Name", "Cell"), as_block=as_block)
    checked = validator.convert_rows(chunk.frame, np.array(chunk.rows))
    assert validator.find_problems(chunk, np.ones(len(rows), dtype=bool)).problems == dict(checked.problems)
    emails, phones = checked.lead_identifiers()
    good = np.array([at for at in range(len(rows)) if at not in checked.problems], dtype=np.intp)
    assert sorted(filter(None, validator.lead_identifiers(chunk, good))) == sorted(filter(None, emails + phones))


@settings(max_examples=150, deadline=None)
@given(
    leads=st.lists(
        st.sampled_from(LEADS),
        min_size=1,
        max_size=3,
        unique_by=lambda rule: rule.removeprefix("{field: ").partition(",")[0],
    ),
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5),
)
def test_chunks_and_rows_have_the_same_lead_identifiers(leads, rows) -> None:
    """Read from the cells, or by conversion where a rule changes them."""
    names = ("A", "B", "C")[: len(leads)]
    columns = ", ".join(f"{name}: {rule}" for name, rule in zip(names, leads, strict=True))
    mapping = mapping_of(f"version: 1\nsource: s\nkey: row-content\ncolumns: {{{columns}}}\n")
    validator = Validator(mapping, None, None)
    chunk = chunk_of([row[: len(leads)] for row in rows], names, as_block=True)
    checked = validator.convert_rows(chunk.frame, np.array(chunk.rows))
    emails, phones = checked.lead_identifiers()
    good = np.array([at for at in range(len(rows)) if at not in checked.problems], dtype=np.intp)
    expected = sorted(name for name in emails + phones if name)
    assert sorted(name for name in validator.lead_identifiers(chunk, good) if name) == expected


def test_a_name_that_comes_twice_is_shared() -> None:
    """In one chunk or in two; an empty name is never shared."""
    assert SharedLeads().shared(["a"]) == set()
    leads = SharedLeads()
    leads.add(["a", "", "b", ""])
    leads.add(["c", "a", ""])
    assert leads.shared(["a", "b", "", "d"]) == {"a"}
    assert leads.shared(["b", "a"]) == {"a"}


# -- byte checks


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(FieldType),
    cells=st.lists(CELL.filter(bool), min_size=1, max_size=4),
    form=st.sampled_from(
        [None, "%Y-%m-%d", "%d.%m.%Y", "%H:%M:%S %d/%m/%Y", "%m/%d/%Y %H:%M", "%d%m%Y", "%y-%m-%d %Y"]
    ),
    zone=st.sampled_from([None, "Europe/Berlin", "America/New_York"]),
)
def test_cells_accepted_by_bytes_convert(kind, cells, form, zone) -> None:
    """Every cell that the byte checks accept is valid for the conversion of its type."""
    rule = Rule(
        column="C",
        field="CustomData.C",
        line=1,
        type=kind,
        values={},
        formats=(form,) if form and kind in (FieldType.DATE, FieldType.DATETIME) else (),
        timezone=zone if kind is FieldType.DATETIME else None,
    )
    column = Column.from_texts(cells)
    if column is not None:
        fits = certainly_valid(column, rule, kind)
        bad = convert(pd.Series(cells, dtype=object), rule).bad.to_numpy(dtype=bool)
        assert not (fits & bad).any()


LETTERS = st.text(st.sampled_from("abzAZ09-_.+'@é!"), max_size=6)


@settings(max_examples=400, deadline=None)
@given(
    st.builds(
        lambda a, b, c: f"{a}@{b}.{c}", LETTERS, LETTERS, LETTERS | st.sampled_from(["com", "test", "LOCAL", "arpa"])
    )
)
@example("a" * 60 + "@b.example")
@example("a" * 40 + "@" + "b" * 12 + ".example")
def test_addresses_of_the_plain_form_are_valid(address: str) -> None:
    """The library accepts every address of this form, and usual addresses have it."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - the library itself, not our use of it

    rule = Rule(column="C", field="CustomData.C", line=1, type=FieldType.EMAIL, values={})
    column = Column.from_texts([address])
    assert column is not None
    fits = bool(certainly_valid(column, rule, FieldType.EMAIL)[0])
    taken = not convert(pd.Series([address], dtype=object), rule).bad.iloc[0]
    try:
        validate_email(address.strip(), check_deliverability=False)
        valid = True
    except EmailNotValidError:
        valid = False
    assert fits <= valid
    assert taken == valid


@pytest.mark.parametrize(
    ("kind", "cell", "form"),
    [
        (FieldType.EMAIL, "user.name+tag@mail-1.Example.com", None),
        (FieldType.PHONE, "+91 (555) 123-4567", None),
        (FieldType.GUID, GUID.upper(), None),
        (FieldType.INTEGER, "0042", None),
        (FieldType.DATE, "2024-02-29", None),
        (FieldType.DATETIME, "2024-08-29T10:36:23", None),
        (FieldType.DATETIME, "2024-08-29 10:36", None),
        (FieldType.DATETIME, "31/12/2024 23:59", "%d/%m/%Y %H:%M"),
    ],
)
def test_byte_checks_accept_the_usual_forms(kind, cell, form) -> None:
    """Otherwise all cells would take the slow way, and only the time would show it."""
    column = Column.from_texts([cell, "?"])
    assert column is not None
    zone = "Asia/Kolkata" if kind is FieldType.DATETIME else None
    rule = Rule(
        column="C", field="CustomData.C", line=1, type=kind, values={}, formats=(form,) if form else (), timezone=zone
    )
    assert certainly_valid(column, rule, kind).tolist() == [True, False]


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
