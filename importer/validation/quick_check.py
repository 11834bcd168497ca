"""Finds the cells of a chunk that are certainly valid, at a fraction of the cost of validating them.

A cell is certainly valid if its bytes have a valid form, or if an equal cell was validated before. The validator checks
all other cells; only it knows what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from importer.leadsquared.documented_fields import LEAD_ID, LEAD_IDENTIFIERS, fixed_type
from importer.manifest import Chunk, Column, is_visible
from importer.mapping import FieldType, Mapping, Rule, Template
from importer.validation.account_rules import AccountRules
from importer.validation.byte_checks import Mask, certainly_valid
from importer.validation.fingerprint_cache import FingerprintCache, distinct
from importer.validation.fingerprints import fingerprints

_MOST_KNOWN = 4_096
_FEW = 64  # up to 1/64 of a chunk's cells go to the validator directly, without the cache

# Rule, different cells -> whether each cell is valid, and whether its converted value is not blank.
CheckCells = Callable[[Rule, Sequence[str]], tuple[Mask, Mask]]


@dataclass(frozen=True, kw_only=True, eq=False)
class UnclearCells:
    """Cells and rows of a chunk that may be invalid.

    ``cells``: for each rule of the mapping, the rows whose cell may be invalid. ``rows``: rows that may name no lead or
    fill a template with an invalid text, so that all their cells must be checked.
    """

    cells: Sequence[Mask]
    rows: Mask


class QuickCheck:
    """Checks chunk after chunk, and remembers the valid cells of earlier chunks."""

    def __init__(self, mapping: Mapping, check_cells: CheckCells, account: AccountRules) -> None:
        self._columns = [_ColumnCheck(rule, check_cells, account) for rule in mapping.rules]
        self._templates = mapping.templates
        self._account = account
        self._names_lead = any(name in LEAD_IDENTIFIERS and value.strip() for name, value in mapping.constants)

    def unclear_cells(self, chunk: Chunk) -> UnclearCells:
        """Return what may be invalid in each row, attachments excepted."""
        rows = len(chunk.rows)
        cells: list[Mask] = []
        unclear_rows = np.zeros(rows, dtype=bool)
        leads = np.full(rows, self._names_lead)
        for check in self._columns:
            column = chunk.column(check.rule.column)
            if column is None:
                cells.append(np.ones(rows, dtype=bool))
                continue
            valid, filled = check.check(column)
            cells.append(~valid)
            if check.rule.field in LEAD_IDENTIFIERS:
                leads |= filled
        for name, template in self._templates:
            valid, filled = self._check_template(chunk, name, template)
            unclear_rows |= ~valid
            if name in LEAD_IDENTIFIERS:
                leads |= filled
        return UnclearCells(cells=cells, rows=unclear_rows | ~leads)

    def _check_template(self, chunk: Chunk, name: str, template: Template) -> tuple[Mask, Mask]:
        """Return which rows certainly fill the template with a valid text, and which of these texts are not blank.

        A text is certainly valid unless the field is the LeadId or has rules of the account.
        """
        columns = [chunk.column(column) for column in template.columns]
        filled = np.zeros(len(chunk.rows), dtype=bool)
        for column in columns:
            if column is None or name == LEAD_ID or self._account.has_rules(name):
                return np.zeros_like(filled), filled
            filled |= is_visible(column.first_bytes())
        return np.ones_like(filled), filled


class _ColumnCheck:
    """Checks one rule's column, with a cache of the cells that the rule accepts."""

    def __init__(self, rule: Rule, check_cells: CheckCells, account: AccountRules) -> None:
        self.rule = rule
        self._check_cells = check_cells
        self._account = account
        self._field_type = fixed_type(rule.field) or rule.type
        self._cache = FingerprintCache(1, _MOST_KNOWN)  # whether the value of a valid cell is not blank

    def check(self, column: Column) -> tuple[Mask, Mask]:
        """Return which cells are certainly valid, and which of these have a value that is not blank."""
        valid = self._valid_by_form(column)
        filled = valid & is_visible(column.first_bytes())
        unsure = np.flatnonzero(~valid)
        if unsure.size:
            valid[unsure], filled[unsure] = self._valid_by_cache(column.take(unsure), len(column) // _FEW)
        return valid, filled

    def _valid_by_form(self, column: Column) -> Mask:
        rule = self.rule
        if rule.values or rule.one_of or self._needs_validation():
            return np.zeros(len(column), dtype=bool)
        valid = certainly_valid(column, rule, self._field_type)
        if rule.required:
            valid &= is_visible(column.first_bytes())
        if rule.max_length is not None and rule.on_too_long == "reject":
            # Values of these types are not longer than their cells, and a text has no more characters than bytes.
            if self._field_type in (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE):
                valid &= column.lengths <= rule.max_length
            else:
                valid[:] = False
        if not rule.required and rule.default is None:
            valid |= column.lengths == 0
        return valid & self._account.certainly_valid(rule.field, column, self._field_type)

    def _needs_validation(self) -> bool:
        """Return whether a value may be invalid although its cell has a valid form."""
        rule = self.rule
        if rule.html is not None:
            limited = rule.max_length is not None and rule.on_too_long == "reject"
            asked_for = rule.required or rule.field in LEAD_IDENTIFIERS or self._account.has_rules(rule.field)
            return limited or asked_for
        # In capital letters a text may have more characters: the capital of ß is SS.
        return rule.region is not None or len(rule.formats) > 1 or rule.case == "upper"

    def _valid_by_cache(self, column: Column, few: int) -> tuple[Mask, Mask]:
        """Look cells up in the cache; if many are missing, validate each different one."""
        prints = fingerprints(column)
        facts, valid = self._cache.look_up(prints)
        filled = valid & (facts[0] > 0)
        unknown = np.flatnonzero(~valid)
        if unknown.size > few:
            firsts, which, same = distinct(prints[:, unknown])
            good, named = self._check_cells(self.rule, column.take(unknown[firsts]).texts())
            valid[unknown] = good[which] & same  # the validator checks the others
            filled[unknown] = named[which] & valid[unknown]
            self._cache.add(prints[:, unknown[firsts[good]]], named[good].astype(np.int64)[np.newaxis])
        return valid, filled
