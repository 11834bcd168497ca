"""Checks across the rules and sections of a mapping: contradictions, missing parts, and warnings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from importer.leadsquared.documented_fields import LEAD_IDENTIFIERS, fixed_type
from importer.mapping.checked_mapping import ColumnMention, Section
from importer.mapping.document import Document, KeyPath, key_path_text
from importer.mapping.document_models import ROW_CONTENT, AttachmentsModel, JoinModel, ManifestModel, MappingModel
from importer.mapping.field_names import field_name_error, field_name_warning
from importer.mapping.findings import MappingFinding
from importer.mapping.ignore_patterns import is_pattern
from importer.mapping.joined_columns import joined_rule_errors
from importer.mapping.rule_checks import errors_of_known_keys, rule_errors
from importer.mapping.similar_names import did_you_mean
from importer.mapping.structure_check import StructureCheck
from importer.mapping.templates import Template


def check_consistency(model: MappingModel, document: Document, structure: StructureCheck) -> Iterator[MappingFinding]:
    """Yield every error in the meaning of a mapping, after ``structure`` found those in its form."""
    for place, rule in model.rules():
        errors = errors_of_known_keys(rule) if place[1] in structure.incomplete_columns else rule_errors(rule)
        for key_path, text in errors:
            yield MappingFinding(document.line((*place, *key_path)), f"{key_path_text(place)}: {text}")
    if document.is_complete and "templates" not in structure.incomplete_sections:
        yield from joined_rule_errors(model, document)
    yield from _field_name_errors(model, document)
    yield from _attachment_errors(model.attachments, document)
    yield from _column_conflicts(list(column_mentions(model, document)))
    yield from _dialect_errors(model.manifest, document)
    if structure.is_complete:
        yield from _missing_parts(model, document)


def _dialect_errors(section: ManifestModel, document: Document) -> Iterator[MappingFinding]:
    """Yield settings of a dialect that exclude each other."""
    if section.dialect is not None:
        for name in ("quote", "escape"):
            if getattr(section, name) is not None:
                text = (
                    f"manifest: `{name}` can't be set with `dialect: {section.dialect}`, which has its own; remove one"
                )
                yield MappingFinding(document.line(("manifest", name)), text)
    signs = {
        name: value
        for name in ("delimiter", "quote", "escape", "comment")
        if (value := getattr(section, name)) is not None
    }
    for name, other in itertools.combinations(signs, 2):
        if {name, other} != {"quote", "escape"} and signs[name][0] == signs[other][0]:
            text = f"manifest: `{name}` and `{other}` can't begin with the same character"
            yield MappingFinding(document.line(("manifest", other)), text)


def consistency_warnings(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    """Yield what is allowed and probably a mistake."""
    yield from field_name_warnings(model, document)
    for place, rule in model.rules():
        right = fixed_type(rule.field or "")
        if right is not None and rule.type is not right:
            needed = f"{rule.field} is a {right.upper()}; add `type: {right}`"
            text = f"{key_path_text(place)}: {needed} to find wrong ones before they are sent"
            yield MappingFinding(document.line(place), text)
    if model.key_field is not None:
        filled_by = [str(place[1]) for place, rule in model.rules() if rule.field == model.key_field]
        template = model.templates.get(model.key_field)
        if filled_by != model.key and not (template and set(_template_columns(template)).issuperset(model.key)):
            reason = "is not filled by the key column alone, so it does not identify a ticket"
            yield MappingFinding(document.line(("key_field",)), f"key_field: {model.key_field!r} {reason}")


def field_name_warnings(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    """Yield names of fields that are probably misspelled."""
    for name, key_path in _filled_fields(model):
        if not field_name_error(name) and (warning := field_name_warning(name)):
            text = f"{key_path[0]}: {warning}; ignore this warning if the account has this field"
            yield MappingFinding(document.line(key_path), text)


def has_field_errors(model: MappingModel) -> bool:
    """Return whether a name can't be a field."""
    return any(field_name_error(name) for name, _ in _filled_fields(model))


def column_mentions(model: MappingModel, document: Document) -> Iterator[ColumnMention]:
    """Yield every place that names a column, section by section."""
    if not key_is_row_content(model, document):
        yield from _listed(document, Section.KEY, ("key",), model.key)
    for column in model.columns:
        yield ColumnMention(column=column, section=Section.COLUMNS, line=document.line(("columns", column)))
    if model.attachments is not None:
        columns = model.attachments.columns or ()
        yield from _listed(document, Section.ATTACHMENTS, ("attachments", "columns"), columns)
        yield from _in_template(document, Section.FOLDER, ("attachments", "folder"), model.attachments.folder or "")
    for name, template in model.templates.items():
        if isinstance(template, JoinModel):
            yield from _listed(document, Section.TEMPLATES, ("templates", name, "columns"), template.columns)
        else:
            yield from _in_template(document, Section.TEMPLATES, ("templates", name), template)
    for key, cells in (("only", model.rows.only), ("skip", model.rows.skip)):
        for column in cells:
            yield ColumnMention(column=column, section=Section.ROWS, line=document.line(("rows", key, column)))
    for mention in _listed(document, Section.IGNORE, ("ignore",), model.ignore):
        if not is_pattern(mention.column):  # a pattern covers only columns that are named nowhere
            yield mention


