"""Names of months, weekdays and halves of the day in a language, for dates such as ``29 août 2024``. Pure.

The names are those of Unicode's CLDR.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator

from babel import Locale, UnknownLocaleError

# Directive of strptime -> its names in English, in the order of CLDR's numbers.
_ENGLISH = {
    "%B": calendar.month_name[1:],
    "%b": calendar.month_abbr[1:],
    "%A": calendar.day_name[:],
    "%a": calendar.day_abbr[:],
    "%p": ["AM", "PM"],
}
_SHORTEST = 3  # letters; CLDR writes `Sept.` where programs write `Sep`
_OTHER_MONTHS = {"de": {"Mrz": 2}}  # as Excel and Java write it
_MARKS = re.compile("[\u0300-\u036f]")
_LETTER = r"[^\W\d_]"


def locale_error(name: str) -> str:
    """Return why ``name`` is no locale; empty if it is one."""
    try:
        Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return "is not a known locale; write a language such as `de` or `fr`, or one with a country such as `pt-BR`"
    return ""


def named_directives(time_format: str) -> list[str]:
    """Return the directives of a format that stand for names, in their order."""
    return [each for each in re.findall("%.", time_format, re.DOTALL) if each in _ENGLISH]


def directive_without_names(locale: str, time_format: str) -> str:
    """Return the first directive for which the locale has numbers instead of names, as in `8月`; else an empty text."""
    parsed = Locale.parse(locale.replace("-", "_"))
    return next((each for each in named_directives(time_format) if not _names(parsed, each)[0]), "")


class DateTranslator:
    """Translates cells of one locale and format to English, which strptime reads. Accents and case don't matter."""

    def __init__(self, locale: str, time_format: str) -> None:
        parsed = Locale.parse(locale.replace("-", "_"))
        # strptime does not use the weekday of a date with %d. So `st` may be both st and št in Slovak.
        any_day = "%d" in time_format.replace("%%", "")
        self._directives = [(each, *_names(parsed, each, any_day=any_day)) for each in named_directives(time_format)]
        self._keeps_dot = [
            time_format[at + 2 : at + 3] == "."
            for at in (found.start() for found in re.finditer("%.", time_format, re.DOTALL))
            if time_format[at : at + 2] in _ENGLISH
        ]
        self.format = _without_accents(time_format)

    def to_english(self, cell: str) -> str:
        """Return the cell with English names; unchanged but for accents if it has no such names."""
        text = _without_accents(cell)
        parts, rest = [], 0
        for (directive, numbers, pattern), keeps_dot in zip(self._directives, self._keeps_dot, strict=True):
            found = pattern.search(text, rest)
            if found is None:
                return text
            parts += [text[rest : found.start()], _ENGLISH[directive][numbers[found[1].lower()]]]
            rest = found.end(1) if keeps_dot else found.end()
        return "".join((*parts, text[rest:]))


def _names(locale: Locale, directive: str, *, any_day: bool = False) -> tuple[dict[str, int], re.Pattern[str]]:
    """Return the names of a directive with their numbers from 0, and a pattern that finds one of them."""
    numbers: dict[str, set[int]] = {}
    for name, number in _every_name(locale, directive):
        if not any(map(str.isdigit, name)):  # `8月` is read by %m
            numbers.setdefault(_without_accents(name).rstrip(".॰").lower(), set()).add(number)
    starts: dict[str, set[int]] = {}
    for name, of_name in numbers.items():
        if directive in ("%B", "%b"):
            starts.setdefault(name[:_SHORTEST], set()).update(of_name)
    any_day = any_day and directive in ("%A", "%a")
    known = {name: min(found) for name, found in {**starts, **numbers}.items() if len(found) == 1 or any_day}
    names = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    return known, re.compile(rf"(?<!{_LETTER})({names or '(?!)'})(?!{_LETTER})[.॰]?", re.IGNORECASE)


def _every_name(locale: Locale, directive: str) -> Iterator[tuple[str, int]]:
    if directive == "%p":
        for of_context in locale.day_periods.values():
            for of_width in of_context.values():
                yield from ((of_width[name], number) for number, name in enumerate(("am", "pm")) if name in of_width)
        return
    is_month = directive in ("%B", "%b")
    for of_context in (locale.months if is_month else locale.days).values():
        for width, names in of_context.items():
            if width != "narrow":
                yield from ((name, key - is_month) for key, name in names.items())
    if is_month:
        yield from _OTHER_MONTHS.get(locale.language, {}).items()


def _without_accents(text: str) -> str:
    """Remove accents, and replace the wide and narrow blanks that some languages put into names."""
    plain = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))
    return plain.replace("\u00a0", " ").replace("\u202f", " ")
