"""Document -> model, and everything that keeps it from being one.

A file with a wrong shape somewhere is still checked as far as it goes, so that its author sees all problems at once:
what is wrong is taken out, and the rest is judged as if it were the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from importer.mapping import wording
from importer.mapping.findings import Finding
from importer.mapping.language import MappingModel
from importer.mapping.source import Document, Place

_STAND_INS = {"version": "1", "source": "x", "key": "row-content"}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """``model`` is None where there is too little left to judge.

    ``broken`` are the columns of whose rule only the field is known. Where ``complete`` is false, nothing may be
    concluded from what the model lacks.
    """

    model: MappingModel | None
    findings: tuple[Finding, ...]
    broken: frozenset[str] = frozenset()
    complete: bool = True


def check_shape(document: Document) -> Shape:
    """Judge the keys and the shape of every value."""
    if not isinstance(document.data, dict):
        what = "the file is empty" if document.data is None else f"the file holds {wording.shown(document.data)}"
        return Shape(model=None, findings=(Finding(0, f"{what}; a mapping starts with `version: 1`"),))
    try:
        return Shape(model=MappingModel.model_validate(document.data), findings=())
    except ValidationError as error:
        errors = error.errors(include_url=False)
        findings = tuple(wording.finding(each, document) for each in errors)
        places = [(each["type"], each["loc"]) for each in errors]
        return _salvage(document.data, findings, places)


def _salvage(data: dict[str, Any], findings: tuple[Finding, ...], errors: Iterable[tuple[str, Place]]) -> Shape:
    rest = {**data}
    if isinstance(data.get("columns"), dict):
        rest["columns"] = {**data["columns"]}
    broken: set[str] = set()
    complete = True
    for kind, place in errors:
        top = str(place[0])
        if kind == "extra_forbidden" and len(place) == 1:
            rest.pop(top)
        elif top == "columns" and len(place) > 1:
            column = str(place[1])
            broken.add(column)
            complete &= _keep_field(rest["columns"], column)
        elif top == "attachments" and len(place) > 1 and place[1] not in ("columns", "folder"):
            if top in rest:  # it may be gone already, for what names the files
                rest[top] = {key: value for key, value in rest[top].items() if key != place[1]}
        else:
            complete &= top not in {"columns", "constants", "templates"}
            rest.pop(top, None)
            if top in _STAND_INS:
                rest[top] = _STAND_INS[top]
    try:
        model = MappingModel.model_validate(rest)
    except ValidationError:  # no columns, or none that is left
        return Shape(model=None, findings=findings)
    return Shape(model=model, findings=findings, broken=frozenset(broken), complete=complete)


def _keep_field(columns: dict[str, Any], column: str) -> bool:
    """Reduce a rule to its field; False where it has none that is known, and the column is gone."""
    rule = columns.get(column)
    field = rule.get("field") if isinstance(rule, dict) else None
    if column and isinstance(field, str) and field:
        columns[column] = {"field": field}
        return True
    columns.pop(column, None)
    return False
