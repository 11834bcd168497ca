"""The members that every JSON object of a command has, however the command ended."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from importer.errors import ImporterError


@dataclass
class Envelope:
    """Start time and warnings of the command that runs. One object per command."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_s: float = field(default_factory=time.monotonic)
    warnings: list[str] = field(default_factory=list)

    def members(self, *, exit_code: int = 0, error: ImporterError | None = None) -> dict[str, Any]:
        """Return the members with their current values. ``error``: why the command stopped."""
        return {
            "run": None,
            "account": None,
            "started_at": _iso(self.started_at),
            "finished_at": _iso(datetime.now(UTC)),
            "seconds": round(time.monotonic() - self.started_s, 3),
            "exit_code": error.exit_code if error is not None else exit_code,
            "stopped": error.message if error is not None else None,
            "details": list(error.details) if error is not None else [],
            "hint": (error.hint or None) if error is not None else None,
            "warnings": list(self.warnings),
        }


def envelope() -> Envelope:
    """Return the envelope of the command that runs."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Envelope) if context is not None else None
    return found if found is not None else Envelope()


def enveloped(data: Mapping[str, Any], *, exit_code: int = 0, error: ImporterError | None = None) -> str:
    """Return one JSON object: the members that every object has, overridden by ``data``."""
    members = envelope().members(exit_code=exit_code, error=error)
    warnings = [*members["warnings"], *(each for each in data.get("warnings", ()) if each not in members["warnings"])]
    return json.dumps({**members, **data, "warnings": warnings}, ensure_ascii=False)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
