"""The values of a list column: of a repeated column (Jira's `Labels`), or of a JSON list in one cell. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

_Scalar = str | None


class NestedValueError(ValueError):
    """A cell is a JSON list of lists or objects, which has no values as text."""


def list_values(cell: str) -> list[str]:
    """Return the values of one cell: the items of a JSON list, else the cell itself unless it is empty.

    Empty texts and null are no values; numbers stay as they are written. Raises NestedValueError.
    """
    items = parse_list(cell)
    if items is None:
        return [cell] if cell else []
    if any(isinstance(item, list | dict) for item in items):
        raise NestedValueError
    return [item for item in items if item]


def list_cell(cells: Iterable[str]) -> str:
    """Return the cells of a repeated column as one cell with a JSON list; empty if all cells are empty."""
    filled = [cell for cell in cells if cell]
    return json.dumps(filled, ensure_ascii=False) if filled else ""


def parse_list(cell: str) -> list[_Scalar] | None:
    """Return the items of a JSON list with numbers and booleans as text; ``None`` if the cell is something else."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    try:
        items = json.loads(cell, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return [str(item).lower() if isinstance(item, bool) else item for item in items]
