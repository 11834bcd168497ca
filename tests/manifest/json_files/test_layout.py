"""Rows in a list inside an object, as in answers of APIs, and objects over several lines."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ManifestError
from importer.manifest.json_files.decoding import ValueDecoder
from importer.manifest.json_files.documents import parse_documents
from importer.manifest.manifest import open_manifest
from importer.mapping.record_paths import plain_path, shown_path
from importer.models import ManifestOptions
from tests.manifest.reading import Table, read_bytes, read_pass, refusal_of_bytes

ROWS = [{"Id": 1, "Subject": "Help"}, {"Id": 2, "Subject": "More"}]


def read_json(
    folder: Path, content: Any, expected: tuple[str, ...] = (), *, indent: int | None = None, **options: Any
) -> Table:
    path = folder / "tickets.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=indent))
    return read_pass(open_manifest(path, ManifestOptions(**options), expected, may_lack=expected))


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("expected", [(), ("Id", "Subject")])
@pytest.mark.parametrize(
    ("content", "records"),
    [
        ({"tickets": ROWS, "count": 2, "next_page": None}, "tickets"),
        ({"data": ROWS, "meta": {"pages": 1}}, "data"),
        ({"result": {"items": ROWS, "users": []}}, "result.items"),
        ({"meta": {"tags": ["a"]}, "the tickets": ROWS}, "'\"the tickets\"'"),
    ],
)
def test_rows_are_read_from_the_only_list_of_objects(
    tmp_path: Path, content: dict[str, Any], records: str, expected: tuple[str, ...], indent: int | None
) -> None:
    table = read_json(tmp_path, content, expected, indent=indent)
    assert (table.columns, table.cells) == (["Id", "Subject"], [["1", "Help"], ["2", "More"]])
    assert table.rows == [1, 2]
    assert table.how == f"JSON, UTF-8, rows in {records}"


def test_several_lists_are_an_error(tmp_path: Path) -> None:
    """The hint has the mapping's line, with the most likely list."""
    content = json.dumps({"users": [{"name": "a"}] * 3, "data": {"tickets": ROWS}})
    path = tmp_path / "tickets.csv"
    path.write_text(content)
    text = refusal_of_bytes(tmp_path, content.encode())
    assert "`records: users`: 3 objects, with 'name'" in text
    assert "`records: data.tickets`: 2 objects, with 'Id', 'Subject'" in text
    assert "manifest: {records: users}" in text
    for records, columns in (
        ("users", ["name"]),
        ("data.tickets", ["Id", "Subject"]),
        ('"data".tickets', ["Id", "Subject"]),
    ):
        assert read_json(tmp_path, content, records=records).columns == columns


@pytest.mark.parametrize(
    ("content", "records", "reason"),
    [
        ({"tickets": ROWS}, "ticket", "the object in line 1 has no 'ticket'"),
        ({"data": {"tickets": ROWS}}, "tickets", "the object in line 1 has no 'tickets'"),
        ({"data": {"tickets": ROWS}}, "data", "'data' in line 1 is no list"),
        ({"tickets": ROWS, "count": 2}, "count", "'count' in line 1 is no list"),
        ({"tickets": ROWS, "count": 2}, "count.rows", "'count' in line 1 is not an object in {} with the name 'rows'"),
    ],
)
def test_wrong_path_is_an_error_with_the_right_paths(
    tmp_path: Path, content: dict[str, Any], records: str, reason: str
) -> None:
    text = refusal_of_bytes(tmp_path, json.dumps(content).encode(), records=records)
    assert f"no list of objects at `records: {records}` ({reason})" in text
    right = "data.tickets" if "data" in content else "tickets"
    assert f"manifest: {{records: {right}}}" in text


def test_a_path_in_a_list_is_an_error(tmp_path: Path) -> None:
    text = refusal_of_bytes(tmp_path, json.dumps(ROWS).encode(), records="tickets")
    assert "the file is not an object in {} with the name 'tickets'" in text
    assert "or remove it if the file is a list" in text


def test_an_element_that_is_no_object_is_an_error(tmp_path: Path) -> None:
    text = refusal_of_bytes(tmp_path, b'{"tickets": [{"id": 1},\n 5]}', records="tickets")
    assert "object 2: it is a number, not an object in {}" in text


def test_empty_list_of_rows_is_accepted(tmp_path: Path) -> None:
    """There may be a night without tickets."""
    table = read_json(tmp_path, {"tickets": [], "count": 0}, ("Id",))
    assert (table.columns, table.cells) == (["Id"], [])


def test_error_answer_of_an_api_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tickets.json"
    path.write_text('{"error": "Couldn\'t authenticate you"}')
    with pytest.raises(Exception, match="one JSON object without a list of objects"):
        open_manifest(path, ManifestOptions(), may_lack=("Id",))


