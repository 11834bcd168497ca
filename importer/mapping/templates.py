"""Texts with columns in braces, such as ``{System}/{Legacy ID}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])|[^{}]+")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text to be filled with a row's cells.

    ``text`` is as written. ``parts``: pairs of a text that stands as it is, and the column whose cell follows, if one
    does.
    """

    text: str
    parts: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template; ``{{`` and ``}}`` are braces. Raises ValueError that says what is wrong with it."""
        parts: list[tuple[str, str | None]] = []
        literal = ""
        for found in _PART.finditer(text):
            column, alone = found.groups()
            if alone is not None:
                raise ValueError(f"has a {alone!r} without its other half; a brace that is meant is written twice")
            if column is None:
                literal += {"{{": "{", "}}": "}"}.get(found[0], found[0])
            elif not column.strip():
                raise ValueError("has braces with no column in them; a brace that is meant is written twice")
            else:
                parts.append((literal, column))
                literal = ""
        if literal:
            parts.append((literal, None))
        return cls(text=text, parts=tuple(parts))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is named, each once, in the order of appearance."""
        return tuple(dict.fromkeys(column for _, column in self.parts if column is not None))

    def fill(self, cells: Mapping[str, str]) -> str:
        """The text with each column's cell put in, letter by letter."""
        return "".join(text + (cells[column] if column is not None else "") for text, column in self.parts)
