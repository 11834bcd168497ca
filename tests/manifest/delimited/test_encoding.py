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
        ("utf-16-le", b"", "probably UTF-16 LE"),
        ("utf-16-be", b"", "probably UTF-16 BE"),
        ("cp1252", b"", "probably Windows-1252"),
    ],
)
def test_encoding_is_detected(tmp_path: Path, codec: str, mark: bytes, name: str) -> None:
    """By a byte order mark, which is skipped, or by the whole text."""
    table = read_bytes(tmp_path, mark + GERMAN.encode(codec))
    assert table.columns == ["Name", "Ort"]
    assert table.cells == [["Müller", "Zürich"], ["Größer", "Köln – “Süd” 5 €"]]
    assert table.how == f"CSV, {name}, semicolon-separated"


@pytest.mark.parametrize("codec", TEXTS)
def test_old_encodings_are_guessed_with_a_warning(tmp_path: Path, codec: str) -> None:
    """The words decide."""
    table = read_bytes(tmp_path, TEXTS[codec].encode(codec))
    assert [";".join(table.columns), *map(";".join, table.cells)] == TEXTS[codec].splitlines()
    assert table.manifest.format.encoding == codec
    assert table.manifest.format.is_encoding_guessed


@pytest.mark.parametrize("word", ["café", "naïve", "Núñez", "5 °C", "Ærø"])
def test_windows_1252_wins_a_tie(tmp_path: Path, word: str) -> None:
    """A few accents fit many Western encodings."""
    table = read_bytes(tmp_path, f"id;word\n1;{word}\n".encode("cp1252"))
    assert table.cells == [["1", word]]


def test_accents_at_the_end_of_a_large_file_count(tmp_path: Path) -> None:
    content = b"id;word\n" + b"1;plain text\n" * 100_000 + "2;Zażółć gęślą jaźń, drukarka nie działa\n".encode("cp1250")
    table = read_bytes(tmp_path, content)
    assert table.cells[-1] == ["2", "Zażółć gęślą jaźń, drukarka nie działa"]


def test_sample_for_guessing_is_bounded(tmp_path: Path) -> None:
    """Cells larger than it are left out."""
    lines = [f"{n};Störung Nummer {n} im Büro, größer" for n in range(60_000)]
    content = "\n".join(["id;word", *lines, "9;" + "ä" * 10_000]).encode("cp1252")
    table = read_bytes(tmp_path, content)
    assert table.manifest.format.encoding == "cp1252"
    assert table.cells[-1][1] == "ä" * 10_000


def test_utf8_with_few_bad_bytes_stays_utf8(tmp_path: Path) -> None:
    """Another encoding would change all its other characters."""
    content = "a,b\n1,日本語\n2,é".encode() + b"\xe9,\n"
    text = refusal_of_bytes(tmp_path, content)
    assert "is UTF-8 except for a few bytes: row 3 (byte 20 of the file: 0xE9 after '2,é')" in text


def test_characters_across_blocks_are_decoded(tmp_path: Path) -> None:
    """Errors behind them have the right byte position."""
    head = b"a,b\n1," + b"x" * ((1 << 20) - 7)
    assert read_bytes(tmp_path, head + "ü\n".encode()).cells[0][1].endswith("xü")
    text = refusal_of_bytes(tmp_path, head + b"\xc3\n", encoding="utf-8")
    assert f"row 2 (byte {len(head)} of the file: 0xC3 after '" in text


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
def test_encoding_of_the_mapping_is_used(tmp_path: Path, wanted: str, content: bytes) -> None:
    """Under any of its names; its byte order mark is skipped."""
    table = read_bytes(tmp_path, content, encoding=wanted)
    assert (table.columns, table.cells) == (["a", "b"], [["ü", "2"]])
    assert not table.manifest.format.is_encoding_guessed


