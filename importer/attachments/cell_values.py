"""Splits cells into the values that name files. Pure."""

from __future__ import annotations

from typing import NamedTuple

from importer.attachments.found_files import FileFault
from importer.mapping import AttachmentRules


class CellValue(NamedTuple):
    """One value of a cell: a file's name or address, and the name to show in the ticket if the cell says one."""

    name: str
    shown_name: str = ""


def cell_values(rules: AttachmentRules, cell: str) -> list[CellValue | FileFault]:
    """Return the values of a cell. A value that the mapping's pattern does not match is a fault."""
    parts = cell.split(rules.separator) if rules.separator else [cell]
    return [_value(rules, text) for part in parts if (text := part.strip())]


def _value(rules: AttachmentRules, text: str) -> CellValue | FileFault:
    if rules.pattern is None:
        return CellValue(text)
    groups = rules.pattern.match(text)
    name = groups["url"].strip() if groups is not None else ""
    if groups is None or not name:
        return FileFault("no-match", "the value does not match the pattern of `attachments`")
    return CellValue(name, groups.get("name", "").strip())
