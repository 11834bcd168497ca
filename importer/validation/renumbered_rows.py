"""Detects exports whose rows were renumbered: known keys with another title or lead than when they were sent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from importer.leadsquared.documented_fields import LEAD_IDENTIFIERS, TITLE, lead_of, title_of
from importer.manifest.chunks import Chunk
from importer.manifest.text_column import Mask
from importer.mapping import Join, Mapping
from importer.validation.validator import Validator

# Texts -> keyed hashes as the ledger stores them: 16 bytes each, joined.
HashesOf = Callable[[Sequence[str]], bytes]
_Positions = npt.NDArray[np.intp]
_HEX = "S32"  # a hash in hexadecimal; empty where it is unknown


class RenumberedRowCounter:
    """Counts rows whose title or lead differs from what was sent, by keyed hashes."""

    def __init__(self, mapping: Mapping, sheet: str | None) -> None:
        self._title = _NameComparison(mapping, sheet, (TITLE,))
        self._lead = _NameComparison(mapping, sheet, LEAD_IDENTIFIERS)

    def count(
        self, chunk: Chunk, positions: _Positions, sent: tuple[Sequence[str], Sequence[str]], hashes_of: HashesOf
    ) -> tuple[int, int]:
        """Return how many of the rows can be compared, and how many of those have another title or lead.

        ``sent``: hashes of the titles and of the leads as sent; empty where unknown. Invalid rows can't be compared.
        """
        titles, leads = sent
        title_differs, no_title = self._title.compare(chunk, positions, titles, hashes_of)
        lead_differs, no_lead = self._lead.compare(chunk, positions, leads, hashes_of)
        can_be_compared = ~(no_title | no_lead)
        return int(can_be_compared.sum()), int(((title_differs | lead_differs) & can_be_compared).sum())


class _NameComparison:
    """Compares the title, or the lead: the first non-empty of the fields that name a lead."""

    def __init__(self, mapping: Mapping, sheet: str | None, fields: Sequence[str]) -> None:
        self._is_title = TITLE in fields
        templates = tuple(each for each in mapping.templates if each[0] in fields)
        joined = {place for _, each in templates if isinstance(each, Join) for place in each.places}
        self._mapping = replace(
            mapping,
            rules=tuple(rule for rule in mapping.rules if rule.field in fields or rule.place in joined),
            templates=templates,
            constants=tuple(each for each in mapping.constants if each[0] in fields),
            attachments=None,
        )
        plain = (rule for rule in mapping.rules if rule.field in fields)
        self._plain_rules = sorted(plain, key=lambda rule: fields.index(rule.field))
        columns = [each.columns for each in self._mapping.rules]
        columns += [template.columns for _, template in self._mapping.templates]
        self._columns = list(dict.fromkeys(itertools.chain(*columns)))
        self._validator = Validator(self._mapping, None, sheet)

    def compare(
        self, chunk: Chunk, positions: _Positions, sent: Sequence[str], hashes_of: HashesOf
    ) -> tuple[Mask, Mask]:
        """Return which rows differ from what was sent, and which are invalid."""
        differs, is_wrong = np.zeros((2, len(sent)), dtype=bool)
        before = np.array(sent, dtype=_HEX)
        if not self._columns or not before.any():
            return differs, is_wrong
        # Most cells are sent as they are written: the costly conversion is needed only where the hashes differ.
        here = _hex(self._as_written(chunk, positions), hashes_of)
        doubtful = np.flatnonzero((before != b"") & (here != before))
        if doubtful.size:
            texts = self._as_sent(chunk, positions[doubtful])
            is_wrong[doubtful] = [text is None for text in texts]
            differs[doubtful] = _hex([text or "" for text in texts], hashes_of) != before[doubtful]
        return differs, is_wrong

    def _as_written(self, chunk: Chunk, positions: _Positions) -> list[str]:
        """Return the cell of the title's column, or the first non-empty cell of the lead's columns."""
        texts = [""] * positions.size
        empty = np.arange(positions.size)
        for rule in self._plain_rules:
            for at, text in zip(empty.tolist(), chunk.values.texts_at(rule.column, positions[empty]), strict=True):
                texts[at] = text
            empty = empty[[not texts[at] for at in empty.tolist()]]
            if self._is_title or not empty.size:
                break
        if not self._is_title:
            return [text.strip().lower() for text in texts]
        return [text.strip() for text in texts] if self._plain_rules and self._plain_rules[0].strip else texts

    def _as_sent(self, chunk: Chunk, positions: _Positions) -> list[str | None]:
        frame = chunk.values.part(positions)[self._columns]
        checked = self._validator.convert_rows(frame, np.zeros(len(frame), dtype=np.int64))
        wrong = {at for at, found in checked.problems.items() if any(each.code != "missing-lead" for each in found)}
        tickets = (None if at in wrong else checked.ticket(at) for at in range(len(frame)))
        named = title_of if self._is_title else lead_of
        return [None if each is None else named(each) for each in tickets]


def _hex(texts: Sequence[str], hashes_of: HashesOf) -> npt.NDArray[np.bytes_]:
    return np.frombuffer(hashes_of(texts).hex().encode(), dtype=_HEX)
