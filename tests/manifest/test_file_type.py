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
def test_files_that_are_not_tables_are_named(tmp_path: Path, content: bytes, name: str) -> None:
    """The content decides, whatever the file's ending is."""
    assert f"is not a table but {name}" in refusal_of_bytes(tmp_path, content)


@pytest.mark.parametrize("content", ["{", "[", "[{", "{}", "[{}", '{"tickets": [{"id": 1,'])
def test_json_that_is_cut_off_or_empty_is_not_taken_for_a_header(tmp_path: Path, content: str) -> None:
    assert "JSON" in refusal_of_bytes(tmp_path, content.encode())


def test_workbook_without_a_usable_list_of_parts_is_damaged(tmp_path: Path) -> None:
    """Its parts do not have the usual names."""
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
def test_unsupported_table_formats_are_named(tmp_path: Path, content: bytes, name: str) -> None:
    """The hint says how to convert the file."""
    text = refusal_of_bytes(tmp_path, content)
    assert name in text
    assert "is not supported" in text
    assert "Save it as .xlsx or as CSV" in text


def test_ole2_container_without_a_workbook_is_unsupported(tmp_path: Path) -> None:
    """Words in its content do not matter."""
    content = container({"Contents": "of a Workbook and an EncryptedPackage".encode("utf-16-le")})
    assert "a file of an old Office program" in refusal_of_bytes(tmp_path, content)


@pytest.mark.parametrize("distance", [0, 3 << 20])
def test_workbook_with_a_password_is_an_error(tmp_path: Path, distance: int) -> None:
    """It is an OLE2 container with an EncryptedPackage, at any place in the file."""
    content = container({"EncryptionInfo": bytes(distance), "EncryptedPackage": bytes(100)})
    text = refusal_of_bytes(tmp_path, content)
    assert "is protected by a password" in text
    assert "remove the password" in text


@pytest.mark.parametrize("size", [8, 100, 512, 600, 1100])
def test_incomplete_ole2_container_is_an_error(tmp_path: Path, size: int) -> None:
    content = container({"Workbook": bytes(5000)})[:size]
    assert "it is cut off or damaged" in refusal_of_bytes(tmp_path, content)


def test_workbook_named_csv_is_read_as_a_workbook(tmp_path: Path) -> None:
    """The content decides, not the ending."""
    path = tmp_path / "tickets.csv"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Tickets").write_row(0, 0, ["a", "b"])
    table = read(path)
    assert (table.columns, table.how) == (["a", "b"], "Excel .xlsx, sheet 'Tickets'")


def test_incomplete_workbook_is_called_damaged(tmp_path: Path) -> None:
    """As after an interrupted download."""
    path = tmp_path / "tickets.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_row(0, 0, ["a", "b"])
    path.write_bytes(path.read_bytes()[:-100])
    assert "cut off or damaged" in refusal(path)


def test_file_with_few_control_characters_is_text(tmp_path: Path) -> None:
    """A NUL in a cell is a problem of its row."""
    table = read_bytes(tmp_path, b"a,b\n" + b"1,some text\n" * 10 + b"2,x\0y\x1b\n")
    assert table.cells[-1] == ["2", "x\0y\x1b"]


def test_errors_name_the_original_path(tmp_path: Path) -> None:
    """The file that is read is a copy."""
    copy = tmp_path / "manifest-1234.copy"
    copy.write_bytes(b"")
    with pytest.raises(ManifestError, match=r"^tickets\.csv is empty"):
        open_manifest(copy, ManifestOptions(), original=Path("tickets.csv"))


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """The message has the system's reason."""
    with pytest.raises(ManifestError, match="can't be read: No such file or directory"):
        open_manifest(tmp_path / "tickets.csv", ManifestOptions())


def test_workbook_bomb_is_refused(tmp_path: Path) -> None:
    """The declared size decides, before anything is unpacked."""
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
def test_options_of_another_format_are_reported(
    tmp_path: Path, content: bytes | None, options: dict[str, Any], ignored: str | None
) -> None:
    """Such as `sheet` for a text, or `delimiter` for a workbook."""
    path = tmp_path / "tickets"
    if content is None:
        with xlsxwriter.Workbook(path) as book:
            book.add_worksheet().write_row(0, 0, ["a", "b"])
    else:
        path.write_bytes(content)
    warnings = read(path, **options).manifest.format.warnings
    assert [warning.split("`")[1] for warning in warnings] == ([] if ignored is None else [f"manifest: {{{ignored}}}"])
    assert all(str(path) in warning and "remove it" in warning for warning in warnings)
