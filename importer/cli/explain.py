"""`explain`: shows what an error code means and what to do."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator

from importer.cli.ending import Ending
from importer.error_codes import ERROR_CODES, STATES
from importer.errors import UsageError

_LEAST_SIMILARITY = 0.6  # of a code to what the user typed, to be suggested


def explain(code: str | None) -> Ending:
    """Explain an error code, or list all codes."""
    if code is None:
        return Ending(lines=_all_codes())
    name = code.strip().strip("`'\"").lower().replace("_", "-").replace(" ", "-")
    if name not in ERROR_CODES:
        similar = difflib.get_close_matches(name, ERROR_CODES, n=3, cutoff=_LEAST_SIMILARITY)
        did_you_mean = f"did you mean {' or '.join(similar)}? " if similar else ""
        raise UsageError(
            f"{code!r} is not an error code; the error codes are:",
            details=[line for state, codes in STATES.items() for line in _wrapped(f"{state}: {', '.join(codes)}")],
            hint=f"{did_you_mean}`ticket-importer explain` shows what each code means",
        )
    entry = ERROR_CODES[name]
    (state,) = [state for state, entries in STATES.items() if name in entries]
    texts = (f"What it means: {entry.meaning}", f"Why: {entry.why}", f"What to do: {entry.advice}")
    return Ending(lines=(f"{name}: {entry.name}; an error code of rows with the state {state}", "", *texts))


def _all_codes() -> Iterator[str]:
    width = max(map(len, ERROR_CODES))
    for state, entries in STATES.items():
        yield f"{state}:"
        for each, entry in entries.items():
            yield f"  {each:<{width}}  {entry.meaning}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, width=76, subsequent_indent="  ", break_on_hyphens=False)
