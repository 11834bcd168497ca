"""Any table in any dialect and any encoding, written by another library, is read cell by cell.

Blank rows are skipped; nothing else may differ.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile

import openpyxl
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.fuzz.answers import as_file, soon

FUZZ = settings.get_profile("fuzz")

# No file can contain half a surrogate pair. A byte order mark is text only inside a file.
CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")
TRICKY = st.sampled_from(
    ["", " ", '"', '""', ",", ";", "\t", "\r", "\n", "\r\n", "00123", "NA", "null", "=1+1", "1e5", "1.10", "True", "'", "\ufeff", "\u200b", "\u2028", "\x85", "\x0b", "\x1c", "שלום", "مرحبا", "é", "e\u0301", "🎫", "\\", "\\n", "sep=;", "12345678901234567890"]
)  # fmt: skip
CELL = st.text(CHARACTER, max_size=8) | TRICKY | st.lists(TRICKY, max_size=4).map("".join)
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
# With the characters of each encoding.
OLD = {
    "cp1252": "äöüßéèñ€–“” ",
    "cp1250": "ąćęłńóśźżčřšů ",
    "cp1251": "абвгдежзийклмнопрстуфхцчшщыьэюя ",
    "cp1253": "αβγδεζηθικλμνξοπρστυφχψωάέ ",
    "cp1255": "אבגדהוזחטיכלמנסעפצקרשת ",
    "cp932": "ログインできませ東京都顧客 ",
    "gb18030": "无法登录系统打印机不工作🎫 ",
    "big5": "無法登入系統印表機 ",
    "euc_kr": "시스템에로그인할수없습니다 ",
    "latin-1": "äöüßéèñ¿¡ ",
}


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str] = CELL) -> list[list[str]]:
    """A header of different names, and rows of its width."""
    width = draw(st.integers(1, 5))
    names = [f"column {index}" for index in range(width)]
    return [names, *draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=7))]


def rows_of(table: list[list[str]]) -> list[list[str]]:
    return [row for row in table[1:] if any(cell.strip() for cell in row)]


def read(content: bytes, name: str, expected: list[str], **options: str) -> list[list[str]]:
    """Return all chunks of two rows: the header, then the rows."""
    with as_file(content, name) as path, soon():
        manifest = open_manifest(path, ManifestOptions(**options), expected)  # type: ignore[arg-type]
        found = [list(manifest.columns)]
        for chunk in manifest.chunks(2):
            assert not chunk.problems
            found += chunk.frame.to_numpy(dtype=object).tolist()
    return found


def as_csv(table: list[list[str]], **dialect: object) -> str:
    """Write with Python's csv module; tables that its own reader does not read back are no examples."""
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(table)  # type: ignore[arg-type]
    delimiter = dialect["delimiter"]
    # Older Python versions don't quote a lone CR; a reader would take it for a line end.
    again = csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=str(delimiter))
    assume([row for row in again if row] == table)
    return text.getvalue()


DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|:"),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    }
)


@settings(FUZZ)
@given(table=tables(), dialect=DIALECTS, encoding=st.sampled_from(UNICODE))
def test_delimited_text_in_unicode(table, dialect, encoding) -> None:
    """With the columns' names only, delimiter and encoding are detected."""
    content = as_csv(table, **dialect).encode(encoding)
    assert read(content, "tickets.csv", table[0]) == [table[0], *rows_of(table)]


@settings(FUZZ)
@given(data=st.data(), dialect=DIALECTS, encoding=st.sampled_from(sorted(OLD)))
def test_delimited_text_in_an_old_encoding(data, dialect, encoding) -> None:
    """With a given encoding the file is read; another test checks the detection."""
    table = data.draw(tables(st.text(st.sampled_from(OLD[encoding]), max_size=8) | st.sampled_from(["", '"', "\n"])))
    content = as_csv(table, **dialect).encode(encoding)
    assert read(content, "tickets.csv", table[0], encoding=encoding) == [table[0], *rows_of(table)]


