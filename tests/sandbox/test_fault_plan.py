"""Fault plans: how rules are written, and which calls they select."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from importer.errors import SettingsError
from importer.sandbox import Fault, FaultPlan, FaultRule
from importer.sandbox.fault_selection import FaultSelector

PLAN = """
- {calls: [3, 7], fault: 500}
- {calls: 10-20, fault: hang-before}
- {calls: ["30 - 31", 33], fault: "204"}
- {every: 50, fault: "429", retry_after: 3}
- {probability: 0.01, fault: "503", times: 5}
- {match: {Title: Printer on fire, Status: Open}, fault: reset-after}
- {calls: 4, fault: slow, delay_s: 0.5}
- {calls: 5, fault: slow}
- {calls: 6, fault: answered-twice}
- {every: 20, fault: answered-twice, delay_s: 0.1}
"""


def strikes(data: object, ordinals: range, *, seed: int = 0, reused: bool = False) -> list[int]:
    dice = FaultSelector(FaultPlan.parse(data), seed)
    return [ordinal for ordinal in ordinals if dice.for_call(ordinal, reused=reused)]


def test_yaml_and_json_give_the_same_rules() -> None:
    """Numbers that YAML does not read as text are accepted."""
    rules = (
        FaultRule(fault=Fault.SERVER_ERROR, calls=((3, 3), (7, 7))),
        FaultRule(fault=Fault.HANG_BEFORE, calls=((10, 20),)),
        FaultRule(fault=Fault.NO_CONTENT, calls=((30, 31), (33, 33))),
        FaultRule(fault=Fault.TOO_MANY, every=50, retry_after_s=3),
        FaultRule(fault=Fault.UNAVAILABLE, probability=0.01, times=5),
        FaultRule(fault=Fault.RESET_AFTER, match=(("Title", "Printer on fire"), ("Status", "Open"))),
        FaultRule(fault=Fault.SLOW, calls=((4, 4),), delay_s=0.5),
        FaultRule(fault=Fault.SLOW, calls=((5, 5),), delay_s=5),
        FaultRule(fault=Fault.ANSWERED_TWICE, calls=((6, 6),), delay_s=0),
        FaultRule(fault=Fault.ANSWERED_TWICE, every=20, delay_s=0.1),
    )
    data = yaml.safe_load(PLAN)
    assert FaultPlan.parse(data) == FaultPlan.parse(json.loads(json.dumps(data))) == FaultPlan(rules=rules)


@pytest.mark.parametrize("data", [None, []])
def test_no_rules_are_no_faults(data: object) -> None:
    """An empty file is an empty plan."""
    assert FaultPlan.parse(data) == FaultPlan()


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("500", "'500' is not a rule"),
        ({"calls": 1}, "the fault is missing"),
        ({"calls": 1, "fault": "hang-befor"}, "unknown fault 'hang-befor'; did you mean 'hang-before'?"),
        ({"calls": 1, "fault": "!"}, "unknown fault '!'"),
        ({"fault": "500"}, "exactly one of calls, every, probability, match"),
        ({"fault": "500", "calls": 1, "every": 2}, "not calls and every together"),
        ({"fault": "500", "calls": 1, "tims": 2}, "unknown key 'tims'; did you mean 'times'?"),
        ({"fault": "500", "calls": []}, "calls is empty"),
        ({"fault": "500", "calls": 0}, "calls: 0 is neither"),
        ({"fault": "500", "calls": "9-3"}, "calls: '9-3' is neither"),
        ({"fault": "500", "calls": [True]}, "calls: True is neither"),
        ({"fault": "500", "every": 0}, "every: 0 is not a whole number of at least 1"),
        ({"fault": "500", "calls": 1, "times": True}, "times: True is not a whole number of at least 1"),
        ({"fault": "500", "every": None}, "every: None is not a whole number"),
        ({"fault": "500", "probability": 1.5}, "probability: 1.5 is not a number from 0 to 1"),
        ({"fault": "500", "probability": True}, "probability: True is not"),
        ({"fault": "429", "calls": 1, "retry_after": -1}, "retry_after: -1 is not a whole number of at least 0"),
        ({"fault": "500", "calls": 1, "retry_after": 1}, "500 takes no retry_after"),
        ({"fault": "slow", "calls": 1, "delay_s": -1}, "delay_s: -1 is not a number of seconds"),
        ({"fault": "slow", "calls": 1, "delay_s": float("nan")}, "delay_s: nan is not a number of seconds"),
        ({"fault": "500", "calls": 1, "delay_s": 1}, "500 takes no delay_s"),
        ({"fault": "500", "match": {}}, "match: write the SchemaNames"),
        ({"fault": "500", "match": {"Title": 1}}, "match: 'Title': 1 is not text"),
        ({"fault": "early-401", "match": {"Title": "x"}}, "early-401 occurs before the ticket is read"),
    ],
)  # fmt: skip
def test_an_invalid_rule_is_reported(rule: Any, problem: str) -> None:
    """The error names the rule's number and the problem."""
    with pytest.raises(SettingsError) as caught:
        FaultPlan.parse([{"calls": 1, "fault": "500"}, rule])
    assert caught.value.details[0].startswith("rule 2: ")
    assert any(problem in detail for detail in caught.value.details), caught.value.details
    assert "reset-after" in caught.value.hint