@pytest.mark.parametrize(
    ("wanted", "content", "place"),
    [
        ("ascii", "a,b\n1,2\n3,ü\n".encode(), "row 3 (byte 10 of the file: 0xC3 after '3,')"),
        ("utf-8", codecs.BOM_UTF8 + b"a,b\n1,\xff\n", "row 2 (byte 9 of the file: 0xFF after '1,')"),
        ("utf-8", b"a,b\n1,\xc3", "row 2 (byte 6 of the file: the file ends within a character after '1,')"),
        ("cp1252", b"a\n\x81\n", "row 2 (byte 2 of the file: 0x81)"),
    ],
)
def test_wrong_encoding_of_the_mapping_is_an_error(tmp_path: Path, wanted: str, content: bytes, place: str) -> None:
    """The first bad place is named by line and byte."""
    text = refusal_of_bytes(tmp_path, content, encoding=wanted)
    assert f"is not {wanted}, although the mapping says so: {place} can't be decoded" in text


@pytest.mark.parametrize("wanted", ["utf-9", "hex", "idna", "undefined", "", "a\0b"])
def test_unknown_encoding_is_an_error(tmp_path: Path, wanted: str) -> None:
    """Or one that is not an encoding of text."""
    assert "is not the name of an encoding" in refusal_of_bytes(tmp_path, b"a,b\n", encoding=wanted)


def test_incomplete_utf16_is_refused(tmp_path: Path) -> None:
    """The file ends with half a character."""
    content = codecs.BOM_UTF16_LE + "a,b\n1,2\n".encode("utf-16-le")[:-1]
    text = refusal_of_bytes(tmp_path, content)
    assert (
        "begins like UTF-16 LE, but row 2 (byte 16 of the file: the file ends within a character after '1,2')" in text
    )


def test_encoding_of_the_mapping_overrides_detection(tmp_path: Path) -> None:
    """UTF-16 without a byte order mark may look like a binary file."""
    content = "a\nĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀ\n".encode("utf-16-le")[:-2]
    assert "a binary file" in refusal_of_bytes(tmp_path, content)
    assert read_bytes(tmp_path, content, encoding="utf-16-le").cells == [["ĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀĀ"]]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\xff,x\n", b"x,\xe2\x82"])
def test_bad_byte_in_a_large_file_is_named_by_line_and_byte(tmp_path: Path, mark: bytes, end: bytes) -> None:
    """Also if the file ends inside a character."""
    lines = 300_000
    content = mark + b"abc,d\n" * lines + end
    text = refusal_of_bytes(tmp_path, content, encoding="utf-8")
    at = content.rindex(b"\xff" if b"\xff" in end else b"\xe2")
    assert f"row {lines + 1} (byte {at} of the file: " in text


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        "id;word\n1;plain\n",
        "Имя;Тема\nРоман;Не могу войти в систему\n",
        "姓名;主题\n王;无法登录系统 🎫\n",
        "שם\tנושא\r\nדנה\tלא מצליח להיכנס\r\n",
    ],
)
def test_utf16_and_utf32_without_a_mark_are_detected(tmp_path: Path, codec: str, text: str) -> None:
    """By the positions of zero bytes in line ends and delimiters."""
    table = read_bytes(tmp_path, text.encode(codec))
    cells = [line.replace("\t", ";").split(";") for line in text.splitlines()]
    assert [table.columns, *table.cells] == cells
    assert table.manifest.format.encoding == codec
    assert table.how.startswith(f"CSV, probably {codec[:6].upper()}")


