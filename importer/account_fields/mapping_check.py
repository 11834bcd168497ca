"""A mapping held against the account's fields, before any row is looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from importer.account_fields.patterns import compiled_pattern
from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.account_fields.value_check import find_violation, listed, quoted
from importer.mapping import FieldType, Mapping, Rule
from importer.mapping.document import KeyPath
from importer.mapping.field_names import SYSTEM_FIELDS
from importer.mapping.findings import MappingFinding, format_findings
from importer.mapping.rule_checks import literal_texts
from importer.mapping.similar_names import closest_name

LEAD_PREFIX = "LeadDetail."
NOT_TICKET_FIELDS = ("LeadId",)

_NEAR = 0.7
_DATES = {"date": FieldType.DATE, "datetime": FieldType.DATETIME}


@dataclass(frozen=True, kw_only=True)
class MappingCheck:
    """Whole lines for a person: what the account would refuse in every ticket, and what is only probably wrong."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_mapping(mapping: Mapping, fields: AccountFields, now: datetime) -> MappingCheck:
    """Hold a mapping against the account. Fields of the lead are not among those of tickets, and pass."""
    errors = [*_filled(mapping, fields), *_texts(mapping, fields)]
    doubts = [*_types(mapping, fields), *_unchecked_patterns(mapping, fields)]
    for field in _unfilled(mapping, fields):
        text = f"{field.schema_name} is mandatory in the account, and nothing fills it{_choices(field)}"
        # What nobody documents as a field to be sent may be one that the account fills by itself.
        ours = field.schema_name in SYSTEM_FIELDS or "." in field.schema_name
        (errors if ours else doubts).append(MappingFinding(0, text))
    age = (f"the account's fields were read {fields.age_text(now)}: `ticket-importer fields` reads them anew",)
    return MappingCheck(
        errors=tuple(format_findings(mapping.path, errors)),
        warnings=(*format_findings(mapping.path, doubts), *(age if fields.is_old(now) else ())),
    )


def _filled(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Fields that are not there, or not any more."""
    for name, line, section in _names(mapping):
        field = fields.by_name.get(name)
        if field is None:
            yield MappingFinding(line, f"{section}: the account has no field {name!r}{_guess(name, fields)}")
        elif not field.active:
            yield MappingFinding(line, f"{section}: {name!r} is a field that the account has switched off or deleted")


def _texts(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Texts of the mapping itself that the account would refuse."""
    for rule in mapping.rules:
        field = fields.by_name.get(rule.field)
        if field is None or not field.active:
            continue
        told = set()
        for place, text in _rule_texts(rule):
            wrong = find_violation(field, text)
            if wrong is not None and text not in told:
                told.add(text)
                line = mapping.line("columns", rule.column, *place)
                yield MappingFinding(line, f"columns > {rule.column}: {place[0]}: {wrong.text}")
    for name, text in mapping.constants:
        field = fields.by_name.get(name)
        wrong = find_violation(field, text) if field is not None and field.active else None
        if wrong is not None:
            yield MappingFinding(mapping.line("constants", name), f"constants > {name}: {wrong.text}")


def _rule_texts(rule: Rule) -> Iterator[tuple[KeyPath, str]]:
    """What the rule itself may put into a ticket, and what it lets pass, where it is sent as it stands there."""
    if rule.type is not FieldType.TEXT or rule.html is not None:
        return
    yield from literal_texts(rule)
    yield from ((("one_of", index), text) for index, text in enumerate(rule.one_of))


def _types(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Rules that say less than the account demands: what they let pass is refused row by row."""
    for rule in mapping.rules:
        field = fields.by_name.get(rule.field)
        if field is None:
            continue
        right = _DATES.get(field.data_type.casefold().replace(" ", ""))
        if right is not None and rule.type is FieldType.TEXT:
            text = (
                f"{rule.field} is a {field.data_type} in the account: with `type: {right}` wrong cells are found here"
            )
            yield MappingFinding(rule.line, f"columns > {rule.column}: {text}")


def _unchecked_patterns(mapping: Mapping, fields: AccountFields) -> Iterator[MappingFinding]:
    """Fields whose pattern the cells are not checked against."""
    told = set()
    for name, line, section in _names(mapping):
        field = fields.by_name.get(name)
        if field is not None and field.regex and compiled_pattern(field.regex) is None and name not in told:
            told.add(name)
            text = f"{section}: values of {name} are not checked against the account's pattern {quoted(field.regex)}"
            yield MappingFinding(line, f"{text}, which is too long or can be read in several ways")


def _unfilled(mapping: Mapping, fields: AccountFields) -> Iterator[AccountField]:
    names = {name for name, _, _ in _names(mapping)}
    for field in fields:
        apart = field.schema_name in NOT_TICKET_FIELDS or field.schema_name.startswith(LEAD_PREFIX)
        if field.is_required and field.schema_name not in names and not apart:
            yield field


def _names(mapping: Mapping) -> Iterator[tuple[str, int, str]]:
    """Every ticket field that the mapping fills, with its line and section."""
    filled: Iterable[tuple[str, int, str]] = (
        *(
            (rule.field, mapping.line("columns", rule.column, "field"), f"columns > {rule.column}")
            for rule in mapping.rules
        ),
        *((name, mapping.line("constants", name), "constants") for name, _ in mapping.constants),
        *((name, mapping.line("templates", name), "templates") for name, _ in mapping.templates),
    )
    for name, line, section in filled:
        if name not in NOT_TICKET_FIELDS and not name.startswith(LEAD_PREFIX):
            yield name, line, section


def _guess(name: str, fields: AccountFields) -> str:
    """The field that was probably meant: by its SchemaName, with or without its prefix, or by the name people see."""
    known: dict[str, str] = {}
    for field in fields:
        if field.active:
            for alias in (field.schema_name, field.schema_name.rpartition(".")[2], field.display_name):
                known.setdefault(alias, field.schema_name)
    bare = name.rpartition(".")[2]
    # With the prefix that they share, any two names would be like each other.
    bare_names = [alias for alias in known if "." not in alias]
    best = closest_name(name, known, 1) or closest_name(bare, known, 1) or closest_name(bare, bare_names, _NEAR)
    return f" (did you mean {known[best]!r}?)" if best else ""


def _choices(field: AccountField) -> str:
    return f"; it takes {listed(field.values)}" if field.values else ""
