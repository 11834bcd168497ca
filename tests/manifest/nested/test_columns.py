"""Values of nested objects are columns whose names have dots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.manifest.nested import column_tree
from tests.manifest.reading import Table, read, refusal_of_bytes


def read_rows(folder: Path, *rows: Any, **options: Any) -> Table:
    path = folder / "tickets.jsonl"
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
    )
    return read(path, **options)


def found(table: Table) -> list[tuple[int, str, str | None]]:
    return [(problem.row, problem.code, problem.column) for problem in table.problems]


def test_nested_objects_are_columns(tmp_path: Path) -> None:
    table = read_rows(
        tmp_path,
        '{"id": 1, "from": {"mail": "a@example.com", "geo": {"lat": 1.10, "ok": true}}, "end": null}',
        {"id": 2, "from": None, "end": {}},
        {"id": 3, "from": {"name": "Ä"}},
    )
    assert table.columns == ["id", "from.mail", "from.geo.lat", "from.geo.ok", "from.name", "end"]
    assert table.cells == [
        ["1", "a@example.com", "1.10", "true", "", ""],
        ["2", "", "", "", "", ""],
        ["3", "", "", "", "Ä", ""],
    ]
    assert table.problems == []


def test_a_list_is_one_cell(tmp_path: Path) -> None:
    """It is a problem only if the rule takes one value."""
    row = '{"id": 1, "tags": [ "a", 12345678901234567890, 1.10, null, false ], "to": {"x": [{"id": 1, "ü": "\\"\\n"}]}, "none": []}'
    table = read_rows(tmp_path, row, single_columns=frozenset({"id", "none"}))
    assert table.cells == [["1", '["a",12345678901234567890,1.10,null,false]', '[{"id":1,"ü":"\\"\\n"}]', "[]"]]
    assert found(table) == [(1, "nested-value", "none")]


def test_column_may_mix_objects_and_texts(tmp_path: Path) -> None:
    table = read_rows(tmp_path, {"id": 1, "who": "Ann"}, {"id": 2, "who": {"name": "Bob"}}, {"id": 3, "who": ["Cy"]})
    assert table.columns == ["id", "who", "who.name"]
    assert table.cells == [["1", "Ann", ""], ["2", "", "Bob"], ["3", '["Cy"]', ""]]
    assert [(problem.row, problem.code, problem.message) for problem in table.problems] == [
        (2, "nested-value", "who: the value is an object, and other records have a text, a number or a list there."),
        (3, "nested-value", "who: the value is a list."),
    ]


def test_ignored_object_is_one_cell(tmp_path: Path) -> None:
    table = read_rows(tmp_path, '{"id": 1, "via": {"a": {"n": 1.0}}}', {"via": None}, whole_columns=frozenset({"via"}), single_columns=frozenset({"id"}))  # fmt: skip
    assert table.columns == ["id", "via"]
    assert table.cells == [["1", '{"a":{"n":1.0}}']]
    assert table.problems == []


def test_object_that_is_always_null_may_be_absent(tmp_path: Path) -> None:
    """There may be a night without a rating."""
    table = read_rows(tmp_path, {"id": 1, "rating": None, "x": {}}, object_columns=frozenset({"rating", "x"}))
    assert (table.columns, table.cells) == (["id"], [["1"]])
    table = read_rows(tmp_path, {"id": 1, "rating": "good"}, object_columns=frozenset({"rating"}))
    assert table.columns == ["id", "rating"]


@pytest.mark.parametrize("rows", [[{"a.b": 1, "a": {"b": 2}}], [{"a": {"b": 2}}, {"a.b": 1}]])
def test_name_with_a_dot_conflicts_with_an_object(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    text = refusal_of_bytes(tmp_path, "\n".join(map(json.dumps, rows)).encode())
    assert "'a.b' is a name, and a value inside an object has the same column" in text
    assert "manifest: {columns}" in text
    assert read_rows(tmp_path, {"a.b": 1, "a": {"c": 2}}).columns == ["a.b", "a.c"]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ('{"id": 1, "a": {"b": 1, "b": 2}}', "a.b"),
        ('{"id": 1, "a": {"b": {"c": 1}, "b": {"c": 2}}}', "a.b"),
        ('{"id": 1, "a": {"b": [[{"c": 1, "c": 2}]]}}', "a.b"),
    ],
)
def test_repeated_name_in_a_nested_object_is_a_problem(tmp_path: Path, row: str, column: str) -> None:
    assert found(read_rows(tmp_path, row, single_columns=frozenset())) == [(1, "name-twice", column)]


def test_half_surrogate_in_a_nested_object_is_a_problem(tmp_path: Path) -> None:
    table = read_rows(
        tmp_path, '{"a": {"b": "x\\ud83c", "c": ["\\udc00"]}, "d": "\\ud83c\\udfab"}', single_columns=frozenset()
    )
    assert table.cells == [["x\ufffd", '["\ufffd"]', "🎫"]]
    assert found(table) == [(1, "half-character", "a.b"), (1, "half-character", "a.c")]


@pytest.mark.parametrize(
    "deep", ['{"a":' * 101 + "1" + "}" * 101, '{"a":' + "[" * 100 + "]" * 100 + "}", '{"a":' * 5000]
)
def test_nesting_is_bounded(tmp_path: Path, deep: str) -> None:
    """A hundred levels are read."""
    assert "line 1: it is nested too deeply" in refusal_of_bytes(tmp_path, deep.encode())
    assert read_rows(tmp_path, '{"a":' * 100 + "1" + "}" * 100).columns == [".".join("a" * 100)]


def test_number_of_names_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "\n".join(json.dumps({"a": {f"n{n}": 1}}) for n in range(17_000))
    assert "the objects up to line 16384 have more than 16,384 different names" in refusal_of_bytes(
        tmp_path, rows.encode()
    )
    monkeypatch.setattr(column_tree, "_MAX_NAME_CHARS", 100)
    text = refusal_of_bytes(tmp_path, json.dumps({"long": {f"{n}" * 40: 1 for n in range(3)}}).encode())
    assert "names with more than 100 characters" in text