def test_a_plan_is_a_list() -> None:
    """A single rule without its dash is another error than an unknown fault."""
    with pytest.raises(SettingsError, match="not a list of rules"):
        FaultPlan.parse({"calls": 1, "fault": "500"})


def test_all_problems_of_a_plan_are_reported_at_once() -> None:
    """Every rule is checked, also after invalid ones."""
    with pytest.raises(SettingsError) as caught:
        FaultPlan.parse([{}, {"fault": "x", "calls": 0}, 3])
    assert [detail.partition(":")[0] for detail in caught.value.details] == ["rule 1"] * 2 + ["rule 2"] * 2 + ["rule 3"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"calls": [3, "7-9"]}, [3, 7, 8, 9]),
        ({"every": 5}, [5, 10, 15, 20]),
        ({"every": 5, "times": 2}, [5, 10]),
        ({"probability": 1}, list(range(1, 21))),
        ({"probability": 0}, []),
        ({"match": {"Title": "x"}}, []),
    ],
)
def test_a_rule_applies_to_its_calls(rule: dict[str, Any], expected: list[int]) -> None:
    """By number, range, every n-th, at random, and a limited number of times."""
    assert strikes([rule | {"fault": "500"}], range(1, 21)) == expected


def test_random_choices_depend_on_seed_and_call_only() -> None:
    """Another order of arrival changes nothing; another seed does."""
    plan = FaultPlan.parse([{"probability": 0.2, "fault": "500"}])
    forward, backward = FaultSelector(plan, 1), FaultSelector(plan, 1)
    struck = [ordinal for ordinal in range(1, 501) if forward.for_call(ordinal, reused=False)]
    again = [ordinal for ordinal in range(500, 0, -1) if backward.for_call(ordinal, reused=False)]
    assert struck == again[::-1]
    assert 60 < len(struck) < 140
    assert strikes([{"probability": 0.2, "fault": "500"}], range(1, 501), seed=2) != struck


def test_the_first_matching_rule_applies() -> None:
    """When a rule is used up, the next matching one applies."""
    dice = FaultSelector(
        FaultPlan.parse([{"calls": "1-9", "fault": "500", "times": 1}, {"calls": "1-2", "fault": "503"}]), 0
    )
    struck = [dice.for_call(ordinal, reused=False) for ordinal in (1, 2, 3)]
    assert [rule and rule.fault for rule in struck] == [Fault.SERVER_ERROR, Fault.UNAVAILABLE, None]


def test_a_match_needs_every_field() -> None:
    """A rule applies if all named fields have the named values, as often as it says."""
    dice = FaultSelector(FaultPlan.parse([{"match": {"Title": "x", "Status": "Open"}, "fault": "500", "times": 1}]), 0)
    assert dice.for_ticket({"Title": "x"}, reused=False) is None
    assert dice.for_ticket({"Title": "x", "Status": "Open", "Tags": "t"}, reused=False) is not None
    assert dice.for_ticket({"Title": "x", "Status": "Open"}, reused=False) is None


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.needs_reuse])
def test_faults_of_reused_connections_need_a_reused_one(fault: Fault) -> None:
    """A call on a new connection does not use the rule up."""
    dice = FaultSelector(FaultPlan.parse([{"calls": "1-2", "fault": fault.value, "times": 1}]), 0)
    assert dice.for_call(1, reused=False) is None
    assert dice.for_call(2, reused=True) is not None
