from __future__ import annotations

from pathlib import Path

import pytest

from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.manifest.reading import read_bytes, read_pass, refusal_of_bytes

RAW = ["00123", "NA", "1e5", "12345678901234567890", "=1+1", "  in blanks ", "null", "TRUE", "५ हिन्दी 日本語 עברית 🎫", "a\r\nb\nc\rd", 'say "hi"', "1,5"]  # fmt: skip


def test_text_is_never_interpreted(tmp_path: Path) -> None:
    """Cells are unchanged: leading zeros, NA, exponents, formulas, blanks, line breaks."""
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in RAW)
    header = ",".join(f"c{index}" for index in range(len(RAW)))
    table = read_bytes(tmp_path, f"{header}\r\n{quoted}\r\n".encode())
    assert table.cells == [RAW]
    assert table.problems == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_separate_rows(tmp_path: Path, end: str) -> None:
    """Unix, Windows and old Macintosh; those inside quotes stay unchanged."""
    table = read_bytes(tmp_path, end.join(["a,b", "1,2", f'"x{end}y",3', ""]).encode())
    assert table.cells == [["1", "2"], [f"x{end}y", "3"]]
    assert table.rows == [2, 3]


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path: Path) -> None:
    """Blank rows count; a record with line breaks is one row."""
    table = read_bytes(tmp_path, b'a,b\n1,"x\n\ny"\n\n2,y\n,\n , \n3,z\n\n')
    assert table.cells == [["1", "x\n\ny"], ["2", "y"], ["3", "z"]]
    assert table.rows == [2, 4, 7]
    assert table.manifest.blank_rows == 4


def test_rows_of_a_wrong_width_are_problems(tmp_path: Path) -> None:
    """They are cut or padded, and move no other row."""
    table = read_bytes(tmp_path, b"a,b,c\n1,2,3\n1,2\n1,2,3,,x\n1,2,3,,\nz\n")
    assert table.cells == [["1", "2", "3"], ["1", "2", ""], ["1", "2", "3"], ["1", "2", "3"], ["z", "", ""]]
    found = [(problem.row, problem.code, problem.value) for problem in table.problems]
    assert found == [(3, "too-few-cells", None), (4, "too-many-cells", "x"), (6, "too-few-cells", None)]
    assert [problem.message for problem in table.problems] == [
        "The row has 2 cells, the header has 3 columns.",
        "The row has 5 cells, the header has 3 columns.",
        "The row has 1 cell, the header has 3 columns.",
    ]
    assert all(problem.hint for problem in table.problems)


def test_repeated_header_is_not_a_row(tmp_path: Path) -> None:
    """As in two exports put together, with or without a byte order mark between them."""
    content = 'id,"a b"\n1,x\nid,a b\nid,x\n\ufeff"id",a b\n,a b\nid,a b \n'.encode()
    table = read_bytes(tmp_path, content)
    assert [(problem.row, problem.code) for problem in table.problems] == [(3, "header-again"), (5, "header-again")]
    assert [problem.row for problem in read_bytes(tmp_path, "id,b\n1,x\n\ufeffid,b\n".encode()).problems] == [3]
    assert table.rows == [2, 3, 4, 5, 6, 7]
    assert all(problem.hint for problem in table.problems)
    assert read_bytes(tmp_path, b"note\nnote\n").problems == []
    with_stray_quotes = read_bytes(tmp_path, b'id,n\n1,5" x\nid,n\n')
    assert [problem.row for problem in with_stray_quotes.problems] == [3]


def test_nameless_columns_at_the_end_are_ignored(tmp_path: Path) -> None:
    """Values in them are problems."""
    table = read_bytes(tmp_path, b"a,b,\n1,2,\n3,4,5\n6,7\n")
    assert table.columns == ["a", "b"]
    assert table.cells == [["1", "2"], ["3", "4"], ["6", "7"]]
    (problem,) = table.problems
    assert (problem.row, problem.code, problem.value) == (3, "too-many-cells", "5")
    assert problem.message == "Column C holds a value, but the header (row 1) gives it no name."


def test_file_with_only_a_header_has_no_rows(tmp_path: Path) -> None:
    table = read_bytes(tmp_path, b"a,b\n")
    assert (table.columns, table.cells) == (["a", "b"], [])


def test_blanks_around_header_names_are_kept(tmp_path: Path) -> None:
    """The mapping names columns exactly."""
    assert read_bytes(tmp_path, b' a,"b ",B\n1,2,3\n').columns == [" a", "b ", "B"]


def test_all_nameless_columns_are_listed(tmp_path: Path) -> None:
    """Each with its letters, as in a spreadsheet."""
    text = refusal_of_bytes(tmp_path, b"a,,b,a, ,b,c\n1,2,3,4,5,6,7\n")
    assert "row 1: the header can't be used" in text
    assert "column B has no name" in text
    assert "column E has no name" in text
    assert "column AA has no name" in refusal_of_bytes(tmp_path, b"a" + b",b" * 25 + b",,c")


