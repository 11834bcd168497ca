"""List columns: the columns of a name that a header repeats, such as the `Labels` of a Jira export."""

from __future__ import annotations

import collections.abc
from collections.abc import Iterable, Iterator
from dataclasses import replace

from importer.mapping.checked_mapping import ColumnMention, Mapping, Rule, Section
from importer.mapping.document import key_path_text
from importer.mapping.findings import MappingFinding
from importer.mapping.templates import Template

Repeated = collections.abc.Mapping[str, tuple[str, ...]]  # name -> its columns: `Labels`, `Labels (2)`

_PLACES_FOR_ONE_CELL = (Section.KEY, Section.FOLDER, Section.ROWS)


def with_repeated_columns(mapping: Mapping, repeated: Repeated) -> Mapping:
    """Return the mapping with all columns of each repeated name, in its rules, attachments and templates."""
    if not repeated:
        return mapping
    attachments = mapping.attachments
    if attachments is not None:
        columns = (column for name in attachments.columns for column in repeated.get(name, (name,)))
        attachments = replace(attachments, columns=tuple(columns))
    return replace(
        mapping,
        rules=tuple(replace(rule, repeated=repeated.get(rule.column, ())) for rule in mapping.rules),
        attachments=attachments,
        templates=tuple(
            (name, replace(template, repeated=repeated) if isinstance(template, Template) else template)
            for name, template in mapping.templates
        ),
    )


def single_columns(rules: Iterable[Rule], mentions: Iterable[ColumnMention]) -> frozenset[str]:
    """Return the columns that fill a place for one value: there, a list of JSON is a problem."""
    of_rules = {rule.column for rule in rules if not rule.takes_list}
    return frozenset(of_rules.union(each.column for each in mentions if each.section in _PLACES_FOR_ONE_CELL))


def repeated_column_errors(mapping: Mapping, repeated: Repeated) -> Iterator[MappingFinding]:
    """Yield each place that uses a repeated column as if it had one cell."""
    for rule in mapping.rules:
        if rule.column in repeated and not rule.takes_list and rule.column not in mapping.gaps.rules:
            yield MappingFinding(
                rule.line,
                f"{key_path_text(rule.place)}: the manifest has {len(repeated[rule.column])} columns of this name; add "
                '`join: ", "` to send all values, or `pick: first` or `pick: last`',
            )
    for mention in mapping.mentions:
        if mention.column in repeated and mention.section in _PLACES_FOR_ONE_CELL:
            count = len(repeated[mention.column])
            yield MappingFinding(
                mention.line,
                f"{mention.section}: the manifest has {count} columns with the name {mention.column!r}; name a "
                "column that it has once",
            )
