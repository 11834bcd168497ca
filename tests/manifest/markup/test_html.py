"""Tables of web pages, also with the ending `.xls`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from importer.manifest.markup import html_tables
from tests.manifest.reading import Table, read, refusal_of_bytes


def read_html(folder: Path, content: str | bytes, expected: tuple[str, ...] = (), **options: Any) -> Table:
    path = folder / "export.xls"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(path, expected, **options)


def table_of(*cells: str) -> str:
    return f"<table><tr><th>Id<th>Text</tr>{''.join(f'<tr><td>{n}</td><td>{cell}</td></tr>' for n, cell in enumerate(cells))}</table>"


@pytest.mark.parametrize(
    "around",
    ["{}", "<div>\n\t{}</div>", "<!-- x -->\n<style>td {{}}</style>{}", "<!DOCTYPE html><html><head><title>t</title></head><body>{}",
     '<html xmlns:x="urn:schemas-microsoft-com:office:excel"><body><p>Made today</p>{}</body></html>',
     '<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>', "\n<META charset=utf-8>{}"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_table_of_a_page_is_read(tmp_path: Path, around: str, encoding: str) -> None:
    page = around.format(table_of("00123", "=1+1", "Größe"))
    table = read_html(tmp_path, page.encode(encoding))
    assert table.columns == ["Id", "Text"]
    assert table.cells == [["0", "00123"], ["1", "=1+1"], ["2", "Größe"]]
    assert (table.rows, table.problems) == ([2, 3, 4], [])
    assert table.how.startswith("HTML table, UTF-")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a<br><br>b<br>", "a\n\nb"),
        (" a \n  b\t c ", "a b c"),
        ("&lt;p&gt; &amp;amp; &#252;&#x1F3AB;&euro;&#150;", "<p> &amp; ü🎫€–"),
        ("<p>one</p><p>two <b>bold</b></p>", "one\ntwo bold"),
        ("<ul><li>x</li><li>y</li></ul>z", "x\ny\nz"),
        ("<pre>a  b\n c</pre>", "a  b\n c"),
        ("a&nbsp;&nbsp;b", "a\xa0\xa0b"),
        ("&nbsp;", ""),
        (" ", ""),
        ("a<script>x < y</script><style>z</style><!-- c -->b", "ab"),
        ('<a href="x">link</a><span> more</span>', "link more"),
        ("<![if !supportEmptyParas]>a<![endif]>", "a"),
        ("a <table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table> b", "a 1 2\n3\nb"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
    ],
)
def test_cell_has_the_text_that_a_browser_shows(tmp_path: Path, content: str, text: str) -> None:
    assert read_html(tmp_path, table_of(content), ("Id", "Text")).cells == [["0", text]]


def test_merged_cells_have_one_value(tmp_path: Path) -> None:
    """The first cell has the value, as in workbooks."""
    page = (
        "<table><thead><tr><th>A<th>B<th>C<th>D</thead>"
        "<tr><td rowspan=2>1<td colspan='2'>2<td rowspan=3>3<tr><td>4<td>5<tr><td>6<td>7<td>8"
        "<tr><td>9<tr><tr><td><td>10</table>"
    )
    table = read_html(tmp_path, page)
    assert table.cells == [
        ["1", "2", "", "3"],
        ["", "4", "5", ""],
        ["6", "7", "8", ""],
        ["9", "", "", ""],
        ["", "10", "", ""],
    ]
    assert table.rows == [2, 3, 4, 5, 7]
    assert "2 cells over several rows" in table.manifest.format.warnings[0]


def test_value_without_a_column_name_is_a_problem(tmp_path: Path) -> None:
    table = read_html(tmp_path, "<table><tr><th>A</th></tr><tr><td>1</td><td>2</td></tr></table>")
    assert [(problem.row, problem.code) for problem in table.problems] == [(2, "too-many-cells")]


def test_the_table_is_chosen_by_its_columns(tmp_path: Path) -> None:
    page = (
        "<table><tr><td>logo</td><td>Menu</td></tr><tr><td>a</td><td>b</td></tr></table>"
        f"<table id='open'>{table_of('x')[7:]}<table><caption>Closed  ones</caption>{table_of('y')[7:]}"
        f"<table id='open'>{table_of('z')[7:]}"
    )
    table = read_html(tmp_path, page, ("Id", "Text"))
    assert (table.cells, table.how) == ([["0", "x"]], "HTML table, UTF-8, sheet 'open'")
    assert "to read 'Table 1', 'Closed ones', 'open (2)' instead" in table.manifest.format.warnings[0]
    assert read_html(tmp_path, page, sheet="Closed ones").cells == [["0", "y"]]
    assert read_html(tmp_path, page, sheet="open (2)").cells == [["0", "z"]]
    assert read_html(tmp_path, page, sheet="Table 1").cells == [["a", "b"]]
    assert "Did you mean 'Closed ones'?" in refusal_of_bytes(tmp_path, page.encode(), sheet="closed one")


def test_title_row_is_reported(tmp_path: Path) -> None:
    page = f"<table><tr><td colspan=2>Report</td></tr>{table_of('x')[7:]}"
    assert "manifest: {header_row: 2}" in refusal_of_bytes(tmp_path, page.encode(), ("Id", "Text"))
    table = read_html(tmp_path, page, header_row=2)
    assert (table.cells, table.rows) == ([["0", "x"]], [3])


def test_repeated_header_and_names_are_handled(tmp_path: Path) -> None:
    page = "<table><tr><th>A<th>L<th>L</tr><tr><td>1<td>x<td>y</tr><tr><th>A<th>L<th>L</tr></table>"
    table = read_html(tmp_path, page)
    assert table.columns == ["A", "L", "L (2)"]
    assert [(problem.row, problem.code) for problem in table.problems] == [(3, "header-again")]


@pytest.mark.parametrize(
    ("meta", "encoding", "text"),
    [
        ("<meta charset='windows-1252'>", "cp1252", "Größe €"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">', "cp1252", "Größe €"),
        ("<META CHARSET=shift_jis>", "shift_jis", "東京"),
        ("<meta charset=utf-8>", "utf-8", "Größe 東"),
        ("<meta charset=nonsense>", "utf-8", "Größe"),
        ("", "utf-8", "Größe"),
    ],
)
def test_encoding_of_a_page_is_found(tmp_path: Path, meta: str, encoding: str, text: str) -> None:
    assert read_html(tmp_path, f"<html>{meta}{table_of(text)}".encode(encoding)).cells == [["0", text]]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<html><form>Sign in</form></html>", "if it is a login or error page"),
        (f"<html><form>{table_of('User')}<input type='password'></form></html>", "if it is a login or error page"),
        ("<html><table></table><table><tr></tr></table></html>", "contains only blanks"),
        ("<html><table></table>", "has no table with rows"),
    ],
)
def test_page_without_a_table_is_an_error(tmp_path: Path, page: str, said: str) -> None:
    assert said in refusal_of_bytes(tmp_path, page.encode())


def test_incomplete_page_has_a_warning(tmp_path: Path) -> None:
    table = read_html(tmp_path, "<table><tr><th>A<tr><td>1<tr><td>2")
    assert table.cells == [["1"], ["2"]]
    assert "ends inside a table" in table.manifest.format.warnings[0]


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = "<td colspan=16000>x</td>" * 2
    assert "more than 16,384 columns" in refusal_of_bytes(tmp_path, f"<table><tr>{wide}</table>".encode())
    assert "50 in one another" in refusal_of_bytes(tmp_path, b"<table><tr><td>" * 51)
    monkeypatch.setattr(html_tables, "_MAX_TAG_CHARS", 100_000)
    monkeypatch.setattr(html_tables, "_MAX_CHARS", 300_000)
    comment = f"<table><tr><td>A</td></tr><!-- {'x' * 500_000}"
    assert "a tag, comment or script has more than 100,000" in refusal_of_bytes(tmp_path, comment.encode())
    assert "a row has more than 300,000 characters" in refusal_of_bytes(
        tmp_path, f"<table><tr><td>{'x' * 500_000}".encode()
    )
