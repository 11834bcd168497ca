"""Templates that join columns: which rule makes the value of each column, and what is wrong with these rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from importer.mapping.checked_mapping import Rule
from importer.mapping.document import Document, key_path_text
from importer.mapping.document_models import JoinModel, MappingModel
from importer.mapping.findings import MappingFinding
from importer.mapping.templates import Join, Template


def joined_rule_errors(model: MappingModel, document: Document) -> Iterator[MappingFinding]:
    """Yield rules that fill no field and are not joined, and columns without one rule that makes the joined value."""
    joined = {
        column: name for name, each in model.templates.items() if isinstance(each, JoinModel) for column in each.columns
    }
    for place, rule in model.rules():
        if rule.field is None and place[1] not in joined:
            text = "is missing; name the field that the column fills, such as `field: Title`"
            yield MappingFinding(document.line(place), f"{key_path_text((*place, 'field'))} {text}")
        elif rule.field is None and rule.send_empty:
            text = (
                "`send_empty` has no effect in a rule without `field`, as a template joins only filled cells; remove it"
            )
            yield MappingFinding(document.line((*place, "send_empty")), f"{key_path_text(place)}: {text}")
    for column, name in joined.items():
        rules = model.columns.get(column, [])
        without_field = sum(rule.field is None for rule in rules)
        if without_field > 1:
            text = (
                f"columns > {column}: only one rule may be without `field`: it makes the value that `templates` joins"
            )
            yield MappingFinding(document.line(("columns", column)), text)
        elif len(rules) > 1 and not without_field:
            text = (
                f"templates > {name}: {column!r} has {len(rules)} rules; add one without `field` for the value to join"
            )
            yield MappingFinding(document.line(("templates", name)), text)


def templates_and_rules(
    model: MappingModel, rules: Sequence[Rule], document: Document
) -> tuple[tuple[tuple[str, Template | Join], ...], tuple[Rule, ...]]:
    """Return the templates, and all rules: those of ``columns``, and one for each joined column that has none.

    A rule without a field joins the values of a list as its template joins columns, unless it says otherwise.
    """
    templates: list[tuple[str, Template | Join]] = []
    by_place = {rule.place: rule for rule in rules}
    for name, template in model.templates.items():
        if not isinstance(template, JoinModel):
            templates.append((name, Template.parse(template)))
            continue
        places = []
        for index, column in enumerate(template.columns):
            own = sorted((rule for rule in rules if rule.column == column), key=lambda rule: bool(rule.field))
            place = ("templates", name, "columns", index)
            rule = own[0] if own else Rule(column=column, line=document.line(place), place=place)
            rule = by_place.get(rule.place, rule)
            by_place[rule.place] = rule if rule.field else replace(rule, separator=template.join)
            places.append(rule.place)
        templates.append((name, Join(columns=tuple(template.columns), places=tuple(places), separator=template.join)))
    return tuple(templates), tuple(by_place.values())
