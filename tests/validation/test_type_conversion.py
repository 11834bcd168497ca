"""Each type: which cells are valid, and the one form in which its values are sent."""

from __future__ import annotations

import pytest

from importer.mapping import FieldType
from tests.validation.checking import convert_all, convert_one

GUID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"


@pytest.mark.parametrize("cell", ["00123", "NA", "1e5", "=1+1", " x ", "a\nb", "12345678901234567890", "漢字", "nan"])
def test_text_is_never_interpreted(cell: str):
    """A text is sent letter by letter."""
    assert convert_one(FieldType.TEXT, cell) == cell


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("42", "42"),
        ("+42", "42"),
        ("-42", "-42"),
        (" 42 ", "42"),
        ("007", "7"),
        ("-007", "-7"),
        ("000", "0"),
        ("-0", "0"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("4.0", None),
        ("1e3", None),
        ("1,000", None),
        ("1 000", None),
        ("--1", None),
        ("+", None),
        ("−5", None),  # the typographic minus sign
        ("１２", None),
        ("٣", None),
        ("0x10", None),
        (" ", None),
    ],
)
def test_integers(cell: str, value: str | None):
    """A whole number of any length, in ASCII digits, loses its plus sign and leading zeros and nothing else."""
    assert convert_one(FieldType.INTEGER, cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12.5", "12.5"),
        ("12.50", "12.50"),
        ("-12.5", "-12.5"),
        ("+12.5", "12.5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("007.50", "7.50"),
        ("1e5", "100000"),
        ("1E+5", "100000"),
        ("1e-5", "0.00001"),
        ("0e5", "0"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("12345678901234567890.12345678901234567890", "12345678901234567890.12345678901234567890"),
        ("12,5", None),
        ("1,000.5", None),
        ("1.2.3", None),
        (".", None),
        ("1e", None),
        ("1e1000", None),
        ("inf", None),
        ("NaN", None),
        ("1_000", None),
        ("50 %", None),
    ],
)
def test_numbers(cell: str, value: str | None):
    """A number keeps every digit, without floats; an exponent is written out."""
    assert convert_one(FieldType.NUMBER, cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((cell, "true") for cell in ("true", "TRUE", "Yes", "y", "1", "on", " yes ")),
        *((cell, "false") for cell in ("false", "False", "NO", "n", "0", "off")),
        *((cell, None) for cell in ("ja", "2", "truee", "yes no", "-1", "1.0", "x")),
    ],
)
def test_booleans(cell: str, value: str | None):
    """The usual English words and 1 and 0, in any case; no other word is guessed."""
    assert convert_one(FieldType.BOOLEAN, cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2024-08-29", "2024-08-29"),
        (" 2024-08-29 ", "2024-08-29"),
        ("2024-02-29", "2024-02-29"),
        ("0999-01-01", "0999-01-01"),
        ("9999-12-31", "9999-12-31"),
        *((cell, None) for cell in ("2023-02-29", "2024-13-01", "2024-08-00", "2024-8-9", "20240829", "29/08/2024")),
        *(
            (cell, None)
            for cell in ("2024-08-29T10:00:00", "24-08-29", "today", "now", "NaT", "٢٠٢٤-٠٨-٢٩", "0000-01-01")
        ),
    ],
)
def test_iso_dates(cell: str, value: str | None):
    """Without a format only a full ISO date that exists is valid."""
    assert convert_one(FieldType.DATE, cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2024-08-29T10:36:23", "2024-08-29T10:36:23"),
        ("2024-08-29 10:36:23", "2024-08-29T10:36:23"),
        ("2024-08-29T10:36", "2024-08-29T10:36:00"),
        ("2024-08-29", "2024-08-29T00:00:00"),
        ("2024-08-29T10:36:23.999999", "2024-08-29T10:36:23"),
        *((cell, None) for cell in ("2024-08-29T24:00:00", "2024-08-29T10:60", "2024-08-29T10:36:60", "2024-08-29T10")),
        *((cell, None) for cell in ("10:36", "2024-08-29Z", "2024-08-29T10:36:23 Z", "today")),
    ],
)
def test_iso_dates_and_times(cell: str, value: str | None):
    """A missing time is midnight and missing seconds are zero; fractions are cut off, never rounded up."""
    assert convert_one(FieldType.DATETIME, cell) == value


