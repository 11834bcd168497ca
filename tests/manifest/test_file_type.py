from __future__ import annotations

import gzip
import io
import sqlite3
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from importer.errors import ManifestError
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from tests.manifest.books import container
from tests.manifest.reading import read, read_bytes, refusal, refusal_of_bytes


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("tickets.csv"))
    return buffer.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a)")
    content = connection.serialize()
    connection.close()
    return content


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG picture"),
        (b"GIF89a\1\0", "a GIF picture"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0), "a gzip archive"),
        (tar(), "a tar archive"),
        (gzip.compress(tar(), mtime=0), "a tar archive"),
        (database(), "an SQLite database"),
        (zipped("word/document.xml"), "a Word document"),
        (zipped(), "an empty ZIP archive"),
        (bytes(range(256)) * 10, "a binary file"),
        (b"\0" * 1000, "a binary file"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes, name: str) -> None:
    """A file is judged by its content, whatever its ending says, and the user is told what it is."""
    assert f"is not a table but {name}" in refusal_of_bytes(tmp_path, content)


def test_a_workbook_whose_parts_are_elsewhere(tmp_path: Path) -> None:
    """Where the list of parts is damaged, and none has the usual name, it is called a workbook all the same."""
    text = refusal_of_bytes(tmp_path, zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook2.xml"))
    assert "looks like an Excel workbook, but its list of parts is missing or damaged" in text
    assert "Open it in Excel and save it again" in text


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!DOCTYPE html>\n<html><p>", "HTML"),
        (b"\n<html>\n<p>", "HTML"),
    ],
)
def test_formats_that_are_not_read_yet(tmp_path: Path, content: bytes, name: str) -> None:
    """Tables in other formats are told apart from files that are none, with the way out."""
    text = refusal_of_bytes(tmp_path, content)
    assert name in text
    assert "is not supported" in text
    assert "Save it as .xlsx or as CSV" in text


def test_old_office_file(tmp_path: Path) -> None:
    """A container without a workbook may be anything from the nineties, whatever words are in it."""
    content = container({"Contents": "of a Workbook and an EncryptedPackage".encode("utf-16-le")})
    assert "a file of an old Office program" in refusal_of_bytes(tmp_path, content)


@pytest.mark.parametrize("distance", [0, 3 << 20])
def test_password_protected_workbook(tmp_path: Path, distance: int) -> None:
    """An encrypted workbook is an OLE2 container with an EncryptedPackage, wherever in the file that stands."""
    content = container({"EncryptionInfo": bytes(distance), "EncryptedPackage": bytes(100)})
    text = refusal_of_bytes(tmp_path, content)
    assert "is protected by a password" in text
    assert "remove the password" in text


@pytest.mark.parametrize("size", [8, 100, 512, 600, 1100])
def test_a_container_that_is_cut_off(tmp_path: Path, size: int) -> None:
    """What is in it can't be told any more, and that is said."""
    content = container({"Workbook": bytes(5000)})[:size]
    assert "it is cut off or damaged" in refusal_of_bytes(tmp_path, content)


def test_workbook_named_csv_is_read_as_a_workbook(tmp_path: Path) -> None:
    """The content decides, not the ending."""
    path = tmp_path / "tickets.csv"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Tickets").write_row(0, 0, ["a", "b"])
    table = read(path)
    assert (table.columns, table.how) == (["a", "b"], "Excel .xlsx, sheet 'Tickets'")


def test_cut_workbook(tmp_path: Path) -> None:
    """Half a download is called damaged, not a mystery."""
    path = tmp_path / "tickets.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_row(0, 0, ["a", "b"])
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut off or damaged" in refusal(path)


def test_a_few_control_characters_are_text(tmp_path: Path) -> None:
    """One NUL in a cell is that row's problem, which validation finds; it doesn't make the file a binary one."""
    table = read_bytes(tmp_path, b"a,b\n" + b"1,some text\n" * 10 + b"2,x\0y\x1b\n")
    assert table.cells[-1] == ["2", "x\0y\x1b"]


def test_errors_name_the_path_that_the_user_knows(tmp_path: Path) -> None:
    """What is read is a copy; messages name the original."""
    copy = tmp_path / "manifest-1234.copy"
    copy.write_bytes(b"")
    with pytest.raises(ManifestError, match=r"^tickets\.csv is empty"):
        open_manifest(copy, ManifestOptions(), shown_as=Path("tickets.csv"))


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """The system's own words reach the user as an error of ours."""
    with pytest.raises(ManifestError, match="can't be read: No such file or directory"):
        open_manifest(tmp_path / "tickets.csv", ManifestOptions())


def test_a_workbook_that_is_a_bomb(tmp_path: Path) -> None:
    """A sheet that was made to fill a memory is refused by its size, before anything of it is read."""
    path = tmp_path / "tickets.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(140):
                sheet.write(bytes(1_000_000))
    assert "expands to hundreds of times its size" in refusal(path)


@pytest.mark.parametrize(
    ("content", "options", "ignored"),
    [
        (b"a,b\n1,2\n", {"sheet": "x", "header_row": 1, "delimiter": ",", "encoding": "utf-8"}, "sheet"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), {"sheet": "x"}, "sheet"),
        (b'{"a": 1}\n', {"sheet": "x", "delimiter": ";", "header_row": 3}, "sheet, delimiter, header_row"),
        (b'{"a": 1}\n', {"encoding": "utf-8"}, None),
        (None, {"encoding": "utf-8", "delimiter": ",", "sheet": "Sheet1", "header_row": 1}, "encoding, delimiter"),
        (None, {"sheet": "Sheet1"}, None),
    ],
)
def test_unused_options_of_the_mapping_are_reported(
    tmp_path: Path, content: bytes | None, options: dict[str, Any], ignored: str | None
) -> None:
    """A sheet of a text, a delimiter of a workbook: perhaps the mapping was written for another file."""
    path = tmp_path / "tickets"
    if content is None:
        with xlsxwriter.Workbook(path) as book:
            book.add_worksheet().write_row(0, 0, ["a", "b"])
    else:
        path.write_bytes(content)
    warnings = read(path, **options).manifest.format.warnings
    assert [warning.split("`")[1] for warning in warnings] == ([] if ignored is None else [f"manifest: {{{ignored}}}"])
    assert all(str(path) in warning and "remove it" in warning for warning in warnings)
