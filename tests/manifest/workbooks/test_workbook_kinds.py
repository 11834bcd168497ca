"""Every kind of workbook yields the same cells and the same problems."""

from __future__ import annotations

import datetime as dt
import random
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.manifest.workbooks.number_formats import DateFormat, date_format, whole_days_text
from importer.manifest.workbooks.xls import rk_number
from importer.models import ManifestOptions
from tests.manifest.books import Cell, Error, Formatted, Formula, Page, container, with_part, write
from tests.manifest.reading import Table, read, refusal

KINDS = (".xlsx", ".xlsb", ".xls", ".ods")
NAMES = {".xlsx": "Excel .xlsx", ".xlsb": "Excel .xlsb", ".xls": "Excel .xls", ".ods": "OpenDocument .ods"}

NOTE = "<office:annotation><text:p>by<text:tab/>mina</text:p></office:annotation>"

CELLS: list[tuple[Cell, str]] = [
    ("00123", "00123"),
    ("  a\nb ", "  a\nb "),
    ("NA", "NA"),
    ("हिन्दी 🎫", "हिन्दी 🎫"),
    (5, "5"),
    (-3, "-3"),
    (0.5, "0.5"),
    (1e-07, "0.0000001"),
    (12345.25, "12345.25"),
    (123456789012345, "123456789012345"),
    (919876543210, "919876543210"),
    (True, "TRUE"),
    (False, "FALSE"),
    (Formatted(0.5, "0%"), "0.5"),
    (Formatted(1234.5, '#,##0.00 "EUR"'), "1234.5"),
    (Formatted(123, "00000"), "00123"),
    (Formatted(123456, "000-000"), "123-456"),
    (Formatted(42, "000-000"), "000-042"),
    (Formatted(1.5, "00000"), "1.5"),
    (dt.date.fromisoformat("2024-03-08"), "2024-03-08"),
    (dt.datetime.fromisoformat("2024-03-08T10:36:23"), "2024-03-08T10:36:23"),
    (dt.time(10, 36), "10:36:00"),
    (dt.time(), "00:00:00"),
    (dt.timedelta(hours=36), "36:00:00"),
    (dt.timedelta(hours=48), "48:00:00"),
    (dt.timedelta(minutes=90), "01:30:00"),
    (None, ""),
]


def written(folder: Path, kind: str, *pages: Page, is_1904: bool = False) -> Path:
    return write(folder / f"tickets{kind}", *pages, is_1904=is_1904)


def read_written(folder: Path, kind: str, *pages: Page, is_1904: bool = False) -> Table:
    return read(written(folder, kind, *pages, is_1904=is_1904))


@pytest.mark.parametrize("is_1904", [False, True], ids=["1900", "1904"])
@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_the_same_in_every_kind(tmp_path: Path, kind: str, *, is_1904: bool) -> None:
    """Numbers, dates, times, durations and padding; twice, because some kinds store odd columns differently."""
    header = ["id", *(f"c{number}" for number in range(2 * len(CELLS)))]
    values = [each for cell, _ in CELLS for each in (cell, cell)]
    table = read_written(tmp_path, kind, Page(rows=[header, ["T-1", *values]]), is_1904=is_1904)
    assert table.how == f"{NAMES[kind]}, sheet 'Tickets'"
    assert table.cells == [["T-1", *(text for _, text in CELLS for _ in range(2))]]
    assert table.problems == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_a_problem_of_its_row(tmp_path: Path, kind: str) -> None:
    """The problem and the results have the text of the error."""
    rows: list[list[Cell]] = [
        ["id", "a", "b"],
        ["T-1", "x", "y"],
        ["T-2", Error("#N/A"), Error("#DIV/0!")],
        ["T-3", "#N/A", "text"],
    ]
    table = read_written(tmp_path, kind, Page(rows=rows))
    assert table.cells[1:] == [["T-2", "#N/A", "#DIV/0!"], ["T-3", "#N/A", "text"]]
    assert [(problem.code, problem.row, problem.column, problem.value) for problem in table.problems] == [
        ("cell-error", 3, "a", "#N/A"),
        ("cell-error", 3, "b", "#DIV/0!"),
    ]
    assert table.problems[0].message == "a: cell B3 holds the error #N/A"
    assert table.problems[0].sheet == "Tickets"
    assert "the formula" in table.problems[0].hint


