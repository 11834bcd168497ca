"""What the parts of a mapping say together: two that contradict each other, and what none of them provides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from importer.mapping.document_check import DocumentShape
from importer.mapping.field_names import LEAD_IDENTIFIERS, doubtful_name, wrong_name
from importer.mapping.findings import MappingFinding, did_you_mean
from importer.mapping.language import ROW_CONTENT, AttachmentsModel, MappingModel
from importer.mapping.rule_checks import rule_faults, sure_faults
from importer.mapping.rules import ColumnUse, FieldType, Use
from importer.mapping.templates import Template
from importer.mapping.yaml_source import Document, Place


def check_meaning(model: MappingModel, document: Document, shape: DocumentShape) -> Iterator[MappingFinding]:
    """Every problem that is not one of shape."""
    for column, rule in model.columns.items():
        faults = sure_faults(rule) if column in shape.broken else rule_faults(rule)
        for place, text in faults:
            yield MappingFinding(document.line(("columns", column, *place)), f"columns > {column}: {text}")
    yield from _field_names(model, document)
    yield from _attachments(model.attachments, document)
    yield from _column_clashes(list(column_uses(model, document)))
    if shape.complete:
        yield from _lacks(model, document)


def check_doubts(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    """Every warning: allowed, and probably not meant."""
    for name, place in _fields(model):
        if doubt := doubtful_name(name):
            yield MappingFinding(document.line(place), f"{doubt}; if the account has this field, all is well")
    for column, rule in model.columns.items():
        if rule.field == "LeadId" and rule.type is not FieldType.GUID:
            text = f"columns > {column}: LeadId is a GUID; with `type: guid` wrong ones are found before they are sent"
            yield MappingFinding(document.line(("columns", column)), text)
    if model.key_field is not None:
        filled_by = [column for column, rule in model.columns.items() if rule.field == model.key_field]
        template = model.templates.get(model.key_field)
        if filled_by != model.key and not (template and set(Template.parse(template).columns).issuperset(model.key)):
            text = f"key_field: {model.key_field!r} is not filled by the key column alone, so it can't tell rows apart"
            yield MappingFinding(document.line(("key_field",)), text)


def column_uses(model: MappingModel, document: Document) -> Iterator[ColumnUse]:
    """Every place that names a column, section by section."""
    if not is_row_content(model, document):
        yield from _listed(document, Use.KEY, ("key",), model.key)
    for column in model.columns:
        yield ColumnUse(column=column, use=Use.COLUMNS, line=document.line(("columns", column)))
    if model.attachments is not None:
        yield from _listed(document, Use.ATTACHMENTS, ("attachments", "columns"), model.attachments.columns or ())
        folder = Template.parse(model.attachments.folder or "")
        line = document.line(("attachments", "folder"))
        yield from (ColumnUse(column=column, use=Use.FOLDER, line=line) for column in folder.columns)
    for name, text in model.templates.items():
        line = document.line(("templates", name))
        yield from (ColumnUse(column=column, use=Use.TEMPLATES, line=line) for column in Template.parse(text).columns)
    yield from _listed(document, Use.IGNORE, ("ignore",), model.ignore)


def is_row_content(model: MappingModel, document: Document) -> bool:
    """``key: row-content`` names no column; ``key: [row-content]`` names one that is called so."""
    written_as_text = isinstance(document.data, dict) and not isinstance(document.data.get("key"), list)
    return written_as_text and model.key == [ROW_CONTENT]


def _listed(document: Document, use: Use, place: Place, columns: Iterable[str]) -> Iterator[ColumnUse]:
    for index, column in enumerate(columns):
        yield ColumnUse(column=column, use=use, line=document.line((*place, index)))


def _fields(model: MappingModel) -> Iterator[tuple[str, Place]]:
    """Every field that the mapping fills, with the place that does."""
    for column, rule in model.columns.items():
        yield rule.field, ("columns", column, "field")
    for name in model.constants:
        yield name, ("constants", name)
    for name in model.templates:
        yield name, ("templates", name)


def _field_names(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    filled: dict[str, Place] = {}
    for name, place in _fields(model):
        if wrong := wrong_name(name):
            yield MappingFinding(document.line(place), f"{place[0]}: {wrong}")
        elif name in filled:
            first = filled[name]
            text = f"{place[0]}: {name!r} is filled by {first[1]!r} already, in line {document.line(first)}"
            yield MappingFinding(document.line(place), text)
        filled.setdefault(name, place)


def _attachments(section: AttachmentsModel | None, document: Document) -> Iterator[MappingFinding]:
    if section is None or section.columns is not None:
        return
    if section.folder is None:
        text = "name the `columns` whose cells list files, or the `folder` of each row's files"
        yield MappingFinding(document.line(("attachments",)), f"attachments: {text}")
    for key, there in {"separator": section.separator is not None, "glob": section.glob}.items():
        if there:
            text = f"attachments: `{key}` is for names in cells, and no `columns` have any"
            yield MappingFinding(document.line(("attachments", key)), text)


def _column_clashes(uses: Iterable[ColumnUse]) -> Iterator[MappingFinding]:
    seen: dict[str, list[ColumnUse]] = {}
    for use in uses:
        for earlier in seen.setdefault(use.column, []):
            if why := _clash(earlier.use, use.use):
                yield MappingFinding(use.line, f"{use.use}: {use.column!r} {why}, in line {earlier.line}")
        seen[use.column].append(use)


def _clash(earlier: Use, later: Use) -> str:
    """Why one column can't be named by both; empty if it can, as a key that is a field as well."""
    if earlier is later and later is not Use.TEMPLATES:
        return "is listed twice, the first time"
    if earlier is Use.COLUMNS and later is Use.ATTACHMENTS:
        return "names files and can't become a field as well"
    if earlier is not Use.KEY and later is Use.IGNORE:
        return "can't be ignored and used as well"
    return ""


def _lacks(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    fields = [name for name, _ in _fields(model)]
    if not any(identifier in fields for identifier in LEAD_IDENTIFIERS):
        *others, last = LEAD_IDENTIFIERS
        text = f"columns: no ticket could have a lead; map a column to {', '.join(others)} or {last}"
        yield MappingFinding(document.line(("columns",)), text)
    if model.key_field is not None and model.key_field not in fields:
        guess = did_you_mean(model.key_field, fields)
        text = f"key_field: no column, constant or template fills {model.key_field!r}{guess}"
        yield MappingFinding(document.line(("key_field",)), text)