@pytest.mark.parametrize(
    ("written_as", "cell", "value"),
    [
        ("%d/%m/%Y", "03/04/2024", "2024-04-03"),
        ("%m/%d/%Y", "03/04/2024", "2024-03-04"),
        ("%d.%m.%y", "3.4.24", "2024-04-03"),
        ("%d %b %Y", "3 Apr 2024", "2024-04-03"),
        ("%Y%m%d", "20240403", "2024-04-03"),
        ("%d/%m/%Y", "31/04/2024", None),
        ("%d/%m/%Y", "01/01/0000", None),
        ("%d/%m/%Y", "03/04/2024 10:00", None),
        ("%d/%m/%Y", "2024-04-03", None),
    ],
)
def test_dates_in_a_format(written_as: str, cell: str, value: str | None):
    """A format is the only way to read its cells: day and month are never swapped."""
    assert convert_one(FieldType.DATE, cell, format=(written_as,)) == value


@pytest.mark.parametrize("written_as", ["%d/%m/%Y", "%Y-%m-%d", "%d/%m/%Y %H:%M"])
@pytest.mark.parametrize("cell", ["now", "today", "NaT", "nan", "None", "NA"])
@pytest.mark.parametrize("kind", [FieldType.DATE, FieldType.DATETIME])
def test_words_are_no_dates(kind: FieldType, cell: str, written_as: str):
    """`today` in a cell does not become the day of the import, nor does `NaT` become an empty value."""
    assert convert_one(kind, cell, format=(written_as,)) is None


@pytest.mark.parametrize(
    ("zone", "cell", "value"),
    [
        ("Asia/Kolkata", "2024-08-29T10:36:23", "2024-08-29T05:06:23"),
        ("Asia/Kolkata", "2024-08-29T02:00:00", "2024-08-28T20:30:00"),
        ("America/New_York", "2024-12-31T22:00:00", "2025-01-01T03:00:00"),
        ("Europe/Berlin", "2024-07-01T12:00:00", "2024-07-01T10:00:00"),
        ("Europe/Berlin", "2024-01-01T12:00:00", "2024-01-01T11:00:00"),
        ("Europe/Berlin", "2024-03-31T01:59:59", "2024-03-31T00:59:59"),
        ("Europe/Berlin", "2024-03-31T02:30:00", None),  # skipped by the clocks
        ("Europe/Berlin", "2024-03-31T03:00:00", "2024-03-31T01:00:00"),
        ("Europe/Berlin", "2024-10-27T02:30:00", None),  # repeated by the clocks
        ("Europe/Berlin", "2024-10-27T03:00:00", "2024-10-27T02:00:00"),
        ("UTC", "2024-10-27T02:30:00", "2024-10-27T02:30:00"),
        *((zone, cell, None) for zone in ("Asia/Kolkata", "America/New_York") for cell in ("0001-01-01", "9999-12-31")),
    ],
)
def test_times_in_a_zone_are_sent_as_utc(zone: str, cell: str, value: str | None):
    """A time that exists once is sent in UTC; one that exists never or twice is refused, never guessed."""
    assert convert_one(FieldType.DATETIME, cell, timezone=zone) == value


def test_one_impossible_time_leaves_the_others_alone():
    """A time outside every zone's range is a problem of its own row only."""
    cells = ["9999-12-31T23:59:59", "2024-08-29T10:36:23", "words"]
    assert convert_all(FieldType.DATETIME, cells, timezone="America/New_York") == [None, "2024-08-29T14:36:23", None]


@pytest.mark.parametrize("zone", [None, "Asia/Kolkata"])
def test_offsets_in_the_cells_win_over_the_zone(zone: str | None):
    """With %z every cell has its own offset, so a column may mix offsets; all are sent in UTC."""
    cells = ["29/08/2024 10:36 +0530", "29/08/2024 10:36 +0000", "29/08/2024 10:36 -05:00", "29/08/2024 10:36", "today"]
    expected = ["2024-08-29T05:06:00", "2024-08-29T10:36:00", "2024-08-29T15:36:00", None, None]
    assert convert_all(FieldType.DATETIME, cells, format=("%d/%m/%Y %H:%M %z",), timezone=zone) == expected


