"""Document -> model, and everything that keeps it from being one.

A file with a wrong shape somewhere is still checked as far as it goes, so that its author sees all problems at once:
the least that is wrong is taken out, and the rest is judged as if it were the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from importer.mapping import error_wording
from importer.mapping.findings import MappingFinding
from importer.mapping.language import MappingModel
from importer.mapping.yaml_source import Document, Place

_STAND_INS = {"version": "1", "source": "x", "key": "row-content"}


@dataclass(frozen=True, kw_only=True)
class DocumentShape:
    """``model`` is None where there is too little left to judge.

    ``broken`` are the columns of whose rule a part is not known. Where ``complete`` is false, nothing may be concluded
    from what the model lacks.
    """

    model: MappingModel | None
    findings: tuple[MappingFinding, ...]
    broken: frozenset[str] = frozenset()
    complete: bool = True


def check_shape(document: Document) -> DocumentShape:
    """Judge the keys and the shape of every value."""
    if not isinstance(document.data, dict):
        what = (
            "the file is empty"
            if document.data is None
            else f"the file holds {error_wording.quoted_value(document.data)}"
        )
        findings = (MappingFinding(0, f"{what}; a mapping starts with `version: 1`"),) if document.whole else ()
        return DocumentShape(model=None, findings=findings)
    try:
        return DocumentShape(model=MappingModel.model_validate(document.data), findings=(), complete=document.whole)
    except ValidationError as error:
        return _salvage(document, error.errors(include_url=False))


def _salvage(document: Document, errors: list[ErrorDetails]) -> DocumentShape:
    told = [each for each in errors if document.whole or each["type"] != "missing"]
    findings = tuple(error_wording.finding(each, document) for each in told)
    rest = _copied(document.data)
    broken: set[str] = set()
    complete = document.whole
    for each in errors:
        complete &= _take_out(rest, each["loc"], broken)
    try:
        model = MappingModel.model_validate(rest)
    except ValidationError:  # no columns, or none that is left
        return DocumentShape(model=None, findings=findings)
    return DocumentShape(model=model, findings=findings, broken=frozenset(broken), complete=complete)


def _copied(data: Any) -> Any:
    """The same, of which any part may be taken out."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return [*data] if isinstance(data, list) else data


def _take_out(rest: dict[str, Any], place: Place, broken: set[str]) -> bool:
    """Take the smallest part out that is wrong; False if the whole lacks something then that it has."""
    match place:
        case ("columns", str(column), str(key), *_) if key not in ("field", "[key]"):
            rule = rest["columns"].get(column)
            if isinstance(rule, dict):
                rule.pop(key, None)
                broken.add(column)
            return True
        case ("columns" | "constants" | "templates" as top, str(name), *_):
            rest[top].pop(name, None)
            return False
        case ("attachments", "columns", int(index)) if isinstance(rest["attachments"]["columns"], list):
            _stand_in(rest["attachments"]["columns"], f"attachments {index}", index)
        case ("attachments" | "manifest" as top, str(key), *_) if key not in ("columns", "folder"):
            rest.get(top, {}).pop(key, None)  # the section may be gone already, for what names the files
        case ("key" | "ignore" as top, int(index)) if isinstance(rest[top], list):  # and not a text by itself
            _stand_in(rest[top], f"{top} {index}", index)
        case _:
            key = str(place[0])
            rest.pop(key, None)
            if key in _STAND_INS:
                rest[key] = _STAND_INS[key]
            return key not in {"columns", "constants", "templates"}
    return True


def _stand_in(names: list[Any], place: str, index: int) -> None:
    """Put a column that nobody has in the place of what is none: so the others keep theirs, and their lines."""
    names[index] = f"\0{place}"