def key_is_row_content(model: MappingModel, document: Document) -> bool:
    """Return whether the key is the whole row; ``key: [row-content]`` is a column with that name instead."""
    is_text = isinstance(document.data, dict) and not isinstance(document.data.get("key"), list)
    return is_text and model.key == [ROW_CONTENT]


def _listed(document: Document, section: Section, key_path: KeyPath, columns: Iterable[str]) -> Iterator[ColumnMention]:
    for index, column in enumerate(columns):
        yield ColumnMention(column=column, section=section, line=document.line((*key_path, index)))


def _in_template(document: Document, section: Section, key_path: KeyPath, template: str) -> Iterator[ColumnMention]:
    line = document.line(key_path)
    for column in Template.parse(template).columns:
        yield ColumnMention(column=column, section=section, line=line)


def _template_columns(template: str | JoinModel) -> Sequence[str]:
    return template.columns if isinstance(template, JoinModel) else Template.parse(template).columns


def _filled_fields(model: MappingModel) -> Iterator[tuple[str, KeyPath]]:
    """Yield every field that the mapping fills, with the place that fills it."""
    for place, rule in model.rules():
        if rule.field is not None:
            yield rule.field, (*place, "field")
    for name in model.constants:
        yield name, ("constants", name)
    for name in model.templates:
        yield name, ("templates", name)


def _field_name_errors(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    filled: dict[str, KeyPath] = {}
    for name, key_path in _filled_fields(model):
        if error := field_name_error(name):
            yield MappingFinding(document.line(key_path), f"{key_path[0]}: {error}")
        elif name in filled:
            first = filled[name]
            by = f"{first[0]} > {first[1]} in line {document.line(first)}"
            text = f"{key_path[0]}: {name!r} is filled already by {by}; remove one of them"
            yield MappingFinding(document.line(key_path), text)
        filled.setdefault(name, key_path)


def _attachment_errors(section: AttachmentsModel | None, document: Document) -> Iterator[MappingFinding]:
    if section is None:
        return
    if section.root is not None and section.download is not None:
        text = "attachments: `download` > `folder` is the root of the files, so remove `root`"
        yield MappingFinding(document.line(("attachments", "root")), text)
    if section.pattern is not None and section.glob:
        text = "attachments: `glob` and `pattern` can't be used together; remove one of them"
        yield MappingFinding(document.line(("attachments", "glob")), text)
    if section.columns is not None:
        return
    if section.folder is None:
        text = "attachments: add `columns` whose cells name files, or the `folder` of each row's files"
        yield MappingFinding(document.line(("attachments",)), text)
    needs_columns = {
        "separator": section.separator is not None,
        "pattern": section.pattern is not None,
        "download": section.download is not None,
        "glob": section.glob,
    }
    for key, is_set in needs_columns.items():
        if is_set:
            text = f"attachments: `{key}` has no effect without `columns` whose cells name files; remove it"
            yield MappingFinding(document.line(("attachments", key)), text)


def _column_conflicts(mentions: Iterable[ColumnMention]) -> Iterator[MappingFinding]:
    seen: dict[str, list[ColumnMention]] = {}
    for mention in mentions:
        for earlier in seen.setdefault(mention.column, []):
            if conflict := _conflict(earlier, mention):
                yield MappingFinding(mention.line, f"{mention.section}: {mention.column!r} {conflict}")
        seen[mention.column].append(mention)


def _conflict(earlier: ColumnMention, later: ColumnMention) -> str:
    """Return why one column can't be named by both places; empty if it can, as a key that fills a field."""
    if earlier.section is later.section and later.section not in (Section.TEMPLATES, Section.ROWS):
        return f"is listed twice, first in line {earlier.line}; remove one of them"
    used = f"is used by `{earlier.section}` in line {earlier.line}"
    if earlier.section is Section.COLUMNS and later.section is Section.ATTACHMENTS:
        return f"{used}, and names of files can't fill a field; remove one of them"
    if earlier.section not in (Section.KEY, Section.ROWS) and later.section is Section.IGNORE:
        return f"{used}, so it can't be ignored; remove one of them"
    return ""


def _missing_parts(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    fields = [name for name, _ in _filled_fields(model)]
    if not any(identifier in fields for identifier in LEAD_IDENTIFIERS):
        *others, last = LEAD_IDENTIFIERS
        text = f"columns: every ticket needs a lead; map a column to {', '.join(others)} or {last}"
        yield MappingFinding(document.line(("columns",)), text)
    if model.key_field is not None and model.key_field not in fields:
        guess = did_you_mean(model.key_field, fields) or "; map the key column to it"
        text = f"key_field: no column, constant or template fills {model.key_field!r}{guess}"
        yield MappingFinding(document.line(("key_field",)), text)
