"""What stands around a table without being of it: blank lines before a mark, padding, footers; and hints at what divides it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.reading import read_bytes, refusal_of_bytes

MARK = b"\xef\xbb\xbf"
TABLE = 'id;text\n1;"Grüße"\n'.encode()


@pytest.mark.parametrize("before", [b"\n", b"\r\n", b" \n\n", MARK, MARK + b"\n", b"\n" + MARK])
def test_a_mark_behind_blank_lines_is_no_part_of_the_first_name(tmp_path: Path, before: bytes) -> None:
    """GLPI writes a blank line before the byte order mark; the line still counts as a row."""
    table = read_bytes(tmp_path, before + MARK + TABLE)
    assert (table.columns, table.cells) == (["id", "text"], [["1", "Grüße"]])
    assert table.rows == [2 + before.count(b"\n")]


def test_a_list_of_json_behind_a_blank_line_and_a_mark(tmp_path: Path) -> None:
    """The mark is passed over in JSON, too."""
    assert read_bytes(tmp_path, b"\n" + MARK + b'[{"id": 1}]').cells == [["1"]]


@pytest.mark.parametrize("codec", ["utf-8", "cp1252", "utf-16-le", "utf-16-be", "utf-16", "utf-32-le"])
@pytest.mark.parametrize("padding", ["\0", "\0" * 100, "\0" * 200_000, "\x1a" * 97, "\x1a" + "\0" * 50])
def test_padding_at_the_end_is_passed_over_and_said(tmp_path: Path, codec: str, padding: str) -> None:
    """A file that fills whole blocks ends with its last row, in every encoding; one that was cut off does, too."""
    rows = "".join(f"{number},Grüße\n" for number in range(50))
    for end in ("", "50,x"):
        table = read_bytes(tmp_path, f"id,text\n{rows}{end}{padding}".encode(codec))
        assert (len(table.cells), table.cells[-1][1]) == ((50, "Grüße") if not end else (51, "x"))
        assert not table.problems
        assert any("ends with padding" in warning for warning in table.manifest.format.warnings)


def test_padding_of_json_lines(tmp_path: Path) -> None:
    """It is no broken line."""
    table = read_bytes(tmp_path, b'{"id": 1}\n{"id": 2}\n' + bytes(500))
    assert table.cells == [["1"], ["2"]]


@pytest.mark.parametrize("end", [b"", b"\x1a"])
def test_nothing_is_said_of_an_ordinary_end(tmp_path: Path, end: bytes) -> None:
    """A text of DOS ends with Ctrl+Z on the last line."""
    table = read_bytes(tmp_path, b"id,text\n1,x\n" + end)
    assert (table.cells, table.manifest.format.warnings) == ([["1", "x"]], ())


def test_a_header_with_repeated_names_that_comes_again_is_no_ticket(tmp_path: Path) -> None:
    """Two Jira exports put together hold it twice."""
    content = b"id,Labels,Labels,text\n1,a,b,c\nid,Labels,Labels,text\n2,a,b,c\n"
    table = read_bytes(tmp_path, content)
    assert table.columns == ["id", "Labels", "Labels (2)", "text"]
    assert [(problem.code, problem.row) for problem in table.problems] == [("header-again", 3)]


def test_a_number_that_a_repeated_column_gets_is_free(tmp_path: Path) -> None:
    """A column that is called so already keeps its name."""
    table = read_bytes(tmp_path, b"id,L,L (2),L\n1,a,b,c\n")
    assert table.columns == ["id", "L", "L (2)", "L (3)"]


# -- short rows at the very end ---------------------------------------------------------------------------------------


def hints(table) -> list[str]:
    return [problem.hint for problem in table.problems]


@pytest.mark.parametrize("size", [1, 2, 10_000])
def test_a_footer_is_called_one(tmp_path: Path, size: int) -> None:
    """The rows at the very end are shown as a report's footer, with the way to get rid of it, however they are read."""
    content = b"id,text,mail\n1,a,b\n2,c\n3,d,e\n\nCases by owner\nCopyright\nConfidential\n\n"
    table = read_bytes(tmp_path, content, size=size)
    assert [problem.row for problem in table.problems] == [3, 6, 7, 8]
    first, *footer = hints(table)
    assert "footer" not in first
    rows = (6, 8) if size == 10_000 else (9 - size, 8)
    assert all("footer" in hint for hint in footer[-1:])
    assert size < 10_000 or footer == [footer[0]] * 3
    assert size < 10_000 or f"delete rows {rows[0]} to {rows[1]}" in footer[0]


def test_a_single_short_row_at_the_end_may_be_cut(tmp_path: Path) -> None:
    """What it looks like can't be told, so both are said."""
    (hint,) = hints(read_bytes(tmp_path, b"id,text,mail\n1,a,b\n2,c"))
    assert "cut off" in hint
    assert "footer" in hint


def test_the_end_mark_of_a_dump(tmp_path: Path) -> None:
    """PostgreSQL's COPY writes a backslash and a point below the rows; quotes are no part of its text format."""
    (hint,) = hints(read_bytes(tmp_path, b'"id"\ttext\n1\ta\n\\.\n'))
    assert "end mark of PostgreSQL's COPY" in hint


# -- what divides the header ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delimiter", "shown"),
    [("^", '"^"'), ("~", '"~"'), ("\x01", '"\\x01"'), ("\x1f", '"\\x1f"'), ("#", '"#"'), ("¦", '"¦"'), ("!", '"!"')],
)
@pytest.mark.parametrize("expected", [(), ("Id", "Subject")])
def test_an_unusual_delimiter_is_named(tmp_path: Path, delimiter: str, shown: str, expected: tuple[str, ...]) -> None:
    """The line for the mapping is in the message, and with it the file is read."""
    content = delimiter.join(["Id", "Subject", "Mail"]) + "\n" + delimiter.join(["1", "A, b", "c"]) + "\n"
    if expected:  # the mapping proves it
        assert read_bytes(tmp_path, content.encode(), expected).cells == [["1", "A, b", "c"]]
    else:
        text = refusal_of_bytes(tmp_path, content.encode(), expected)
        assert f"`manifest: {{delimiter: {shown}}}`" in text
    assert read_bytes(tmp_path, content.encode(), expected, delimiter=delimiter).cells == [["1", "A, b", "c"]]


@pytest.mark.parametrize("delimiter", ["~|~", "||", "^|^", ";;", "@@"])
def test_a_delimiter_of_several_characters_is_named(tmp_path: Path, delimiter: str) -> None:
    """It is found with the mapping's columns, and named without them."""
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
def test_an_ordinary_header_is_not_taken_apart(tmp_path: Path, content: bytes, expected, columns) -> None:
    """A sign in a name is no delimiter."""
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
def test_broken_quotes_have_a_cause(tmp_path: Path, content: bytes, said: str) -> None:
    """What a program always writes so is named, with the way to export otherwise."""
    assert said in refusal_of_bytes(tmp_path, content)
