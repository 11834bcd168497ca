"""Rows checked against the account's own fields."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.account_fields import AccountField
from importer.manifest.chunks import Chunk
from importer.manifest.records import RecordList
from importer.validation import Validator
from tests.suggest.making import known
from tests.validation.checking import mapping_of
from tests.validation.test_converted_chunks import CELL, chunk_of, converted

FIELDS = [
    AccountField(schema_name="Title", data_type="Text", max_length=3),
    AccountField(schema_name="Title", data_type="Text", max_length=4, mandatory=True),
    AccountField(schema_name="Title", data_type="Text", mandatory=True),
    AccountField(schema_name="Title", data_type="Text", min_length=2),
    AccountField(schema_name="Title", data_type="Text", regex="^[a-z0-9]+$"),
    AccountField(schema_name="Title", data_type="Select", values=("new", "Open", " ", "1.5"), retired=("12",)),
    AccountField(schema_name="Title", data_type="Select", values=()),
    AccountField(schema_name="Title", data_type="Number", min_value=Decimal(2), max_value=Decimal("1e3")),
    AccountField(schema_name="Title", data_type="Text", max_length=1, active=False),
    AccountField(schema_name="Other", data_type="Text", max_length=1),
]
RULES = [
    "Title",
    "{field: Title, required: true}",
    "{field: Title, required: true, default: none}",
    "{field: Title, default: Open}",
    "{field: Title, send_empty: true}",
    "{field: Title, max_length: 2, on_too_long: truncate}",
    "{field: Title, values: {new: Open, '1': ' '}}",
    "{field: Title, type: integer}",
    "{field: Title, type: number}",
    "{field: Title, type: boolean}",
    "{field: Title, type: date}",
    "{field: Title, type: guid}",
    "{field: Title, type: phone}",
    "{field: Title, strip: true}",
    "{field: Title, upper: true}",
    "{field: Title, html: to_text}",
    "{field: Title, html: from_text}",
]
STATUS = AccountField(schema_name="Status", data_type="Select", values=("Open", "Closed"))


@settings(max_examples=300, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    field=st.sampled_from(FIELDS),
    rows=st.lists(st.tuples(st.just("a@example.com"), CELL), min_size=1, max_size=6),
    as_block=st.booleans(),
)
def test_account_rules_judge_each_row_alone(rule, field, rows, as_block) -> None:
    """A row has the same problems alone and in a chunk, whatever the account requires."""
    mapping = mapping_of(
        f"version: 1\nsource: s\nkey: Mail\ncolumns: {{Mail: LeadDetail.EmailAddress, Cell: {rule}}}\n"
    )
    validator = Validator(mapping, None, None, known(field))
    together = converted(validator, chunk_of(rows, ("Mail", "Cell"), as_block=as_block))
    for at, row in enumerate(rows):
        alone = Chunk(columns=("Mail", "Cell"), rows=(at + 2,), source=RecordList(records=[list(row)]))
        assert converted(validator, alone) == [together[at]]


def problems_of_cells(
    columns: str, cells: list[str], *fields: AccountField, more: str = ""
) -> list[list[tuple[str, str | None]]]:
    """Return the problems of rows of one cell each, as codes with the column; the key is another column."""
    text = f"version: 1\nsource: s\nkey: Mail\ncolumns: {{Mail: LeadDetail.EmailAddress, {columns}}}\n{more}"
    frame = pd.DataFrame({"Mail": "a@example.com", "Cell": cells}, dtype=object)
    checked = Validator(mapping_of(text), None, None, known(*fields)).convert_rows(frame, np.arange(2, 2 + len(cells)))
    return [[(each.code, each.column) for each in checked.problems.get(at, [])] for at in range(len(cells))]


def test_account_rules_apply_to_the_value_that_is_sent():
    """The value map, the default and the cut come before the account's rules."""
    assert problems_of_cells(
        "Cell: {field: Status, values: {new: Open, old: Opne}}", ["new", "Open", "old"], STATUS
    ) == [
        [],
        [],
        [("not-configured", "Cell")],
    ]
    title = AccountField(schema_name="Title", max_length=3, mandatory=True)
    assert problems_of_cells(
        "Cell: {field: Title, max_length: 3, on_too_long: truncate, default: no}", ["abcd", ""], title
    ) == [
        [],
        [],
    ]
    assert problems_of_cells("Cell: {field: Title, default: none}", ["abc", ""], title) == [
        [],
        [("too-long-for-field", "Cell")],
    ]


def test_a_cell_has_one_problem_only():
    """A cell that the mapping rejects is not rejected a second time by the account's rules."""
    number = AccountField(schema_name="CustomData.N", data_type="Number")
    assert problems_of_cells("Cell: {field: CustomData.N, type: integer}", ["x"], number) == [
        [("not-an-integer", "Cell")]
    ]
    title = AccountField(schema_name="Title", mandatory=True)
    assert problems_of_cells("Cell: {field: Title, required: true}", [""], title) == [[("missing-value", "Cell")]]


def test_account_rules_apply_to_templates():
    """The text of a template is checked too; the problem names the template's first column."""
    assert problems_of_cells("Cell: CustomData.X", ["Open", "x"], STATUS, more='templates: {Status: "{Cell}"}\n') == [
        [],
        [("not-configured", "Cell")],
    ]


@pytest.mark.parametrize("cells", [[f"Open{number}" for number in range(300)], ["Open"] * 300 + ["Closd"]])
def test_every_invalid_cell_of_many_is_found(cells):
    """With hundreds of different cells, or one invalid among hundreds of equal ones, none is missed."""
    text = "version: 1\nsource: s\nkey: Mail\ncolumns: {Mail: LeadDetail.EmailAddress, Cell: Status}\n"
    validator = Validator(mapping_of(text), None, None, known(STATUS))
    chunk = chunk_of([("a@example.com", cell) for cell in cells], ("Mail", "Cell"), as_block=True)
    found = validator.convert_chunk(chunk, np.ones(len(cells), dtype=bool), build_tickets=False).problems
    assert sorted(found) == [at for at, cell in enumerate(cells) if cell not in ("Open", "Closed")]
