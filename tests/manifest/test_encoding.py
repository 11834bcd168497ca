from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from tests.manifest.reading import read_bytes, refusal_of_bytes

GERMAN = "Name;Ort\nMüller;Zürich\nGrößer;Köln – “Süd” 5 €\n"
TEXTS = {
    "cp1250": "Nazwa;Opis\n1;Zażółć gęślą jaźń\n2;Drukarka nie działa, proszę o pomoc techniczną\n",
    "cp1251": "Имя;Тема\n1;Не могу войти в систему\n2;Принтер не работает\n",
    "cp1253": "Όνομα;Θέμα\n1;Δεν μπορώ να συνδεθώ στο σύστημα, παρακαλώ βοηθήστε\n",
    "cp932": "名前;件名\n1;ログインできません\n2;プリンターが動かない\n",
    "gb18030": "姓名;主题\n1;无法登录系统\n2;打印机不工作，请帮忙\n3;客户要求退款\n",
    "koi8_r": "Имя;Тема\n1;Не могу войти в систему\n2;Принтер не работает\n3;Клиент просит вернуть деньги\n",
}


@pytest.mark.parametrize(
    ("codec", "mark", "name"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", codecs.BOM_UTF8, "UTF-8 with BOM"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16 LE with BOM"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16 BE with BOM"),
        ("utf-32-le", codecs.BOM_UTF32_LE, "UTF-32 LE with BOM"),
        ("utf-32-be", codecs.BOM_UTF32_BE, "UTF-32 BE with BOM"),
        ("utf-16-le", b"", "UTF-16 LE (a guess)"),
        ("utf-16-be", b"", "UTF-16 BE (a guess)"),
        ("cp1252", b"", "Windows-1252 (a guess)"),
    ],
)
def test_encoding_is_found(tmp_path: Path, codec: str, mark: bytes, name: str) -> None:
    """A byte order mark tells, is told, and is no part of the first name; without one the whole text is tried."""
    table = read_bytes(tmp_path, mark + GERMAN.encode(codec))
    assert table.columns == ["Name", "Ort"]
    assert table.cells == [["Müller", "Zürich"], ["Größer", "Köln – “Süd” 5 €"]]
    assert table.how == f"CSV, {name}, semicolon"


@pytest.mark.parametrize("codec", TEXTS)
def test_old_encodings_are_guessed_and_told(tmp_path: Path, codec: str) -> None:
    """Text that isn't UTF-8 is read in the encoding that its words speak for, and the guess is called one."""
    table = read_bytes(tmp_path, TEXTS[codec].encode(codec))
    assert [";".join(table.columns), *map(";".join, table.cells)] == TEXTS[codec].splitlines()
    assert table.manifest.detected.encoding == codec
    assert table.manifest.detected.guessed


@pytest.mark.parametrize("word", ["café", "naïve", "Núñez", "5 °C", "Ærø"])
def test_a_tie_goes_to_windows_1252(tmp_path: Path, word: str) -> None:
    """A few accents fit many Western pages; the most frequent one is taken."""
    table = read_bytes(tmp_path, f"id;word\n1;{word}\n".encode("cp1252"))
    assert table.cells == [["1", word]]


def test_accents_far_down_count(tmp_path: Path) -> None:
    """A megabyte of ASCII says nothing about the encoding of the last row."""
    content = b"id;word\n" + b"1;plain text\n" * 100_000 + "2;Zażółć gęślą jaźń, drukarka nie działa\n".encode("cp1250")
    table = read_bytes(tmp_path, content)
    assert table.cells[-1] == ["2", "Zażółć gęślą jaźń, drukarka nie działa"]


def test_many_accents_cost_no_more_than_few(tmp_path: Path) -> None:
    """The sample is bounded, and cells larger than it are left out of it."""
    lines = [f"{n};Störung Nummer {n} im Büro, größer" for n in range(60_000)]
    content = "\n".join(["id;word", *lines, "9;" + "ä" * 10_000]).encode("cp1252")
    table = read_bytes(tmp_path, content)
    assert table.manifest.detected.encoding == "cp1252"
    assert table.cells[-1][1] == "ä" * 10_000


def test_damaged_utf8_is_not_guessed_to_be_something_else(tmp_path: Path) -> None:
    """A text that is UTF-8 but for a few bytes is a damaged one: read otherwise, all of it would turn to rubbish."""
    content = "a,b\n1,日本語\n2,é".encode() + b"\xe9,\n"
    text = refusal_of_bytes(tmp_path, content)
    assert "is not UTF-8 (line 3, byte 20 of the file), and no other encoding fits it" in text


