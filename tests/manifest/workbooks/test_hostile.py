"""Hostile workbooks end in a message, within limits of memory and time."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.manifest.workbooks import sheet_reader
from importer.manifest.workbooks.sheet_reader import limits_for
from importer.models import ManifestOptions
from tests.manifest.books import Page, container, with_part, write
from tests.manifest.books import _biff as biff
from tests.manifest.books import _biff_text as biff_text
from tests.manifest.reading import ForkedReader, read, refusal

MIB = 1 << 20
SHEET, SHARED = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
ROWS = [["id", "text"], ["1", "x"]]
TEXT = b'<c r="%s" t="inlineStr"><is><t>%s</t></is></c>'


def xlsx(path: Path, change: Callable[[bytes], bytes]) -> Path:
    return with_part(write(path, Page(rows=ROWS)), SHEET, change)


def far_cell(path: Path) -> Path:
    """One cell at the far end of the sheet, outside its declared dimension."""
    stray = b'<row r="1048576">' + TEXT % (b"XFD1048576", b"y") + b"</row></sheetData>"
    return xlsx(path, lambda content: content.replace(b"</sheetData>", stray))


def with_shared_texts(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Tickets")
        sheet.write_row(0, 0, ["id", "text"])
        sheet.write_row(1, 0, ["1", "long"])
    return path


def shared_count(path: Path) -> Path:
    """A declared count of shared texts that exceeds any memory."""
    most = b'ount="4294967295"'
    return with_part(with_shared_texts(path), SHARED, lambda content: re.sub(b'ount="[0-9]+"', most, content))


def shared_text(path: Path) -> Path:
    """One text of a megabyte in 20,000 cells."""
    with_part(with_shared_texts(path), SHARED, lambda content: content.replace(b"long", b"x" * MIB))
    rows = b"".join(b'<row r="%d"><c r="B%d" t="s"><v>3</v></c></row>' % (row, row) for row in range(3, 20_000))
    return with_part(path, SHEET, lambda content: content.replace(b"</sheetData>", rows + b"</sheetData>"))


def shared_text_of_an_old_workbook(path: Path) -> Path:
    """The same in an .xls, where a text has up to 64 KB."""
    start = biff(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + biff(0x42, struct.pack("<H", 1200))
    start += biff(0xFC, struct.pack("<II", 1, 1) + struct.pack("<HB", 60_000, 0) + b"a" * 8_000)
    start += b"".join(biff(0x3C, b"\0" + b"a" * size) for size in [8_000] * 6 + [4_000])
    name = struct.pack("<BB", 0, 0) + biff_text("Tickets", "<B")
    at = len(start) + 8 + len(name) + len(biff(0x0A))
    start += biff(0x85, struct.pack("<I", at) + name) + biff(0x0A)
    sheet = biff(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + biff(
        0x200, struct.pack("<IIHHH", 0, 60_000, 0, 2, 0)
    )
    sheet += b"".join(
        biff(0xFD, struct.pack("<HHHI", row, column, 0, 0)) for row in range(60_000) for column in range(2)
    )
    path.write_bytes(container({"Workbook": start + sheet + biff(0x0A)}))
    return path


def blanks(path: Path) -> Path:
    """An .ods with one blank repeated two billion times."""
    write(path, Page(rows=ROWS))
    return with_part(
        path,
        "content.xml",
        lambda content: content.replace(b"<text:p>x</text:p>", b'<text:p>x<text:s text:c="2000000000"/></text:p>'),
    )


def repeated_cell(path: Path) -> Path:
    """One cell of an .ods, repeated 17 billion times."""
    write(path, Page(rows=ROWS))

    def repeat(content: bytes) -> bytes:
        rows, _, row = content.rpartition(b"<table:table-row>")
        row = row.replace(b"<table:table-cell ", b'<table:table-cell table:number-columns-repeated="16384" ', 1)
        return rows + b'<table:table-row table:number-rows-repeated="1048000">' + row

    return with_part(path, "content.xml", repeat)


HOSTILE = {
    "far.xlsx": far_cell,
    "count.xlsx": shared_count,
    "text.xlsx": shared_text,
    "text.xls": shared_text_of_an_old_workbook,
    "blanks.ods": blanks,
    "repeated.ods": repeated_cell,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_workbook_ends_in_a_message(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit stops the process, and no output of a panic reaches the terminal."""
    monkeypatch.setattr(sheet_reader, "_machine_bytes", lambda: 1 << 30)  # to fill more would take longer
    path = HOSTILE[name](tmp_path / name)
    assert path.stat().st_size < 4 * MIB
    with ForkedReader.used():
        text = refusal(path)
    assert "memory" in text or "damaged" in text
    assert "CSV" in text or "again" in text
    assert capfd.readouterr() == ("", "")


