"""Rows and columns by expressions in the mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.mapping.record_expressions import Expression
from tests.manifest.reading import Table, read, refusal_of_bytes

ROW = """{"id": 12345678901234567890, "n": 1.10, "big": 1e400, "custom_fields": [{"id": 27642, "value": "red"},
{"id": 5, "value": 2.50}, {"id": 27642.0, "value": "later"}], "who": {"name": "Ann", "x": null}, "on": true, "e": []}"""


def read_columns(folder: Path, content: str, columns: dict[str, str], **options: Any) -> Table:
    path = folder / "tickets.json"
    path.write_text(content)
    return read(path, columns=tuple(columns.items()), **options)


@pytest.mark.parametrize(
    ("expression", "cell"),
    [
        ("id", "12345678901234567890"),
        ("n", "1.10"),
        ("big", "1e400"),
        ("custom_fields[?id==`27642`].value | [0]", "red"),
        ("custom_fields[?id==`5`].value | [0]", "2.50"),
        ("custom_fields[?value=='later'].id | [0]", "27642.0"),
        ("custom_fields[].value", '["red",2.50,"later"]'),
        ("custom_fields[1]", '{"id":5,"value":2.50}'),
        ("join(', ', custom_fields[?id > `100`].value)", "red, later"),
        ("to_string(n)", "1.10"),
        ("to_string(custom_fields[1].value)", "2.50"),
        ("[id, n]", "[12345678901234567890,1.10]"),
        ("{i: id, who: who.name}", '{"i":12345678901234567890,"who":"Ann"}'),
        ("id == `12345678901234567890`", "true"),
        ("length(custom_fields)", "3"),
        ("sum(custom_fields[].id)", "55289.0"),
        ("sort_by(custom_fields, &id)[0].value", "2.50"),
        ("who.x || who.name", "Ann"),
        ("who.missing", ""),
        ("on", "true"),
        ("e", "[]"),
        ("`2.50`", "2.5"),
        ("type(id)", "number"),
        ("type(@)", "object"),
    ],
)
def test_column_has_the_values_of_its_expression(tmp_path: Path, expression: str, cell: str) -> None:
    """Numbers are written as in the file, and compared as numbers."""
    table = read_columns(tmp_path, f"[{ROW}]", {"id": "id", "x y": expression}, single_columns=frozenset())
    assert table.columns == ["id", "x y"]
    assert table.cells == [["12345678901234567890", cell]]
    assert [problem.code for problem in table.problems] == (["nested-value"] if cell.startswith("{") else [])


def test_unused_members_are_counted(tmp_path: Path) -> None:
    table = read_columns(tmp_path, f'{{"tickets": [{ROW}], "count": 1}}', {"a": "who.name", "b": "[n, on]", "c": "big"})
    assert table.how == "JSON, UTF-8, rows in tickets, 3 other members ignored"
    assert read_columns(tmp_path, ROW, {"a": "id", "b": "@"}).how == "JSON, UTF-8"


def test_problems_of_expressions(tmp_path: Path) -> None:
    rows = '{"id": 1, "tags": ["a"], "t": "x"}\n{"id": 2, "tags": {"a": 1}}\n{"id": 3, "tags": null, "t": "\\ud83c"}\n{"id": 4, "t": "a", "t": "b"}'
    table = read_columns(tmp_path, rows, {"id": "id", "tags": "tags", "n": "length(t)", "t": "t"})
    found = [(problem.row, problem.code, problem.column) for problem in table.problems]
    assert found == [
        (1, "nested-value", "tags"),
        (2, "nested-value", "tags"),
        (2, "expression-failed", "n"),
        (3, "half-character", "t"),
        (4, "name-twice", "n"),
        (4, "name-twice", "t"),
    ]
    assert [record[0] for record in table.cells] == ["1", "2", "3", "4"]


def test_expression_without_any_value_has_a_warning(tmp_path: Path) -> None:
    table = read_columns(tmp_path, ROW, {"id": "id", "x": "subjct", "y": "who.x"})
    assert table.manifest.format.absent_columns == ("x", "y")
    assert table.manifest.format.warnings == ("no object has 'x', 'y'; these columns count as empty",)


@pytest.mark.parametrize(
    ("records", "ids"),
    [
        ("pages[].tickets[]", ["1", "2.0", "3"]),
        ("pages[?ok].tickets[]", ["1", "2.0"]),
        ("pages[0].tickets", ["1", "2.0"]),
        ("pages[].tickets[?id > `1`][]", ["2.0", "3"]),
        ("pages[].tickets[].{id: id}", ["1", "2.0", "3"]),
        ("not_there || pages[1].tickets", ["3"]),
        ("pages[5:].tickets", []),
    ],
)
def test_rows_have_the_values_of_an_expression(tmp_path: Path, records: str, ids: list[str]) -> None:
    content = '{"pages": [{"ok": true, "tickets": [{"id": 1}, {"id": 2.0}]}, {"ok": false, "tickets": [{"id": 3}]}]}'
    path = tmp_path / "tickets.json"
    path.write_text(content)
    if ids:
        table = read(path, records=records)
        assert [cells[0] for cells in table.cells] == ids
        assert table.how == f"JSON, UTF-8, rows in {records}"
    else:
        assert "no JSON object with a name" in refusal_of_bytes(tmp_path, content.encode(), records=records)
    pages = "\n".join(json.dumps({"tickets": [{"id": n}, {"id": n + 1}]}) for n in (1, 5))
    path.write_text(pages)
    assert [cells[0] for cells in read(path, records="tickets[1:]").cells] == ["2", "6"]


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ("pages[].ticket | [0]", "is null, not a list of objects"),
        ("pages[0]", "is an object, not a list"),
        ("pages[*].ok", "object 1: it is true or false, not an object"),
        ("length(@.count)", "can't be evaluated: In function length()"),
        ("pages/tickets", "is no JMESPath expression: it has an error at character 6"),
    ],
)
def test_expression_without_rows_is_an_error(tmp_path: Path, records: str, reason: str) -> None:
    content = b'{"pages": [{"ok": true}], "count": 5}'
    assert reason in refusal_of_bytes(tmp_path, content, records=records)


@pytest.mark.parametrize(
    ("expression", "members"),
    [
        ("a.b.c", {"a"}),
        ("a[?b==`1`].c | [0]", {"a"}),
        ("a || b.c", {"a", "b"}),
        ("{x: a, y: b[0]}", {"a", "b"}),
        ("sort_by(a, &b)", {"a"}),
        ("a && !b || c < `1`", {"a", "b", "c"}),
        ("`1`", set()),
        ("keys(@)", None),
        ("*", None),
        ("[*].a", None),
    ],
)
def test_members_that_an_expression_reads_are_found(expression: str, members: set[str] | None) -> None:
    assert Expression(expression).members() == members
