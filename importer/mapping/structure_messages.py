"""Words the errors that pydantic finds in a mapping: no jargon of a library reaches the user."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import ErrorDetails

from importer.mapping.document import Document, KeyPath, key_path_text
from importer.mapping.document_models import SECTIONS
from importer.mapping.findings import MappingFinding
from importer.mapping.similar_names import closest_name, did_you_mean

_WHAT_TO_WRITE = {
    "version": "write `version: 1`",
    "source": "name the system that the tickets come from, such as `source: old-helpdesk`",
    "key": "name the column that identifies a row, such as `key: Legacy ID`",
    "columns": "name the field of each column, such as `Subject: Title`",
    "folder": "name the folder for the files, such as `folder: attachments`",
    "templates > columns": "list the columns to join, such as `columns: [Labels, More labels]`",
    "templates > join": 'write the text between the values, such as `join: ", "`',
    "hosts": "list the hosts that may be asked, such as `hosts: [jira.example.com]`",
    "field": "name the field that the column fills, such as `field: Title`",
}

_HALF_CHARACTER = "must not hold half a character, such as \\ud83d without its second half; write the whole character"

_SHOWN_CHARS = 60

# pydantic's error type -> what the value must be
_EXPECTED = {
    "string_type": "must be a text",
    "list_type": "must be a text or a list of texts",
    "dict_type": "must hold `name: text` pairs",
    "model_type": "must hold `name: value` pairs",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def describe_error(error: ErrorDetails, document: Document) -> MappingFinding:
    """Return one error of pydantic as a finding."""
    key_path: KeyPath = error["loc"]
    if key_path[-1] == "[key]":  # pydantic's mark for the name, as opposed to its value
        wrong = {"string_unicode": _HALF_CHARACTER, "value_error": str(error.get("ctx", {}).get("error", ""))}.get(
            error["type"], "must not be empty"
        )
        # The key path has a replacement character for half a character; the input has the name as written.
        line = document.line((*key_path[:-2], error["input"]))
        return MappingFinding(line, f"{key_path_text(key_path[:-2])}: a name {wrong}")
    where = key_path_text(key_path)
    match error["type"]:
        case "missing":
            key = next(
                key for key in (where, f"{key_path[0]} > {key_path[-1]}", str(key_path[-1])) if key in _WHAT_TO_WRITE
            )
            text = f"{where} is missing; {_WHAT_TO_WRITE[key]}"
        case "extra_forbidden":
            text = _unknown_key(key_path)
        case "string_too_short" | "too_short":
            text = f"{where} must not be empty; write a value"
        case "literal_error" | "enum":
            text = f"{where} {_wrong_choice(error)}"
        case "value_error" if "headers" in key_path:  # perhaps the secret itself
            text = f"{where}: the value {error['ctx']['error']}"
        case "value_error":
            text = f"{where}: {_shown(error['input'])} {error['ctx']['error']}"
        case "string_unicode":
            text = f"{where} {_HALF_CHARACTER}"
        case kind:
            text = f"{where} {_wrong_type(kind, error, key_path)}"
    return MappingFinding(document.line(key_path), text)


def no_mapping_error(document: Document) -> MappingFinding:
    """Return the error of a document that does not hold keys and values at all."""
    what = "the file is empty" if document.data is None else f"the file holds {_shown(document.data)}"
    return MappingFinding(0, f"{what}; a mapping starts with `version: 1`")


def _shown(value: Any) -> str:
    """Return a wrong value as a message shows it, in few characters."""
    match value:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "`name: value` pairs"
        case _:
            text = str(value)
            return repr(text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}…")


def _unknown_key(key_path: KeyPath) -> str:
    section = str(key_path[0]) if len(key_path) > 1 else ""
    if key_path[:2] == ("attachments", "download") and len(key_path) > 2:  # noqa: PLR2004 - a section in a section
        section = "download"
    keys = SECTIONS[section].model_fields
    guess = did_you_mean(str(key_path[-1]), keys, cutoff=0.7) or f"; the keys are {', '.join(keys)}"
    prefix = f"{key_path_text(key_path[:-1])}: " if section else ""
    return f"{prefix}unknown key {key_path[-1]!r}{guess}"


def likely_choice(error: ErrorDetails) -> str | None:
    """Return the choice that a wrong one probably means; ``None`` if there is none, or for another error."""
    value = error["input"]
    return closest_name(value, _choices(error)) if error["type"] == "enum" and isinstance(value, str) else None


def _choices(error: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", error["ctx"]["expected"])


def _wrong_choice(error: ErrorDetails) -> str:
    choices = _choices(error)
    value = error["input"]
    guess = did_you_mean(value, choices) if isinstance(value, str) else ""
    *others, last = (choice if choice.isidentifier() or choice.isalnum() else repr(choice) for choice in choices)
    expected = f"{', '.join(others)} or {last}" if others else last
    return f"must be {expected}, not {_shown(value)}{guess}"


def _wrong_type(kind: str, error: ErrorDetails, key_path: KeyPath) -> str:
    value = error["input"]
    if kind == "model_type" and key_path[0] == "columns":
        advice = "; to skip this column, list it under `ignore`" if value is None else ""
        return f"must be a SchemaName or a rule such as `{{field: Title}}`, not {_shown(value)}{advice}"
    expected = _EXPECTED.get(kind, "has a wrong form").format(**error.get("ctx", {}))
    advice = "; to write the word null, put it in quotes" if value is None and kind == "string_type" else ""
    if key_path[0] == "templates" and isinstance(value, dict):
        advice = "; put a text with braces in quotes"
    return f"{expected}, not {_shown(value)}{advice}"
