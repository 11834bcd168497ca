"""Text files are read in bounded memory; too large content is named by row and column."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from importer.manifest.delimited.record_reader import MAX_CELL_CHARS
from importer.manifest.delimited.utf8_text import MAX_RECORD_BYTES
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


def test_cell_of_the_maximum_length_is_read(tmp_path: Path) -> None:
    (row,) = read_bytes(tmp_path, b"a,b\n1," + b"x" * MAX_CELL_CHARS + b"\n").cells
    assert (row[0], len(row[1])) == ("1", MAX_CELL_CHARS)


@pytest.mark.parametrize(
    "cell",
    [b"x" * (MAX_CELL_CHARS + 1), b'"' + b"x" * (MAX_CELL_CHARS + 1) + b'"', b'x"' * (MAX_CELL_CHARS // 2 + 1)],
    ids=["plain", "quoted", "full of quotes"],
)
def test_too_long_cell_is_an_error(tmp_path: Path, cell: bytes) -> None:
    """It is named by row and column."""
    text = refusal_of_bytes(tmp_path, b"a,b,c\n1,2,3\n\n4," + cell + b",6\n7,8,9\n")
    assert "row 4, column B: the cell has more than the supported 8,388,608 characters" in text


@pytest.mark.parametrize(
    "cells", [b"x" * MIB + b",", b",", "\u20ac".encode() * 1_000 + b","], ids=["long", "empty", "wide"]
)
def test_too_long_row_is_an_error(tmp_path: Path, cells: bytes) -> None:
    """None of its cells is too long. In one line, or with quoted line breaks."""
    many = cells * (MAX_RECORD_BYTES // len(cells) + 2)
    text = refusal_of_bytes(tmp_path, b"a,b\n1,2\n" + many + b"\n3,4\n")
    assert "row 3: the row has more than the supported 16,777,216 bytes" in text


def test_too_long_cell_takes_bounded_memory(tmp_path: Path) -> None:
    """A cell of 260 MiB takes no more than one of the maximum length."""
    path = tmp_path / "tickets.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(b"a,b\n1,")
        for _ in range(260):
            file.write(b"x" * MIB)
    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    message, peak_bytes = done.stdout.splitlines()
    assert message.endswith("row 2, column B: the cell has more than the supported 8,388,608 characters")
    assert int(peak_bytes) < 250 * MIB


def test_number_of_columns_is_limited(tmp_path: Path) -> None:
    """A table may have as many as a spreadsheet."""
    names = [f"c{number}" for number in range(16_385)]
    assert len(read_bytes(tmp_path, ",".join(names[:-1]).encode() + b"\n").columns) == 16_384
    text = refusal_of_bytes(tmp_path, ",".join(names).encode() + b"\n")
    assert "row 1: the header has 16,385 columns, but at most 16,384 are supported" in text


@pytest.mark.parametrize(("end", "blank"), [(b"\n", b""), (b"\r\n", b" ,\t"), (b"\r", b","), (b"\r", b"")])
def test_many_blank_lines_are_skipped_fast(tmp_path: Path, end: bytes, blank: bytes) -> None:
    """Row numbers count them: before the header, between rows and at the end."""
    many = (blank + end) * 300_000
    table = read_bytes(
        tmp_path, many + b"a,b" + end + many + b"1,2" + end + b"3,4" + end + many + b"  5,6" + end + many, delimiter=","
    )
    assert (table.manifest.format.header_row, table.rows) == (300_001, [600_002, 600_003, 900_004])
    assert table.cells == [["1", "2"], ["3", "4"], ["  5", "6"]]
    assert table.manifest.blank_rows == 900_000


def test_header_row_counts_blank_lines(tmp_path: Path) -> None:
    content = b"\n\ntitle,x\n\na,b\n\n1,2\n"
    table = read_bytes(tmp_path, content, header_row=4)
    assert (table.columns, table.rows, table.cells) == (["a", "b"], [7], [["1", "2"]])
    assert read_bytes(tmp_path, content).columns == ["title", "x"]


def test_file_of_blank_lines_is_refused_fast(tmp_path: Path) -> None:
    assert "contains only blanks" in refusal_of_bytes(tmp_path, b"\r\n" * 1_000_000)


@pytest.mark.parametrize("levels", [101, 900, 5_000, 100_000])
@pytest.mark.parametrize("is_list", [False, True])
def test_deeply_nested_json_is_refused(tmp_path: Path, levels: int, is_list: object) -> None:
    """The error names its place."""
    row = b'{"a": ' + b"[" * levels + b"]" * levels + b"}"
    text = refusal_of_bytes(tmp_path, b'{"a": 1}\n' + row if not is_list else b'[{"a": 1},\n' + row + b"]")
    assert "2: it is nested too deeply" in text


def test_too_long_text_in_json_is_an_error(tmp_path: Path) -> None:
    """It is named by its line; memory is bounded."""
    path = tmp_path / "tickets.jsonl.gz"
    for start, end, where in ((b"", b"", "line"), (b"[", b"]", "object")):
        with gzip.open(path, "wb", 1) as file:
            file.write(start + b'{"a": "')
            for _ in range(260):
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
def test_last_row_without_a_line_end_may_be_cut_off(tmp_path: Path, codec: str, end: str) -> None:
    """It has a warning; with `--strict-end` it is a problem of its row."""
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
def test_complete_files_have_no_warning(tmp_path: Path, content: bytes) -> None:
    """The last line has a line end, or no line has one."""
    path = tmp_path / "tickets.csv"
    path.write_bytes(content)
    manifest = open_manifest(path, ManifestOptions(strict_end=True))
    assert [warning for warning in manifest.format.warnings if "no line end" in warning] == []
    assert "cut-off" not in [problem.code for chunk in manifest.chunks() for problem in chunk.problems]


def test_only_row_without_a_line_end_may_be_cut_off(tmp_path: Path) -> None:
    """The header has a line end."""
    (warning,) = read_bytes(tmp_path, b"id,text\n1,x").manifest.format.warnings
    assert "no line end" in warning
    assert "--strict-end" in warning


def test_incomplete_last_record_is_one_problem(tmp_path: Path) -> None:
    """Whatever lines it has, and wherever a chunk ends."""
    path = tmp_path / "tickets.csv"
    path.write_bytes(b'id,text\n1,x\n\n2,"a\nb"')
    manifest = open_manifest(path, ManifestOptions(strict_end=True))
    for size in (1, 2, 3, 100):
        problems = [problem for chunk in manifest.chunks(size) for problem in chunk.problems]
        assert [(problem.code, problem.row) for problem in problems] == [("cut-off", 4)]
