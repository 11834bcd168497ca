from __future__ import annotations

import gc
import gzip
import io
import tempfile
import zipfile
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.errors import ManifestError
from importer.manifest.archives import unpack
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.manifest.reading import read, read_bytes, refusal_of_bytes

CSV = "id;ort\n1;Zürich\n2;Köln\n".encode()
CELLS = [["1", "Zürich"], ["2", "Köln"]]


def zipped(*names: str, content: bytes = CSV, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        book.add_worksheet("Tickets").write_row(0, 0, ["id", "ort"])
    return buffer.getvalue()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, and nothing else in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_table_in_a_zip_archive_is_read(tmp_path: Path, method: int) -> None:
    """It is read like an unpacked file, and the description names the archive."""
    table = read_bytes(tmp_path, zipped("export/tickets.csv", method=method))
    assert table.cells == CELLS
    assert table.how == "CSV in a ZIP archive, UTF-8, semicolon-separated"


@pytest.mark.parametrize("parts", [[CSV], [CSV[:10], CSV[10:]], [CSV, b""]])
def test_gzip_file_of_one_or_more_streams_is_read(tmp_path: Path, parts: list[bytes]) -> None:
    """Some programs append streams to one another."""
    table = read_bytes(tmp_path, b"".join(map(gzip.compress, parts)))
    assert table.cells == CELLS
    assert table.how == "CSV in gzip, UTF-8, semicolon-separated"


def test_packed_workbooks_and_json_are_read(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, zipped("a.xlsx", content=workbook())).columns == ["id", "ort"]
    assert read_bytes(tmp_path, gzip.compress(workbook())).columns == ["id", "ort"]
    assert read_bytes(tmp_path, gzip.compress(b'{"id": 1.10}')).cells == [["1.10"]]


def test_hidden_and_system_files_are_ignored(tmp_path: Path) -> None:
    """Folders and the files that macOS and Windows add are not tables."""
    names = ["export/", "export/tickets.csv", "__MACOSX/export/._tickets.csv", "export/.DS_Store", "Thumbs.db"]
    table = read_bytes(tmp_path, zipped(*names))
    assert table.cells == CELLS
    assert table.manifest.format.warnings == ()


@pytest.mark.parametrize("names", [["tickets.csv", "readme.txt", "attachments/a.png"], ["a.png", "tickets.XLSX"]])
def test_the_only_table_among_other_files_is_read(tmp_path: Path, names: list[str]) -> None:
    """File endings decide; a warning says that the other files are not read."""
    table = read_bytes(tmp_path, zipped(*names))
    assert table.cells == CELLS
    (warning,) = table.manifest.format.warnings
    assert f"contains {len(names) - 1} more file" in warning


def test_the_only_file_needs_no_ending(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, zipped("EXPORT-2024")).cells == CELLS


def test_several_tables_are_an_error(tmp_path: Path) -> None:
    """The error lists them, with control characters escaped."""
    text = refusal_of_bytes(tmp_path, zipped("tickets.csv", "old/tickets.tsv", "x\x1b[2J.csv", "readme.txt"))
    assert "is a ZIP archive of 3 files, and it is not clear which one is the manifest" in text
    assert "\n  tickets.csv\n  old/tickets.tsv\n" in text
    assert "\x1b" not in text
    assert "... and 5 more" in refusal_of_bytes(tmp_path, zipped(*(f"{n}.csv" for n in range(25))))
    assert "of 2 files" in refusal_of_bytes(tmp_path, zipped("a.png", "b.png"))


def test_archive_without_content_is_an_error(tmp_path: Path) -> None:
    """It holds only folders, or an empty file."""
    assert "is an empty ZIP archive" in refusal_of_bytes(tmp_path, zipped("export/"))
    assert "is empty (0 bytes)" in refusal_of_bytes(tmp_path, zipped("tickets.csv", content=b""))
    assert "is empty (0 bytes)" in refusal_of_bytes(tmp_path, gzip.compress(b""))


def test_errors_name_archive_and_packed_file(tmp_path: Path) -> None:
    text = refusal_of_bytes(tmp_path, zipped("in/tickets.csv", content=b'id\n"x'))
    assert text.startswith(f"in/tickets.csv in {tmp_path / 'tickets.csv'} has broken quotes")


def test_nested_archive_is_refused(tmp_path: Path) -> None:
    assert "is not a table but a ZIP archive" in refusal_of_bytes(tmp_path, gzip.compress(zipped("tickets.csv")))
    text = refusal_of_bytes(tmp_path, zipped("tickets.csv.gz", content=gzip.compress(CSV)))
    assert "is not a table but a gzip archive" in text


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(CSV)[:-9],
        gzip.compress(CSV)[:-6] + b"\0\0\0\0\0\0",
        gzip.compress(CSV) + b"more",
        zipped("tickets.csv")[:-10],
        zipped("tickets.csv", method=zipfile.ZIP_STORED).replace(b"ort", b"0rt"),
    ],
    ids=["gzip cut off", "gzip with a wrong sum", "gzip with more behind it", "zip cut off", "zip with a wrong sum"],
)
def test_damaged_archive_is_an_error(tmp_path: Path, temporary: Path, content: bytes) -> None:
    """Checksums reveal missing and changed bytes; no unpacked file remains."""
    assert "cut off or damaged" in refusal_of_bytes(tmp_path, content)
    assert list(temporary.iterdir()) == []