def test_memory_limit_holds_in_both_processes(tmp_path: Path) -> None:
    """The reading process stays below its limit; the importer takes hardly any memory."""
    path = shared_text(tmp_path / "text.xlsx")
    code = (
        "import sys, resource; from pathlib import Path; from importer.manifest.manifest import open_manifest\n"
        "from importer.models import ManifestOptions; from importer.errors import ManifestError\n"
        "try:\n    open_manifest(Path(sys.argv[1]), ManifestOptions())\n"
        "except ManifestError as error:\n    print('refused')\n"
        "status = Path('/proc/self/status').read_text().split()\n"  # `getrusage` counts the memory of the parent, too
        "print(status[status.index('VmHWM:') + 1])\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    refused, own_kib, others_kib = done.stdout.split()
    assert (refused, done.stderr) == ("refused", "")
    assert int(own_kib) < 250 * 1024
    assert int(others_kib) < limits_for(path).memory_bytes / 1024 + 250 * 1024


def test_limits_grow_with_the_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small workbook gets 2 GB, a large one more, and none more than half of the machine."""
    monkeypatch.setattr(sheet_reader, "_machine_bytes", lambda: 1 << 40)
    path = tmp_path / "tickets.xlsx"

    def limit_of(size_bytes: int) -> int:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, archive.open("sheet", "w") as part:
            part.write(bytes(size_bytes))
        return limits_for(path).memory_bytes

    assert limit_of(1_000) == 2 << 30
    assert limit_of(200 * MIB) > 3 << 30
    monkeypatch.setattr(sheet_reader, "_machine_bytes", lambda: 1 << 30)
    assert limit_of(1_000) == 1 << 29


def test_many_blank_rows_are_read_fast(tmp_path: Path) -> None:
    """A sheet with millions of empty rows before the last is accepted, and read in seconds."""
    stray = b'<row r="1000000">' + TEXT % (b"A1000000", b"9") + TEXT % (b"J1000000", b"") + b"</row></sheetData>"
    path = xlsx(tmp_path / "sparse.xlsx", lambda content: content.replace(b"</sheetData>", stray))
    table = read(path)
    assert (table.cells, table.rows) == ([["1", "x"], ["9", ""]], [2, 1_000_000])
    assert table.manifest.blank_rows == 999_997


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_reading_process_ends_with_the_importer(tmp_path: Path, number: int) -> None:
    """No process stays behind, even if the importer is killed."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=[["id"], *([f"{row:0200}"] for row in range(3_000))]))
    code = (
        "import sys, time; from pathlib import Path; from importer.manifest.manifest import open_manifest\n"
        "from importer.models import ManifestOptions\n"
        "manifest = open_manifest(Path(sys.argv[1]), ManifestOptions())\nprint('open', flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as importer:
        assert importer.stdout is not None
        assert importer.stdout.readline() == b"open\n"
        (reader,) = children(importer.pid)
        importer.send_signal(number)
        importer.wait()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{reader}").exists() and "Z" not in Path(f"/proc/{reader}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the reading process is still running"
        os.sched_yield()


def test_killed_reading_process_is_an_error(tmp_path: Path) -> None:
    """The rows received before that are not taken for the whole table."""
    path = write(
        tmp_path / "tickets.xlsx", Page(rows=[["id", "text"], *([str(row), "x" * 200] for row in range(15_000))])
    )
    manifest = open_manifest(path, ManifestOptions())
    chunks = manifest.chunks(100)
    next(chunks)
    for child in children(os.getpid()):
        if b"importer.manifest.workbooks.child_process" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(child, signal.SIGKILL)
    with pytest.raises(ManifestError, match="of memory"):
        list(chunks)
    with pytest.raises(ManifestError):
        list(manifest.chunks())


def test_modules_in_the_working_folder_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file there may have the name of a library."""
    (tmp_path / "python_calamine.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    assert read(write(tmp_path / "tickets.xlsx", Page(rows=ROWS))).cells == [["1", "x"]]


def test_no_temporary_file_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cached rows and error output are in unnamed files."""
    path = write(tmp_path / "tickets.xlsx", Page(rows=ROWS))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    read(path)
    assert list((tmp_path / "temporary").iterdir()) == []