def test_single_object_with_a_list_is_one_row(tmp_path: Path) -> None:
    """Such as one ticket with comments."""
    row = {"Id": 1, "Subject": "Help", "comments": [{"Id": 5}]}
    for expected in ((), ("Id", "Subject")):
        table = read_json(tmp_path, row, expected)
        assert (table.columns, table.rows) == (["Id", "Subject", "comments"], [1])


@pytest.mark.parametrize("between", ["\n", "", "\n\n"])
def test_objects_over_several_lines_are_rows(tmp_path: Path, between: str) -> None:
    """As `jq .` writes them."""
    table = read_bytes(tmp_path, between.join(json.dumps(row, indent=2) for row in ROWS).encode())
    assert (table.cells, table.rows) == ([["1", "Help"], ["2", "More"]], [1, 2])
    assert read_json(tmp_path, ROWS[0], indent=2).cells == [["1", "Help"]]


def test_pages_in_one_file_are_joined(tmp_path: Path) -> None:
    pages = "\n".join(json.dumps({"tickets": [row], "count": 2}) for row in ROWS)
    assert read_json(tmp_path, pages, records="tickets").cells == [["1", "Help"], ["2", "More"]]
    assert read_json(tmp_path, pages, ("Id", "Subject")).cells == [["1", "Help"], ["2", "More"]]
    text = refusal_of_bytes(tmp_path, f'{pages}\n{{"error": 1}}'.encode(), records="tickets")
    assert "the object in line 3 has no 'tickets'" in text


def test_broken_lines_are_listed(tmp_path: Path) -> None:
    """They are not taken for one object over many lines."""
    text = refusal_of_bytes(tmp_path, b'{"Id": 1\n{"Id": 2}\n{"Id": }\n')
    assert "line 1:" in text
    assert "line 3:" in text


@pytest.mark.parametrize("cut", [30, 60, 90])
def test_incomplete_page_is_one_error(tmp_path: Path, cut: int) -> None:
    text = refusal_of_bytes(tmp_path, json.dumps({"tickets": ROWS * 2}, indent=1).encode()[:cut])
    assert text.count("\n  object ") == 1


@pytest.mark.parametrize("block_chars", range(1, 40))
def test_block_may_end_anywhere_in_a_page(block_chars: int) -> None:
    written = (
        '{"a": {"x": [1, {"y": 2}], "n": -12.5e3}, "count": 12345,\n "rows": {"tickets" : [ {"id": 1.10} , '
        '{"b": [true]}\n]}, "z": "\\u00fc]"} {"rows": {"tickets": []}}'
    )
    found = parse_documents(io.StringIO(written), ValueDecoder(), ("rows", "tickets"), block_chars=block_chars)
    assert list(found) == [{"id": "1.10"}, {"b": [True]}]


def test_paths_in_messages_can_be_used_as_records() -> None:
    for path in (("a",), ("a", "b_2"), ("a b", 'c"d', "ü.x", "1")):
        assert plain_path(shown_path(path)) == path
    for expression in ("a[0]", "a.", ".a", "a..b", "a b", "[]", "@", "a[].b", "'a'", ""):
        assert plain_path(expression) is None


@pytest.mark.parametrize("expected", [(), ("Id", "Subject")])
@pytest.mark.parametrize("between", ["", " ", "\n"])
def test_pages_of_an_api_may_be_joined_in_any_way(tmp_path: Path, between: str, expected: tuple[str, ...]):
    """As `cat` joins files without an end of line; two objects in one line are read, too."""
    pages = between.join(json.dumps({"tickets": [{"Id": n, "Subject": "a"}] * 2, "count": 2}) for n in (1, 2))
    table = read_json(tmp_path, pages, expected)
    assert [row[0] for row in table.cells] == ["1", "1", "2", "2"]
    table = read_json(tmp_path, between.join(map(json.dumps, ROWS)), expected)
    assert [row[0] for row in table.cells] == ["1", "2"]


def test_the_list_of_the_mapping_is_read_with_a_warning(tmp_path: Path):
    """The other lists have few of its columns; with more of them the file is refused."""
    tickets = [{"id": 7, "subject": "a", "state": "b", "due": "c"}]
    columns = ("id", "subject", "state", "due")
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"users": [{"id": 1, "name": "Ann"}], "tickets": tickets}))
    opened = open_manifest(path, ManifestOptions(), columns, may_lack=columns)
    assert opened.format.records == "tickets"
    assert opened.format.warnings == (
        "rows are read from the list tickets, which has the mapping's columns; not from users",
    )
    path.write_text(json.dumps({"old": [{"id": 1, "subject": "x"}], "tickets": tickets}))
    with pytest.raises(ManifestError):
        open_manifest(path, ManifestOptions(), columns, may_lack=columns)
