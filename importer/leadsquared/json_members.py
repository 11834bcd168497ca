"""The parts of an answer's JSON, read by whoever expects anything. Pure."""

from __future__ import annotations

import json
from typing import Any


def parse_json(body: bytes | None) -> Any:
    """What a body holds; ``None`` also where it is no JSON, or was too long to be read."""
    try:
        return json.loads(body) if body is not None else None
    except (ValueError, RecursionError):
        return None


def scalar_text(value: object) -> str:
    """A value as a ticket carries it: a text, or a number or a truth as one; what has no such form, as if not there."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            return ""
