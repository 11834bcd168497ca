"""Unsupported files are named; tables that begin like one are read."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from tests.manifest.books import Page, container, with_part, write
from tests.manifest.reading import read_bytes, refusal, refusal_of_bytes


def zipped(**parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


TABLES = {
    "a login page": ("<!DOCTYPE html>\n<html><form>Sign in</form></html>", "if it is a login or error page"),
    "a flat OpenDocument": (
        '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0">',
        "an OpenDocument spreadsheet in XML (.fods)",
    ),
    "SYLK": ('ID;PWXL;N;E\r\nP;PGeneral\r\nB;Y2;X2\r\nC;Y1;X1;K"Id"\r\nE\r\n', "a SYLK spreadsheet (.slk)"),
    "DIF": ('TABLE\r\n0,1\r\n"EXCEL"\r\nVECTORS\r\n0,2\r\n""\r\n', "a DIF spreadsheet (.dif)"),
    "Markdown": ("| id | subject |\n|----|:--------|\n| 1 | Help |\n", "a Markdown table"),
    "Markdown without edges": ("id | subject\n--- | ---\n1 | Help\n", "a Markdown table"),
    "the mysql client": ("+----+---------+\n| id | subject |\n+----+---------+\n", "a table drawn with lines"),
    "psql": (" id | subject \n----+---------\n  1 | Help\n", "a table drawn with lines"),
    "sqlcmd": ("id,subject\n--,-------\n1,Help\n", "a table with a line of dashes below its header"),
    "sqlcmd in columns": ("id  subject\n--- -------\n1   Help\n", "a table with a line of dashes below its header"),
    "a web archive": (
        "MIME-Version: 1.0\nX-Program: x\nContent-Type: multipart/related; boundary=a\n\n--a\n<table>",
        "a web archive (MHTML)",
    ),
}
OTHERS = {
    "a dump of MySQL": (
        "-- MySQL dump 10.13\n--\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `t`;\n",
        "an SQL dump",
    ),
    "a dump of PostgreSQL": ("--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n", "an SQL dump"),
    "statements": ("INSERT INTO tickets (id, subject) VALUES (1, 'Help');\n", "an SQL dump"),
    "a mailbox": ("From mina@example.com Thu Aug 29 10:36:23 2024\nSubject: Help\n\nHi\n", "a mailbox (mbox)"),
    "a message": (
        "Return-Path: <mina@example.com>\nFrom: Mina <mina@example.com>\nTo: help@example.com\nSubject: Help\n\nHi\n",
        "an e-mail message (.eml)",
    ),
    "a calendar": ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "a calendar"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("content", "name"), TABLES.values(), ids=TABLES)
def test_unsupported_table_formats_have_a_way_out(tmp_path: Path, content: str, name: str, encoding: str) -> None:
    """The hint says how to make a manifest of the file."""
    text = refusal_of_bytes(tmp_path, f"\n{content}".encode(encoding))
    assert name in text
    assert "is not supported" in text


@pytest.mark.parametrize(("content", "name"), OTHERS.values(), ids=OTHERS)
def test_texts_that_are_not_tables_are_named(tmp_path: Path, content: str, name: str) -> None:
    """The message does not say that columns are missing."""
    text = refusal_of_bytes(tmp_path, content.encode())
    assert f"is not a table but {name}" in text


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("<TICKER>,<PER>,<DATE>\n1,D,2\n", ["<TICKER>", "<PER>", "<DATE>"]),
        ("<b>;<i>\n1;2\n", ["<b>", "<i>"]),
        ("ID;Prio;Title\nB;1;x\nC;2;y\n", ["ID", "Prio", "Title"]),
        ("id|subject\n-|-\n1|x\n", ["id", "subject"]),
        ("id,subject\n--1,x\n", ["id", "subject"]),
        ("set,copy into\n1,2\n", ["set", "copy into"]),
        ("From,To,Date,Subject\na,b,c,d\n", ["From", "To", "Date", "Subject"]),
        ("TABLE,0\n1,2\n", ["TABLE", "0"]),
    ],
)
def test_a_table_that_begins_like_another_format_is_read(tmp_path: Path, content: str, columns: list[str]) -> None:
    """A word in angle brackets or `ID;P` alone proves nothing."""
    assert read_bytes(tmp_path, content.encode()).columns == columns


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (container({"WordDocument": b"x"}), "a Word document (.doc)"),
        (container({"__properties_version1.0": b"x"}), "an Outlook message (.msg)"),
        (container({"Book": b"x"}), "a workbook of Excel 5 or 95"),
        (b"\x09\x04\x06\0\0\0\x10\0\0\0" + bytes(90), "a workbook of Excel 5 or older"),
        (zipped(Index__Document_dot_iwa="x", Index__Tables__Tile_dot_iwa="x"), "Apple Numbers"),
        (zipped(mimetype="application/epub+zip"), "an e-book (EPUB)"),
        (zipped(ppt__presentation_dot_xml="x", mimetype="x"), "a PowerPoint presentation"),
        (b"II*\0\x08\0\0\0" + bytes(90), "a TIFF picture"),
        (b"\0\0\0\x18ftypheic" + bytes(90), "a picture or film"),
        (b"PGDMP\x01\x0e\0" + bytes(90), "a dump of a PostgreSQL database"),
    ],
)
def test_binary_files_are_named(tmp_path: Path, content: bytes, name: str) -> None:
    """The message names the program that made the file."""
    assert name in refusal_of_bytes(tmp_path, content)


# -- passwords --------------------------------------------------------------------------------------------------------


def test_old_workbook_with_a_password_is_an_error(tmp_path: Path) -> None:
    """All records behind the first one are encrypted, and look damaged."""
    begin = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0, 0, 0, 0)
    protected = struct.pack("<HH", 0x86, 0)
    lock = struct.pack("<HH", 0x2F, 54) + struct.pack("<HHH", 1, 1, 1) + bytes(48)
    garbled = struct.pack("<HH", 0x85, 20) + b"\xd7\x13\x99\xff" * 5
    path = tmp_path / "tickets.xls"
    path.write_bytes(container({"Workbook": begin + protected + lock + garbled + struct.pack("<HH", 0x0A, 0)}))
    assert "is protected by a password" in refusal(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_open_document_with_a_password_is_an_error(tmp_path: Path, encoding: str) -> None:
    """Its list of parts says that they are encrypted."""
    path = write(tmp_path / "tickets.ods", Page(rows=[["id"], ["x"]]))
    entry = '<m:file-entry xmlns:m="urn:m"><m:encryption-data m:checksum="x"/></m:file-entry>'
    with_part(path, "META-INF/manifest.xml", lambda _: f"<manifest>{entry}</manifest>".encode(encoding))
    with_part(path, "content.xml", lambda _: b"\xd7\x13\x99\xff" * 50)
    text = refusal(path)
    assert "is protected by a password" in text
    assert "LibreOffice" in text
