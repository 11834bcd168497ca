"""Random and damaged bytes for the reader and the mapping: a correct answer or a clear error, and soon."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.manifest.manifest import open_manifest
from importer.mapping import load_mapping
from importer.models import ManifestOptions
from tests.fuzz.answers import as_file, clear_errors

FUZZ = settings.get_profile("fuzz")

ROWS = [
    ["Legacy ID", "Subject", "Details"],
    ["00123", "Müller: größer", 'say "hi"\nand more'],
    ["00124", "日本語", "a;b,c|d\te:f"],
    ["00125", "", "  blanks  "],
]


def delimited(delimiter: str, end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(ROWS)
    return text.getvalue()


def json_lines() -> bytes:
    records = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in ROWS:
        sheet.append(row)
    sheet.append([7, 0.5, True])
    sheet["A5"].number_format = "00000"
    sheet["D1"] = "=1+1"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names:
            packed.writestr(name, delimited(","))
    return content.getvalue()


BOOK = workbook()
with zipfile.ZipFile(io.BytesIO(BOOK)) as _book:
    PARTS = {name: _book.read(name) for name in _book.namelist()}


def xml_tickets() -> bytes:
    tickets = "".join(
        f"<ticket>{''.join(f'<c{at} n={chr(34)}1{chr(34)}>{escape(cell)}</c{at}>' for at, cell in enumerate(row))}</ticket>"
        for row in ROWS[1:]
    )
    return f'<?xml version="1.0"?>\n<!-- x --><tickets><n/><list>{tickets}</list></tickets>'.encode()


def xml_workbook() -> bytes:
    rows = "".join(
        f"<Row>{''.join(f'<Cell><Data ss:Type={chr(34)}String{chr(34)}>{escape(cell)}</Data></Cell>' for cell in row)}</Row>"
        for row in ROWS
    )
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return f'<Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet ss:Name="S"><Table>{rows}</Table></Worksheet></Workbook>'.encode()


def web_page() -> bytes:
    rows = "".join(f"<tr>{''.join(f'<td colspan=1>{escape(cell)}</td>' for cell in row)}</tr>" for row in ROWS)
    return f"<html><style>a {{}}</style><table id=x><caption>c</caption>{rows}</table></html>".encode()


FILES = {
    "comma": delimited(",").encode(),
    "semicolon": delimited(";", "\n").replace("日本語", "Öl").encode("cp1252"),
    "tab": delimited("\t").encode("utf-16"),
    "sep": b"sep=;\r\n" + delimited(";").encode("utf-8-sig"),
    "japanese": delimited(",").replace("ü", "u").replace("ö", "o").replace("ß", "s").encode("cp932"),
    "json": json_lines(),
    "json list": b"[" + json_lines().replace(b"\n", b",\n") + b"]",
    "json page": b'{"count": 4, "data": {"tickets": [' + json_lines().replace(b"}\n{", b"},\n{") + b"]}}",
    "xml": xml_tickets(),
    "xml workbook": xml_workbook(),
    "web page": web_page(),
    "gzip": gzip.compress(delimited(",").encode(), mtime=0),
    "zip": archive("tickets.csv"),
    "two in a zip": archive("tickets.csv", "more.csv", "readme.txt"),
    "workbook": BOOK,
}
MAPPINGS = sorted(Path(__file__).parents[2].joinpath("mappings").glob("*.yaml"))


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes with some of them removed, inserted, repeated or inverted, several times."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        piece = content[start:end]
        put = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(
                    [b"", piece * 2, piece[::-1], b'"', b"\0", b"\xff", b"\r", b"\n", b"[", b"{", b"}", b":"]
                ),
            )
        )
        content = content[:start] + put + content[end:]
    return content


def read(content: bytes, **options: object) -> None:
    """Read a file to its end, or get an error; every row has its own number, and cells are valid text."""
    with as_file(content, "tickets.csv") as path, clear_errors("tickets.csv"):
        manifest = open_manifest(path, ManifestOptions(**options), ROWS[0])  # type: ignore[arg-type]
        rows: list[int] = []
        for chunk in manifest.chunks(2):
            assert chunk.frame.shape == (len(chunk.rows), len(manifest.columns))
            assert {problem.row for problem in chunk.problems} <= set(chunk.rows)
            rows += chunk.rows
        assert rows == sorted(set(rows))
        assert manifest.format.describe().isprintable()


@settings(FUZZ)
@given(content=st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    """A file may contain anything."""
    read(content)


@settings(FUZZ)
@given(
    pieces=st.lists(
        st.sampled_from(
            [b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"a", b"\xc3\xa9", b"\xe9", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"sep=", b" ", b"{", b"}", b"[", b":", b"\x1b$B", b"\x82\xa0", b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_any_order_of_special_bytes(pieces: list[bytes]) -> None:
    """Byte order marks, quotes, delimiters and signatures in any order."""
    read(b"".join(pieces))


@pytest.mark.parametrize("kind", FILES)
def test_undamaged_files_are_read(kind: str, tmp_path: Path) -> None:
    """The files that other tests damage are valid, except the archive with two tables."""
    path = tmp_path / "tickets.csv"
    path.write_bytes(FILES[kind])
    if kind != "two in a zip":
        chunks = open_manifest(path, ManifestOptions(), ROWS[0]).chunks()
        assert next(chunks).frame.iloc[0, 0] == "00123"


@pytest.mark.parametrize("kind", FILES)
@settings(FUZZ)
@given(data=st.data())
def test_damaged_files(kind: str, data: st.DataObject) -> None:
    """A valid file with some bytes changed."""
    read(data.draw(damaged(FILES[kind])))


@settings(FUZZ)
@given(data=st.data(), part=st.sampled_from(sorted(PARTS)))
def test_workbooks_with_a_damaged_part(data: st.DataObject, part: str) -> None:
    """An intact archive with damaged XML."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, body in PARTS.items():
            packed.writestr(name, data.draw(damaged(body)) if name == part else body)
    read(content.getvalue())


