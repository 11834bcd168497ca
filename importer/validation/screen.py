"""Which rows of a chunk surely have no problem, at a fraction of the cost of looking for one.

A row that passes has none by `Validator.check`, which stays the one judge of every other row. So nothing here knows
what is wrong with a cell or how it is told; it knows cells that are right, by their form or because they were judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from importer.manifest import Chunk, Column, is_visible
from importer.mapping import FieldType, Mapping, Rule
from importer.validation.fingerprints import Prints, fingerprints
from importer.validation.forms import surely_fit

LEAD_ID = "LeadId"
LEAD_IDENTIFIERS = (LEAD_ID, "LeadDetail.EmailAddress", "LeadDetail.Phone")

_MOST_KNOWN = 4_096
_FEW = 64  # parts of a chunk: so small a share of it is left to the judge as whole rows

Mask = npt.NDArray[np.bool_]
# Of different cells by themselves: whether each is right, and whether what is sent for it is more than blanks.
Judge = Callable[[Rule, Sequence[str]], tuple[Mask, Mask]]


class Screen:
    """Looks through chunk after chunk, and remembers what it has learnt of the cells of former ones."""

    def __init__(self, mapping: Mapping, judge: Judge) -> None:
        self._columns = [_ColumnScreen(rule, judge) for rule in mapping.rules]
        self._names_lead = any(name in LEAD_IDENTIFIERS and value.strip() for name, value in mapping.constants)

    def passes(self, chunk: Chunk) -> Mask:
        """Say of each row whether none of its cells is wrong and it names a lead; its attachments are not looked at."""
        passes = np.ones(len(chunk.rows), dtype=bool)
        leads = np.full(len(chunk.rows), self._names_lead)
        for screen in self._columns:
            column = chunk.column(screen.rule.column)
            if column is None:
                return np.zeros(len(chunk.rows), dtype=bool)
            right, filled = screen.look(column)
            passes &= right
            if screen.rule.field in LEAD_IDENTIFIERS:
                leads |= filled
        return np.asarray(passes & leads)


class _ColumnScreen:
    """One rule, and some cells that it is known to take."""

    def __init__(self, rule: Rule, judge: Judge) -> None:
        self.rule = rule
        self._judge = judge
        self._kind = FieldType.GUID if rule.field == LEAD_ID else rule.type
        self._known: Prints = np.empty((2, 0), dtype=np.uint64)
        self._filled = np.empty(0, dtype=bool)

    def look(self, column: Column) -> tuple[Mask, Mask]:
        """Say which cells are right, and which of these stand for more than blanks."""
        right = self._right_by_form(column)
        filled = right & is_visible(column.first_bytes())
        unsure = np.flatnonzero(~right)
        if unsure.size:
            right[unsure], filled[unsure] = self._right_by_heart(column.take(unsure), len(column) // _FEW)
        return right, filled

    def _right_by_form(self, column: Column) -> Mask:
        rule = self.rule
        if rule.values or rule.one_of:
            return np.zeros(len(column), dtype=bool)
        right = surely_fit(column, rule, self._kind)
        if rule.required:
            right &= is_visible(column.first_bytes())
        if rule.max_length is not None and rule.on_too_long == "reject":
            # Their values are not longer than the cells, and characters are not more than bytes.
            if self._kind in (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE):
                right &= column.lengths <= rule.max_length
            else:
                right[:] = False
        if not rule.required and rule.default is None:
            right |= column.lengths == 0
        return right

    def _right_by_heart(self, column: Column, few: int) -> tuple[Mask, Mask]:
        """Compare cells with those known; if many are not, have each different one judged."""
        prints = fingerprints(column)
        right, filled = self._recall(prints)
        unknown = np.flatnonzero(~right)
        if unknown.size > few:
            _, firsts, which = np.unique(prints[0, unknown], return_index=True, return_inverse=True)
            texts = column.take(unknown[firsts]).texts()
            good, named = self._judge(self.rule, texts)
            # Cells of one hash and another check are as rare as anything; they are left to the judge.
            same = prints[1, unknown] == prints[1, unknown[firsts]][which]
            right[unknown], filled[unknown] = good[which] & same, named[which] & good[which] & same
            self._learn(prints[:, unknown[firsts[good]]], named[good])
        return right, filled

    def _recall(self, prints: Prints) -> tuple[Mask, Mask]:
        if not self._filled.size:
            return np.zeros(prints.shape[1], dtype=bool), np.zeros(prints.shape[1], dtype=bool)
        at = np.minimum(np.searchsorted(self._known[0], prints[0]), self._filled.size - 1)
        right = (self._known[:, at] == prints).all(axis=0)
        return right, right & self._filled[at]

    def _learn(self, prints: Prints, filled: Mask) -> None:
        if self._filled.size + filled.size > _MOST_KNOWN:
            return
        known, filled = np.concatenate((self._known, prints), axis=1), np.concatenate((self._filled, filled))
        order = np.argsort(known[0])
        self._known, self._filled = known[:, order], filled[order]