def test_an_offset_does_not_move_a_date():
    """This holds for the first and the last possible day, too."""
    cells = ["2024-08-29 +0530", "2024-08-29 -1100", "0001-01-01 +0530", "9999-12-31 -1100"]
    days = ["2024-08-29", "2024-08-29", "0001-01-01", "9999-12-31"]
    assert convert_all(FieldType.DATE, cells, format=("%Y-%m-%d %z",)) == days


def test_a_column_without_any_valid_date_is_all_problems():
    """A column without a single valid cell raises no error."""
    assert convert_all(FieldType.DATETIME, ["a", "b"], format=("%Y-%m-%d %z",)) == [None, None]
    assert convert_all(FieldType.DATETIME, ["a", "b"], format=("%Y-%m-%d",), timezone="UTC") == [None, None]


@pytest.mark.parametrize(
    ("cell", "fits"),
    [
        ("mina@example.com", True),
        ("mina.o'neil+tag@sub.example.com", True),
        ("ünal@example.com", True),
        ("mina@büro.example.com", True),
        *((cell, False) for cell in ("mina", "mina@", "@example.com", "mina@localhost", "mina@example", "mina@example..com")),
        *((cell, False) for cell in ("mina@example.com.", ".mina@example.com", "mi na@example.com", "a@example.com;b@example.com")),
        *((cell, False) for cell in ("<mina@example.com>", "Mina <mina@example.com>", "mina@[127.0.0.1]", "mina@example。com")),
        *((cell, False) for cell in ("mi\x00na@example.com", "\ud800@example.com", "mina@\ud800.com")),
    ],
)  # fmt: skip
def test_emails(cell: str, fits: bool):  # noqa: FBT001 - a case, not a flag
    """One address, checked without network access, is sent as written."""
    assert convert_one(FieldType.EMAIL, cell) == (cell if fits else None)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("+91-9876543210", "+91-9876543210"),
        ("(0123) 456 789", "0123456789"),
        ("0123/45.67.89", "0123456789"),
        ("12 - 34 - 5678", "12-34-5678"),
        ("+1 202 555 0100", "+12025550100"),
        ("123456", "123456"),
        *((f"030 123456{extension}", "030123456") for extension in ("x12", " x 12", " ext 7", ", Ext. 7", ";ext=7", "#12", " доб. 12")),
        ("123456789012345", "123456789012345"),
        *((cell, None) for cell in ("12345", "1234567890123456", "1--23456", "-123456", "123456-", "+-123456", "++123456")),
        *((cell, None) for cell in ("12345a", "123456 ext", "12345 x7", "123+456", "１２３４５６", "()", "none")),
    ],
)  # fmt: skip
def test_phones(cell: str, value: str | None):
    """6 to 15 digits, without extension and punctuation except single hyphens."""
    assert convert_one(FieldType.PHONE, cell) == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (GUID, GUID),
        (GUID.upper(), GUID),
        (f"{{{GUID}}}", GUID),
        (f" {GUID} ", GUID),
        (GUID.replace("-", ""), None),
        (GUID[:-1], None),
        (f"{GUID}0", None),
        (GUID.replace("8", "g"), None),
        ("(" + GUID + ")", None),
        (f"{{{GUID}", None),
        (f"{GUID}}}", None),
    ],
)
def test_guids(cell: str, value: str | None):
    """8-4-4-4-12 hexadecimal digits, with or without braces, are sent in lower case."""
    assert convert_one(FieldType.GUID, cell) == value


