"""Converts phone numbers in the notation of one region to E.164."""

from __future__ import annotations

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberFormat, ValidationResult

# Local-only lengths are excluded: a number that is dialled only within its town has no E.164 form.
_POSSIBLE = ValidationResult.IS_POSSIBLE
_LONGEST_LOCAL = 9  # digits


def is_region(code: str) -> bool:
    """Return whether a region, such as IN, has phone numbers."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(number: str, region: str) -> str | None:
    """Return the number as plus, country code and digits; ``None`` if it is no possible number.

    Checks country code and length, not whether the number is assigned: assignments change too often. Exception: a short
    number without the region's leading 0 may be a local number, so it must be assigned. Numbers with letters are
    invalid. The caller removes extensions.
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
    """Return whether a number has neither a country code nor the leading 0 that its region uses."""
    if parsed.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return False
    number = phonenumbers.national_significant_number(parsed)
    if len(number) > _LONGEST_LOCAL or phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) is None:
        return False
    return number == phonenumbers.normalize_digits_only(parsed.raw_input or "")