def test_a_character_may_stand_across_blocks(tmp_path: Path) -> None:
    """Files are proved in blocks of a megabyte; a character cut by one is whole, an error behind it is at its byte."""
    head = b"a,b\n1," + b"x" * ((1 << 20) - 7)
    assert read_bytes(tmp_path, head + "ü\n".encode()).cells[0][1].endswith("xü")
    text = refusal_of_bytes(tmp_path, head + b"\xc3\n", encoding="utf-8")
    assert f"line 2 (byte {len(head)} of the file)" in text


@pytest.mark.parametrize(
    ("wanted", "content"),
    [
        ("utf-8", codecs.BOM_UTF8 + "a,b\nü,2\n".encode()),
        ("UTF8", "a,b\nü,2\n".encode()),
        ("utf-8-sig", codecs.BOM_UTF8 + "a,b\nü,2\n".encode()),
        ("utf-8-sig", "a,b\nü,2\n".encode()),
        ("utf-16", "a,b\nü,2\n".encode("utf-16")),
        ("utf-16-be", codecs.BOM_UTF16_BE + "a,b\nü,2\n".encode("utf-16-be")),
        ("utf-16-le", "a,b\nü,2\n".encode("utf-16-le")),
        ("latin-1", "a,b\nü,2\n".encode("latin-1")),
        ("cp850", "a,b\nü,2\n".encode("cp850")),
    ],
)
def test_explicit_encoding(tmp_path: Path, wanted: str, content: bytes) -> None:
    """The mapping's word is taken, under any of its names; a mark that belongs to it is skipped."""
    table = read_bytes(tmp_path, content, encoding=wanted)
    assert (table.columns, table.cells) == (["a", "b"], [["ü", "2"]])
    assert not table.manifest.detected.guessed


@pytest.mark.parametrize(
    ("wanted", "content", "place"),
    [
        ("ascii", "a,b\n1,2\n3,ü\n".encode(), "line 3 (byte 10 of the file)"),
        ("utf-8", codecs.BOM_UTF8 + b"a,b\n1,\xff\n", "line 2 (byte 9 of the file)"),
        ("utf-8", b"a,b\n1,\xc3", "line 2 (byte 6 of the file)"),
        ("cp1252", b"a\n\x81\n", "line 2 (byte 2 of the file)"),
        ("undefined", b"a\n", "line 1 (byte 0 of the file)"),
    ],
)
def test_explicit_encoding_that_does_not_fit(tmp_path: Path, wanted: str, content: bytes, place: str) -> None:
    """The first place that can't be read is named by line and byte."""
    text = refusal_of_bytes(tmp_path, content, encoding=wanted)
    assert f"is not {wanted}, which the mapping says it is: {place} can't be read so" in text


@pytest.mark.parametrize("wanted", ["utf-9", "hex", "", "a\0b"])
def test_encoding_that_does_not_exist(tmp_path: Path, wanted: str) -> None:
    """A name that Python doesn't know, or that is no encoding of text, is a mistake in the mapping."""
    assert "is not the name of an encoding" in refusal_of_bytes(tmp_path, b"a,b\n", encoding=wanted)


def test_cut_utf16_is_refused(tmp_path: Path) -> None:
    """Half a character at the end is a cut file."""
    content = codecs.BOM_UTF16_LE + "a,b\n1,2\n".encode("utf-16-le")[:-1]
    assert "begins like UTF-16-LE, but line 2 (byte 16 of the file) can't be read so" in refusal_of_bytes(
        tmp_path, content
    )


def test_an_explicit_encoding_is_believed(tmp_path: Path) -> None:
    """UTF-16 without a mark that looks like a binary file is text if the mapping says so."""
    content = "a,b\nĀĀĀĀĀĀĀĀĀĀ,2\n".encode("utf-16-le")
    assert "a binary file" in refusal_of_bytes(tmp_path, content)
    assert read_bytes(tmp_path, content, encoding="utf-16-le").cells == [["ĀĀĀĀĀĀĀĀĀĀ", "2"]]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\xff,x\n", b"x,\xe2\x82"])
def test_a_misfit_far_down_is_told_by_its_line(tmp_path: Path, mark: bytes, end: bytes) -> None:
    """The line and the byte of the file, however much of it was read before; also where it ends inside a character."""
    lines = 300_000
    content = mark + b"abc,d\n" * lines + end
    text = refusal_of_bytes(tmp_path, content, encoding="utf-8")
    at = content.rindex(b"\xff" if b"\xff" in end else b"\xe2")
    assert f"line {lines + 1} (byte {at} of the file)" in text