# Texts as customers write them: the letters of a language, of which code pages differ in a few.
WORDS = [
    ("cp1252", "Der Drucker im Büro läuft nicht, größere Störung;Müller hat kein Passwort"),
    ("cp1252", "Problème réseau, le mot de passe a été oublié;Merci de réinitialiser"),
    ("cp1252", "No puedo iniciar sesión en la página;La contraseña caducó ayer por la mañana"),
    ("cp1252", "Não consigo fazer login, a senha está incorreta;A solicitação não foi concluída"),
    ("cp1252", "Skrivaren går inte att använda på kontoret;Lösenordet är för kort"),
    ("cp1252", "“it’s 5 €” – ok…"),
    ("cp1250", "příliš žluťoučký kůň"),
    ("cp1250", "Tiskárna nefunguje, prosím o pomoc;Uživatel se nemůže přihlásit do systému"),
    ("cp1250", "A nyomtató nem működik, kérem segítsenek;Elfelejtettem a jelszót"),
    ("cp1250", "Łódź"),
    ("iso8859_2", "Zapomniałem hasła do systemu, proszę o reset. Ważne: śruba, źle"),
    ("cp1254", "Yazıcı çalışmıyor, lütfen yardım edin;Şifremi unuttum"),
    ("cp1257", "Spausdintuvas neveikia, prašome pagalbos;Pamiršau slaptažodį, negaliu prisijungti šįryt"),
    ("cp1255", "אני לא מצליח להיכנס למערכת;המדפסת לא עובדת"),
    ("cp1256", "لا أستطيع تسجيل الدخول إلى النظام;الطابعة لا تعمل"),
    ("cp874", "ไม่สามารถเข้าสู่ระบบได้;เครื่องพิมพ์ไม่ทำงาน"),
    ("cp932", "東京都の顧客"),
    ("euc_jp", "ログインできません;プリンターが動かない"),
    ("iso2022_kr", "시스템에 로그인할 수 없습니다;프린터가 작동하지 않습니다"),
    ("iso2022_jp", "ログインできません;プリンターが動かない"),
    ("big5", "無法登入系統;印表機無法運作，請協助"),
    ("cp949", "시스템에 로그인할 수 없습니다;프린터가 작동하지 않습니다"),
    ("cp866", "Не могу войти в систему, забыл пароль;Принтер не работает"),
    ("cp850", "Der Drucker im Büro läuft nicht, größere Störung;Müller hat kein Passwort"),
    ("cp850", "Störung"),
    ("cp850", "Bitte ein gültiges Kürzel eingeben;Überfällig, für später"),
    ("cp1252", "þörf á aðstoð"),
    ("cp1257", "šįryt;žodis;įžanga"),
    ("cp1251", "ПРИНТЕР;НЕТ СЧЕТА;СРОЧНО"),
    ("iso8859_2", "Drukarka płonie;Proszę o pilną pomoc, żółć gęślą jaźń;Dzień dobry, świetnie"),
    ("mac_roman", "Der Drucker im Büro läuft nicht, größere Störung;Müller hat kein Passwort"),
]


@pytest.mark.parametrize(("codec", "text"), WORDS)
def test_two_cells_are_enough_for_a_guess(tmp_path: Path, codec: str, text: str) -> None:
    """Their words decide; the warning shows one of them."""
    lines = [f"{number}\t{cell}" for number, cell in enumerate(text.split(";"))]
    table = read_bytes(tmp_path, "\n".join(["id\tword", *lines]).encode(codec))
    assert ["\t".join(record) for record in table.cells] == lines
    assert table.manifest.format.is_encoding_guessed


def test_single_bytes_do_not_suggest_japanese(tmp_path: Path) -> None:
    """Half-width katakana are single bytes and fit text of any script."""
    table = read_bytes(tmp_path, "id;word\n1;ПРИНТЕР\n2;НЕТ СЧЕТА\n3;СРОЧНО\n".encode("cp1251"))
    assert table.how == "CSV, Windows-1251 as a guess, semicolon-separated"


def test_guess_is_reported_with_an_example_cell(tmp_path: Path) -> None:
    """And with the line that sets the encoding, which ends the warning."""
    content = "id;ort\n1;Zürich\n2;a very long cell with nothing much in it but an ü, far from its end\n".encode(
        "cp1252"
    )
    table = read_bytes(tmp_path, content)
    (warning,) = table.manifest.format.warnings
    assert "In Windows-1252 one of its cells is 'Zürich'" in warning
    assert "`manifest: {encoding: cp1252}`" in warning
    said = read_bytes(tmp_path, content, encoding="cp1252")
    assert said.how == "CSV, Windows-1252 as set in the mapping, semicolon-separated"
    assert said.manifest.format.warnings == ()
    assert not said.manifest.format.is_encoding_guessed


def test_bad_byte_is_named_by_spreadsheet_row(tmp_path: Path) -> None:
    """With its line, and the text before it. Quoted line breaks are no rows."""
    content = 'id,text\r1,"a\r\nb\nc"\r2,日本'.encode() + b"\xff,x\r"
    text = refusal_of_bytes(tmp_path, content)
    at = content.index(b"\xff")
    assert f"row 3 (line 5, byte {at} of the file: 0xFF after '2,日本')" in text
    assert "Export the file again as UTF-8, correct that cell, or set `manifest: {encoding}`" in text


