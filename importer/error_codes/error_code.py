"""One entry of the error catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One entry of the catalogue.

    ``name`` is the code in a few plain words. The others are whole sentences. ``meaning`` is what happened, ``advice``
    what to do: one sentence each, as both are also shown next to a row. ``why`` is how it happens, or why it matters.
    """

    name: str
    meaning: str
    advice: str
    why: str
