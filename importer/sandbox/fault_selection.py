"""Which `POST /tickets` is struck. Pure: what is drawn by lot depends on the seed and the call's number alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.faults import FaultRule


class FaultSelector:
    """A plan in use: remembers how often each rule has struck."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self._plan = plan
        self._seed = seed
        self._struck: Counter[int] = Counter()

    def for_call(self, ordinal: int, *, reused: bool, first: bool = False) -> FaultRule | None:
        """The rule that strikes the ``ordinal``-th `POST /tickets`, as far as that is known before its body.

        ``reused``: its connection has served a request before. ``first``: the account has no ticket yet.
        """
        rules = self._plan.rules
        fitting = [
            index
            for index, rule in enumerate(rules)
            if _possible(rule, reused=reused, first=first) and rule.chooses_call(ordinal, self._lot(index, ordinal))
        ]
        return self._strike(fitting)

    def for_ticket(self, fields: Mapping[str, str], *, reused: bool, first: bool = False) -> FaultRule | None:
        """The rule that strikes a ticket with these fields."""
        rules = self._plan.rules
        fitting = [
            index
            for index, rule in enumerate(rules)
            if _possible(rule, reused=reused, first=first) and rule.chooses_ticket(fields)
        ]
        return self._strike(fitting)

    def _strike(self, fitting: Sequence[int]) -> FaultRule | None:
        for index in fitting:
            rule = self._plan.rules[index]
            if rule.times is None or self._struck[index] < rule.times:
                self._struck[index] += 1
                return rule
        return None

    def _lot(self, index: int, ordinal: int) -> float:
        # Seeded per rule and call: requests that overtake each other don't change who is struck.
        return random.Random(f"{self._seed}/{index}/{ordinal}").random()  # noqa: S311  # a simulation, not a secret


def _possible(rule: FaultRule, *, reused: bool, first: bool) -> bool:
    return (reused or not rule.fault.needs_reuse) and not (first and rule.fault.names_first_ticket)