@pytest.mark.parametrize("shift", range(4))
def test_row_of_a_bad_byte_counts_across_blocks(tmp_path: Path, shift: int) -> None:
    """A block may end inside a line end or a quote."""
    line = b'1,"x\r\ny"\r\n'
    content = b"a,b\r\n" + b"z" * shift + line * 200_000 + b"2,\xff"
    text = refusal_of_bytes(tmp_path, content, encoding="utf-8")
    assert "row 200002 (line 400002, byte" in text


@pytest.mark.parametrize("wanted", ["utf-16", "utf-32"])
def test_byte_order_is_detected_without_a_mark(tmp_path: Path, wanted: str) -> None:
    """If that is impossible, the mapping must set it."""
    table = read_bytes(tmp_path, "a,b\nü,2\n".encode(f"{wanted}-be"), encoding=wanted)
    assert (table.columns, table.cells) == (["a", "b"], [["ü", "2"]])
    assert f"{wanted}-le or {wanted}-be" in refusal_of_bytes(tmp_path, b"a,b\n1,2\n", encoding=wanted)


def test_replacement_characters_are_reported(tmp_path: Path) -> None:
    """An earlier program lost these characters. The warning has their number."""
    table = read_bytes(tmp_path, "a\nx\ufffdy\ufffd\n\ufffd\n".encode())
    assert table.cells == [["x\ufffdy\ufffd"], ["\ufffd"]]
    (warning,) = table.manifest.format.warnings
    assert "3 times: another program wrote it in place of text" in warning


def test_possible_hz_text_is_read_as_ascii_with_a_warning(tmp_path: Path) -> None:
    """ASCII texts may contain the switches of HZ."""
    content = "word\n打印机\n".encode("hz")
    table = read_bytes(tmp_path, content)
    assert table.cells == [["~{4rS!;z~}"]]
    assert table.how == "CSV, probably UTF-8, one column"
    (warning,) = table.manifest.format.warnings
    assert "`manifest: {encoding: hz}`" in warning
    assert read_bytes(tmp_path, content, encoding="hz").cells == [["打印机"]]
    assert read_bytes(tmp_path, b"word\na ~{x}\n").manifest.format.warnings == ()


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        ("cp1250", ["Źle wysłane", "Dziękuję"]),
        ("cp1250", ["Dzień", "Mój", "Źle", "Kraków"]),
        ("cp1250", ["Děkuji", "Příliš žluťoučký kůň"]),
        ("cp1252", ["25°C", "10 µm", "½ price"]),
        ("cp1252", ["m² area", "10 m³ water"]),
        ("cp1252", ["5 × 4 m", "3 ÷ 2"]),
        ("cp1252", ["Can’t log in", "Price is £20 – too high", "“urgent” please"]),
    ],
)
def test_correct_words_decide_the_guess(tmp_path: Path, codec: str, words: list[str]) -> None:
    """Signs alone do not suggest a rare language."""
    content = "".join(f"{number},{word}\n" for number, word in enumerate(["T", *words])).encode(codec)
    assert [cells[1] for cells in read_bytes(tmp_path, content).cells] == words


def test_example_cell_differs_between_encodings(tmp_path: Path) -> None:
    """One that is the same in Windows-1252 would prove nothing."""
    table = read_bytes(tmp_path, "Nr,T\n1,25°C\n2,żółw idzie\n3,świetnie, dziękuję\n4,gęś\n".encode("cp1250"))
    (warning,) = table.manifest.format.warnings
    assert "°" not in warning


def test_text_that_fits_several_asian_encodings_is_a_guess(tmp_path: Path) -> None:
    """Chinese, Japanese and Korean encodings overlap."""
    text = "ID,T\n1,打印机坏了\n2,发票丢失\n3,请帮忙\n4,紧急\n5,忘记密码了\n"
    assert "as a guess" in read_bytes(tmp_path, text.encode("gb18030")).how
