"""One field of a chunk: a column's cells, judged and converted by its rule, or a template filled with several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from importer.mapping import FieldType, Rule, Template
from importer.validation.conversion_result import Cells
from importer.validation.problem_collector import ProblemCollector
from importer.validation.quick_check import LEAD_ID
from importer.validation.type_conversion import convert

UNSENDABLE = "holds a character that can't be sent"

_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")
# What the documentation says of fields for which a mapping names no type, as a constant has no rule.
_DOCUMENTED = {
    LEAD_ID: FieldType.GUID,
    "LeadDetail.EmailAddress": FieldType.EMAIL,
    "LeadDetail.Phone": FieldType.PHONE,
    "DueDate": FieldType.DATETIME,
}
_AMBIGUOUS = {
    "date": ("ambiguous-date", "is another time by each `format`"),
    "number": ("ambiguous-number", "is one number if the file has it as a text, and another if as a number"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SentField:
    """One SchemaName of a chunk: what each row sends for it, and which rows send it at all."""

    name: str
    values: Sequence[str]
    sent: npt.NDArray[np.bool_]


def field_of_cells(cells: Cells, rule: Rule, collector: ProblemCollector) -> SentField:
    """Judge one column by its rule, step by step as `Rule` has them."""
    written, cells = cells, _prepared(cells, rule)
    empty = cells == ""
    if rule.required:
        blank = cells.str.strip() == ""
        missing = blank if rule.default is None else blank & ~empty
        unseen = ", and nothing is seen of {}" if rule.html == "to_text" else ""
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
                    lambda cell: f"{rule.field} is required, and {cell} stands for nothing",
                )
    if rule.default is not None:
        cells, empty = cells.mask(empty, rule.default), pd.Series(data=False, index=cells.index)
    filled = cells[~empty]
    if not filled.empty:
        cells = _convert_filled(cells, filled, rule, collector)
    # An empty LeadId names no lead and must not stand in the way of the row's LeadDetail fields.
    sends_empty = rule.send_empty and rule.field != LEAD_ID
    sent = np.ones(len(cells), dtype=bool) if sends_empty else (~empty).to_numpy()
    return SentField(name=rule.field, values=cells.tolist(), sent=sent)


def field_of_template(frame: pd.DataFrame, name: str, template: Template, collector: ProblemCollector) -> SentField:
    """Fill a template for every row; where all its cells are empty there is nothing to send."""
    columns = template.columns
    rows = [dict(zip(columns, cells, strict=True)) for cells in frame[[*columns]].itertuples(index=False, name=None)]
    sent = np.array([any(cells.values()) for cells in rows], dtype=bool)
    texts = pd.Series([template.fill(cells) for cells in rows], index=frame.index, dtype=object)
    # Problems are shown at a cell: of several, at the first.
    rule = Rule(column=columns[0], field=name, line=0, values={})
    if sent.any():
        texts = _convert_filled(texts, texts[sent], rule, collector)
    return SentField(name=name, values=texts.tolist(), sent=sent)


def as_constant(name: str, value: str) -> tuple[str, str]:
    """What is sent for a constant, and why it can't be sent; each is empty where the other is not."""
    if unsendable(value):
        return "", UNSENDABLE
    rule = Rule(column=name, field=name, line=0, type=_DOCUMENTED.get(name, FieldType.TEXT), values={})
    converted = convert(pd.Series([value], dtype=object), rule)
    return ("", f"is not {converted.expected}") if converted.bad[0] else (str(converted.values[0]), "")


def unsendable(text: str) -> bool:
    """Whether a text holds a character that no request can carry."""
    return _UNSENDABLE.search(text) is not None


def as_sent(rule: Rule) -> Rule:
    """The rule with the type that its field has whatever the rule says."""
    return replace(rule, type=FieldType.GUID) if rule.field == LEAD_ID else rule


def _prepared(cells: Cells, rule: Rule) -> Cells:
    """What is done to a cell before it is compared with anything."""
    if rule.strip:
        cells = cells.str.strip()
    if rule.html == "to_text":
        from importer.validation.html_text import to_text  # noqa: PLC0415 - loaded by those alone who have HTML

        cells = cells.map(lambda cell: cell if unsendable(cell) else to_text(cell))
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
    converted = convert(filled, as_sent(rule))
    bad = converted.bad
    if converted.ambiguous is not None:
        code, text = _AMBIGUOUS["number" if rule.thousands else "date"]
        collector.add(code, converted.ambiguous, filled, rule, lambda cell: f"{cell} {text}")
        bad = bad & ~converted.ambiguous
    if converted.code:
        collector.add(converted.code, bad, filled, rule, lambda cell: f"{cell} is not {converted.expected}")
    values = converted.values.where(~converted.bad, filled)
    if rule.html == "from_text":
        from importer.validation.html_text import from_text  # noqa: PLC0415 - see above

        values = values.map(from_text)
    if rule.max_length is not None:
        length = rule.max_length
        if rule.on_too_long == "truncate":
            values = values.str.slice(0, length)
        else:
            too_long = values.str.len() > length
            collector.add("too-long", too_long, values, rule, lambda _: f"longer than {length} characters")
    result = cells.copy()
    result[filled.index] = values
    return result


def _may_hold_unsendable(cells: Cells) -> bool:
    """Look through a whole column at once, as next to none holds such a character."""
    text = "".join(cells)
    if "\x00" in text:
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
