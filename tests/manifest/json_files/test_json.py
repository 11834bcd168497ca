from __future__ import annotations

import io
from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.manifest.json_files.decoding import ValueDecoder
from importer.manifest.json_files.documents import parse_list
from importer.manifest.manifest import open_manifest
from importer.manifest.nested.values import BrokenObjectError
from importer.models import ManifestOptions
from tests.manifest.reading import Table, read, refusal_of_bytes


def read_lines(folder: Path, *lines: str, encoding: str = "utf-8", size: int = 10_000) -> Table:
    path = folder / "tickets.jsonl"
    path.write_bytes("\n".join(lines).encode(encoding))
    return read(path, size=size)


def test_columns_are_the_names_of_all_objects(tmp_path: Path) -> None:
    """In their order. An absent or null value is an empty cell."""
    table = read_lines(tmp_path, '{"id": "1", "b": null}', '{"b": "x", "id": "2"}', '{"id": "3", "c": "y"}')
    assert table.columns == ["id", "b", "c"]
    assert table.cells == [["1", "", ""], ["2", "x", ""], ["3", "", "y"]]
    assert table.how == "JSON Lines, UTF-8"


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        ("1.10", "1.10"),
        ("12345678901234567890", "12345678901234567890"),
        ("9" * 5000, "9" * 5000),
        ("-0", "-0"),
        ("1e5", "1e5"),
        ("1E+400", "1E+400"),
        ("true", "true"),
        ("false", "false"),
        ("null", ""),
        ('"00123"', "00123"),
        ('" NA "', " NA "),
        ('"a\\r\\nb\\u0000"', "a\r\nb\0"),
        ('"\\ud83c\\udfab \u2028"', "🎫 \u2028"),
    ],
)
def test_texts_and_numbers_are_unchanged(tmp_path: Path, written: str, cell: str) -> None:
    table = read_lines(tmp_path, f'{{"id": 1, "value": {written}}}')
    assert table.cells == [["1", cell]]
    assert table.problems == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_json_may_have_any_encoding(tmp_path: Path, encoding: str) -> None:
    """The standard allows only UTF-8."""
    lines = '{"id": 1, "ort": "Zürich"}', '{"id": 2, "ort": "Köln"}'
    assert read_lines(tmp_path, *lines, encoding=encoding).cells == [["1", "Zürich"], ["2", "Köln"]]


def test_row_numbers_are_line_numbers(tmp_path: Path) -> None:
    """There is no header. Blank lines and empty objects are blank rows, and count."""
    table = read_lines(tmp_path, '{"id": 1}', "", "  ", "{}", '{"id": ""}', '{"id": 2}', "", size=2)
    assert (table.cells, table.rows) == ([["1"], ["2"]], [1, 6])
    assert table.manifest.blank_rows == 4


def test_nested_values_are_problems(tmp_path: Path) -> None:
    """The cell shows the list or object, with its numbers unchanged."""
    table = read_lines(
        tmp_path, '{"id": 1, "tags": ["ü", 1.10, null, true]}', '{"id": 2, "tags": [{"a": {"b": "\\""}}]}'
    )
    assert table.cells == [["1", '["ü",1.10,null,true]'], ["2", '[{"a":{"b":"\\""}}]']]
    found = [(problem.row, problem.code, problem.column, problem.message) for problem in table.problems]
    assert found == [
        (1, "nested-value", "tags", "tags: the value is a list."),
        (2, "nested-value", "tags", "tags: the value is a list."),
    ]


@pytest.mark.parametrize(("first", "second", "cell"), [("a", "b", "b"), ("a", "", "a"), ("", "b", "b")])
def test_repeated_name_in_an_object_is_a_problem(tmp_path: Path, first: str, second: str, cell: str) -> None:
    """Also if its values are empty."""
    table = read_lines(tmp_path, f'{{"id": "{first}", "id": "{second}"}}')
    assert table.cells == [[cell]]
    assert [(problem.code, problem.column) for problem in table.problems] == [("name-twice", "id")]


def test_half_surrogate_is_a_problem(tmp_path: Path) -> None:
    """JSON can have one in a value or a name."""
    table = read_lines(tmp_path, '{"id": "a\\ud83c", "\\uDC00": "x"}', '{"id": "\\ud83c\\udfab"}')
    assert table.columns == ["id", "\ufffd"]
    assert table.cells == [["a\ufffd", "x"], ["🎫", ""]]
    assert [(problem.row, problem.code, problem.column) for problem in table.problems] == [(1, "half-character", "id")]


