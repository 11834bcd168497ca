"""Which rows name another title or lead than when they were sent: a known key may be another row's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from importer.manifest import Chunk
from importer.mapping import Mapping
from importer.models import LEAD_NAMES, TITLE
from importer.validation.rows import Validator
from importer.validation.screen import LEAD_ID

# A hash of a text as the ledger keeps it.
HashOf = Callable[[str], str]
_Positions = npt.NDArray[np.intp]


class Names:
    """Compares titles and leads of rows with hashes of what was sent."""

    def __init__(self, mapping: Mapping, sheet: str | None) -> None:
        self._title = _Named(mapping, sheet, (TITLE,))
        self._lead = _Named(mapping, sheet, (LEAD_ID, *LEAD_NAMES))

    def changed(
        self, chunk: Chunk, positions: _Positions, sent: Sequence[tuple[str, str]], hash_of: HashOf
    ) -> list[bool | None]:
        """Say of some rows whether title or lead is another than the ``sent`` one; an empty hash is not known.

        ``None`` for a row that could not be sent with them.
        """
        titles = self._title.changed(chunk, positions, [title for title, _ in sent], hash_of)
        leads = self._lead.changed(chunk, positions, [lead for _, lead in sent], hash_of)
        return [None if None in both else any(both) for both in zip(titles, leads, strict=True)]


class _Named:
    """The title, or the fields that name a lead: the first one with a value does."""

    def __init__(self, mapping: Mapping, sheet: str | None, fields: Sequence[str]) -> None:
        self._is_title = TITLE in fields
        self._mapping = replace(
            mapping,
            rules=tuple(rule for rule in mapping.rules if rule.field in fields),
            templates=tuple(each for each in mapping.templates if each[0] in fields),
            constants=tuple(each for each in mapping.constants if each[0] in fields),
            attachments=None,
        )
        self._guessed = sorted(self._mapping.rules, key=lambda rule: fields.index(rule.field))
        of_templates = (column for _, template in self._mapping.templates for column in template.columns)
        self._columns = list(dict.fromkeys([*(rule.column for rule in self._mapping.rules), *of_templates]))
        self._validator = Validator(self._mapping, None, sheet)

    def changed(self, chunk: Chunk, positions: _Positions, sent: Sequence[str], hash_of: HashOf) -> list[bool | None]:
        found: list[bool | None] = [False] * len(sent)
        if not self._columns:
            return found
        # Most cells are sent as they are written: only where they are not is it found out what would be sent.
        doubtful = [
            at
            for at, (text, before) in enumerate(zip(self._as_written(chunk, positions), sent, strict=True))
            if before and hash_of(text) != before
        ]
        if doubtful:
            for at, text in zip(doubtful, self._as_sent(chunk, positions[doubtful]), strict=True):
                found[at] = None if text is None else hash_of(text) != sent[at]
        return found

    def _as_written(self, chunk: Chunk, positions: _Positions) -> Iterable[str]:
        columns = [chunk.texts_at(rule.column, positions) for rule in self._guessed]
        if not columns:
            return [""] * positions.size
        if self._is_title:
            return [cells[0].strip() if self._guessed[0].strip else cells[0] for cells in zip(*columns, strict=True)]
        return [next(filter(None, cells), "").strip().lower() for cells in zip(*columns, strict=True)]

    def _as_sent(self, chunk: Chunk, positions: _Positions) -> list[str | None]:
        frame = chunk.part(positions.tolist())[self._columns]
        checked = self._validator.check(frame, np.zeros(len(frame), dtype=np.int64))
        wrong = {at for at, found in checked.problems.items() if any(each.code != "missing-lead" for each in found)}
        tickets = (None if at in wrong else checked.ticket(at) for at in range(len(frame)))
        return [None if each is None else each.title if self._is_title else each.lead for each in tickets]
