"""Converts the cells of one field by its rule or template, and reports the cells that are invalid."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.leadsquared.documented_fields import LEAD_ID, documented_type, fixed_type
from importer.mapping import Rule, Template
from importer.validation.conversion_result import Cells
from importer.validation.problem_collector import ProblemCollector
from importer.validation.type_conversion import convert

UNSENDABLE = "contains a character that can't be sent"

_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")
_AMBIGUOUS = {
    "date": ("ambiguous-date", "has a different meaning in each `format`"),
    "number": ("ambiguous-number", "is one number if the file stores it as text, and another if it stores a number"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SentField:
    """Values of one field (``name`` is its SchemaName), one per row; ``sent``: the rows that send the field."""

    name: str
    values: Sequence[str]
    sent: npt.NDArray[np.bool_]


def convert_field(cells: Cells, rule: Rule, collector: ProblemCollector) -> SentField:
    """Convert one column by its rule, in the order of steps that `Rule` documents; report every problem."""
    written, cells = cells, _prepare(cells, rule)
    empty = cells == ""
    if rule.required:
        blank = cells.str.strip() == ""
        missing = blank if rule.default is None else blank & ~empty
        unseen = ", and {} contains no visible text" if rule.html == "to_text" else ""
        collector.add(
            "missing-value", missing, written, rule, lambda cell: f"{rule.field} is required{unseen.format(cell)}"
        )
    if rule.values:
        cells = cells.map(lambda cell: rule.values.get(cell, cell))
        if "" in rule.values.values():
            emptied, empty = (cells == "") & ~empty, cells == ""
            if rule.required and rule.default is None:
                collector.add(
                    "missing-value",
                    emptied,
                    written,
                    rule,
                    lambda cell: f"{rule.field} is required, and `values` maps {cell} to an empty text",
                )
    if rule.default is not None:
        cells, empty = cells.mask(empty, rule.default), pd.Series(data=False, index=cells.index)
    filled = cells[~empty]
    if not filled.empty:
        cells = _convert_filled(cells, filled, rule, collector)
    # An empty LeadId names no lead. If it were sent, the row's LeadDetail fields would be left out.
    sends_empty = rule.send_empty and rule.field != LEAD_ID
    sent = np.ones(len(cells), dtype=bool) if sends_empty else (~empty).to_numpy()
    return SentField(name=rule.field, values=cells.tolist(), sent=sent)


def fill_template(frame: pd.DataFrame, name: str, template: Template, collector: ProblemCollector) -> SentField:
    """Fill a template for every row; rows whose cells are all empty don't send the field."""
    columns = template.columns
    rows = [dict(zip(columns, cells, strict=True)) for cells in frame[[*columns]].itertuples(index=False, name=None)]
    sent = np.array([any(cells.values()) for cells in rows], dtype=bool)
    texts = pd.Series([template.fill(cells) for cells in rows], index=frame.index, dtype=object)
    # A problem names one column: the template's first.
    rule = Rule(column=columns[0], field=name, line=0, values={})
    if sent.any():
        texts = _convert_filled(texts, texts[sent], rule, collector)
    return SentField(name=name, values=texts.tolist(), sent=sent)


def convert_constant(name: str, value: str) -> tuple[str, str]:
    """Return the converted value of a constant and an empty text; or an empty text and why it is invalid."""
    if is_unsendable(value):
        return "", UNSENDABLE
    rule = Rule(column=name, field=name, line=0, type=documented_type(name), values={})
    converted = convert(pd.Series([value], dtype=object), rule)
    return ("", f"is not {converted.expected}") if converted.bad[0] else (str(converted.values[0]), "")


def is_unsendable(text: str) -> bool:
    """Return whether a text contains a character that no request can carry: NUL, or half a surrogate pair."""
    return _UNSENDABLE.search(text) is not None


def with_fixed_type(rule: Rule) -> Rule:
    """Return the rule with the type that its field always has, if it has one."""
    return replace(rule, type=fixed_type(rule.field) or rule.type)


def _prepare(cells: Cells, rule: Rule) -> Cells:
    """Apply `strip`, `html: to_text` and `case`, the steps before all comparisons."""
    if rule.strip:
        cells = cells.str.strip()
    if rule.html == "to_text":
        from importer.validation.html_text import to_text  # noqa: PLC0415 - loaded only where a rule needs it

        cells = cells.map(lambda cell: cell if is_unsendable(cell) else to_text(cell))
    if rule.case == "lower":
        cells = cells.str.lower()
    elif rule.case == "upper":
        cells = cells.str.upper()
    return cells


def _convert_filled(cells: Cells, filled: Cells, rule: Rule, collector: ProblemCollector) -> Cells:
    if _may_hold_unsendable(filled):
        bad = filled.str.contains(_UNSENDABLE)
        collector.add("bad-text", bad, filled, rule, lambda _: f"the value {UNSENDABLE}")
    if rule.one_of:
        allowed = ", ".join(rule.one_of)
        wrong = ~filled.isin(rule.one_of)
        collector.add("not-allowed", wrong, filled, rule, lambda cell: f"{cell} is not one of {allowed}")
    converted = convert(filled, with_fixed_type(rule))
    bad = converted.bad
    if converted.ambiguous is not None:
        code, text = _AMBIGUOUS["number" if rule.thousands else "date"]
        collector.add(code, converted.ambiguous, filled, rule, lambda cell: f"{cell} {text}")
        bad = bad & ~converted.ambiguous
    if converted.code:
        collector.add(converted.code, bad, filled, rule, lambda cell: f"{cell} is not {converted.expected}")
    values = converted.values.where(~converted.bad, filled)
    if rule.html == "from_text":
        from importer.validation.html_text import from_text  # noqa: PLC0415 - as above

        values = values.map(from_text)
    if rule.max_length is not None:
        length = rule.max_length
        if rule.on_too_long == "truncate":
            values = values.str.slice(0, length)
        else:
            too_long = values.str.len() > length
            collector.add("too-long", too_long, values, rule, lambda _: f"the value is longer than {length} characters")
    result = cells.copy()
    result[filled.index] = values
    return result


def _may_hold_unsendable(cells: Cells) -> bool:
    """Check a whole column at once, which is fast: almost no column contains such a character."""
    text = "".join(cells)
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
