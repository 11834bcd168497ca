"""Keeps outcomes in the outbox that the ledger does not take in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from importer.ledger.outbox import Outbox
from importer.ledger.records import Outcome

log = logging.getLogger("importer")
_BETWEEN_LOOKS_S = 0.2


class OverdueOutcomes:
    """The outcomes of a run that the ledger has not taken yet, and which of them are in the outbox.

    While ``is_kept`` holds, no intent may be committed: the outbox must not have an outcome of an earlier request.
    """

    def __init__(self, outbox: Outbox, on_recorded: Callable[[], None]) -> None:
        self._outbox = outbox
        self._on_recorded = on_recorded
        self._waiting: dict[int, Outcome] = {}  # by identity: hashing takes long
        self._kept: set[int] = set()
        self._writing = asyncio.Lock()  # of the outbox
        self._has_failed = False
        self.is_kept = False

    def add(self, outcome: Outcome) -> None:
        """Note an outcome that waits for the ledger."""
        self._waiting[id(outcome)] = outcome

    def recorded(self, outcomes: Iterable[Outcome]) -> None:
        """Note that the ledger has these outcomes, or will never have them."""
        for each in outcomes:
            self._waiting.pop(id(each), None)
            self._kept.discard(id(each))

    def has(self, outcome: Outcome) -> bool:
        """Return whether the outbox has an outcome."""
        return id(outcome) in self._kept

    async def keep_while(self, is_overdue: Callable[[], bool]) -> None:
        """Keep outcomes whenever they are overdue, for as long as the run sends."""
        while True:
            await asyncio.sleep(_BETWEEN_LOOKS_S)
            if is_overdue():
                await self.keep()

    async def keep(self) -> None:
        """Write all outcomes that the ledger has not taken to the outbox."""
        async with self._writing:
            outcomes = {name: each for name, each in self._waiting.items() if name not in self._kept}
            if outcomes and self._outbox.path is not None:
                self.is_kept = True
                try:
                    await asyncio.to_thread(self._outbox.keep, list(outcomes.values()))
                except OSError as error:
                    self._warn(error)
                else:
                    self._kept |= outcomes.keys() & self._waiting.keys()
        await self.clear_if_recorded()

    async def clear_if_recorded(self) -> None:
        """Remove the outbox if the ledger has all of it."""
        async with self._writing:
            if self.is_kept and not self._kept:
                await asyncio.to_thread(self._outbox.clear)
                self.is_kept = False
                self._on_recorded()

    async def close(self) -> None:
        """Close the outbox. It stays if it has outcomes that the ledger lacks."""
        await self.clear_if_recorded()
        self._outbox.close()

    def _warn(self, error: OSError) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.warning(
                "the answers that wait for the ledger can't be kept in %s: %s", self._outbox.path, error.strerror
            )