def test_all_broken_lines_are_named(tmp_path: Path) -> None:
    """The file is refused."""
    lines = ['{"id": 1}', '{"id": 2', '{"id": 3}{"id": 4}', "[5]", "6", '"7"', "null", '{"id": NaN}', '{"id": 1},']
    text = refusal_of_bytes(tmp_path, "\n".join(lines).encode())
    assert "line 2: Expecting ',' delimiter at character" in text
    assert "line 3: Extra data at character 10" in text
    assert "line 4: it is a list, not an object in {}" in text
    assert "line 5: it is a number" in text
    assert "line 6: it is a text" in text
    assert "line 7: it is null" in text
    assert "line 8: NaN is not JSON" in text
    assert "line 9: Extra data" in text
    assert "line 1:" not in text
    assert "Write one object per line" in text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": 2, "T": NaN}', "NaN is not JSON at character 16"),
        ('{"id": "NaN \\"Infinity", "T": [1, -Infinity]}', "-Infinity is not JSON at character 35"),
        ('{"id": "2}', "Unterminated string starting at character 8"),
        ('{"id": "a\tb"}', "Invalid control character at character 10"),
    ],
)
def test_position_in_a_broken_line_is_named_once(tmp_path: Path, line: str, reason: str) -> None:
    assert f"line 1: {reason}\n" in refusal_of_bytes(tmp_path, line.encode())


def test_at_most_twenty_broken_lines_are_listed(tmp_path: Path) -> None:
    """The error of a file that is broken throughout names its first wrong lines."""
    text = refusal_of_bytes(tmp_path, b'{"id": 1\n' * 30)
    assert text.count("\n  line ") == 20


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """It would exhaust the parser."""
    text = refusal_of_bytes(tmp_path, b'{"id": ' + b"[" * 100_000)
    assert "line 1: it is nested too deeply" in text


@pytest.mark.parametrize("content", ['{"": 1}', '{"id": 1, " ": 2}'])
def test_empty_name_is_an_error(tmp_path: Path, content: str) -> None:
    assert "line 1: one of its names is empty" in refusal_of_bytes(tmp_path, content.encode())


@pytest.mark.parametrize("content", ["{}\n", "{} \n{}\n"])
def test_objects_without_names_are_refused(tmp_path: Path, content: str) -> None:
    assert "contains no JSON object with a name" in refusal_of_bytes(tmp_path, content.encode())


def test_too_many_names_are_refused(tmp_path: Path) -> None:
    """If names are data, a table would fill the memory."""
    content = "\n".join(f'{{"id {n}": 1}}' for n in range(17_000)).encode()
    assert "the objects up to line 16385 have more than 16,384 different names" in refusal_of_bytes(tmp_path, content)


def test_table_whose_first_name_begins_with_a_brace_is_read(tmp_path: Path) -> None:
    """Only text that begins like an object is JSON."""
    path = tmp_path / "tickets.csv"
    path.write_text("{id},subject\n1,x\n")
    assert read(path).columns == ["{id}", "subject"]


def test_every_pass_yields_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text('{"id": 1}\n\n{"id": [2]}\n{"id": 3}\n')
    manifest = open_manifest(path, ManifestOptions())
    passes = [[(chunk.rows, chunk.source.texts(), chunk.problems) for chunk in manifest.chunks(2)] for _ in range(2)]
    assert passes[0] == passes[1]


@pytest.mark.parametrize("between", [",", " ,\n  ", "\r\n,\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_list_of_objects_is_read(tmp_path: Path, between: str, mark: str) -> None:
    """Rows count from 1."""
    objects = ['{"id": 1.10,\n "a": "x]\\"}"}', "{}", '{"a": [1], "id": 2}', '{"id": 3, "id": 3}']
    path = tmp_path / "tickets.json"
    path.write_text(f"{mark}\n[\n{between.join(objects)} ]\n", encoding="utf-8", newline="")
    table = read(path, size=2)
    assert table.columns == ["id", "a"]
    assert table.cells == [["1.10", 'x]"}'], ["2", "[1]"], ["3", ""]]
    assert table.rows == [1, 3, 4]
    assert [(problem.row, problem.code) for problem in table.problems] == [(3, "nested-value"), (4, "name-twice")]
    assert table.how == f"JSON, UTF-8{' with BOM' if mark else ''}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"id": 1},\n{"id": 2}', "object 3: neither a comma nor the list's end follows, as if the file were cut off in line 2"),
        ('[{"id": 1},\n{"id": 2', "object 2: Expecting ',' delimiter in line 2"),
        ('[{"id": 1},\n{"id": "2', "object 2: Unterminated string starting in line 2"),
        ('[{"id": 1},\n{"id": tru, "b": "much more of it"}]', "object 2: Expecting value in line 2"),
        ('[{"id": 1},\n{"id": NaN}]', "object 2: NaN is not JSON in line 2"),
        ('[{"id": 1}, {"a": "NaN",\n"id": 2,\n"n": -Infinity}]', "object 2: -Infinity is not JSON in line 3"),
        ('[{"id": 1} {"id": 2}]', "object 2: neither a comma nor the list's end follows"),
        ('[{"id": 1},]', "object 2: Expecting value in line 1"),
        ('[{"id": 1}, 5]', "object 2: it is a number, not an object in {}"),
        ('[{"id": 1}, {" ": 5}]', "object 2: one of its names is empty"),
        ('[{"id": 1}]\n[{"id": 2}]', "object 2: more follows the list's end in line 2"),
        ('[{"id": ' + "[" * 100_000, "object 1: it is nested too deeply in line 1"),
    ],
)  # fmt: skip
def test_a_broken_list_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    """Only the first error is named, with its line."""
    text = refusal_of_bytes(tmp_path, content.encode())
    assert "is not a list of objects in JSON" in text
    assert reason in text


