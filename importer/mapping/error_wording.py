"""What pydantic found, in our words: no library's jargon reaches a user."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import ErrorDetails

from importer.mapping.findings import MappingFinding, did_you_mean
from importer.mapping.language import SECTIONS
from importer.mapping.yaml_source import Document, Place

_WHAT_TO_WRITE = {
    "version": "write `version: 1`",
    "source": "name the system that the tickets come from, such as `source: old-helpdesk`",
    "key": "name the column that identifies a row, such as `key: Legacy ID`",
    "columns": "say which column becomes which field, such as `Subject: Title`",
    "field": "name the field that the column becomes, such as `field: Title`",
}

_HALF = "must not hold half of a character, such as \\ud83d without what follows it"

# pydantic's kind of error -> what was expected, to be followed by what is there
_EXPECTED = {
    "string_type": "must be a text",
    "list_type": "must be a text or a list of texts",
    "dict_type": "must hold `name: text` pairs",
    "model_type": "must hold `name: value` pairs",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of a sane size",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def place_text(place: Place) -> str:
    """``columns > Subject > max_length``: where in the file, as people read it; items of lists count from 1."""
    return " > ".join(str(part + 1) if isinstance(part, int) else part for part in place)


def finding(error: ErrorDetails, document: Document) -> MappingFinding:
    """One error of pydantic as a line for the author of the mapping."""
    place: Place = error["loc"]
    if place[-1] == "[key]":  # pydantic's mark for a name, as opposed to the value behind it
        wrong = _HALF if error["type"] == "string_unicode" else "must not be empty"
        # The place has another character in place of half a one.
        return MappingFinding(document.line((*place[:-2], error["input"])), f"{place_text(place[:-2])}: a name {wrong}")
    where = place_text(place)
    match error["type"]:
        case "missing":
            text = f"{where} is missing; {_WHAT_TO_WRITE.get(where) or _WHAT_TO_WRITE[str(place[-1])]}"
        case "extra_forbidden":
            text = _unknown_key(place)
        case "string_too_short" | "too_short":
            text = f"{where} must not be empty"
        case "literal_error" | "enum":
            text = f"{where} {_choice(error)}"
        case "value_error":
            text = f"{where}: {quoted_value(error['input'])} {error['ctx']['error']}"
        case "string_unicode":
            text = f"{where} {_HALF}"
        case kind:
            text = f"{where} {_wrong_shape(kind, error, place)}"
    return MappingFinding(document.line(place), text)


def quoted_value(value: Any) -> str:
    """What is there, in few characters."""
    match value:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "`name: value` pairs"
        case _:
            text = str(value)
            return repr(text if len(text) <= 60 else f"{text[:57]}…")  # noqa: PLR2004 - half a line


def _unknown_key(place: Place) -> str:
    section = str(place[0]) if len(place) > 1 else ""
    guess = did_you_mean(str(place[-1]), SECTIONS[section].model_fields, cutoff=0.7)
    within = f"{place_text(place[:-1])}: " if section else ""
    return f"{within}unknown key {place[-1]!r}{guess}"


def _choice(error: ErrorDetails) -> str:
    choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    value = error["input"]
    guess = did_you_mean(value, choices) if isinstance(value, str) else ""
    *others, last = (choice if choice.isidentifier() or choice.isalnum() else repr(choice) for choice in choices)
    expected = f"{', '.join(others)} or {last}" if others else last
    return f"must be {expected}, not {quoted_value(value)}{guess}"


def _wrong_shape(kind: str, error: ErrorDetails, place: Place) -> str:
    value = error["input"]
    if kind == "model_type" and place[0] == "columns":
        advice = "; to leave the column out, list it under `ignore`" if value is None else ""
        return f"must be a SchemaName or a rule such as `{{field: Title}}`, not {quoted_value(value)}{advice}"
    expected = _EXPECTED.get(kind, "is not what the language knows here").format(**error.get("ctx", {}))
    advice = "; put the word null in quotes if the text is meant" if value is None and kind == "string_type" else ""
    if place[0] == "templates" and isinstance(value, dict):
        advice = "; put a text with braces in quotes"
    return f"{expected}, not {quoted_value(value)}{advice}"