@pytest.mark.parametrize("is_1904", [False, True], ids=["1900", "1904"])
@pytest.mark.parametrize("kind", [".xlsx", ".xlsb", ".xls"])
def test_number_below_zero_is_not_a_date(tmp_path: Path, kind: str, *, is_1904: bool) -> None:
    """The number is read, with a warning."""
    numbers = {-0.25: "-0.25", -5.0: "-5", -45533.5: "-45533.5"}
    cells = [Formatted(number, code) for number in numbers for code in ("hh:mm", "hh:mm", "yyyy-mm-dd", "yyyy-mm-dd")]
    durations = [Formatted(-0.5, "[h]:mm"), Formatted(-2, "[h]:mm")]
    header = ["id", *(f"c{number}" for number in range(len(cells))), "d1", "d2"]
    table = read_written(tmp_path, kind, Page(rows=[header, ["T-1", *cells, *durations]]), is_1904=is_1904)
    assert table.cells == [["T-1", *(text for text in numbers.values() for _ in range(4)), "-12:00:00", "-48:00:00"]]
    (warning,) = table.manifest.format.warnings
    assert "12 numbers below zero with the format of a date or time, first in B2, column 'c0'" in warning


@pytest.mark.parametrize("kind", [".xlsx", ".xlsb", ".xls"])
def test_too_long_duration_is_an_error(tmp_path: Path, kind: str) -> None:
    """The message names the sheet and the format."""
    path = written(tmp_path, kind, Page(rows=[["id", "a", "b"], ["T-1", "x", Formatted(1e12, "[h]:mm")]]))
    assert "sheet 'Tickets': a cell with the format of a duration holds more days than can be read" in refusal(path)


@pytest.mark.parametrize("kind", [".xlsx", ".ods"])
def test_formula_without_a_stored_value_is_a_problem(tmp_path: Path, kind: str) -> None:
    """Its cell is not empty, and its row is not blank."""
    rows: list[list[Cell]] = [["id", "a"], ["T-1", Formula("=1+1")], [None, Formula("=A2&B2")]]
    table = read_written(tmp_path, kind, Page(rows=rows))
    assert [(problem.code, problem.row, problem.column) for problem in table.problems] == [
        ("formula-without-value", 2, "a"),
        ("formula-without-value", 3, "a"),
    ]
    assert table.problems[0].message == "a: cell B2 holds the formula =1+1 without a stored value"
    assert table.cells == [["T-1", "=1+1"], ["", "=A2&B2"]]


def test_formula_of_an_xls_without_a_stored_value(tmp_path: Path) -> None:
    """Its value is an empty text, unless a program has computed it; the formula is unknown."""
    rows: list[list[Cell]] = [
        ["id", "a", "b"],
        ["T-1", Formula("=1+1"), Formula("=1+1", "x")],
        ["T-2", "y", Formula("=1+1", "")],
    ]
    path = written(tmp_path, ".xls", Page(rows=rows))
    table = read(path)
    (problem,) = table.problems
    assert (problem.code, problem.row, problem.column) == ("formula-without-value", 2, "a")
    assert problem.message == "a: cell B2 holds a formula without a stored value"
    assert table.cells == [["T-1", "=", "x"], ["T-2", "y", ""]]
    whole = path.read_bytes()
    # Excel records the program that computed the workbook.
    path.write_bytes(whole.replace(bytes.fromhex("42000200b004"), bytes.fromhex("c1010200b004"), 1))
    assert read(path).cells[0] == ["T-1", "", "x"]
    # If the record of a text value is missing, the formula has no value.
    path.write_bytes(whole.replace(bytes.fromhex("07020400"), bytes.fromhex("01020400"), 1))
    assert [problem.column for problem in read(path).problems] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "cell"),
    [
        ("<text:p>a<text:tab/>b<text:line-break/>c</text:p>", "a\tb\nc"),
        ('<text:p>a<text:s text:c="2"/>b<text:tab/><text:s/></text:p><text:p/><text:p>c</text:p>', "a  b\t \n\nc"),
        ("<text:p>a<text:span>b<text:tab/></text:span><text:a>c</text:a></text:p>", "ab\tc"),
        (f"{NOTE}<text:p>a<text:tab/>b</text:p>", "a\tb"),
        (f"{NOTE}<text:p>a</text:p><text:p>b</text:p>", "a\nb"),
    ],
)
def test_tabs_and_line_breaks_of_a_paragraph(tmp_path: Path, content: str, cell: str) -> None:
    """OpenDocument has elements for them. A comment is not part of the cell."""
    path = written(tmp_path, ".ods", Page(rows=[["id", "a"], ["T-1", "HERE"]]))
    with_part(path, "content.xml", lambda part: part.replace(b"<text:p>HERE</text:p>", content.encode()))
    assert read(path).cells == [["T-1", cell]]


