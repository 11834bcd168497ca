"""Checks a mapping against the account's fields, before any row is read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from importer.account_fields.patterns import compiled_pattern
from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.account_fields.value_check import find_violation, listed, quoted
from importer.leadsquared.documented_fields import SYSTEM_FIELDS, is_lead_field
from importer.mapping import FieldType, Mapping, Rule
from importer.mapping.document import KeyPath, key_path_text
from importer.mapping.field_names import field_name_error
from importer.mapping.findings import MappingFinding, format_findings
from importer.mapping.rule_checks import literal_texts
from importer.mapping.similar_names import closest_name

_NEAR = 0.7
_DATES = {"date": FieldType.DATE, "datetime": FieldType.DATETIME}


@dataclass(frozen=True, kw_only=True)
class MappingCheck:
    """Result of the check. ``errors``: the account would refuse every ticket; ``warnings``: probably wrong."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_mapping(mapping: Mapping, fields: AccountFields, now: datetime) -> MappingCheck:
    """Check a mapping against the account. Fields of leads are not checked."""
    errors = [*_filled(mapping, fields), *_texts(mapping, fields)]
    doubts = [*_types(mapping, fields), *_unchecked_patterns(mapping, fields)]
    for field in _unfilled(mapping, fields) if not mapping.gaps.fields else ():
        text = f"{field.schema_name} is mandatory in the account, and the mapping does not fill it{_choices(field)}"
        # The account may fill fields itself that are not documented as fields to send.
        ours = field.schema_name in SYSTEM_FIELDS or "." in field.schema_name
        (errors if ours else doubts).append(MappingFinding(0, text))
    age = (f"the account's fields were read {fields.age_text(now)}: read them again with `ticket-importer fields`",)
    return MappingCheck(
        errors=tuple(format_findings(mapping.path, errors)),
        warnings=(*format_findings(mapping.path, doubts), *(age if fields.is_old(now) else ())),
    )


def _filled(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Yield an error for each field that the account does not have or has switched off."""
    for name, line, section in _names(mapping):
        field = fields.by_name.get(name)
        if field is None and not field_name_error(name):
            yield MappingFinding(line, f"{section}: the account has no field {name!r}{_guess(name, fields)}")
        elif field is not None and not field.active:
            yield MappingFinding(line, f"{section}: {name!r} is a field that the account has switched off or deleted")


def _texts(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Yield an error for each text of the mapping that the account would refuse."""
    for rule in mapping.rules:
        field = fields.by_name.get(rule.field)
        if field is None or not field.active or rule.column in mapping.gaps.rules:
            continue
        reported = set()
        for place, text in _rule_texts(rule):
            wrong = find_violation(field, text)
            if wrong is not None and text not in reported:
                reported.add(text)
                line = mapping.line(*rule.place, *place)
                yield MappingFinding(line, f"{key_path_text(rule.place)}: {place[0]}: {wrong.text}")
    for name, text in mapping.constants:
        field = fields.by_name.get(name)
        wrong = find_violation(field, text) if field is not None and field.active else None
        if wrong is not None:
            yield MappingFinding(mapping.line("constants", name), f"constants > {name}: {wrong.text}")


def _rule_texts(rule: Rule) -> Iterator[tuple[KeyPath, str]]:
    """Yield the texts of a rule that may be sent unchanged."""
    if rule.type is not FieldType.TEXT or rule.html is not None:
        return
    yield from literal_texts(rule)
    yield from ((("one_of", index), text) for index, text in enumerate(rule.one_of))


def _types(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Yield a warning for each date field without a date type, because rows may be refused."""
    for rule in mapping.rules:
        field = fields.by_name.get(rule.field)
        if field is None or rule.column in mapping.gaps.rules:
            continue
        right = _DATES.get(field.data_type.casefold().replace(" ", ""))
        if right is not None and rule.type is FieldType.TEXT:
            text = f"{rule.field} is a {field.data_type} in the account; add `type: {right}` to check its cells"
            yield MappingFinding(rule.line, f"{key_path_text(rule.place)}: {text}")


def _unchecked_patterns(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Yield a warning for each field whose pattern can't be checked."""
    reported = set()
    for name, line, section in _names(mapping):
        field = fields.by_name.get(name)
        if field is not None and field.regex and compiled_pattern(field.regex) is None and name not in reported:
            reported.add(name)
            text = f"{section}: values of {name} are not checked against the account's pattern {quoted(field.regex)}"
            yield MappingFinding(line, f"{text}, which is too long or can be read in several ways")


def _unfilled(mapping: Mapping, fields: AccountFields) -> Iterator[AccountField]:
    names = {name for name, _, _ in _names(mapping)}
    for field in fields:
        if field.is_required and field.schema_name not in names and not is_lead_field(field.schema_name):
            yield field


def _names(mapping: Mapping) -> Iterator[tuple[str, int, str]]:
    """Yield each ticket field that the mapping fills, with its line and section."""
    filled: Iterable[tuple[str, int, str]] = (
        *((rule.field, mapping.line(*rule.place, "field"), key_path_text(rule.place)) for rule in mapping.rules),
        *((name, mapping.line("constants", name), "constants") for name, _ in mapping.constants),
        *((name, mapping.line("templates", name), "templates") for name, _ in mapping.templates),
    )
    for name, line, section in filled:
        if name and not is_lead_field(name):
            yield name, line, section


def _guess(name: str, fields: AccountFields) -> str:
    """Return a hint at the field that was probably meant, by SchemaName or display name."""
    known: dict[str, str] = {}
    for field in fields:
        if field.active:
            for alias in (field.schema_name, field.schema_name.rpartition(".")[2], field.display_name):
                known.setdefault(alias, field.schema_name)
    bare = name.rpartition(".")[2]
    # With a common prefix, all names would look similar.
    bare_names = [alias for alias in known if "." not in alias]
    best = closest_name(name, known, 1) or closest_name(bare, known, 1) or closest_name(bare, bare_names, _NEAR)
    return f" (did you mean {known[best]!r}?)" if best else ""


def _choices(field: AccountField) -> str:
    return f"; it takes {listed(field.values)}" if field.values else ""