def test_columns_without_values_may_be_absent(tmp_path: Path) -> None:
    """They are empty, with a warning. An empty list has no other columns."""
    path = tmp_path / "tickets.json"
    path.write_text('[{"id": 1, "b": "x"}]')
    manifest = open_manifest(path, ManifestOptions(), may_lack=["id", "note", "due"])
    assert (manifest.columns, manifest.format.absent_columns) == (("id", "b", "due", "note"), ("due", "note"))
    (chunk,) = manifest.chunks()
    assert chunk.source.texts() == [["1", "x", "", ""]]
    (warning,) = manifest.format.warnings
    assert warning == "no object has 'due', 'note'; these columns count as empty"
    assert open_manifest(path, ManifestOptions(), ["note"]).columns == ("id", "b")
    path.write_text("[ ]\n")
    empty = open_manifest(path, ManifestOptions(), may_lack=["id", "note"])
    assert (empty.columns, list(empty.chunks()), empty.format.warnings) == (("id", "note"), [], ())
    path.write_text("[{}]")
    with pytest.raises(ManifestError, match="no JSON object with a name"):
        open_manifest(path, ManifestOptions(), may_lack=["id", "note"])


def test_list_of_empty_objects_is_refused(tmp_path: Path) -> None:
    assert "contains no JSON object with a name" in refusal_of_bytes(tmp_path, b"[{ }, {}]")
    assert "contains no JSON object with a name" in refusal_of_bytes(tmp_path, b"[\n]\n")


def test_a_list_of_any_size_is_read_in_blocks(tmp_path: Path) -> None:
    """An object may be in several blocks, or larger than one."""
    objects = [f'{{"id": {n}, "text": "{"x" * (n * 997 % 40_000)}"}}' for n in range(60)] + [
        f'{{"id": "{"y" * 600_000}"}}'
    ]
    table = read_lines(tmp_path, f"[{','.join(objects)}]")
    assert [len(cells[1]) for cells in table.cells[:-1]] == [n * 997 % 40_000 for n in range(60)]
    assert table.cells[-1] == ["y" * 600_000, ""]


@pytest.mark.parametrize("block_chars", range(1, 40))
def test_block_may_end_anywhere_in_a_list(block_chars: int) -> None:
    """The objects or the error are the same."""
    written = (
        '[ {"id": -12.50e+3, "a": "\\u00fc\\ud83c\\udfab\\"]"} ,\n{"b": true, "c": null}\n, {"d": [false, {}]}\n] '
    )
    found = list(parse_list(io.StringIO(written), ValueDecoder(), block_chars=block_chars))
    assert found == [{"id": "-12.50e+3", "a": 'ü🎫"]'}, {"b": True, "c": None}, {"d": [False, {}]}]
    broken = io.StringIO(written.replace("}\n]", "x}}\n]"))
    with pytest.raises(BrokenObjectError, match="Expecting ',' delimiter in line 3"):
        list(parse_list(broken, ValueDecoder(), block_chars=block_chars))


def test_few_objects_are_in_memory_at_once(tmp_path: Path) -> None:
    """Whatever the size of a chunk: an object takes much more memory than its text."""
    path = tmp_path / "tickets.jsonl"
    path.write_text('{"id": 1}\n' * 10_001, encoding="utf-8")
    chunks = open_manifest(path, ManifestOptions()).chunks(100_000)
    assert [len(chunk.rows) for chunk in chunks] == [10_000, 1]
