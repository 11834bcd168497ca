"""What one rule says, judged by itself: whether its parts go together."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime

from importer.mapping.findings import did_you_mean
from importer.mapping.language import RuleModel
from importer.mapping.values import FieldType

Fault = tuple[str, str]  # the rule's key at fault ("" for the rule itself), and what is wrong with it

_SAMPLE = datetime(2024, 8, 29, 22, 36, 23, tzinfo=UTC)  # no two parts alike, and after noon: %I without %p shows
_YEAR_DIRECTIVES = re.compile(r"%(?:Y|y|G|c|x)")


def rule_faults(rule: RuleModel) -> Iterator[Fault]:
    """Everything that contradicts itself, does nothing or can't work."""
    yield from _empty_cells(rule)
    yield from _length(rule)
    yield from _choices(rule)
    yield from _dates(rule)


def _empty_cells(rule: RuleModel) -> Iterator[Fault]:
    if rule.send_empty and rule.required:
        yield "send_empty", "`send_empty` sends empty cells, and `required` refuses them; take one of them out"
    if rule.send_empty and rule.default is not None:
        yield "send_empty", "`default` fills empty cells, so `send_empty` does nothing; take one of them out"


def _length(rule: RuleModel) -> Iterator[Fault]:
    if rule.on_too_long is not None and rule.max_length is None:
        yield "on_too_long", "`on_too_long` needs a `max_length`"
    if rule.on_too_long == "truncate" and rule.type is not FieldType.TEXT:
        yield "on_too_long", f"only a text can be truncated, not a value of type {rule.type}"
    if rule.max_length is not None:
        for key, text in _sent_texts(rule):
            if len(text) > rule.max_length:
                yield key, f"{text!r} is longer than `max_length`, which is {rule.max_length}"


def _choices(rule: RuleModel) -> Iterator[Fault]:
    twice = sorted({choice for choice in rule.one_of or () if (rule.one_of or ()).count(choice) > 1})
    if twice:
        yield "one_of", f"`one_of` has {', '.join(map(repr, twice))} more than once"
    if rule.one_of is not None:
        for key, text in _sent_texts(rule):
            if text not in rule.one_of:
                yield key, f"{text!r} is not in `one_of`{did_you_mean(text, rule.one_of)}"


def _sent_texts(rule: RuleModel) -> Iterator[Fault]:
    """The texts that the rule itself may put into a ticket, each with the key that does."""
    for target in dict.fromkeys((rule.values or {}).values()):
        yield "values", target
    if rule.default is not None:
        yield "default", rule.default  # `values` is for what stands in cells, and is not applied to it


def _dates(rule: RuleModel) -> Iterator[Fault]:
    if rule.format is not None:
        if rule.type not in {FieldType.DATE, FieldType.DATETIME}:
            yield "format", f"`format` is for the types date and datetime, not for {rule.type}"
        elif fault := format_fault(rule.format):
            yield "format", f"{rule.format!r} {fault}"
    if rule.timezone is not None:
        if rule.type is not FieldType.DATETIME:
            yield "timezone", f"`timezone` is for the type datetime, not for {rule.type}"
        elif rule.timezone not in (zones := zoneinfo.available_timezones()):
            guess = did_you_mean(rule.timezone, sorted(zones))
            yield "timezone", f"{rule.timezone!r} is not a time zone, such as Asia/Kolkata or UTC{guess}"


def format_fault(text: str) -> str:
    """Why a strptime format can't read whole dates; empty if it can. Tried on a date, so the platform has its say."""
    if "%" not in text:
        return "is not a strptime format, such as %d/%m/%Y or %Y-%m-%d %H:%M"
    if not _YEAR_DIRECTIVES.search(text.replace("%%", "")):
        return "has no year (%Y or %y)"
    try:
        written = _SAMPLE.strftime(text)
        read = datetime.strptime(written, text)  # noqa: DTZ007 - a format may well lack the zone, as cells do
    except (ValueError, re.error):
        return "is not a format that strptime knows"
    if read.date() != _SAMPLE.date():
        return "does not tell the whole date: year, month and day"
    if (read.hour, read.minute) not in {(0, 0), (_SAMPLE.hour, 0), (_SAMPLE.hour, _SAMPLE.minute)}:
        return "tells only a part of the time (%I needs %p, %M needs an hour)"
    return ""