def test_repeated_column_names_get_numbers(tmp_path: Path) -> None:
    """The second `Labels` is `Labels (2)`."""
    table = read_bytes(tmp_path, b"id,Labels,Labels,text,Labels\n1,a,,b,c\n")
    assert (table.columns, table.cells) == (
        ["id", "Labels", "Labels (2)", "text", "Labels (3)"],
        [["1", "a", "", "b", "c"]],
    )


def test_rows_above_header_row_are_ignored(tmp_path: Path) -> None:
    """Row numbers still count them."""
    table = read_bytes(tmp_path, b"Export of 2024-03-08\n\na;b\n1;2\n", header_row=3)
    assert (table.columns, table.cells, table.rows) == (["a", "b"], [["1", "2"]], [4])
    assert table.how == "CSV, UTF-8, semicolon-separated, header in row 3"


def test_header_below_blank_rows_is_found(tmp_path: Path) -> None:
    """The description names its row."""
    table = read_bytes(tmp_path, b"\n,\na,b\n1,2\n")
    assert (table.columns, table.rows) == (["a", "b"], [4])
    assert table.manifest.format.header_row == 3
    assert table.manifest.blank_rows == 0


def test_header_row_outside_the_file_is_an_error(tmp_path: Path) -> None:
    assert "row 9 and all rows below it are blank or missing" in refusal_of_bytes(tmp_path, b"a,b\n1,2\n", header_row=9)
    assert "there is no row 0" in refusal_of_bytes(tmp_path, b"a,b\n1,2\n", header_row=0)


@pytest.mark.parametrize(
    "content", [b"", b"\n \n", b"\xef\xbb\xbf", b"  ", b",,\n,,\n", b";\n;;\n", b"\xff\xfe", b"sep=;"]
)
def test_file_without_content_is_refused(tmp_path: Path, content: bytes) -> None:
    """No bytes, or only blanks, byte order marks and delimiters."""
    text = refusal_of_bytes(tmp_path, content)
    assert "is empty" in text or "contains only blanks" in text


