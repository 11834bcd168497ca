"""Reads ``--set``: the user's decisions about unknown rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from importer.errors import UsageError
from importer.leadsquared.answers import is_ticket_number

_SYNTAX = re.compile(r"\s*([^=]*?)\s*=\s*([a-z]+)\s*(?::\s*#?\s*(.*?)\s*)?")
_NOT_FOUND = "not-found"
_MAX_CHARS_SHOWN = 40


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The user's decisions.

    ``created``: import_row -> number of its ticket. ``pending``: rows that have no ticket. ``not_found_pending``: the
    same for every row whose ticket is not found.
    """

    created: dict[int, str] = field(default_factory=dict)
    pending: frozenset[int] = frozenset()
    not_found_pending: bool = False

    def __contains__(self, row: int) -> bool:
        return row in self.created or row in self.pending


def read_decisions(
    texts: Sequence[str], *, unknown: Collection[int], others: Collection[int], taken: Mapping[str, str]
) -> Decisions:
    """Read ``ROW=created:NUMBER``, ``ROW=pending`` and ``not-found=pending``.

    ``unknown`` and ``others``: the import_row of the rows that are unknown, and that are not. ``taken``: number of each
    ticket that already belongs to a row -> description of that row. Raises UsageError with all mistakes.
    """
    created: dict[int, str] = {}
    pending: set[int] = set()
    not_found = False
    mistakes: list[str] = []
    for text in texts:
        match = _SYNTAX.fullmatch(text)
        row_text, state, number = match.groups() if match else ("", "", None)
        if (row_text, state, number) == (_NOT_FOUND, "pending", None):
            not_found = True
            continue
        row = int(row_text) if re.fullmatch(r"[0-9]{1,9}", row_text) else -1
        if row < 0 or (state, bool(number)) not in (("created", True), ("pending", False)) or number == "":
            mistakes.append(f"{text!r} is not ROW=created:NUMBER, ROW=pending or not-found=pending")
            continue
        mistakes += [f"{text!r}: {problem}" for problem in _problems(row, number, (unknown, others, taken))]
        if row in created or row in pending:
            mistakes.append(f"{text!r}: row {row} is set twice")
        elif number:
            if number in created.values():
                mistakes.append(f"{text!r}: ticket {number} is set for two rows")
            created[row] = number
        else:
            pending.add(row)
    if mistakes:
        raise UsageError(
            "--set can't be followed", details=mistakes, hint="ROW is the import_row of an unknown row in RESULTS"
        )
    return Decisions(created=created, pending=frozenset(pending), not_found_pending=not_found)


def _problems(
    row: int, number: str | None, known: tuple[Collection[int], Collection[int], Mapping[str, str]]
) -> Iterator[str]:
    unknown, others, taken = known
    if row in others:
        yield f"row {row} is not unknown"
    elif row not in unknown:
        yield f"there is no row {row} in the results"
    if number and not is_ticket_number(number):
        yield f"{number[:_MAX_CHARS_SHOWN]!r} is not a ticket number"
    elif number and number in taken:
        yield f"ticket {number} already belongs to {taken[number]}"