def test_error_with_a_stored_value_of_zero(tmp_path: Path) -> None:
    """OpenOffice writes it so, also in cells with comments. A number whose text looks like an error stays a number."""
    path = written(tmp_path, ".ods", Page(rows=[["id", "a", "b"], ["T-1", 1, 2]]))
    value = b'office:value-type="float" office:value='

    def spoil(part: bytes) -> bytes:
        part = part.replace(
            value + b'"1.0">', b'table:formula="of:=1/0" ' + value + b'"0">%s<text:p>#DIV/0!</text:p>' % NOTE.encode()
        )
        return part.replace(value + b'"2.0">', value + b'"2.0"><text:p>#DIV/0!</text:p>')

    table = read(with_part(path, "content.xml", spoil))
    assert table.cells == [["T-1", "#DIV/0!", "2"]]
    assert [(problem.code, problem.column) for problem in table.problems] == [("cell-error", "a")]


@pytest.mark.parametrize(
    ("kind", "cell", "said"),
    [
        (".xlsx", Formula("=1+1"), "cell B1 holds the formula =1+1 without a stored value"),
        (".xls", Formula("=1+1"), "cell B1 holds a formula without a stored value"),
        *((kind, Error("#N/A"), "cell B1 holds the error #N/A") for kind in KINDS),
    ],
)
def test_header_cell_without_a_name_is_an_error(tmp_path: Path, kind: str, cell: Cell, said: str) -> None:
    """The message names the cell. Cells after the last name are not part of the table."""
    tables: list[list[list[Cell]]] = [[["id", cell], ["T-1", "x"]], [["id", cell, "b"], ["T-1", "x", "y"]]]
    for rows in tables:
        text = refusal(written(tmp_path, kind, Page(rows=rows)), ["id", "a"])
        assert "sheet 'Tickets', row 1: the header can't be used" in text
        assert said in text
    path = written(tmp_path, kind, Page(rows=[["id", "a", cell], ["T-1", "x"]]))
    assert read(path, ["id", "a"]).cells == [["T-1", "x"]]


@pytest.mark.parametrize("kind", KINDS)
def test_warnings_about_the_sheet(tmp_path: Path, kind: str) -> None:
    """Other sheets, hidden, merged and rounded cells are reported, and all cells are read."""
    rows: list[list[Cell]] = [["id", "n", "x"], ["T-1", 1.5e18, "a"], ["T-2", 2, "b"], ["T-3", 3, None]]
    page = Page(rows=rows, hidden_rows=[2], hidden_columns=[1], merged=[(2, 2, 3, 2)])
    hidden = Page(name="Old", hidden=True, rows=[["id"]])
    table = read_written(tmp_path, kind, page, Page(name="Notes", rows=[["x"]]), hidden)
    assert table.cells == [["T-1", "1500000000000000000", "a"], ["T-2", "2", "b"], ["T-3", "3", ""]]
    sheets, concealed, merged, rounded = table.manifest.format.warnings
    assert sheets.startswith("sheet 'Tickets' is read; to read 'Notes', 'Old' (hidden) instead, set ")
    assert "1 hidden row (a filter hides rows, too) and 1 hidden column: 'n' (B)" in concealed
    assert merged.endswith("the first cell has the value and the others are empty: C3:C4")
    assert "1 number of more than 15 digits, first in B2, column 'n'" in rounded


