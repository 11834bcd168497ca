"""Converts the fields of rows: each different cell of a column once, by its rule, template or constant."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from importer.account_fields.value_check import shortened
from importer.leadsquared.documented_fields import documented_type
from importer.manifest.text_column import Mask
from importer.mapping import Join, Rule, Template
from importer.mapping import Mapping as CheckedMapping
from importer.mapping.document import KeyPath
from importer.mapping.list_values import NestedValueError, list_cell, list_values
from importer.validation.account_rules import AccountRules
from importer.validation.problem_collector import ProblemCollector
from importer.validation.rule_steps import UNSENDABLE, CellProblem, convert_cells, is_unsendable
from importer.validation.type_conversion import convert

# Different cell -> its value, ``None`` if it is not sent.
Values = dict[str, str | None]

_MOST_KNOWN = 4_096


@dataclass(frozen=True, kw_only=True)
class SentField:
    """One field of some rows; ``name`` is its SchemaName, empty for values that only a template joins.

    ``cells``: one for each row. ``values``: the value of each different cell. ``invalid``: cells with a problem.
    """

    name: str
    cells: pd.Series
    values: Values
    invalid: Collection[str] = ()

    def valid_values(self) -> Iterator[str | None]:
        """Yield the value of each row; ``None`` for an invalid cell, which has its problem already."""
        values = {**self.values, **dict.fromkeys(self.invalid)}
        return (values[cell] for cell in self.cells.tolist())

    @functools.cached_property
    def value_of_row(self) -> list[str | None]:
        """The value of each row; ``None`` if it is not sent."""
        return [self.values[cell] for cell in self.cells.tolist()]

    def is_filled(self) -> Mask:
        """Return which rows send a value that is not blank."""
        blank = [cell for cell, value in self.values.items() if not value or value.isspace()]
        return ~self.cells.isin(blank).to_numpy() if blank else np.ones(len(self.cells), dtype=bool)


class FieldConverter:
    """Converts the fields of rows by a mapping, and checks them against the account's limits."""

    def __init__(self, mapping: CheckedMapping, account: AccountRules) -> None:
        self._account = account
        # Each rule has the values of valid cells of earlier rows, because most columns have few different cells.
        self._rules: list[tuple[Rule, Values]] = [(rule, {}) for rule in mapping.rules]
        self._templates = mapping.templates
        joins = (template for _, template in mapping.templates if isinstance(template, Join))
        self._joined = frozenset(place for join in joins for place in join.places)
        self._constants = [(name, convert_constant(name, value)[0]) for name, value in mapping.constants]

    def fields(self, frame: pd.DataFrame, collector: ProblemCollector) -> Iterator[SentField]:
        """Yield every field of the rows of ``frame`` (text cells); report every problem."""
        joined: dict[KeyPath, SentField] = {}
        for rule, known in self._rules:
            field = self._convert(_cells(frame, rule), rule, known, collector)
            if rule.place in self._joined:
                joined[rule.place] = field
            if rule.field:
                yield field
        for name, template in self._templates:
            if isinstance(template, Join):
                values = zip(*(joined[place].valid_values() for place in template.places), strict=True)
                cells = pd.Series(list(map(template.of_values, values)), dtype=object)
            else:
                cells = _fill(template, frame, collector)
            # A problem names one column: the template's first.
            rule = Rule(column=template.columns[0], field=name, line=0)
            yield self._convert(cells, rule, {}, collector)
        for name, value in self._constants:
            field = SentField(name=name, cells=pd.Series([value] * len(frame), dtype=object), values={value: value})
            self._report(field, None, {}, collector)
            yield field

    def _convert(self, cells: pd.Series, rule: Rule, known: Values, collector: ProblemCollector) -> SentField:
        values: Values = dict.fromkeys(cells.tolist())
        new = [cell for cell in values if cell not in known]
        converted, wrong = convert_cells(new, rule)
        values.update(zip(new, converted, strict=True))
        if len(new) < len(values):
            values = {cell: known.get(cell, value) for cell, value in values.items()}
        field = SentField(name=rule.field, cells=cells, values=values)
        invalid = self._report(field, rule.column, {new[at]: found for at, found in wrong.items()}, collector)
        if len(known) + len(new) <= _MOST_KNOWN:
            known.update((cell, values[cell]) for cell in new if cell not in invalid)
        return replace(field, invalid=invalid) if invalid else field

    def _report(
        self, field: SentField, column: str | None, wrong: Mapping[str, list[CellProblem]], collector: ProblemCollector
    ) -> set[str]:
        """Report the problems of cells, and values that the account would refuse; return all invalid cells.

        A cell that has a problem already gets no second one from the account's limits.
        """
        violations = self._account.violations(field.name, field.values)
        invalid = wrong.keys() | violations.keys()
        positions = (
            np.flatnonzero(field.cells.isin(list(invalid)).to_numpy()) if invalid else np.empty(0, dtype=np.intp)
        )
        for position in positions.tolist():
            cell = field.cells.iloc[position]
            for problem in wrong.get(cell, ()):
                message = f"{column}: {problem.message}"
                collector.add(position, problem.code, message, column=column, value=problem.value)
            violation = violations.get(cell)
            if violation is not None and cell not in wrong:
                message, value = f"{column or field.name}: {violation.text}", shortened(field.values[cell] or "")
                collector.add(position, violation.code, message, column=column, value=value)
        return invalid


def convert_constant(name: str, value: str) -> tuple[str, str]:
    """Return the converted value of a constant and an empty text; or an empty text and why it is invalid."""
    if is_unsendable(value):
        return "", UNSENDABLE
    rule = Rule(column=name, field=name, line=0, type=documented_type(name))
    converted = convert([value], rule)
    valid = converted.values[0]
    return ("", f"is not {converted.expected}") if valid is None else (valid, "")


def _cells(frame: pd.DataFrame, rule: Rule) -> pd.Series:
    """Return the cell of each row; those of a repeated column are one cell with a list."""
    if not rule.repeated:
        return frame[rule.column]
    rows = frame[[*rule.repeated]].itertuples(index=False, name=None)
    return pd.Series(list(map(list_cell, rows)), dtype=object)


def _fill(template: Template, frame: pd.DataFrame, collector: ProblemCollector) -> pd.Series:
    """Fill a template for every row; the text of a row whose cells are all empty is empty."""
    repeated = frozenset(itertools.chain(*template.repeated.values()))
    columns = []
    for column in template.columns:
        cells = frame[column].tolist()
        columns.append(cells if column in repeated else _with_joined_lists(cells, column, collector))
    texts = [
        template.fill(dict(zip(template.columns, cells, strict=True))) if any(cells) else ""
        for cells in zip(*columns, strict=True)
    ]
    return pd.Series(texts, dtype=object)


def _with_joined_lists(cells: list[str], column: str, collector: ProblemCollector) -> list[str]:
    """Replace JSON lists by their values, separated by commas."""
    joined = cells
    for position in [at for at, cell in enumerate(cells) if cell.startswith("[")]:
        if joined is cells:
            joined = [*cells]
        try:
            joined[position] = ", ".join(list_values(cells[position]))
        except NestedValueError:
            value = shortened(cells[position])
            message = f"{column}: {value!r} holds lists or objects, not texts"
            collector.add(position, "nested-value", message, column=column, value=value)
    return joined
