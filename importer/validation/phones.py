"""Phone numbers as people of one region write them, to E.164."""

from __future__ import annotations

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberFormat, ValidationResult

# Besides plain lengths: where a number is dialled only within its town, E.164 would be another number.
_POSSIBLE = ValidationResult.IS_POSSIBLE
_LONGEST_LOCAL = 9  # digits


def is_region(code: str) -> bool:
    """Whether there are phone numbers of a region, such as IN."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(number: str, region: str) -> str | None:
    """The number with a plus, country code and nothing but digits; ``None`` if it can't be one.

    Judged by country code and length, and not by which numbers are given out: those change faster than any program
    learns of it. But a short one without the region's leading 0 may be a local number, which E.164 would make another
    one of: it has to be given out. A number with letters is none, because E.164 has no place for them;
    an extension is left out before.
    """
    if any(map(str.isalpha, number)):
        return None
    try:
        parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    if parsed.extension or phonenumbers.is_possible_number_with_reason(parsed) != _POSSIBLE:
        return None
    if _may_be_local(parsed, region) and not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def _may_be_local(parsed: PhoneNumber, region: str) -> bool:
    """Whether a number is written with neither a country code nor the leading 0 that its region has."""
    if parsed.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return False
    number = phonenumbers.national_significant_number(parsed)
    if len(number) > _LONGEST_LOCAL or phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) is None:
        return False
    return number == phonenumbers.normalize_digits_only(parsed.raw_input or "")