@pytest.mark.parametrize(
    ("delimiter", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe"), (":", "colon")]
)
def test_delimiter_that_divides_all_rows_evenly_is_used(tmp_path: Path, delimiter: str, name: str) -> None:
    lines = ["a_b_c", "1_x_y", '2_"x_, ; y"_z']
    table = read_bytes(tmp_path, "\n".join(lines).replace("_", delimiter).encode())
    assert table.columns == ["a", "b", "c"]
    assert table.how == f"CSV, UTF-8, {name}-separated"


def test_mapping_columns_decide_between_delimiters(tmp_path: Path) -> None:
    content = b"Surname, first name;Age\nDoe, Jane;5\nRoe, Rick;6\n"
    assert read_bytes(tmp_path, content, ["Age"]).columns == ["Surname, first name", "Age"]


def test_character_in_few_rows_is_not_the_delimiter(tmp_path: Path) -> None:
    """It is in the header once, and in some texts."""
    content = b"id;subject, short;state\n1;one, two, three;x\n2;none;y\n3;a, b;z\n"
    assert read_bytes(tmp_path, content).columns == ["id", "subject, short", "state"]


def test_delimiter_of_a_large_file_is_found_by_a_sample(tmp_path: Path) -> None:
    """The sample's last line is incomplete and does not count."""
    line = b"1;" + b"x" * 3000 + b"\n"
    table = read_bytes(tmp_path, b"a;b\n" + line * 150)
    assert table.columns == ["a", "b"]
    assert len(table.rows) == 150


def test_cell_larger_than_the_sample_is_read(tmp_path: Path) -> None:
    """It is also larger than the limit of Python's reader."""
    cell = "x" * 5_000_000
    assert read_bytes(tmp_path, f"a\n{cell}\n".encode()).cells == [[cell]]
    assert read_bytes(tmp_path, f"{cell}\n1\n".encode()).columns == [cell]


def test_file_of_one_column_has_no_delimiter(tmp_path: Path) -> None:
    table = read_bytes(tmp_path, b"Subject\nhello\n")
    assert (table.cells, table.how) == ([["hello"]], "CSV, UTF-8, one column")


@pytest.mark.parametrize(
    ("wanted", "content"), [("~", b"a~b\n1~2\n"), ("tab", b"a\tb\n1\t2\n"), ("\\t", b"a\tb\n1\t2\n")]
)
def test_any_single_character_can_be_the_delimiter(tmp_path: Path, wanted: str, content: bytes) -> None:
    """A tab can be written as `tab`."""
    assert read_bytes(tmp_path, content, delimiter=wanted).cells == [["1", "2"]]


def test_description_names_the_set_delimiter(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"a~b\n", delimiter="~").how == "CSV, UTF-8, separated by '~'"


@pytest.mark.parametrize("wanted", ["", '"', "\n"])
def test_quote_or_line_end_as_delimiter_is_an_error(tmp_path: Path, wanted: str) -> None:
    assert "can't be a delimiter" in refusal_of_bytes(tmp_path, b"a,b\n", delimiter=wanted)


def test_sep_line_sets_the_delimiter(tmp_path: Path) -> None:
    """`sep=;` is not a row and does not count as one: Excel hides it."""
    table = read_bytes(tmp_path, b"\xef\xbb\xbfsep=;\r\na;b, c, d\r\n1;2, 3, 4\r\n")
    assert (table.columns, table.cells, table.rows) == (["a", "b, c, d"], [["1", "2, 3, 4"]], [2])


def test_unclosed_quote_names_its_row(tmp_path: Path) -> None:
    """The file is cut off inside a quote."""
    text = refusal_of_bytes(tmp_path, b'a,b\n1,2\n\n3,"x\n4,5\n6,7\n')
    assert "row 4: a quote is opened here and never closed" in text
    assert "If the file is cut off there, export it again." in text


def test_unclosed_quote_in_a_large_file_is_found_early(tmp_path: Path) -> None:
    """After 8 million characters."""
    line = b"x" * 1023 + b"\n"
    text = refusal_of_bytes(tmp_path, b'a,b\n1,2\n3,"' + line * (9 * 1024))
    assert "row 3, column B: a quote is opened here and not closed within 8,388,608 characters" in text


def test_text_after_a_closing_quote_is_refused(tmp_path: Path) -> None:
    """All such rows are named."""
    text = refusal_of_bytes(tmp_path, b'a,b\n"He said "hi" to me",2\n3,4\n"x" ,5\n')
    assert "row 2: text follows a closing quote" in text
    assert "row 4: text follows a closing quote" in text
    assert "cut off" not in text


def test_at_most_twenty_broken_rows_are_listed(tmp_path: Path) -> None:
    """A file that is broken throughout is told by its first rows."""
    assert refusal_of_bytes(tmp_path, b"a,b\n" + b'"x"y,1\n' * 50).count("text follows") == 20


def test_quote_inside_an_unquoted_cell_is_text(tmp_path: Path) -> None:
    """Such as inches."""
    assert read_bytes(tmp_path, b'a,b\n5" disk, "x"\n').cells == [['5" disk', ' "x"']]


def test_every_pass_yields_the_same_rows(tmp_path: Path) -> None:
    """With the same problems, for chunks of any size."""
    lines = ["a,b"] + [f"{n},x" if n % 7 else ("" if n % 14 else "only") for n in range(1, 101)]
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join(lines))
    manifest = open_manifest(path, ManifestOptions())
    assert manifest.blank_rows == 0
    whole = read_pass(manifest)
    assert manifest.blank_rows == 7
    for size in (1, 3, 100):
        again = read_pass(manifest, size)
        assert (again.cells, again.rows, again.problems) == (whole.cells, whole.rows, whole.problems)
        assert manifest.blank_rows == 7
    with pytest.raises(ValueError, match="at least one row"):
        manifest.chunks(0)


def test_passes_do_not_share_a_file_position(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("a\n1\n2\n3\n")
    manifest = open_manifest(path, ManifestOptions())
    pairs = [
        (one.rows, two.rows, list(one.frame.index))
        for one, two in zip(manifest.chunks(1), manifest.chunks(1), strict=True)
    ]
    assert pairs == [((2,), (2,), [0]), ((3,), (3,), [0]), ((4,), (4,), [0])]


def test_frames_have_the_object_dtype(tmp_path: Path) -> None:
    """Cells are Python strings; a text file has no sheet."""
    path = tmp_path / "tickets.csv"
    path.write_text("a,b\n1,2\n")
    manifest = open_manifest(path, ManifestOptions())
    (chunk,) = manifest.chunks()
    assert [str(dtype) for dtype in chunk.frame.dtypes] == ["object", "object"]
    assert manifest.sheet is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_ctrl_z_on_its_own_last_line_is_not_a_row(tmp_path: Path, end: str, codec: str) -> None:
    """Anywhere else it is text."""
    content = end.join(["a,b", "1,x\x1a", "\x1a,2", "\x1a"]).encode(codec)
    table = read_bytes(tmp_path, content)
    assert table.cells == [["1", "x\x1a"], ["\x1a", "2"]]
    assert table.problems == []
    (problem,) = read_bytes(tmp_path, b"a,b\n\x1a\n1,2\n").problems
    assert (problem.row, problem.code) == (2, "too-few-cells")