@pytest.mark.parametrize(
    ("formats", "cell", "value"),
    [
        (["epoch"], "1724927783", "2024-08-29T10:36:23"),
        (["epoch"], " 1724927783.9 ", "2024-08-29T10:36:23"),
        (["epoch"], "1.724927783e9", "2024-08-29T10:36:23"),
        (["epoch"], "0", "1970-01-01T00:00:00"),
        (["epoch"], "-1.5", "1969-12-31T23:59:58"),
        (["epoch"], "99999999999", "5138-11-16T09:46:39"),
        (["epoch"], "1724927783000", None),
        (["epoch"], "1724927783 s", None),
        (["epoch"], "2024-08-29", None),
        (["epoch"], "\u0661\u0662", None),
        (["epoch"], "nan", None),
        (["epoch-ms"], "1724927783999", "2024-08-29T10:36:23"),
        (["epoch-ms"], "1724927783", None),
        (["epoch-ms"], "999999999999999", None),
        (["epoch", "epoch-ms"], "1724927783", "2024-08-29T10:36:23"),
        (["epoch", "epoch-ms"], "1724927783000", "2024-08-29T10:36:23"),
        (["epoch", "%d/%m/%Y"], "29/08/2024", "2024-08-29T00:00:00"),
    ],
)
def test_times_since_1970(formats: list[str], cell: str, value: str | None):
    """Seconds and milliseconds differ in size, so neither is taken for the other."""
    assert convert_one(FieldType.DATETIME, cell, format=tuple(formats)) == value
    assert convert_one(FieldType.DATE, cell, format=tuple(formats)) == (value and value[:10])


def test_a_time_zone_is_for_the_other_formats():
    """Times since 1970 are in UTC, whatever the zone of the other cells is."""
    cells = ["1724927783", "29/08/2024 12:00"]
    formats = ("epoch", "%d/%m/%Y %H:%M")
    expected = ["2024-08-29T10:36:23", "2024-08-29T10:00:00"]
    assert convert_all(FieldType.DATETIME, cells, format=formats, timezone="Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("locale", "written_as", "cell", "value"),
    [
        ("de", "%d. %B %Y", "29. August 2024", "2024-08-29"),
        ("de", "%d. %B %Y", "1. März 2024", "2024-03-01"),
        ("de", "%d. %B %Y", "1. MAERZ 2024", None),
        ("de", "%d/%b/%y", "28/Mrz/21", "2021-03-28"),
        ("de", "%d/%b/%y", "28/Mär/21", "2021-03-28"),
        ("de-AT", "%d. %B %Y", "1. Jänner 2024", "2024-01-01"),
        ("de", "%d. %b. %Y", "29. Sept. 2024", "2024-09-29"),
        ("de", "%d. %b %Y", "29. Sept. 2024", "2024-09-29"),
        ("de", "%a, %d. %b %Y", "Do., 29. Aug. 2024", "2024-08-29"),
        ("fr", "%d %B %Y", "29 août 2024", "2024-08-29"),
        ("fr", "%d %b %Y", "1 juil. 2024", "2024-07-01"),
        ("fr", "%d %b %Y", "1 jui 2024", None),
        ("fr_CA", "%a %d %b %Y à %H h %M", "mar. 12 mars 2024 à 10 h 36", "2024-03-12"),
        ("fr", "%d %B %Y", "1 FEVRIER 2024", "2024-02-01"),
        ("es", "%d de %B de %Y", "29 de agosto de 2024", "2024-08-29"),
        ("pt-BR", "%A, %d de %B de %Y", "quinta-feira, 29 de agosto de 2024", "2024-08-29"),
        ("ru", "%d %B %Y", "29 августа 2024", "2024-08-29"),
        ("cs", "%d. %B %Y", "1. července 2024", "2024-07-01"),
        ("pl", "%d %b %Y", "1 paź 2024", "2024-10-01"),
        ("tr", "%d %B %Y", "1 Ağustos 2024", "2024-08-01"),
        ("hi", "%d %B %Y", "29 अगस्त 2024", "2024-08-29"),
        ("it", "%d-%b-%Y", "29-ago-2024", "2024-08-29"),
        ("de", "%d %b %Y", "29 Dec 2024", "2024-12-29"),
        ("de", "%d %b %Y", "29 août 2024", None),
        ("de", "%d %b %Y", "29 Augustin 2024", None),
    ],
)
def test_dates_with_names_of_a_language(locale: str, written_as: str, cell: str, value: str | None):
    """Full or short names are read; case, accents and the dot after a short name don't matter."""
    assert convert_one(FieldType.DATE, cell, format=(written_as,), locale=locale) == value


def test_half_days_and_offsets_with_names_of_a_language():
    """Other directives stay as they are."""
    options = {"format": ("%d-%b-%Y %I:%M %p %z",), "locale": "es"}
    assert convert_one(FieldType.DATETIME, "29-ago-2024 04:06 p. m. +0530", **options) == "2024-08-29T10:36:00"
