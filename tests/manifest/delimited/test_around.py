"""What surrounds a table: blank lines, padding, footers; and hints at the delimiter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.reading import read_bytes, refusal_of_bytes

MARK = b"\xef\xbb\xbf"
TABLE = 'id;text\n1;"Grüße"\n'.encode()


@pytest.mark.parametrize("before", [b"\n", b"\r\n", b" \n\n", MARK, MARK + b"\n", b"\n" + MARK])
def test_byte_order_mark_below_blank_lines_is_skipped(tmp_path: Path, before: bytes) -> None:
    """As GLPI writes it. The blank line counts as a row."""
    table = read_bytes(tmp_path, before + MARK + TABLE)
    assert (table.columns, table.cells) == (["id", "text"], [["1", "Grüße"]])
    assert table.rows == [2 + before.count(b"\n")]


def test_byte_order_mark_below_blank_lines_of_json_is_skipped(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"\n" + MARK + b'[{"id": 1}]').cells == [["1"]]


@pytest.mark.parametrize("codec", ["utf-8", "cp1252", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le"])
@pytest.mark.parametrize("padding", ["\0", "\0" * 100, "\0" * 200_000, "\x1a" * 97, "\x1a" + "\0" * 50])
def test_padding_at_the_end_is_skipped_with_a_warning(tmp_path: Path, codec: str, padding: str) -> None:
    """In every encoding, also in a file that is cut off."""
    rows = "".join(f"{number},Grüße\n" for number in range(50))
    for end in ("", "50,x"):
        table = read_bytes(tmp_path, f"id,text\n{rows}{end}{padding}".encode(codec))
        assert (len(table.cells), table.cells[-1][1]) == ((50, "Grüße") if not end else (51, "x"))
        assert not table.problems
        assert any("ends with padding" in warning for warning in table.manifest.format.warnings)


def test_padding_of_json_lines_is_not_a_broken_line(tmp_path: Path) -> None:
    table = read_bytes(tmp_path, b'{"id": 1}\n{"id": 2}\n' + bytes(500))
    assert table.cells == [["1"], ["2"]]


@pytest.mark.parametrize("end", [b"", b"\x1a"])
def test_ctrl_z_on_the_last_line_has_no_warning(tmp_path: Path, end: bytes) -> None:
    """DOS programs end texts with it."""
    table = read_bytes(tmp_path, b"id,text\n1,x\n" + end)
    assert (table.cells, table.manifest.format.warnings) == ([["1", "x"]], ())


def test_second_header_with_repeated_names_is_not_a_row(tmp_path: Path) -> None:
    """Two exports of Jira, put together, have it twice."""
    content = b"id,Labels,Labels,text\n1,a,b,c\nid,Labels,Labels,text\n2,a,b,c\n"
    table = read_bytes(tmp_path, content)
    assert table.columns == ["id", "Labels", "Labels (2)", "text"]
    assert [(problem.code, problem.row) for problem in table.problems] == [("header-again", 3)]


def test_number_of_a_repeated_column_is_not_taken(tmp_path: Path) -> None:
    """A column that has such a name already keeps it."""
    table = read_bytes(tmp_path, b"id,L,L (2),L\n1,a,b,c\n")
    assert table.columns == ["id", "L", "L (2)", "L (3)"]


# -- short rows at the very end ---------------------------------------------------------------------------------------


def hints(table) -> list[str]:
    return [problem.hint for problem in table.problems]


@pytest.mark.parametrize("size", [1, 2, 10_000])
def test_footer_is_suggested_for_short_rows_at_the_end(tmp_path: Path, size: int) -> None:
    """The hint has the mapping's line, whichever way the rows are read."""
    content = b"id,text,mail\n1,a,b\n2,c\n3,d,e\n\nCases by owner\nCopyright\nConfidential\n\n"
    table = read_bytes(tmp_path, content, size=size)
    assert [problem.row for problem in table.problems] == [3, 6, 7, 8]
    first, *footer = hints(table)
    assert "footer" not in first
    rows = (6, 8) if size == 10_000 else (9 - size, 8)
    assert all("footer" in hint for hint in footer[-1:])
    assert size < 10_000 or footer == [footer[0]] * 3
    assert size < 10_000 or f"delete rows {rows[0]} to {rows[1]}" in footer[0]


