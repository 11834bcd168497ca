"""Which title and lead rows name: by these a row is recognised although its other cells have changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from importer.manifest import Chunk
from importer.mapping import Mapping
from importer.models import LEAD_NAMES, TITLE
from importer.validation.rows import Validator
from importer.validation.screen import LEAD_ID

_NAMING = (TITLE, LEAD_ID, *LEAD_NAMES)


class Names:
    """Makes title and lead of rows, as they would be sent, and nothing else of them."""

    def __init__(self, mapping: Mapping, sheet: str | None) -> None:
        rules = tuple(rule for rule in mapping.rules if rule.field in _NAMING)
        templates = tuple((name, template) for name, template in mapping.templates if name in _NAMING)
        constants = tuple((name, value) for name, value in mapping.constants if name in _NAMING)
        self._mapping = replace(mapping, rules=rules, templates=templates, constants=constants, attachments=None)
        self._columns = list(
            dict.fromkeys([*(rule.column for rule in rules), *(name for _, each in templates for name in each.columns)])
        )
        self._validator = Validator(self._mapping, None, sheet)

    def of(self, chunk: Chunk, positions: npt.NDArray[np.intp]) -> list[tuple[str, str] | None]:
        """Title and lead of some rows; ``None`` for one that could not be sent with them."""
        if not self._columns or not positions.size:
            return [None] * positions.size
        frame = chunk.part(positions.tolist())[self._columns]
        checked = self._validator.check(frame, np.zeros(len(frame), dtype=np.int64))
        named: list[tuple[str, str] | None] = []
        for position in range(len(frame)):
            if position in checked.problems:
                named.append(None)
                continue
            ticket = checked.ticket(position)
            named.append((ticket.title, ticket.lead))
        return named
