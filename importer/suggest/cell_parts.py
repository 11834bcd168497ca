"""Finds columns whose cells hold several values, or an address among other text, and the rules that take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from importer.mapping.cell_pattern import extract_pattern
from importer.mapping.list_values import NestedValueError, list_values
from importer.suggest.decisions import ColumnDecision, Confidence, Draft, Left

_MOST = 0.9  # share of the filled cells that must hold an address


@dataclass(frozen=True, kw_only=True)
class CellParts:
    """The parts of a column's cells that a field may get.

    ``texts``: one for each row. ``is_list``: cells may have several values; ``has_address``: among other text.
    ``is_nested``: some hold lists or objects, which no rule takes. ``repeated``: how often the header has the column.
    """

    texts: Sequence[str]
    is_list: bool = False
    has_address: bool = False
    is_nested: bool = False
    repeated: int = 1


def parts_of(texts: Sequence[str], repeated: Sequence[str]) -> CellParts:
    """Return the parts of a column. ``repeated``: its columns, if the header has it several times."""
    is_list = len(repeated) > 1
    firsts: list[str] = []
    for text in texts:
        try:
            values = list_values(text)
        except NestedValueError:
            return CellParts(texts=texts, is_nested=True)
        firsts.append(values[0] if values else "")
        is_list |= values not in ([], [text])
    if any(text.startswith("{") and text.endswith("}") for text in texts):
        return CellParts(texts=texts, is_nested=True)
    addresses = _addresses(firsts)
    return CellParts(
        texts=addresses or firsts, is_list=is_list, has_address=bool(addresses), repeated=max(len(repeated), 1)
    )


def _addresses(texts: Sequence[str]) -> list[str]:
    """Return the e-mail address in each cell if most cells hold one among other text; else nothing."""
    pattern = extract_pattern("email")
    found = [pattern.first_group(text) or "" for text in texts]
    filled = sum(bool(text.strip()) for text in texts)
    differ = sum(address not in ("", text.strip()) for address, text in zip(found, texts, strict=True))
    return found if differ and sum(map(bool, found)) >= _MOST * filled and _are_short(texts) else []


def _are_short(texts: Sequence[str]) -> bool:
    """Return whether cells are names with addresses, not long texts that mention one."""
    filled = [text for text in texts if text.strip()]
    return max(map(len, filled), default=0) <= 500 and all("\n" not in text.strip() for text in filled)  # noqa: PLR2004


def nested_columns(parts: Mapping[str, CellParts]) -> Left:
    """Return the columns that no rule takes."""
    why = "TODO: it has lists of objects or objects; make a column of a part of them with `manifest: {columns}`"
    nested = (column for column, part in parts.items() if part.is_nested)
    return {(each, ""): ColumnDecision(column=each, confidence=Confidence.UNMAPPED, why=why) for each in nested}


def with_parts(decided: Draft, parts: Mapping[str, CellParts]) -> Draft:
    """Return the draft with `join`, `pick` or `extract` where cells need them."""
    return replace(decided, decisions=tuple(_with_part(each, parts[each.column]) for each in decided.decisions))


def _with_part(decision: ColumnDecision, part: CellParts) -> ColumnDecision:
    if decision.confidence is Confidence.UNMAPPED:
        return decision
    rule = dict(decision.rule)
    is_typed = "type" in rule
    if part.has_address and rule.get("type") == "email":
        rule["extract"] = "email"
    if not part.is_list:
        return replace(decision, rule=rule)
    times = f"the header has it {part.repeated} times" if part.repeated > 1 else "cells have several values"
    if is_typed:
        return replace(decision, rule={**rule, "pick": "first"}, guess=f"{times}: only the first one is used")
    return replace(decision, rule={**rule, "join": ", "}, guess=times)
