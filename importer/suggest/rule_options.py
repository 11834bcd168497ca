"""Chooses the options of a rule: type, format, values and so on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from importer.account_fields.ticket_fields import AccountField
from importer.leadsquared import documented_fields as api
from importer.models import FieldType
from importer.suggest import vocabulary
from importer.suggest.column_profile import BOOLEANS, ColumnProfile

OptionValue = str | bool | tuple[str, ...] | Mapping[str, str]
RuleOptions = Mapping[str, OptionValue]

_DATA_TYPES = {"date": "date", "datetime": "datetime", "boolean": "boolean", "email": "email", "phone": "phone"}
_KNOWN_BOOLEANS = 3  # the first of BOOLEANS are known to the language
_CHOICES = (api.STATUS, api.PRIORITY, api.CHANNEL, api.TYPE, api.SUB_TYPE)


@dataclass(frozen=True, slots=True)
class SuggestedRule:
    """Options of a rule. ``guess``: the options that are guesses; ``note``: what the user should check."""

    rule: RuleOptions
    note: str = ""
    guess: str = ""


def suggest_rule(field: str, contents: ColumnProfile, of_account: AccountField | None) -> SuggestedRule:
    """Choose the options. ``of_account``: the account's description of the field, if known."""
    rule: dict[str, OptionValue] = {}
    if kind := _type(field, of_account):
        rule["type"] = kind
    if kind in ("date", "datetime"):
        return _dates(rule, contents)
    if kind == "number" and contents.has_comma:
        rule |= {"decimal": ","} | ({"thousands": "."} if contents.has_dots else {})
    if kind == "boolean":
        rule |= _boolean_words(contents)
    if field == api.TITLE and contents.filled == contents.rows:
        rule["required"] = True
    if of_account is not None and of_account.is_select and of_account.values is not None:
        return _with_values(rule, field, contents, of_account.values)
    if kind == "phone" and contents.is_national:
        return SuggestedRule(
            rule, "numbers without a country code are sent as they are; a `region`, such as DE, completes them"
        )
    if field == api.DESCRIPTION and contents.has_tags:
        return SuggestedRule(rule, "it has HTML, which is sent unchanged; `html: to_text` converts it to plain text")
    if field in _CHOICES and contents.values:
        shown = ", ".join(value for value, _ in contents.values)
        return SuggestedRule(rule, f"if the account does not have these values, map them under `values`: {shown}")
    return SuggestedRule(rule)


def _type(field: str, of_account: AccountField | None) -> str:
    kind = api.documented_type(field)
    if kind is not FieldType.TEXT:
        return kind.value
    if of_account is None:
        return ""
    return "number" if of_account.is_number else _DATA_TYPES.get(of_account.data_type.casefold().replace(" ", ""), "")


def _boolean_words(contents: ColumnProfile) -> dict[str, OptionValue]:
    """Return the words for yes and no, unless they are among the default ones of the language."""
    there = {value.strip().casefold() for value, _ in contents.values}
    if not there or any(there <= set(known) for known in BOOLEANS[:_KNOWN_BOOLEANS]):
        return {}
    found = next((each for each in BOOLEANS if there <= set(each)), None)
    return {} if found is None else {"true_words": (found[0],), "false_words": (found[1],)}


def _dates(rule: dict[str, OptionValue], contents: ColumnProfile) -> SuggestedRule:
    dates = contents.dates
    if dates is None:
        return SuggestedRule({}, "TODO: add `type` and `format`: its dates have no common format")
    if dates.formats:
        rule["format"] = (*dates.iso_formats, dates.formats[0]) if dates.iso_formats else dates.formats[0]
    if dates.has_clock and not dates.has_offset and rule["type"] == "datetime":
        return SuggestedRule(rule, "its times are sent unchanged; with a `timezone` they are converted to UTC")
    return SuggestedRule(rule)


def _with_values(
    rule: dict[str, OptionValue], field: str, contents: ColumnProfile, configured: tuple[str, ...]
) -> SuggestedRule:
    renamed = {
        value: same
        for value, _ in contents.values
        if value not in configured and (same := vocabulary.matching_value(field, value, configured))
    }
    strange = [
        value for value, _ in contents.values if value not in configured and value not in renamed and value.strip()
    ]
    if renamed:
        rule["values"] = renamed
    there = ", ".join(configured)
    note = f"TODO: map {', '.join(strange)} under `values`; the account has {there}" if strange else ""
    return SuggestedRule(rule, note, "`values`, matched by meaning" if renamed else "")
