"""Splits cells into the values that name files. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from importer.attachments.found_files import FileFault
from importer.mapping import AttachmentRules
from importer.mapping.list_values import parse_list


class CellValue(NamedTuple):
    """One value of a cell: a file's name or address, and the name to show in the ticket if the cell says one."""

    name: str
    shown_name: str = ""


def cell_values(rules: AttachmentRules, cell: str) -> list[CellValue | FileFault]:
    """Return the values of a cell: the items of a JSON list, or the parts between separators.

    An item may be an object with the members ``url`` and ``name``. A value that the mapping's pattern does not match is
    a fault.
    """
    items: list[Any] | None = parse_list(cell)
    if items is None:
        parts = cell.split(rules.separator) if rules.separator else [cell]
        return [_value(rules, text) for part in parts if (text := part.strip())]
    return [_of_item(rules, item) for item in items if item]


def _of_item(rules: AttachmentRules, item: Any) -> CellValue | FileFault:
    if isinstance(item, str):
        return _value(rules, item.strip())
    if isinstance(item, dict) and isinstance(item.get("url"), str) and item["url"].strip():
        name = item.get("name")
        return CellValue(item["url"].strip(), name.strip() if isinstance(name, str) else "")
    text = "the cell holds lists or objects without a member `url`; make its values with `manifest: columns`"
    return FileFault("nested-value", text)


def _value(rules: AttachmentRules, text: str) -> CellValue | FileFault:
    if rules.pattern is None:
        return CellValue(text)
    groups = rules.pattern.match(text)
    name = groups["url"].strip() if groups is not None else ""
    if groups is None or not name:
        return FileFault("no-match", "the value does not match the pattern of `attachments`")
    return CellValue(name, groups.get("name", "").strip())
