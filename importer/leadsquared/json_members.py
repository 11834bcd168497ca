"""Read JSON of answers without relying on its form. Pure."""

from __future__ import annotations

import json
from typing import Any


def parse_json(body: bytes | None) -> Any:
    """Return the content of a body; ``None`` if it is no JSON or was too long."""
    try:
        return json.loads(body) if body is not None else None
    except (ValueError, RecursionError):
        return None


def scalar_text(value: object) -> str:
    """Return a text, number or boolean as text; empty for other values."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            return ""
