"""Converts the fields of rows: each different cell of a column once, by its rule, template or constant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from importer.account_fields.value_check import shortened
from importer.leadsquared.documented_fields import documented_type
from importer.manifest.text_column import Mask
from importer.mapping import Mapping as CheckedMapping
from importer.mapping import Rule, Template
from importer.validation.account_rules import AccountRules
from importer.validation.problem_collector import ProblemCollector
from importer.validation.rule_steps import UNSENDABLE, convert_cells, is_unsendable
from importer.validation.type_conversion import convert

# Column -> the cells of all rows in it.
ColumnTexts = Callable[[str], Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SentField:
    """One field of some rows; ``name`` is its SchemaName.

    ``cells``: one for each row. ``values``: each different cell's value, ``None`` if it is not sent.
    """

    name: str
    cells: Sequence[str]
    values: Mapping[str, str | None]

    def value(self, position: int) -> str | None:
        """Return the value of a row."""
        return self.values[self.cells[position]]

    def is_filled(self) -> Mask:
        """Return which rows send a value that is not blank."""
        blank = {cell for cell, value in self.values.items() if value is None or not value.strip()}
        if not blank:
            return np.ones(len(self.cells), dtype=bool)
        return np.array([cell not in blank for cell in self.cells], dtype=bool)


class FieldConverter:
    """Converts the fields of rows by a mapping, and checks them against the account's limits."""

    def __init__(self, mapping: CheckedMapping, account: AccountRules) -> None:
        self._mapping = mapping
        self._account = account
        self._constants = [(name, convert_constant(name, value)[0]) for name, value in mapping.constants]

    def fields(self, texts: ColumnTexts, rows: int, collector: ProblemCollector) -> Iterator[SentField]:
        """Yield every field of ``rows`` rows; report every problem."""
        for rule in self._mapping.rules:
            yield self._convert(texts(rule.column), rule, collector)
        for name, template in self._mapping.templates:
            # A problem names one column: the template's first.
            rule = Rule(column=template.columns[0], field=name, line=0)
            yield self._convert(_fill(template, texts), rule, collector)
        for name, value in self._constants:
            field = SentField(name=name, cells=[value] * rows, values={value: value})
            self._check_account_limits(field, None, collector)
            yield field

    def _convert(self, cells: Sequence[str], rule: Rule, collector: ProblemCollector) -> SentField:
        different = list(dict.fromkeys(cells))
        values, problems = convert_cells(different, rule)
        field = SentField(name=rule.field, cells=cells, values=dict(zip(different, values, strict=True)))
        wrong = {different[at]: found for at, found in problems.items()}
        for position in _positions(cells, wrong):
            for problem in wrong[cells[position]]:
                message = f"{rule.column}: {problem.message}"
                collector.add(position, problem.code, message, column=rule.column, value=problem.value)
        self._check_account_limits(field, rule.column, collector)
        return field

    def _check_account_limits(self, field: SentField, column: str | None, collector: ProblemCollector) -> None:
        wrong = self._account.violations(field.name, field.values)
        for position in _positions(field.cells, wrong):
            if not collector.has(position, column):
                violation, value = wrong[field.cells[position]], shortened(field.value(position) or "")
                message = f"{column or field.name}: {violation.text}"
                collector.add(position, violation.code, message, column=column, value=value)


def convert_constant(name: str, value: str) -> tuple[str, str]:
    """Return the converted value of a constant and an empty text; or an empty text and why it is invalid."""
    if is_unsendable(value):
        return "", UNSENDABLE
    rule = Rule(column=name, field=name, line=0, type=documented_type(name))
    converted = convert([value], rule)
    valid = converted.values[0]
    return ("", f"is not {converted.expected}") if valid is None else (valid, "")


def _fill(template: Template, texts: ColumnTexts) -> list[str]:
    """Fill a template for every row; the text of a row whose cells are all empty is empty."""
    rows = zip(*map(texts, template.columns), strict=True)
    return [template.fill(dict(zip(template.columns, cells, strict=True))) if any(cells) else "" for cells in rows]


def _positions(cells: Sequence[str], wanted: Mapping[str, object]) -> list[int]:
    return [position for position, cell in enumerate(cells) if cell in wanted] if wanted else []
