"""Document -> model, with every error in the form of its values.

After an error the smallest wrong part is removed and the rest is checked, so that the user sees all errors at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from importer.mapping import structure_messages
from importer.mapping.document import Document, KeyPath
from importer.mapping.document_models import MappingModel
from importer.mapping.findings import MappingFinding

PLACEHOLDER = "\0"  # how a name begins that takes the place of a wrong one
# Sections in which a wrong part, if it is removed, hides no name of a column: those of rules are known.
_NAMELESS_SECTIONS = ("version", "source", "key_field", "columns", "constants", "duplicates", "lead_details")
_PLACEHOLDERS = {"version": "1", "source": "x", "key": "row-content"}


@dataclass(frozen=True, kw_only=True)
class StructureCheck:
    """Result of the check: the model of all that is right, and the errors."""

    model: MappingModel | None  # None: too little is left
    findings: tuple[MappingFinding, ...]
    incomplete_columns: frozenset[str] = frozenset()  # their rules lost a key
    incomplete_sections: frozenset[str] = frozenset()  # they lost a part that is no rule or constant
    is_complete: bool = True  # False: a field that the model does not fill may be filled by a removed part


def check_structure(document: Document) -> StructureCheck:
    """Check the keys, and the form of every value."""
    if not isinstance(document.data, dict):
        findings = (structure_messages.no_mapping_error(document),) if document.is_complete else ()
        return StructureCheck(model=None, findings=findings)
    try:
        model = MappingModel.model_validate(document.data)
    except ValidationError as error:
        return _check_rest(document, error.errors(include_url=False))
    return StructureCheck(model=model, findings=(), is_complete=document.is_complete)


def _check_rest(document: Document, errors: list[ErrorDetails]) -> StructureCheck:
    """Remove the wrong parts and build the model of the rest."""
    for each in errors:
        each["loc"] = _as_written(each["loc"], document)
    certain = [each for each in errors if document.is_complete or each["type"] != "missing"]
    findings = tuple(structure_messages.describe_error(each, document) for each in certain)
    rest = _copied(document.data)
    incomplete: set[str] = set()
    is_complete = document.is_complete
    for each in errors:
        if not _correct_type(rest, each, incomplete):
            is_complete &= _remove(rest, each["loc"], incomplete)
    try:
        model = MappingModel.model_validate(rest)
    except ValidationError:  # no column is left
        return StructureCheck(model=None, findings=findings)
    sections = (str(each["loc"][0]) for each in errors)
    return StructureCheck(
        model=model,
        findings=findings,
        incomplete_columns=frozenset(incomplete),
        incomplete_sections=frozenset(sections).difference(_NAMELESS_SECTIONS),
        is_complete=is_complete,
    )


def _copied(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list) else data


def _as_written(key_path: KeyPath, document: Document) -> KeyPath:
    """Return the place of an error in the document, which the model's place is not for rules and templates."""
    match key_path:
        case ("columns", str(column), 0, *rest):
            columns = document.data["columns"] if isinstance(document.data, dict) else {}
            return key_path if isinstance(columns.get(column), list) else ("columns", column, *rest)
        case ("templates", str(name), "text" | "join", *rest):  # pydantic's tag of a union
            return ("templates", name, *rest)
    return key_path


def _correct_type(rest: dict[str, Any], error: ErrorDetails, incomplete: set[str]) -> bool:
    """Put the type that is probably meant into a rule, so that the keys for this type are checked, too."""
    match error["loc"]:
        case ("columns", str(column), "type") if meant := structure_messages.likely_choice(error):
            rest["columns"][column]["type"] = meant
            incomplete.add(column)
            return True
    return False


def _remove(rest: dict[str, Any], key_path: KeyPath, incomplete: set[str]) -> bool:
    """Remove the smallest wrong part; return False if that part may fill a field."""
    match key_path:
        case ("columns", str(column), str(key), *_) if key not in ("field", "[key]"):
            rule = rest["columns"].get(column)
            if isinstance(rule, dict):
                rule.pop(key, None)
                incomplete.add(column)
            return True
        case ("columns", str(column), int(index), str(key), *_) if key not in ("field", "[key]"):
            if column in rest["columns"]:  # an earlier error may have removed the whole column
                rest["columns"][column][index].pop(key, None)
                incomplete.add(column)
            return True
        case ("columns" | "constants" | "templates" as section, str(name), *_):
            rest[section].pop(name, None)
            return False
        case ("attachments", "columns", int(index)) if isinstance(rest["attachments"]["columns"], list):
            _put_placeholder(rest["attachments"]["columns"], f"attachments {index}", index)
        case ("attachments" | "manifest" as section, str(key), *_) if key not in ("columns", "folder"):
            rest.get(section, {}).pop(key, None)  # an earlier error may have removed the section
        case ("key" | "ignore" as section, int(index)) if isinstance(rest[section], list):
            _put_placeholder(rest[section], f"{section} {index}", index)
        case _:
            key = str(key_path[0])
            rest.pop(key, None)
            if key in _PLACEHOLDERS:
                rest[key] = _PLACEHOLDERS[key]
            return key not in {"columns", "constants", "templates"}
    return True


def _put_placeholder(names: list[Any], unique_name: str, index: int) -> None:
    """Replace a wrong item by a column name that no manifest has, so that the others keep their line numbers."""
    names[index] = f"{PLACEHOLDER}{unique_name}"
