"""Decides whether an export differs so much from the previous ones that nothing of it is sent. Pure.

A nightly job sends whatever its export has. With changed keys it would create every ticket again; with keys given to
other rows it would skip new rows as imported; and a truncated export would look like a night with few tickets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from importer.export_checks.changed_keys import KeyResemblance

LEAST_ROWS = 10
"""Shares are compared from so many rows or keys on: one edited row of two would be 50 %."""
_MOST_WERE_KNOWN, _FEW_ARE_KNOWN = 0.95, 0.10
_IS_WHOLE = 0.90


@dataclass(frozen=True, kw_only=True)
class ExportLimits:
    """Limits that the user sets. Shares are from 0 to 1."""

    expect_new: bool = False
    max_changed: float = 0.5
    max_gone: float = 0.5
    min_rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class PreviousExport:
    """The last export with other content. Shares are ``None`` if they are not known.

    ``keys``: the number of its keys. ``known_share``: the share of its keys that were known when it was first read.
    ``held_share``: the share of the keys of the export before it that it still had; ``previous_held_share``: the same
    for that export.
    """

    keys: int
    known_share: float | None = None
    held_share: float | None = None
    previous_held_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExportFigures:
    """Counts of one export, compared with the ledger and the previous export.

    ``new`` and ``known`` count distinct keys. ``comparable``: known rows with a recorded title or lead; ``changed``:
    comparable rows whose title or lead is another one now. ``gone``: keys of the previous export that this one lacks.
    ``other_keys``: the same content was imported before with other keys. ``accepted``: the last import read the same
    content with the same keys, and was not stopped.
    """

    rows: int
    new: int
    known: int
    comparable: int = 0
    changed: int = 0
    gone: int = 0
    former: PreviousExport | None = None
    other_keys: bool = False
    accepted: bool = False

    @property
    def known_share(self) -> float | None:
        """Share of its keys that are known; ``None`` without keys."""
        keys = self.new + self.known
        return self.known / keys if keys else None

    @property
    def held_share(self) -> float | None:
        """Share of the previous export's keys that it still has; ``None`` without a previous export."""
        return 1 - self.gone / self.former.keys if self.former is not None and self.former.keys else None

    @property
    def compares_keys(self) -> bool:
        """Whether enough keys are unknown to compare them with known ones."""
        return self.new >= LEAST_ROWS and not self.accepted


@dataclass(frozen=True, kw_only=True)
class SinceLastRun:
    """What is new since the last run. A number is ``None`` if there is nothing to compare with.

    ``new``, ``edited`` and ``gone`` compare the rows with those of the last run that went through its file.
    ``newly_failed`` and ``still_failing`` count rejected, failed and unknown rows by whether they were so before.
    """

    new: int | None = None
    edited: int | None = None
    gone: int | None = None
    newly_failed: int | None = None
    still_failing: int | None = None


@dataclass(frozen=True, kw_only=True)
class ExportStop:
    """Reason to send nothing. ``name``: for scripts; ``go_on_with``: the flag that sends the export anyway."""

    name: str
    go_on_with: str
    reason: str
    examples: tuple[str, ...] = ()
    advice: str


def stops(figures: ExportFigures, alike: KeyResemblance | None, limits: ExportLimits) -> list[ExportStop]:
    """Return every reason to send nothing. ``alike``: how its unknown keys resemble known ones."""
    found: list[ExportStop | None] = [_too_few(figures, limits)]
    if not figures.accepted:  # a file that was imported is not stopped when it is imported again
        keys_changed = None if limits.expect_new else _changed_keys(figures, alike)
        found = [keys_changed, _renumbered(figures, limits), _shrunk(figures, limits), *found]
    return [stop for stop in found if stop is not None]


def _changed_keys(figures: ExportFigures, alike: KeyResemblance | None) -> ExportStop | None:
    if figures.new < LEAST_ROWS:
        return None
    former, share = figures.former, figures.known_share or 0.0
    examples: tuple[str, ...] = ()
    if alike is not None and 2 * alike.alike > alike.compared:
        sample = " that were compared" if alike.compared < figures.new else ""
        reason = f"{alike.alike:,} of {alike.compared:,} unknown keys{sample} are known keys in another spelling"
        examples = (*(f"{new!r} was {old!r}" for new, old in alike.examples), f"likely reason: {alike.difference}")
    elif figures.other_keys:
        reason = "this file was imported before with other keys; likely reason: the mapping names another key column"
    elif (
        former is not None
        and former.known_share is not None
        and former.known_share >= _MOST_WERE_KNOWN
        and share < _FEW_ARE_KNOWN
    ):
        reason = (
            f"{share:.0%} of the keys are known, and {former.known_share:.0%} of the last export's were; likely "
            "reason: the export writes its keys differently, or the mapping names another key column"
        )
    else:
        return None
    return ExportStop(
        name="keys-changed",
        go_on_with="--expect-new",
        reason=f"the keys look changed: {reason}",
        examples=examples,
        advice="Correct the export or the mapping, as rows with a changed key would become tickets a second time. If "
        "all of these rows are new, go on with --expect-new.",
    )


def _renumbered(figures: ExportFigures, limits: ExportLimits) -> ExportStop | None:
    if figures.comparable < LEAST_ROWS or figures.changed <= limits.max_changed * figures.comparable:
        return None
    go_on_with = f"--max-changed {_percent(figures.changed, figures.comparable)}"
    return ExportStop(
        name="renumbered",
        go_on_with=go_on_with,
        reason=f"{figures.changed:,} of {figures.comparable:,} known rows have another title or lead than when they "
        f"were sent, more than --max-changed {limits.max_changed:.0%}; likely reason: the export gave its keys to "
        "other rows, or the mapping builds titles and leads differently now",
        advice="Compare some rows with their tickets. If keys belong to other rows now, correct the export: these "
        f"rows would be skipped as imported. If the titles or leads were meant to change, go on with {go_on_with}.",
    )


def _shrunk(figures: ExportFigures, limits: ExportLimits) -> ExportStop | None:
    former = figures.former
    if former is None or former.keys < LEAST_ROWS or figures.gone <= limits.max_gone * former.keys:
        return None
    if any(share is None or share < _IS_WHOLE for share in (former.held_share, former.previous_held_share)):
        return None
    go_on_with = f"--max-gone {_percent(figures.gone, former.keys)}"
    return ExportStop(
        name="shrunk",
        go_on_with=go_on_with,
        reason=f"{figures.gone:,} of the last export's {former.keys:,} keys are gone, more than --max-gone "
        f"{limits.max_gone:.0%}, although the exports before had nearly all of them; likely reason: the export "
        "was cut short, or its filter changed",
        advice=f"Export the file again. If so many rows were meant to go, go on with {go_on_with}.",
    )


def _too_few(figures: ExportFigures, limits: ExportLimits) -> ExportStop | None:
    if limits.min_rows is None or figures.rows >= limits.min_rows:
        return None
    return ExportStop(
        name="min-rows",
        go_on_with=f"--min-rows {figures.rows}",
        reason=f"the export has {figures.rows:,} rows, fewer than --min-rows {limits.min_rows:,}",
        advice=f"Export the file again. If so few rows are right, go on with --min-rows {figures.rows}.",
    )


def _percent(part: int, of: int) -> str:
    """Return the smallest whole percentage that allows ``part`` of ``of``."""
    return f"{math.ceil(100 * part / of)}%"
