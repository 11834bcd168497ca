"""Converts the different cells of a column to values by a rule: one step for each key of the rule, in their order.

This is the only place that decides whether a cell is valid. A key of the mapping language without a step stops the
program when it starts.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from importer.account_fields.value_check import shortened
from importer.leadsquared.documented_fields import LEAD_ID, fixed_type
from importer.mapping import RULE_KEYS, FieldType, Rule
from importer.mapping.cell_pattern import extract_pattern
from importer.mapping.list_values import NestedValueError, list_values
from importer.validation.type_conversion import convert

UNSENDABLE = "contains a character that can't be sent"

_UNSENDABLE = re.compile(r"[\x00\ud800-\udfff]")
_AMBIGUOUS = {
    "date": ("ambiguous-date", "has a different meaning in each `format`, or as a date cell"),
    "number": ("ambiguous-number", "is one number if the file stores it as text, and another if it stores a number"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class CellProblem:
    """Why a cell is invalid: an error code, a message without the column's name, and the wrong value."""

    code: str
    message: str
    value: str


class CellBatch:
    """Different cells of one column between two steps.

    ``written``: the cells as in the manifest. ``texts``: after the steps so far; the ticket gets no value for an empty
    one, unless ``sends_empty``.
    """

    def __init__(self, cells: Sequence[str]) -> None:
        self.written = self.texts = cells
        self.sends_empty = False
        self.problems: dict[int, list[CellProblem]] = defaultdict(list)

    def change(self, function: Callable[[str], str]) -> None:
        """Change every text."""
        self.texts = [function(text) for text in self.texts]

    def positions(self, condition: Callable[[str], object]) -> list[int]:
        """Return the positions of the texts that meet a condition."""
        return [position for position, text in enumerate(self.texts) if condition(text)]

    def reject(
        self, code: str, positions: Iterable[int], message: Callable[[str], str], *, as_written: bool = False
    ) -> None:
        """Add a problem for each position. ``message`` gets the text in quotes, or the cell ``as_written``."""
        texts = self.written if as_written else self.texts
        for position in positions:
            value = shortened(texts[position])
            self.problems[position].append(CellProblem(code=code, message=message(repr(value)), value=value))

    def values(self) -> list[str | None]:
        """Return the value of each cell; ``None`` if the ticket gets no value."""
        return [text if text or self.sends_empty else None for text in self.texts]


Step = Callable[[CellBatch, Rule], None]


def convert_cells(cells: Sequence[str], rule: Rule) -> tuple[list[str | None], dict[int, list[CellProblem]]]:
    """Return the value of each cell, ``None`` if it is not sent, and the problems of invalid cells by position."""
    batch = CellBatch(cells)
    for _, apply in STEPS if cells else ():
        apply(batch, rule)
    return batch.values(), batch.problems


def is_unsendable(text: str) -> bool:
    """Return whether a text contains a character that no request can carry: NUL, or half a surrogate pair."""
    return _UNSENDABLE.search(text) is not None


