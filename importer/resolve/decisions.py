"""``--set``: what a person has decided of unknown rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from importer.errors import UsageError
from importer.leadsquared.answers import is_ticket_number

_FORM = re.compile(r"\s*([^=]*?)\s*=\s*([a-z]+)\s*(?::\s*#?\s*(.*?)\s*)?")
_NOT_FOUND = "not-found"
_SHOWN_CHARS = 40


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """``created``: import_row to the number of its ticket. ``pending``: rows of which no ticket was made."""

    created: dict[int, str] = field(default_factory=dict)
    pending: frozenset[int] = frozenset()
    not_found_pending: bool = False

    def __contains__(self, row: int) -> bool:
        return row in self.created or row in self.pending


def read_decisions(
    texts: Sequence[str], *, unknown: Collection[int], others: Collection[int], taken: Mapping[str, str]
) -> Decisions:
    """Read ``ROW=created:NUMBER``, ``ROW=pending`` and ``not-found=pending``. Raises UsageError with all that is wrong.

    ``unknown`` and ``others``: the import_row of rows that are unknown, and that are not. ``taken``: the numbers of
    tickets that some row has already, each with that row in words.
    """
    created: dict[int, str] = {}
    pending: set[int] = set()
    not_found = False
    wrong: list[str] = []
    for text in texts:
        form = _FORM.fullmatch(text)
        row_text, state, number = form.groups() if form else ("", "", None)
        if (row_text, state, number) == (_NOT_FOUND, "pending", None):
            not_found = True
            continue
        row = int(row_text) if re.fullmatch(r"[0-9]{1,9}", row_text) else -1
        if row < 0 or (state, bool(number)) not in (("created", True), ("pending", False)) or number == "":
            wrong.append(f"{text!r} is not ROW=created:NUMBER, ROW=pending or not-found=pending")
            continue
        wrong += [f"{text!r}: {problem}" for problem in _problems(row, number, (unknown, others, taken))]
        if row in created or row in pending:
            wrong.append(f"{text!r}: row {row} is set twice")
        elif number:
            if number in created.values():
                wrong.append(f"{text!r}: ticket {number} is set for two rows")
            created[row] = number
        else:
            pending.add(row)
    if wrong:
        raise UsageError(
            "--set can't be followed", details=wrong, hint="ROW is the import_row of a row that is unknown; see RESULTS"
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
        yield f"{number[:_SHOWN_CHARS]!r} is not a ticket number"
    elif number and number in taken:
        yield f"ticket {number} is that of {taken[number]} already"
