"""Texts of several columns: with columns in braces, such as ``{System}/{Legacy ID}``, or joined by a separator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from importer.mapping.document import KeyPath

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([{}])|[^{}]+")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A text with columns in braces, split into its parts.

    ``parts``: pairs of a literal text and the column whose cell follows it, or None at the end. ``repeated``: the
    columns of each name that the manifest has several times; their cells are joined by a comma.
    """

    text: str
    parts: tuple[tuple[str, str | None], ...]
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

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
        names = dict.fromkeys(name for _, name in self.parts if name is not None)
        return tuple(column for name in names for column in self.repeated.get(name, (name,)))

    def fill(self, cells: Mapping[str, str]) -> str:
        """Return the text with each column replaced by its cell, unchanged."""
        return "".join(text + (self._cell(cells, column) if column is not None else "") for text, column in self.parts)

    def _cell(self, cells: Mapping[str, str], column: str) -> str:
        columns = self.repeated.get(column)
        return cells[column] if columns is None else ", ".join(filter(None, map(cells.__getitem__, columns)))


@dataclass(frozen=True, kw_only=True)
class Join:
    """The values of several columns, joined by ``separator`` without the empty ones.

    ``places``: of the rules that make the values, one for each of ``columns``; see ``Rule.place``.
    """

    columns: tuple[str, ...]
    places: tuple[KeyPath, ...]
    separator: str

    def of_values(self, values: Iterable[str | None]) -> str:
        """Return the joined values of one row. A blank value is as good as empty."""
        return self.separator.join(value for value in values if value and not value.isspace())