ENCODINGS = [
    "utf-8",
    "utf-16",
    "utf-32",
    "utf-7",
    "cp1252",
    "iso2022_jp",
    "hz",
    "cp932",
    "undefined",
    "hex",
    "utf-8-sig",
]
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "encoding": st.sampled_from(ENCODINGS),
        "delimiter": st.sampled_from([",", ";", "tab", '"', "\n", "é", "語", "a", "::"]),
        "header_row": st.integers(-1, 6),
        "sheet": st.sampled_from(["Sheet", "sheet", ""]),
        "records": st.sampled_from(["data.tickets", "data", "ticket", "data[].x | [0]", "length(@)", "a/b", "@"]),
        "columns": st.sampled_from([(("a", "Name"), ("b", "length(@)")), (("x y", "a[?b==`1`].c | [0]"),)]),
    },
)


@settings(FUZZ)
@given(data=st.data(), kind=st.sampled_from(sorted(FILES)), words=WORDS)
def test_any_manifest_options_with_a_damaged_file(data: st.DataObject, kind: str, words: dict[str, object]) -> None:
    """The mapping's options for the file may be as wrong as the file."""
    read(data.draw(st.just(FILES[kind]) | damaged(FILES[kind])), **words)


def load(content: bytes) -> None:
    with as_file(content, "mapping.yaml") as path, clear_errors("mapping.yaml"):
        load_mapping(path)


@settings(FUZZ)
@given(content=st.binary(max_size=300))
def test_any_bytes_as_a_mapping(content: bytes) -> None:
    """A mapping file may contain anything, too."""
    load(content)


@settings(FUZZ)
@given(content=st.text(st.sampled_from(list("&*!|>{}[],:-?#%@`'\"\\\n\t 0aé~<=.")), max_size=60))
def test_any_order_of_yaml_signs_as_a_mapping(content: str) -> None:
    """The signs of YAML in any order."""
    load(f"version: 1\nsource: x\n{content}".encode())


@pytest.mark.parametrize("name", [path.name for path in MAPPINGS])
@settings(FUZZ)
@given(data=st.data())
def test_damaged_mappings(name: str, data: st.DataObject) -> None:
    """A valid mapping with some bytes changed."""
    original = next(path for path in MAPPINGS if path.name == name).read_bytes()
    load(data.draw(damaged(original)))


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["Title", "LeadId", "a", "text", "reject", "yes", "%d", "Asia/Kolkata", "20 MB"])  # fmt: skip
NAMES = [
    *("version", "source", "key", "key_field", "columns", "constants", "templates", "attachments", "ignore"),
    *("duplicates", "manifest", "field", "type", "values", "one_of", "default", "max_length", "format", "timezone"),
    *(
        "required",
        "root",
        "separator",
        "max_file_size",
        "encoding",
        "delimiter",
        "header_row",
        "include",
        "values_from",
    ),
]
TREE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@settings(FUZZ)
@given(sections=st.dictionaries(st.sampled_from(NAMES[:11]), TREE, max_size=5))
def test_any_tree_as_a_mapping(sections: dict[str, object]) -> None:
    """The language's own words with any values; JSON is YAML."""
    whole = {"version": 1, "source": "x", "key": "a", "columns": {"a": "Title"}} | sections
    load(json.dumps(whole).encode())
