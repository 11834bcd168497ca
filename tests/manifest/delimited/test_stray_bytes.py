"""Bytes that do not fit their file are named, and do not change how the rest is read."""

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
        (table(["Zürich"], 3), b"4,\x93ok\x94\n", "0x93 after '4,'"),
        (table(["Zürich"], 3), b"4,Caf\xe9\n", "0xE9 after '4,Caf'"),
        (table(["text ä"], 5000), b"x,\xe4\n", "0xE4 after 'x,'"),
        (table(PLACES, 2000), b"x,\xed\xa0\xbd\xed\xb8\x80\n", "0xED after 'x,'"),
        (table(["\ufffd"], 3), b"x,\xe4\n", "0xE4 after 'x,'"),
    ],
)
def test_text_that_is_mostly_utf8_is_utf8(tmp_path: Path, content: bytes, stray: bytes, byte: str) -> None:
    """All its characters count, also in a column of few words; a broken emoji counts once."""
    row = content.count(b"\n") + 1
    text = refusal_of_bytes(tmp_path, content + stray)
    at = len(content) + stray.index(bytes.fromhex(byte[2:4]))
    assert f"is UTF-8 except for a few bytes: row {row} (byte {at} of the file: {byte})" in text


def test_accidental_utf8_is_not_damaged_utf8(tmp_path: Path) -> None:
    """Some pairs of characters in other encodings are valid UTF-8, but few."""
    words = ["„Spaß“", "VALIDÉ\xa0!", "Müller", "größer", "café"]
    assert [cell for _, cell in read_bytes(tmp_path, table(words, 5, "cp1252")).cells] == words
    russian = ["так как", "раб", "система", "пароль", "принтер", "помогите"]
    assert [cell for _, cell in read_bytes(tmp_path, table(russian, 6, "cp866")).cells] == russian


def test_lines_with_bad_bytes_are_named(tmp_path: Path) -> None:
    """Up to twenty, each with its first bad byte and its row in a spreadsheet."""
    content = b'id,text\n1,\xe4 \xe4\n2,ok\n3,"x\n\xfc\r\ny"\r4,\xf6'
    text = refusal_of_bytes(tmp_path, content, encoding="utf-8")
    assert "row 2 (byte 10 of the file: 0xE4 after '1,') can't be decoded\n" in text
    assert "  and row 4 (line 5, byte 24 of the file: 0xFC)\n" in text
    assert "  and row 5 (line 7, byte 32 of the file: 0xF6 after '4,')\n" in text
    assert text.count("of the file") == 3
    assert "correct those cells" in text
    many = refusal_of_bytes(tmp_path, b"id,text\n" + b"1,\xe4\n" * 50, encoding="utf-8")
    assert many.count("of the file") == 20
    assert "and row 21 (byte" in many


def test_only_the_first_bad_byte_of_utf16_is_named(tmp_path: Path) -> None:
    """Behind it the positions of characters are not known."""
    content = "id,text\n1,a\n".encode("utf-16-le") + b"\x00\xdc\n\x00" * 3
    text = refusal_of_bytes(tmp_path, content, encoding="utf-16-le")
    assert text.count("of the file") == 1
    assert "row 3 (byte 24 of the file: 0x00)" in text


JAPANESE = ["ログインできません", "プリンターが動かない", "請求書を送ってください"]
RUSSIAN = ["Не могу войти в систему", "Принтер не работает", "Клиент просит вернуть деньги"]


@pytest.mark.parametrize(
    ("name", "codec", "content", "stray"),
    [
        ("Windows-1252", "cp1252", b"id,text\r\n1,Gr\xfc\xdfe\r\n3,K\xf6ln\n", b"2,\x81\x8d\n"),
        ("Windows-1252", "cp1252", table(GERMAN, 6, "cp1252"), b"7,a\x81b\n"),
        ("Windows-1252", "cp1252", table(GERMAN, 1000, "cp1252"), b"7,a\x81b\n"),
        ("Windows-1252", "cp1252", table(PLACES, 1000, "cp1252"), b"1,\x81a\n2,\x8da\n3,\x90a\n"),
        ("Windows-1250", "cp1250", table(["kůň", "žluťoučký", "příliš"], 9, "cp1250"), b"7,a\x81b\n"),
        ("Windows-1251", "cp1251", table(RUSSIAN, 60, "cp1251"), b"x,a\x98b\n"),
        ("Shift-JIS", "cp932", table(JAPANESE, 60, "cp932"), b"x,a\x81\n"),
    ],
)
def test_bad_byte_does_not_change_the_guess(
    tmp_path: Path, name: str, codec: str, content: bytes, stray: bytes
) -> None:
    """An encoding that fits the words wins over one that fits every byte."""
    text = refusal_of_bytes(tmp_path, content + stray)
    at = next(at for at, byte in enumerate(stray) if byte > 0x7F)
    row = content.count(b"\n") + 1
    assert f"looks like {name}, but row {row} (byte {len(content) + at} of the file: 0x{stray[at]:02X} after" in text
    assert read_bytes(tmp_path, content).manifest.format.encoding == codec


def test_bad_byte_outside_the_sample_is_found(tmp_path: Path) -> None:
    """Reading the whole file finds it."""
    lines = [f"{n};Störung Nummer {n} im Büro, größer" for n in range(60_000)]
    content = "\n".join(["id;word", *lines, ""]).encode("cp1252")
    text = refusal_of_bytes(tmp_path, content.replace(b"Nummer 30000 ", b"Nummer \x81 "))
    assert "looks like Windows-1252, but row 30002 (byte " in text


def test_c1_control_characters_exclude_iso_encodings(tmp_path: Path) -> None:
    """Windows encodings have signs there."""
    polish = ["Drukarka płonie", "Proszę o pilną pomoc, żółć gęślą jaźń", "Dzień dobry, świetnie"]
    content = "\n".join(["word", *(f'"{cell}"' for cell in polish), ""]).encode("iso8859_2")
    table = read_bytes(tmp_path, content)
    assert table.cells == [[cell] for cell in polish]
    assert table.manifest.format.encoding == "iso8859_2"
    assert "no other encoding fits the text" in refusal_of_bytes(tmp_path, content + b'"5\x80"\n')