def test_archive_with_a_password_is_an_error(tmp_path: Path) -> None:
    content = bytearray(zipped("tickets.csv"))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "is protected by a password" in refusal_of_bytes(tmp_path, bytes(content))


def test_unknown_compression_method_is_an_error(tmp_path: Path) -> None:
    """Windows packs large files with a method that Python does not support."""
    content = bytearray(zipped("tickets.csv"))
    content[8] = 9
    content[content.index(b"PK\x01\x02") + 10] = 9
    assert "is packed by a method that is not supported" in refusal_of_bytes(tmp_path, bytes(content))


def test_unpacked_file_is_private_and_temporary(tmp_path: Path, temporary: Path) -> None:
    """It exists as long as the manifest is open, and not in the archive's folder."""
    path = tmp_path / "tickets.csv.gz"
    path.write_bytes(gzip.compress(CSV))
    manifest = open_manifest(path, ManifestOptions())
    (unpacked,) = temporary.iterdir()
    assert unpacked.stat().st_mode & 0o777 == 0o600
    chunks = manifest.chunks(1)
    next(chunks)
    del manifest
    gc.collect()
    assert unpacked.exists(), "a pass that is under way still needs it"
    del chunks
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_refused_file_leaves_no_unpacked_copy(tmp_path: Path, temporary: Path) -> None:
    refusal_of_bytes(tmp_path, gzip.compress(b"%PDF-1.7"))
    assert list(temporary.iterdir()) == []


def test_unpacking_checks_the_free_disk_space(tmp_path: Path, temporary: Path) -> None:
    """Before unpacking a ZIP archive; while unpacking gzip, whose size is not known."""
    path = tmp_path / "tickets.zip"
    for content in (zipped("tickets.csv", content=bytes(3_000_000)), gzip.compress(bytes(3_000_000))):
        path.write_bytes(content)
        with pytest.raises(ManifestError, match=r"can't be unpacked to .*temporary: it needs .* MB") as caught:
            unpack(path, str(path), free=lambda _folder: 1000)
        assert "TMPDIR" in caught.value.hint
    assert list(temporary.iterdir()) == []


def test_zip_bomb_is_refused(tmp_path: Path, temporary: Path) -> None:
    """More than a gigabyte at hundreds of times the packed size is no export."""
    content = bytearray(zipped("tickets.csv"))
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = (3 << 30).to_bytes(4, "little")
    text = refusal_of_bytes(tmp_path, bytes(content))
    assert "expands to more than 3.2 GB, over 200 times its packed size" in text
    assert list(temporary.iterdir()) == []


def test_workbook_is_not_treated_as_an_archive(tmp_path: Path) -> None:
    """An .xlsx file is a ZIP file."""
    assert read_bytes(tmp_path, workbook()).manifest.format.archive is None


def test_archive_can_be_opened_repeatedly(tmp_path: Path) -> None:
    path = tmp_path / "tickets.zip"
    path.write_bytes(zipped("tickets.csv"))
    assert read(path).cells == read(path).cells == CELLS
