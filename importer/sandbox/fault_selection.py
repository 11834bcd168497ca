"""Selects the fault of each `POST /tickets`. Pure: random choices depend only on the seed and the call's number."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.faults import FaultRule


class FaultSelector:
    """Applies a fault plan, and counts how often each rule was applied."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._applied: Counter[int] = Counter()

    def for_call(self, ordinal: int, *, reused: bool, first: bool = False) -> FaultRule | None:
        """Return the rule for the ``ordinal``-th `POST /tickets`, before its body is read.

        ``reused``: its connection has served a request before. ``first``: the account has no ticket yet.
        """
        return self._select(
            lambda index, rule: rule.selects_call(ordinal, self._random(index, ordinal)), reused=reused, first=first
        )

    def for_ticket(self, fields: Mapping[str, str], *, reused: bool, first: bool = False) -> FaultRule | None:
        """Return the rule for a ticket with these fields."""
        return self._select(lambda _, rule: rule.selects_ticket(fields), reused=reused, first=first)

    def _select(self, selects: Callable[[int, FaultRule], bool], *, reused: bool, first: bool) -> FaultRule | None:
        """Return the first rule that selects the call and may still be applied, and count its application."""
        for index, rule in enumerate(self._plan.rules):
            is_possible = (reused or not rule.fault.needs_reuse) and not (first and rule.fault.names_first_ticket)
            is_left = rule.times is None or self._applied[index] < rule.times
            if is_possible and is_left and selects(index, rule):
                self._applied[index] += 1
                return rule
        return None

    def _random(self, index: int, ordinal: int) -> float:
        # Seeded per rule and call, so that the order of arrival does not change the selection.
        return random.Random(f"{self._seed}/{index}/{ordinal}").random()  # noqa: S311  # a simulation, not a secret