@pytest.mark.parametrize("kind", KINDS)
def test_ordinary_sheet_has_no_warnings(tmp_path: Path, kind: str) -> None:
    """Hidden and merged cells outside the table are not reported."""
    rows: list[list[Cell]] = [["id", "n"], ["T-1", 123456789012345], ["T-2", 2]]
    page = Page(rows=rows, hidden_rows=[0, 40], hidden_columns=[7], merged=[(0, 0, 0, 1), (9, 0, 10, 0)])
    assert read_written(tmp_path, kind, page).manifest.format.warnings == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sheet_that_the_mapping_names(tmp_path: Path, kind: str) -> None:
    """It may be hidden, and there is no warning about other sheets."""
    path = written(tmp_path, kind, Page(rows=[["a"], ["1"]]), Page(name="Old", hidden=True, rows=[["id"], ["x"]]))
    table = read(path, sheet="Old")
    assert (table.columns, table.cells, table.manifest.format.warnings) == (["id"], [["x"]], ())


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_below_and_beside_empty_cells(tmp_path: Path, kind: str) -> None:
    """Formats and errors are found by their position on the sheet, and blank rows count."""
    rows: list[list[Cell]] = [
        [None],
        [None, None, "id", "zip", "e"],
        [None, None, 1, Formatted(7, "00000"), "x"],
        [None],
        [None, None, 2, Formatted(8, "00000"), Error("#REF!")],
    ]
    table = read_written(tmp_path, kind, Page(rows=rows))
    assert (table.columns, table.cells) == (["id", "zip", "e"], [["1", "00007", "x"], ["2", "00008", "#REF!"]])
    assert (table.rows, table.manifest.blank_rows) == ([3, 5], 1)
    assert [(problem.row, problem.column) for problem in table.problems] == [(5, "e")]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_beside_the_table(tmp_path: Path, kind: str) -> None:
    """In a column without a name it is one cell too many, like other content."""
    table = read_written(tmp_path, kind, Page(rows=[["id", "a"], ["T-1", "x", Error("#N/A")]]))
    assert [(problem.code, problem.value) for problem in table.problems] == [("too-many-cells", "#N/A")]


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).filter(lambda text: text == text.strip())
cells = st.one_of(
    texts.filter(lambda text: not text.startswith("=")),
    st.integers(-(10**14), 10**14),
    st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda number: round(number, 4)),
    st.booleans(),
    st.integers(0, 99999).map(lambda number: Formatted(number, "00000")),
    st.dates(dt.date.fromisoformat("1910-01-01"), dt.date.fromisoformat("2090-12-31")),
)


def expected(cell: Cell) -> str:
    match cell:
        case bool():
            return str(cell).upper()
        case Formatted():
            return f"{int(cell.number):05}"
        case float() if cell.is_integer():
            return str(int(cell))
        case float():
            return f"{cell:.4f}".rstrip("0")
    return str(cell)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6), kind=st.sampled_from(KINDS))
def test_any_table_is_read_as_it_was_written(tmp_path: Path, rows: list[tuple[Cell, ...]], kind: str) -> None:
    """Any mix of cells comes back unchanged."""
    page = Page(rows=[["key", "a", "b", "c"], *([f"T-{number}", *row] for number, row in enumerate(rows))])
    table = read_written(tmp_path, kind, page)
    assert table.cells == [[f"T-{number}", *map(expected, row)] for number, row in enumerate(rows)]


def test_a_workbook_with_macros(tmp_path: Path) -> None:
    """It is read like others, and its macros are ignored."""
    path = written(tmp_path, ".xlsx", Page(rows=[["id", "e"], ["x", Formatted(7, "000")]]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macros")
    table = read(path)
    assert (table.how, table.cells) == ("Excel .xlsm, sheet 'Tickets'", [["x", "007"]])


def test_dates_as_text_of_the_standard(tmp_path: Path) -> None:
    """A strict workbook stores dates in ISO 8601, and they are read unchanged."""
    path = written(tmp_path, ".xlsx", Page(rows=[["id", "n"], ["x", 5]]))
    iso = b'<c r="B2" t="d"><v>2024-03-08T10:36:23</v></c>'
    part = "xl/worksheets/sheet1.xml"
    with_part(path, part, lambda content: content.replace(b'<c r="B2" t="n"><v>5</v></c>', iso))
    assert read(path).cells == [["x", "2024-03-08T10:36:23"]]


# -- damaged and locked workbooks -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_damage_never_raises_another_error(tmp_path: Path, kind: str) -> None:
    """Files with changed bytes or a missing end are read, or refused with ManifestError."""
    rows: list[list[Cell]] = [["id", "zip", "when"], ["T", Formatted(7, "000"), dt.date.fromisoformat("2024-03-08")]]
    whole = written(tmp_path, kind, Page(rows=rows)).read_bytes()
    chance = random.Random(kind)  # the same damage in every run
    path = tmp_path / "damaged"
    outcomes = set()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 3, 9])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice([len(content), chance.randrange(1, len(content))])])
        outcomes.add(outcome(path))
    assert "refused" in outcomes


def outcome(path: Path) -> str:
    """Read the file; any error but ManifestError fails the test."""
    try:
        for chunk in open_manifest(path, ManifestOptions()).chunks():
            assert len(chunk.frame) == len(chunk.rows)
    except ManifestError:
        return "refused"
    return "read"


