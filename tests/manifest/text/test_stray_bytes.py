"""Bytes that do not fit their file: they are named, and never turn the rest of it into something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.reading import read_bytes, refusal_of_bytes

PLACES = ["Zürich", "Genève", "Berlin", "Bern"]
GERMAN = ["Grüße", "Köln", "Müller", "größer", "Zürich", "Straße"]


def table(words: list[str], rows: int, codec: str = "utf-8") -> bytes:
    lines = [f"{number},{words[number % len(words)]}" for number in range(rows)]
    return "".join(f"{line}\n" for line in ["id,text", *lines]).encode(codec)


@pytest.mark.parametrize(
    ("content", "stray", "byte"),
    [
        (table(["Zürich"], 3), b"4,\x93ok\x94\n", "0x93 behind '4,'"),
        (table(["Zürich"], 3), b"4,Caf\xe9\n", "0xE9 behind '4,Caf'"),
        (table(["text ä"], 5000), b"x,\xe4\n", "0xE4 behind 'x,'"),
        (table(PLACES, 2000), b"x,\xed\xa0\xbd\xed\xb8\x80\n", "0xED behind 'x,'"),
        (table(["\ufffd"], 3), b"x,\xe4\n", "0xE4 behind 'x,'"),
    ],
)
def test_most_of_it_is_utf8(tmp_path: Path, content: bytes, stray: bytes, byte: str) -> None:
    """Every proper character of the whole file counts, also in a column of few words; a broken emoji counts once."""
    row = content.count(b"\n") + 1
    text = refusal_of_bytes(tmp_path, content + stray)
    at = len(content) + stray.index(bytes.fromhex(byte[2:4]))
    assert f"is UTF-8 but for a few bytes: row {row} (byte {at} of the file: {byte})" in text


def test_utf8_by_accident_is_no_damaged_utf8(tmp_path: Path) -> None:
    """An ß before a quote, or a capital before a hard space, is proper UTF-8; a text of another encoding has few."""
    words = ["„Spaß“", "VALIDÉ\xa0!", "Müller", "größer", "café"]
    assert [cell for _, cell in read_bytes(tmp_path, table(words, 5, "cp1252")).cells] == words
    russian = ["так как", "раб", "система", "пароль", "принтер", "помогите"]
    assert [cell for _, cell in read_bytes(tmp_path, table(russian, 6, "cp866")).cells] == russian


def test_every_line_with_a_misfit_is_named(tmp_path: Path) -> None:
    """Up to twenty at once, each with its first bad byte; the rows count on as a spreadsheet does."""
    content = b'id,text\n1,\xe4 \xe4\n2,ok\n3,"x\n\xfc\r\ny"\r4,\xf6'
    text = refusal_of_bytes(tmp_path, content, encoding="utf-8")
    assert "row 2 (byte 10 of the file: 0xE4 behind '1,') can't be read so\n" in text
    assert "  nor can row 4 (line 5, byte 24 of the file: 0xFC)\n" in text
    assert "  nor can row 5 (line 7, byte 32 of the file: 0xF6 behind '4,')\n" in text
    assert text.count("of the file") == 3
    assert "mend those cells" in text
    many = refusal_of_bytes(tmp_path, b"id,text\n" + b"1,\xe4\n" * 50, encoding="utf-8")
    assert many.count("of the file") == 20
    assert "nor can row 21 (byte" in many


def test_misfits_of_wide_characters(tmp_path: Path) -> None:
    """Behind one, nobody knows where a character of UTF-16 begins: only the first is named."""
    content = "id,text\n1,a\n".encode("utf-16-le") + b"\x00\xdc\n\x00" * 3
    text = refusal_of_bytes(tmp_path, content, encoding="utf-16-le")
    assert text.count("of the file") == 1
    assert "row 3 (byte 24 of the file: 0x00)" in text
