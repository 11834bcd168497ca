"""Phone numbers as people of one region write them, to E.164."""

from __future__ import annotations

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

# Besides plain lengths: where a number is dialled only within its town, E.164 would be another number.
_POSSIBLE = ValidationResult.IS_POSSIBLE


def is_region(code: str) -> bool:
    """Whether there are phone numbers of a region, such as IN."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(number: str, region: str) -> str | None:
    """The number with a plus, country code and nothing but digits; ``None`` if it can't be one.

    Judged by country code and length, and not by which numbers are given out: those change faster than any program
    learns of it. A number with letters, as in an extension, is none, because E.164 has no place for them.
    """
    if any(map(str.isalpha, number)):
        return None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if parsed.extension or phonenumbers.is_possible_number_with_reason(parsed) != _POSSIBLE:
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