def _may_hold_unsendable(text: str) -> bool:
    """Check a long text, faster than a regular expression does."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return "\x00" in text


def with_fixed_type(rule: Rule) -> Rule:
    """Return the rule with the type that its field always has, if it has one."""
    return replace(rule, type=fixed_type(rule.field) or rule.type)


# -- the steps ---------------------------------------------------------------------------------------------------------


def _take_values(batch: CellBatch, rule: Rule) -> None:
    """Replace a cell by the part that `extract` finds, and a list by all its values, joined, or by one of them.

    With a default, a value without a match counts as empty.
    """
    if rule.extract is None and not rule.takes_list:
        return
    pattern = extract_pattern(rule.extract) if rule.extract is not None else None
    separator = rule.list_separator
    texts = []
    for position, text in enumerate(batch.texts):
        values: list[str] = []
        try:
            values += list_values(text) if rule.takes_list else filter(None, [text])
        except NestedValueError:
            batch.reject("nested-value", [position], lambda cell: f"{cell} holds lists or objects, not texts")
        if pattern is not None:
            found = [pattern.first_group(value) for value in values if not value.isspace()]
            values = [value for value in found if value]
            if None in found and rule.default is None:
                what = "holds no e-mail address" if rule.extract == "email" else "has no part that `extract` describes"
                batch.reject("no-match", [position], lambda cell, what=what: f"{cell} {what}")  # type: ignore[misc]
        texts.append(separator.join(values) if separator is not None else _one_of(values, rule))
    batch.texts = texts


def _one_of(values: list[str], rule: Rule) -> str:
    if not values:
        return ""
    return values[-1] if rule.pick == "last" else values[0]


def _strip(batch: CellBatch, rule: Rule) -> None:
    if rule.strip:
        batch.change(str.strip)


def _html_to_text(batch: CellBatch, rule: Rule) -> None:
    if rule.html == "to_text":
        from importer.validation.html_text import to_text  # noqa: PLC0415 - loaded only where a rule needs it

        batch.change(lambda text: text if is_unsendable(text) else to_text(text))


def _change_case(batch: CellBatch, rule: Rule) -> None:
    if rule.lower:
        batch.change(str.lower)
    if rule.upper:
        batch.change(str.upper)


def _require(batch: CellBatch, rule: Rule) -> None:
    """Reject blank cells. With a default, an empty cell is no problem, but a cell of blanks is."""
    if rule.required:
        blank = [at for at, text in enumerate(batch.texts) if not text or text.isspace()]
        missing = [at for at in blank if at not in batch.problems and (batch.texts[at] or rule.default is None)]
        unseen = ", and {} contains no visible text" if rule.html == "to_text" else ""
        batch.reject(
            "missing-value",
            missing,
            lambda cell: f"{rule.field or 'the value'} is required{unseen.format(cell)}",
            as_written=True,
        )


def _replace_values(batch: CellBatch, rule: Rule) -> None:
    if not rule.values:
        return
    before = batch.texts
    batch.change(lambda text: rule.values.get(text, text))
    if rule.required and rule.default is None:
        emptied = [at for at in batch.positions(operator.not_) if before[at]]
        batch.reject(
            "missing-value",
            emptied,
            lambda cell: f"{rule.field or 'the value'} is required, and `values` maps {cell} to an empty text",
            as_written=True,
        )


def _fill_empty(batch: CellBatch, rule: Rule) -> None:
    if (default := rule.default) is not None:
        batch.change(lambda text: text or default)
    # An empty LeadId names no lead. If it were sent, the row's LeadDetail fields would be left out.
    batch.sends_empty = rule.send_empty and rule.field != LEAD_ID


def _reject_unsendable(batch: CellBatch, _: Rule) -> None:
    if _may_hold_unsendable("".join(batch.texts)):  # all cells at once, because almost no column has such a character
        batch.reject("bad-text", batch.positions(is_unsendable), lambda _: f"the value {UNSENDABLE}")


def _reject_others(batch: CellBatch, rule: Rule) -> None:
    if rule.one_of:
        allowed, names = {"", *rule.one_of}, ", ".join(rule.one_of)
        others = batch.positions(lambda text: text not in allowed)
        # A word that differs only in case and blanks around it looks right in a spreadsheet.
        alike = {word.strip().casefold(): word for word in (*rule.values, *rule.one_of)}
        near: dict[str, list[int]] = {}
        for at in others:
            near.setdefault(alike.get(batch.texts[at].strip().casefold(), ""), []).append(at)
        for meant, positions in near.items():
            end = f"{names}; did you mean {meant!r}?" if meant else names
            batch.reject("not-allowed", positions, partial("{1} is not one of {0}".format, end))


def _convert_type(batch: CellBatch, rule: Rule) -> None:
    """Convert the cells that are not empty; an invalid one stays as it is."""
    rule = with_fixed_type(rule)
    if rule.type is FieldType.TEXT:
        return
    texts, converted = batch.texts, convert(batch.texts, rule)
    if None in converted.values:
        code, text = _AMBIGUOUS["number" if rule.type in (FieldType.INTEGER, FieldType.NUMBER) else "date"]
        batch.reject(code, sorted(converted.ambiguous), lambda cell: f"{cell} {text}")
        invalid = [at for at, value in enumerate(converted.values) if value is None and texts[at]]
        bad = [at for at in invalid if at not in converted.ambiguous | converted.misplaced]
        misplaced = sorted(converted.misplaced - converted.ambiguous)
        batch.reject(converted.code, misplaced, lambda cell: f"{cell} does not exist exactly once in {rule.timezone}")
        batch.reject(converted.code, bad, lambda cell: f"{cell} is not {converted.expected}")
    values = zip(converted.values, texts, strict=True)
    batch.texts = [text if value is None else value for value, text in values]


def _html_from_text(batch: CellBatch, rule: Rule) -> None:
    if rule.html == "from_text":
        from importer.validation.html_text import from_text  # noqa: PLC0415 - loaded only where a rule needs it

        batch.change(lambda text: from_text(text) if text else "")


def _limit_length(batch: CellBatch, rule: Rule) -> None:
    if (length := rule.max_length) is None:
        return
    if rule.on_too_long == "truncate":
        batch.change(lambda text: text[:length])
    else:
        too_long = [at for at, text in enumerate(batch.texts) if len(text) > length]
        batch.reject("too-long", too_long, lambda _: f"the value is longer than {length} characters")


_TYPE_KEYS = ("type", "format", "locale", "timezone", "decimal", "thousands", "true_words", "false_words", "region")
# The steps in their order, each with the keys that it applies. `html` has one step for each direction.
STEPS: tuple[tuple[tuple[str, ...], Step], ...] = (
    (("extract", "join", "pick"), _take_values),
    (("strip",), _strip),
    (("html",), _html_to_text),
    (("lower", "upper"), _change_case),
    (("required",), _require),
    (("values", "values_from"), _replace_values),
    (("default", "send_empty"), _fill_empty),
    ((), _reject_unsendable),
    (("one_of",), _reject_others),
    (_TYPE_KEYS, _convert_type),
    (("html",), _html_from_text),
    (("max_length", "on_too_long"), _limit_length),
)

if without_step := RULE_KEYS - {key for keys, _ in STEPS for key in keys}:
    raise NotImplementedError(f"no step of a rule applies the keys {', '.join(sorted(without_step))}")
