"""Whatever a text file holds, it is read in bounded memory, and what is too large is named with its row and column."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from importer.manifest.delimited.record_reader import MAX_CELL_CHARS, MAX_RECORD_BYTES
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.manifest.reading import read_bytes, refusal_of_bytes

MIB = 1 << 20
PEAK = (
    "import sys; from pathlib import Path; from importer.manifest.manifest import open_manifest\n"
    "from importer.models import ManifestOptions; from importer.errors import ManifestError\n"
    "try:\n    print(sum(len(chunk.rows) for chunk in open_manifest(Path(sys.argv[1]), ManifestOptions()).chunks()))\n"
    "except ManifestError as error:\n    print(error.message)\n"
    "status = Path('/proc/self/status').read_text().split()\n"  # `getrusage` counts the parent's memory, too
    "print(int(status[status.index('VmHWM:') + 1]) * 1024)\n"
)


def test_a_cell_as_long_as_allowed(tmp_path: Path) -> None:
    """The limit is far above what any account takes."""
    (row,) = read_bytes(tmp_path, b"a,b\n1," + b"x" * MAX_CELL_CHARS + b"\n").cells
    assert (row[0], len(row[1])) == ("1", MAX_CELL_CHARS)


@pytest.mark.parametrize(
    "cell",
    [b"x" * (MAX_CELL_CHARS + 1), b'"' + b"x" * (MAX_CELL_CHARS + 1) + b'"', b'x"' * (MAX_CELL_CHARS // 2 + 1)],
    ids=["plain", "quoted", "full of quotes"],
)
def test_a_cell_that_is_too_long(tmp_path: Path, cell: bytes) -> None:
    """It is named by row and column, whatever is in it."""
    text = refusal_of_bytes(tmp_path, b"a,b,c\n1,2,3\n\n4," + cell + b",6\n7,8,9\n")
    assert "row 4, column B: the cell has more than the supported 8,388,608 characters" in text


@pytest.mark.parametrize(
    "cells", [b"x" * MIB + b",", b",", "\u20ac".encode() * 1_000 + b","], ids=["long", "empty", "wide"]
)
def test_a_row_that_is_too_long(tmp_path: Path, cells: bytes) -> None:
    """No cell of it is too long, but there are very many; one line, or a quote over many."""
    many = cells * (MAX_RECORD_BYTES // len(cells) + 2)
    text = refusal_of_bytes(tmp_path, b"a,b\n1,2\n" + many + b"\n3,4\n")
    assert "row 3: the row has more than the supported 16,777,216 bytes" in text


def test_memory_is_bounded_whatever_a_cell_holds(tmp_path: Path) -> None:
    """A cell of 400 MB takes no more than one of the longest that are read."""
    path = tmp_path / "tickets.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"a,b\n1,")
        for _ in range(400):
            file.write(b"x" * MIB)
    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    message, peak_bytes = done.stdout.splitlines()
    assert message.endswith("row 2, column B: the cell has more than the supported 8,388,608 characters")
    assert int(peak_bytes) < 250 * MIB


def test_a_header_of_very_many_columns(tmp_path: Path) -> None:
    """As many as a spreadsheet has are read."""
    names = [f"c{number}" for number in range(16_385)]
    assert len(read_bytes(tmp_path, ",".join(names[:-1]).encode() + b"\n").columns) == 16_384
    text = refusal_of_bytes(tmp_path, ",".join(names).encode() + b"\n")
    assert "row 1: the header has 16,385 columns, but at most 16,384 are supported" in text


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("blank", [b"", b" ,\t", b","])
def test_very_many_blank_lines_are_counted_at_once(tmp_path: Path, end: bytes, blank: bytes) -> None:
    """Before the header, between rows and at the end: rows keep their numbers."""
    many = (blank + end) * 1_000_000
    table = read_bytes(
        tmp_path, many + b"a,b" + end + many + b"1,2" + end + b"3,4" + end + many + b"  5,6" + end + many, delimiter=","
    )
    assert (table.manifest.format.header_row, table.rows) == (1_000_001, [2_000_002, 2_000_003, 3_000_004])
    assert table.cells == [["1", "2"], ["3", "4"], ["  5", "6"]]
    assert table.manifest.blank_rows == 3_000_000


def test_blank_lines_above_the_row_of_the_header(tmp_path: Path) -> None:
    """A header below a title keeps its row, whichever lines above it are blank."""
    content = b"\n\ntitle,x\n\na,b\n\n1,2\n"
    table = read_bytes(tmp_path, content, header_row=4)
    assert (table.columns, table.rows, table.cells) == (["a", "b"], [7], [["1", "2"]])
    assert read_bytes(tmp_path, content).columns == ["title", "x"]


def test_a_file_of_blank_lines_alone(tmp_path: Path) -> None:
    """It is refused as what it is, without a look at each line."""
    assert "contains only blanks" in refusal_of_bytes(tmp_path, b"\r\n" * 5_000_000)


@pytest.mark.parametrize("levels", [101, 900, 5_000, 100_000])
@pytest.mark.parametrize("is_list", [False, True])
def test_json_that_is_nested_deeply(tmp_path: Path, levels: int, is_list: object) -> None:
    """It is refused with its place, at any depth."""
    row = b'{"a": ' + b"[" * levels + b"]" * levels + b"}"
    text = refusal_of_bytes(tmp_path, b'{"a": 1}\n' + row if not is_list else b'[{"a": 1},\n' + row + b"]")
    assert "2: it is nested too deeply" in text


def test_a_text_of_json_that_is_too_long(tmp_path: Path) -> None:
    """It is named by its line, in bounded memory."""
    path = tmp_path / "tickets.jsonl.gz"
    for start, end, where in ((b"", b"", "line"), (b"[", b"]", "object")):
        with gzip.open(path, "wb", 1) as file:
            file.write(start + b'{"a": "')
            for _ in range(300):
                file.write(b"x" * MIB)
            file.write(b'"}' + end)
        done = subprocess.run(
            [sys.executable, "-c", PEAK.replace("message", "details[0]"), path],
            capture_output=True,
            text=True,
            check=True,
        )
        message, peak_bytes = done.stdout.splitlines()
        assert message.startswith(f"{where} 1: it has more than 16,777,216 characters")
        assert int(peak_bytes) < 250 * MIB


# -- the end of a file ------------------------------------------------------------------------------------------------

WHOLE = b"id,text\n1,one\n2,two"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "cp1252"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_last_row_without_a_line_end(tmp_path: Path, codec: str, end: str) -> None:
    """It may be cut off, which is a warning; with `--strict-end` it is a problem of its row."""
    content = ("id,text\n1,Grüße\n2,tw" + end).encode(codec)
    options = {"encoding": codec} if codec == "cp1252" else {}
    table = read_bytes(tmp_path, content, **options)
    assert [("no line end" in warning) for warning in table.manifest.format.warnings] == ([] if end else [True])
    assert (table.rows, table.problems) == ([2, 3], [])
    strict = read_bytes(tmp_path, content, strict_end=True, **options)
    assert strict.manifest.format.warnings == ()
    assert [(problem.code, problem.row) for problem in strict.problems] == ([] if end else [("cut-off", 3)])


@pytest.mark.parametrize(
    "content",
    [b"id,text", b"id,text\n1,x\n  ", b"id,text\n1,x\n\x1a", b"id,text\n1,x\n" + bytes(50), b"id,text\n"],
    ids=["a header alone", "blanks behind it", "DOS", "padding", "no rows"],
)
def test_a_file_that_is_not_cut_off(tmp_path: Path, content: bytes) -> None:
    """Nothing stands behind its last line end, or there is no other line that has one."""
    path = tmp_path / "tickets.csv"
    path.write_bytes(content)
    manifest = open_manifest(path, ManifestOptions(strict_end=True))
    assert [warning for warning in manifest.format.warnings if "no line end" in warning] == []
    assert "cut-off" not in [problem.code for chunk in manifest.chunks() for problem in chunk.problems]


def test_a_file_of_one_row_without_a_line_end(tmp_path: Path) -> None:
    """The header has one, so the row may be cut off."""
    (warning,) = read_bytes(tmp_path, b"id,text\n1,x").manifest.format.warnings
    assert "no line end" in warning
    assert "--strict-end" in warning


def test_a_quoted_cell_at_the_end_and_chunks_of_any_size(tmp_path: Path) -> None:
    """The last record is the problem, whatever lines it has and wherever a chunk ends."""
    path = tmp_path / "tickets.csv"
    path.write_bytes(b'id,text\n1,x\n\n2,"a\nb"')
    manifest = open_manifest(path, ManifestOptions(strict_end=True))
    for size in (1, 2, 3, 100):
        problems = [problem for chunk in manifest.chunks(size) for problem in chunk.problems]
        assert [(problem.code, problem.row) for problem in problems] == [("cut-off", 4)]
