"""Texts with columns in braces, such as ``{System}/{Legacy ID}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])|[^{}]+")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text with columns in braces, split into its parts.

    ``parts``: pairs of a literal text and the column whose cell follows it, or None at the end.
    """

    text: str
    parts: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template; ``{{`` and ``}}`` are literal braces. Raises ValueError that says what is wrong."""
        parts: list[tuple[str, str | None]] = []
        literal = ""
        for found in _PART.finditer(text):
            column, lone_brace = found.groups()
            if lone_brace is not None:
                raise ValueError(f"has a single {lone_brace!r}; close the braces, or write a literal brace twice")
            if column is None:
                literal += {"{{": "{", "}}": "}"}.get(found[0], found[0])
            elif not column.strip():
                raise ValueError("has braces without a column; name a column in them, or write a literal brace twice")
            else:
                parts.append((literal, column))
                literal = ""
        if literal:
            parts.append((literal, None))
        return cls(text=text, parts=tuple(parts))

    @property
    def columns(self) -> tuple[str, ...]:
        """Each column that is named, in the order of its first use."""
        return tuple(dict.fromkeys(column for _, column in self.parts if column is not None))

    def fill(self, cells: Mapping[str, str]) -> str:
        """Return the text with each column replaced by its cell, unchanged."""
        return "".join(text + (cells[column] if column is not None else "") for text, column in self.parts)