@settings(FUZZ)
@given(table=tables(), encoding=st.sampled_from(UNICODE), delimiter=st.sampled_from(",;\t|"))
def test_csv_files_of_pandas(table, encoding, delimiter) -> None:
    """The most common tool for exports."""
    assume(not any("\r" in cell for row in table for cell in row))  # pandas does not quote a lone CR
    frame = pd.DataFrame(table[1:], columns=table[0], dtype=object)
    content = io.BytesIO()
    frame.to_csv(content, index=False, encoding=encoding, sep=delimiter)
    assert read(content.getvalue(), "tickets.csv", table[0]) == [table[0], *rows_of(table)]


@settings(FUZZ)
@given(table=tables(), ascii_only=st.booleans(), encoding=st.sampled_from(UNICODE))
def test_json_lines_of_pandas(table, ascii_only, encoding) -> None:
    """Texts in JSON, escaped or not."""
    frame = pd.DataFrame(table[1:], columns=table[0], dtype=object)
    text = frame.to_json(orient="records", lines=True, force_ascii=ascii_only)
    assume(text.strip())
    assert read(text.encode(encoding), "tickets.jsonl", table[0]) == [table[0], *rows_of(table)]


# A number in any notation.
NUMBER = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
VALUE = st.one_of(
    CELL.map(lambda text: (json.dumps(text), text)),
    NUMBER.map(lambda text: (text, text)),
    st.sampled_from([("true", "true"), ("false", "false"), ("null", "")]),
)


@settings(FUZZ)
@given(
    objects=st.lists(st.dictionaries(st.text("abcé ", min_size=1, max_size=3).filter(str.strip), VALUE), min_size=1),
    end=st.sampled_from(["\n", "\r\n"]),
    gap=st.sampled_from(["", " ", "\t"]),
    is_list=st.booleans(),
)
def test_json_of_any_shape(objects, end, gap, is_list) -> None:
    """JSON lines or one list: columns are all names in order; numbers stay as written; null and absent names are empty."""
    lines = [
        "{" + f",{gap}".join(f"{json.dumps(name)}:{gap}{written}" for name, (written, _) in record.items()) + "}"
        for record in objects
    ]
    names = list(dict.fromkeys(name for record in objects for name in record))
    assume(names and objects[0])
    table = [names, *([record.get(name, ("", ""))[1] for name in names] for record in objects)]
    text = f"[{end}{f',{end}'.join(lines)}{end}]" if is_list else end.join(lines)
    assert read(text.encode(), "tickets.jsonl", names) == [names, *rows_of(table)]


# Text that XML can contain, without Excel's escapes for other characters and without line ends that XML changes.
# Without texts of blanks: this library does not mark them as significant, so every reader drops them.
SHEET_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_\ufffe\uffff"), max_size=8
).filter(lambda text: not text or text.strip()) | st.sampled_from(["", "00123", "NA", "=1+1", "1e5", "a\nb", "  x "])


@settings(FUZZ)
@given(table=tables(SHEET_TEXT))
def test_workbooks_of_openpyxl(table) -> None:
    """Texts in a workbook of another library."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row, record in enumerate(table, start=1):
        for column, text in enumerate(record, start=1):
            cell = sheet.cell(row=row, column=column)
            cell.value = text
            cell.data_type = "s"
    content = io.BytesIO()
    book.save(content)
    assert read(content.getvalue(), "tickets.xlsx", table[0]) == [table[0], *rows_of(table)]


@settings(FUZZ)
@given(table=tables(), archive=st.sampled_from(["gzip", "stored", "deflated", "bzip2", "lzma"]))
def test_compressed_files_are_read_like_plain_ones(table, archive) -> None:
    """The file in an archive gives the same rows."""
    text = as_csv(table, delimiter=",").encode()
    content = io.BytesIO()
    if archive == "gzip":
        content.write(gzip.compress(text))
    else:
        method = getattr(zipfile, f"ZIP_{archive.upper()}")
        with zipfile.ZipFile(content, "w", method) as packed:
            packed.writestr("export/tickets.csv", text)
    assert read(content.getvalue(), "tickets", table[0]) == [table[0], *rows_of(table)]