def test_single_short_last_row_has_both_hints(tmp_path: Path) -> None:
    """It may be a footer, or the file may be cut off."""
    (hint,) = hints(read_bytes(tmp_path, b"id,text,mail\n1,a,b\n2,c"))
    assert "cut off" in hint
    assert "footer" in hint


def test_end_mark_of_a_postgresql_dump_is_recognized(tmp_path: Path) -> None:
    """COPY writes a backslash and a dot below the rows, and no quotes."""
    (hint,) = hints(read_bytes(tmp_path, b'"id"\ttext\n1\ta\n\\.\n'))
    assert "end mark of PostgreSQL's COPY" in hint


# -- what divides the header ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delimiter", "shown"),
    [("^", '"^"'), ("~", '"~"'), ("\x01", '"\\x01"'), ("\x1f", '"\\x1f"'), ("#", '"#"'), ("¦", '"¦"'), ("!", '"!"')],
)
@pytest.mark.parametrize("expected", [(), ("Id", "Subject")])
def test_unusual_delimiter_is_suggested(tmp_path: Path, delimiter: str, shown: str, expected: tuple[str, ...]) -> None:
    """With the suggested line the file is read."""
    content = delimiter.join(["Id", "Subject", "Mail"]) + "\n" + delimiter.join(["1", "A, b", "c"]) + "\n"
    if expected:  # the mapping proves it
        assert read_bytes(tmp_path, content.encode(), expected).cells == [["1", "A, b", "c"]]
    else:
        text = refusal_of_bytes(tmp_path, content.encode(), expected)
        assert f"`manifest: {{delimiter: {shown}}}`" in text
    assert read_bytes(tmp_path, content.encode(), expected, delimiter=delimiter).cells == [["1", "A, b", "c"]]


@pytest.mark.parametrize("delimiter", ["~|~", "||", "^|^", ";;", "@@"])
def test_delimiter_of_several_characters_is_named(tmp_path: Path, delimiter: str) -> None:
    """With the mapping's columns, and without them."""
    content = delimiter.join(["Id", "Subject", "Mail"]) + "\n" + delimiter.join(["1", "A", "c"]) + "\n"
    assert read_bytes(tmp_path, content.encode(), ("Id", "Subject")).cells == [["1", "A", "c"]]
    assert f'delimiter: "{delimiter}"' in refusal_of_bytes(tmp_path, content.encode())


@pytest.mark.parametrize(
    ("content", "expected", "columns"),
    [
        (b"Id#\n1\n", ("Id#",), ["Id#"]),
        (b"Ticket#\n1\n", (), ["Ticket#"]),
        (b"Open? (yes!no)\nyes\n", (), ["Open? (yes!no)"]),
        (b"Id,,Subject,Body\n1,,a,b\n", None, None),
        (b"Id,Sub~ject,Mail~2\n1,a,b\n", ("Id",), ["Id", "Sub~ject", "Mail~2"]),
    ],
)
def test_punctuation_in_a_name_is_not_a_delimiter(tmp_path: Path, content: bytes, expected, columns) -> None:
    if columns is None:
        assert "column B has no name" in refusal_of_bytes(tmp_path, content, ("Id", "Subject"))
    else:
        assert read_bytes(tmp_path, content, expected).columns == columns


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'"Id" ,"Text"\n"1" ,"a" b\n', "There are blanks between a closing quote and a delimiter"),
        (b'"Id","Text"\n"1","a \\"b\\" c\\n"\n', "escape: '\\'"),
        (b'"Id","Text"\n"1","a "b" c"\n', "Write a quote inside a quoted cell twice"),
    ],
)
def test_known_cause_of_broken_quotes_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    """The hint says how to export the file otherwise."""
    assert said in refusal_of_bytes(tmp_path, content)