def test_xls_with_a_password_is_an_error(tmp_path: Path) -> None:
    """The message differs from that of a damaged workbook."""
    begin = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0, 0, 0, 0)
    lock = struct.pack("<HH", 0x2F, 54) + struct.pack("<HHH", 1, 1, 1) + bytes(48)
    path = tmp_path / "tickets.xls"
    path.write_bytes(container({"Workbook": begin + lock + struct.pack("<HH", 0x0A, 0)}))
    assert "is protected by a password" in refusal(path)


def test_ods_with_a_password_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, ".ods", Page(rows=[["id"], ["x"]]))
    entry = '<manifest:file-entry xmlns:manifest="urn:m"><manifest:encryption-data/></manifest:file-entry>'
    with_part(path, "META-INF/manifest.xml", lambda _: f"<manifest>{entry}</manifest>".encode())
    assert "is protected by a password" in refusal(path)


def test_open_document_text_is_refused(tmp_path: Path) -> None:
    """The file name does not matter."""
    path = tmp_path / "tickets.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", "<x/>")
    assert "is not a table" in refusal(path)


@pytest.mark.parametrize("dimension", [b"A1:XFD1048576", b"A1:XFD104857"])
def test_dimension_far_larger_than_the_cells(tmp_path: Path, dimension: bytes) -> None:
    """Formatted empty cells enlarge the dimension, but only cells with content count."""
    path = written(tmp_path, ".xlsx", Page(rows=[["id"], ["x"]]))
    with_part(
        path, "xl/worksheets/sheet1.xml", lambda content: content.replace(b'ref="A1:A2"', b'ref="%s"' % dimension)
    )
    assert read(path).cells == [["x"]]


@pytest.mark.parametrize("kind", [".xlsb", ".ods"])
def test_workbook_without_its_sheet_is_damaged(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, kind, Page(rows=[["id"], ["x"]]))
    part = {".xlsb": "xl/worksheets/sheet1.bin", ".ods": "content.xml"}[kind]
    assert "damaged" in refusal(with_part(path, part, lambda _: None))


# -- details of binary workbooks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packed", "number"),
    [(2, 0.0), (10, 2.0), (11, 0.02), (0xFFFFFFFE, -1.0), (0x3FF00000, 1.0), (0x3FF00001, 0.01), (0xC0080000, -3.0)],
)
def test_rk_numbers(packed: int, number: float) -> None:
    """32 bits hold an integer or the upper half of a float, perhaps divided by 100."""
    assert rk_number(packed) == number


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (14, None, DateFormat.DATE),
        (46, None, DateFormat.DURATION),
        (1, None, None),
        (164, "General", None),
        (164, "dd/mm/yyyy", DateFormat.DATE),
        (164, "[$-409]d mmm yyyy;@", DateFormat.DATE),
        (164, "[h]:mm:ss", DateFormat.DURATION),
        (164, "[MM]:SS", DateFormat.DURATION),
        (164, '0 "days"', None),
        (164, "0\\d", None),
        (164, "[Red]0", None),
        (164, "0_d", None),
        (164, "00000", None),
    ],
)
def test_number_formats_of_dates_are_recognized(number: int, code: str | None, kind: DateFormat | None) -> None:
    """Only the format of a number says that it is a date."""
    assert date_format(number, code) is kind


@pytest.mark.parametrize(
    ("days", "kind", "is_1904", "text"),
    [
        (45359, DateFormat.DATE, False, "2024-03-08"),
        (43897, DateFormat.DATE, True, "2024-03-08"),
        (1, DateFormat.DATE, False, "1900-01-01"),
        (61, DateFormat.DATE, False, "1900-03-01"),
        (0, DateFormat.DATE, False, "00:00:00"),
        (-1, DateFormat.DATE, False, None),
        (2_958_466, DateFormat.DATE, False, None),
        (2_958_465, DateFormat.DATE, True, None),
        (2, DateFormat.DURATION, False, "48:00:00"),
        (-1, DateFormat.DURATION, False, "-24:00:00"),
    ],
)
def test_day_numbers_become_dates(days: int, kind: DateFormat, *, is_1904: bool, text: str | None) -> None:
    assert whole_days_text(days, kind, is_1904=is_1904) == text


def test_container_of_many_sectors_is_read(tmp_path: Path) -> None:
    numbers: list[list[Cell]] = [[f"T-{n}", Formatted(n, "00000")] for n in range(4000)]
    table = read_written(tmp_path, ".xls", Page(rows=[["id", "zip"], *numbers]))
    assert table.cells == [[f"T-{n}", f"{n:05}"] for n in range(4000)]
