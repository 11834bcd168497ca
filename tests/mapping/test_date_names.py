"""Dates as another library writes them in many languages, and read by us."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from babel.dates import format_datetime

from importer.mapping.date_names import DateTranslator

LANGUAGES = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "de_AT", "el", "en_GB", "es", "es_MX", "et", "fa", "fi", "fr", "fr_CA"),
    *("gu", "he", "hi", "hr", "hu", "id", "it", "kn", "lt", "lv", "ml", "mr", "ms", "nl", "no", "pa", "pl", "pt", "pt_BR"),
    *("ro", "ru", "sk", "sl", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur"),
)  # fmt: skip
PATTERNS = {  # of CLDR -> of strptime
    "d MMMM y": "%d %B %Y",
    "d MMM y": "%d %b %Y",
    "d. LLLL y": "%d. %B %Y",
    "EEEE, d LLL y": "%A, %d %b %Y",
    "EEE d/MMM/yy": "%a %d/%b/%y",
}


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_month_of_a_language_is_read(locale: str):
    for written_as, time_format in PATTERNS.items():
        translator = DateTranslator(locale, time_format)
        for month in range(1, 13):
            moment = datetime(2024, month, 13, tzinfo=UTC)
            text = format_datetime(moment, written_as, locale=f"{locale}@numbers=latn")
            read = datetime.strptime(translator.to_english(text), translator.format).replace(tzinfo=UTC)
            assert read == moment, text
