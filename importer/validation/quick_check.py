"""Which cells of a chunk are surely right, at a fraction of the cost of judging them.

Those have no problem by `Validator.check`, which stays the one judge of all others. So nothing here knows
what is wrong with a cell or how it is told; it knows cells that are right, by their form or because they were judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.manifest import Chunk, Column, is_visible
from importer.mapping import FieldType, Mapping, Rule, Template
from importer.validation.account_rules import AccountRules
from importer.validation.byte_checks import certainly_valid
from importer.validation.fingerprints import Fingerprints, fingerprints

LEAD_ID = "LeadId"
LEAD_IDENTIFIERS = (LEAD_ID, "LeadDetail.EmailAddress", "LeadDetail.Phone")

_MOST_KNOWN = 4_096
_FEW = 64  # parts of a chunk: so small a share of it is left to the judge as whole rows

Mask = npt.NDArray[np.bool_]
# Of different cells by themselves: whether each is right, and whether what is sent for it is more than blanks.
CheckCells = Callable[[Rule, Sequence[str]], tuple[Mask, Mask]]


@dataclass(frozen=True, kw_only=True, eq=False)
class UnclearCells:
    """Which rows of a chunk may be wrong, and where.

    ``cells``: for each of the mapping's rules, the rows of which its cell may be. ``elsewhere``: the rows that may name
    no lead, or fill a template wrongly, which other cells than those in doubt may be the reason for.
    """

    cells: Sequence[Mask]
    elsewhere: Mask


class QuickCheck:
    """Looks through chunk after chunk, and remembers what it has learnt of the cells of former ones."""

    def __init__(self, mapping: Mapping, judge: CheckCells, account: AccountRules) -> None:
        self._columns = [_ColumnScreen(rule, judge, account) for rule in mapping.rules]
        self._templates = mapping.templates
        self._account = account
        self._names_lead = any(name in LEAD_IDENTIFIERS and value.strip() for name, value in mapping.constants)

    def doubts(self, chunk: Chunk) -> UnclearCells:
        """Say what of each row may be wrong; its attachments are not looked at."""
        rows = len(chunk.rows)
        cells: list[Mask] = []
        elsewhere = np.zeros(rows, dtype=bool)
        leads = np.full(rows, self._names_lead)
        for screen in self._columns:
            column = chunk.column(screen.rule.column)
            if column is None:
                cells.append(np.ones(rows, dtype=bool))
                continue
            right, filled = screen.look(column)
            cells.append(~right)
            if screen.rule.field in LEAD_IDENTIFIERS:
                leads |= filled
        for name, template in self._templates:
            right, filled = self._look_at_template(chunk, name, template)
            elsewhere |= ~right
            if name in LEAD_IDENTIFIERS:
                leads |= filled
        return UnclearCells(cells=cells, elsewhere=elsewhere | ~leads)

    def _look_at_template(self, chunk: Chunk, name: str, template: Template) -> tuple[Mask, Mask]:
        """Say which rows fill it rightly, and which of these with more than blanks.

        All do whose cells can be sent, unless the field is asked to be more than a text.
        """
        columns = [chunk.column(column) for column in template.columns]
        filled = np.zeros(len(chunk.rows), dtype=bool)
        for column in columns:
            if column is None or name == LEAD_ID or self._account.knows(name):
                return np.zeros_like(filled), filled
            filled |= is_visible(column.first_bytes())
        return np.ones_like(filled), filled


class _ColumnScreen:
    """One rule, and some cells that it is known to take."""

    def __init__(self, rule: Rule, judge: CheckCells, account: AccountRules) -> None:
        self.rule = rule
        self._judge = judge
        self._account = account
        self._kind = FieldType.GUID if rule.field == LEAD_ID else rule.type
        self._known: Fingerprints = np.empty((2, 0), dtype=np.uint64)
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
        if rule.values or rule.one_of or self._says_more_than_forms():
            return np.zeros(len(column), dtype=bool)
        right = certainly_valid(column, rule, self._kind)
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
        return right & self._account.surely_fit(rule.field, column, self._kind)

    def _says_more_than_forms(self) -> bool:
        """Whether what is sent may be wrong although the cell has the right form."""
        rule = self.rule
        if rule.html is not None:
            limited = rule.max_length is not None and rule.on_too_long == "reject"
            asked_for = rule.required or rule.field in LEAD_IDENTIFIERS or self._account.knows(rule.field)
            return limited or asked_for
        # Capital letters may be more than the bytes of the small ones.
        return rule.region is not None or len(rule.formats) > 1 or rule.case == "upper"

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

    def _recall(self, prints: Fingerprints) -> tuple[Mask, Mask]:
        if not self._filled.size:
            return np.zeros(prints.shape[1], dtype=bool), np.zeros(prints.shape[1], dtype=bool)
        at = np.minimum(np.searchsorted(self._known[0], prints[0]), self._filled.size - 1)
        right = (self._known[:, at] == prints).all(axis=0)
        return right, right & self._filled[at]

    def _learn(self, prints: Fingerprints, filled: Mask) -> None:
        if self._filled.size + filled.size > _MOST_KNOWN:
            return
        known, filled = np.concatenate((self._known, prints), axis=1), np.concatenate((self._filled, filled))
        order = np.argsort(known[0])
        self._known, self._filled = known[:, order], filled[order]
