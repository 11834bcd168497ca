"""Parses a fault plan: a list of rules in YAML or JSON. Pure: no I/O.

Examples of rules:

- {calls: [3, 7], fault: "500"}
- {calls: 10-20, fault: hang-before}
- {every: 50, fault: "429", retry_after: 3}
- {probability: 0.01, fault: "503", times: 5}
- {match: {Title: Printer on fire}, fault: reset-after}
- {calls: 4, fault: slow, delay_s: 12}
- {every: 20, fault: answered-twice, delay_s: 0.1}
- {probability: 0.02, fault: repeated-number}
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from importer.errors import SettingsError
from importer.sandbox.faults import Fault, FaultRule

_SELECTORS = ("calls", "every", "probability", "match")
_KEYS = ("fault", *_SELECTORS, "times", "retry_after", "delay_s")
_RANGE = re.compile(r"([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?")


@dataclass(frozen=True, kw_only=True)
class FaultPlan:
    """The rules in order; the first that matches a call applies. Rules by call come before rules by ticket."""

    rules: tuple[FaultRule, ...] = ()

    @classmethod
    def parse(cls, data: object) -> FaultPlan:
        """Read a plan from parsed YAML or JSON. Raises SettingsError with every problem of every rule."""
        return cls(rules=_parse_rules(data))


def _parse_rules(data: object) -> tuple[FaultRule, ...]:
    if data is None:
        return ()
    if not isinstance(data, list):
        raise SettingsError("the fault plan is not a list of rules", hint='write: - {calls: [3, 7], fault: "500"}')
    parsers = [_RuleParser(number, entry) for number, entry in enumerate(data, start=1)]
    rules = [parser.parse() for parser in parsers]
    problems = [problem for parser in parsers for problem in parser.problems]
    if problems:
        raise SettingsError(
            "the fault plan has invalid rules",
            details=problems,
            hint=f"correct the rules. The faults are: {', '.join(Fault)}",
        )
    return tuple(rule for rule in rules if rule is not None)


class _RuleParser:
    """Reads one rule and collects its problems."""

    def __init__(self, number: int, entry: object) -> None:
        self.problems: list[str] = []
        self._number = number
        self._entry: dict[object, object] = entry if isinstance(entry, dict) else {}
        if not isinstance(entry, dict):
            self._add_problem(f"{entry!r} is not a rule; a rule names a fault and the calls that it affects")

    def parse(self) -> FaultRule | None:
        """Return the rule, or ``None`` if it has problems."""
        if self.problems:
            return None
        self._check_keys()
        fault = self._fault()
        calls = tuple(self._calls())
        every = self._integer("every")
        probability = self._probability()
        match = tuple(self._match())
        times = self._integer("times")
        retry_after_s = self._integer("retry_after", least=0)
        delay_s = self._delay(fault)
        if fault is not None:
            self._check_combination(fault)
        if fault is None or self.problems:
            return None
        return FaultRule(
            fault=fault,
            calls=calls,
            every=every,
            probability=probability,
            match=match,
            times=times,
            retry_after_s=retry_after_s,
            delay_s=delay_s,
        )

    def _add_problem(self, text: str) -> None:
        self.problems.append(f"rule {self._number}: {text}")

    def _check_keys(self) -> None:
        for key in self._entry:
            if key not in _KEYS:
                self._add_problem(f"unknown key {key!r}{_did_you_mean(str(key), _KEYS)}")
        chosen = [name for name in _SELECTORS if name in self._entry]
        if len(chosen) != 1:
            found = f", not {' and '.join(chosen)} together" if chosen else ""
            self._add_problem(f"select calls with exactly one of {', '.join(_SELECTORS)}{found}")

    def _check_combination(self, fault: Fault) -> None:
        if "match" in self._entry and fault.comes_early:
            self._add_problem(f"{fault} occurs before the ticket is read, so it can't match its fields; use calls")
        if "retry_after" in self._entry and not fault.takes_retry_after:
            self._add_problem(f"{fault} takes no retry_after; only 429, early-429 and 503 do")
        if "delay_s" in self._entry and not fault.takes_delay:
            self._add_problem(f"{fault} takes no delay_s; only slow and answered-twice do")

    def _fault(self) -> Fault | None:
        raw = self._entry.get("fault")
        if raw is None:
            self._add_problem("the fault is missing")
            return None
        name = str(raw)  # YAML reads an unquoted 500 as a number
        try:
            return Fault(name)
        except ValueError:
            self._add_problem(f"unknown fault {name!r}{_did_you_mean(name, list(Fault))}")
            return None

    def _calls(self) -> Iterator[tuple[int, int]]:
        if "calls" not in self._entry:
            return
        raw = self._entry["calls"]
        items: list[object] = raw if isinstance(raw, list) else [raw]
        if not items:
            self._add_problem("calls is empty")
        for item in items:
            found = None if isinstance(item, bool) else _RANGE.fullmatch(str(item).strip())
            first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
            if 1 <= first <= last:
                yield first, last
            else:
                self._add_problem(f"calls: {item!r} is neither a call's number (1 or more) nor a range such as 10-20")

    def _integer(self, key: str, *, least: int = 1) -> int | None:
        raw = self._entry.get(key)
        if key not in self._entry:
            return None
        if isinstance(raw, int) and not isinstance(raw, bool) and raw >= least:
            return raw
        self._add_problem(f"{key}: {raw!r} is not a whole number of at least {least}")
        return None

    def _probability(self) -> float | None:
        raw = self._entry.get("probability")
        if "probability" not in self._entry:
            return None
        if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw <= 1:
            return float(raw)
        self._add_problem(f"probability: {raw!r} is not a number from 0 to 1")
        return None

    def _delay(self, fault: Fault | None) -> float:
        raw = self._entry.get("delay_s", 0.0 if fault is Fault.ANSWERED_TWICE else FaultRule.delay_s)
        if isinstance(raw, int | float) and not isinstance(raw, bool) and 0 <= raw < math.inf:
            return float(raw)
        self._add_problem(f"delay_s: {raw!r} is not a number of seconds")
        return 0.0

    def _match(self) -> Iterator[tuple[str, str]]:
        if "match" not in self._entry:
            return
        raw = self._entry["match"]
        if not isinstance(raw, dict) or not raw:
            self._add_problem("match: write the SchemaNames and their values, such as {Title: Printer on fire}")
            return
        for name, value in raw.items():
            if isinstance(name, str) and isinstance(value, str):
                yield name, value
            else:
                self._add_problem(f"match: {name!r}: {value!r} is not text; put it in quotes")


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {str(close[0])!r}?" if close else ""
