"""Minutes of sending with crashes, errors and foreign traffic; `make simulation` sends a million tickets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.account import Calls
from tests.simulation.disk import State
from tests.simulation.report import lines, missed, table
from tests.simulation.scenario import DAY_S, HOUR_S, Foreign, Network, Scenario
from tests.simulation.simulate import Facts, simulate

SCENARIO = Scenario(name="test", tickets=3_000, seed=7)
CRASHING = replace(SCENARIO, tickets=2_000, crash_every_s=90.0)
JITTERY = Network(way_s=(0.02, 0.06), server_s=(0.08, 0.12))


def assert_true(facts: Facts) -> None:
    """No duplicate, no lost row, correct states, no window above the limit, no run that stopped early."""
    assert facts.endings == ()
    assert facts.broken == ()
    assert (facts.twice, facts.lost, facts.untrue) == (0, 0, 0)
    assert facts.rows[State.CREATED] + facts.rows[State.UNKNOWN] == facts.scenario.tickets
    assert facts.most_in_window <= facts.scenario.rate.calls


@pytest.mark.parametrize("network", [Network(), JITTERY], ids=["quiet", "jittery"])
def test_crashes_lose_no_row_and_keep_the_limit(network: Network) -> None:
    """Killed every few minutes: no 429, and few unknown rows."""
    facts = simulate(replace(CRASHING, network=network))
    assert_true(facts)
    assert facts.crashes >= 3
    assert facts.errors > 0
    assert facts.ours.refused == 0
    assert facts.rows[State.UNKNOWN] <= facts.given_up <= facts.crashes * facts.scenario.rate.calls


def test_limit_is_used_fully() -> None:
    """A run takes at most 2 % longer than the ideal that counts the retries."""
    facts = simulate(replace(SCENARIO, crash_every_s=DAY_S))
    assert_true(facts)
    assert facts.ours.refused == 0
    assert facts.rows[State.CREATED] == facts.scenario.tickets
    assert 0 <= facts.longer <= 0.02


def test_row_of_a_server_error_is_unknown_and_not_repeated() -> None:
    """Without --retry-status each 503 costs its row one call."""
    facts = simulate(replace(SCENARIO, tickets=1_000, crash_every_s=DAY_S, repeats=False))
    assert_true(facts)
    assert facts.rows[State.UNKNOWN] == facts.errors > 0
    assert facts.calls == facts.scenario.tickets


def test_limit_is_shared_with_foreign_traffic() -> None:
    """Both keep most of their calls."""
    facts = simulate(replace(CRASHING, crash_every_s=600.0, foreign=Foreign()))
    assert_true(facts)
    assert facts.theirs.taken > 0
    assert facts.reached_by_day >= 0.5
    assert facts.theirs.refused <= 0.10 * (facts.theirs.taken + facts.theirs.refused)


def test_foreign_traffic_pauses_at_night() -> None:
    facts = simulate(replace(SCENARIO, tickets=500, begins_s=2 * HOUR_S, foreign=Foreign(), crash_every_s=DAY_S))
    assert_true(facts)
    assert facts.theirs == Calls()


def test_simulation_is_determined_by_its_seed() -> None:
    scenario = replace(CRASHING, tickets=300, crash_every_s=20.0)
    assert simulate(scenario) == simulate(scenario)


def test_hours_of_foreign_traffic_are_counted_over_midnight() -> None:
    """17 hours from 17:00 have one hour of that day and two of the next, if the day has ten."""
    scenario = replace(SCENARIO, begins_s=17 * HOUR_S)
    assert scenario.day_s(17 * HOUR_S) == pytest.approx(3 * HOUR_S)
    assert scenario.is_day(0.5 * HOUR_S)
    assert not scenario.is_day(1.5 * HOUR_S)


def facts_of(scenario: Scenario, **changes: Any) -> Facts:
    good = Facts(
        scenario=scenario,
        took_s=605.0,
        rows={**dict.fromkeys(State, 0), State.CREATED: 3_000},
        twice=0,
        untrue=0,
        broken=(),
        endings=(),
        crashes=0,
        given_up=0,
        errors=0,
        ours=Calls(taken=3_000, taken_by_day=3_000),
        theirs=Calls(),
        most_in_window=25,
    )
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("most of our calls in any window", {"most_in_window": 26}),
        ("tickets made twice", {"twice": 1}),
        ("rows lost", {"rows": {**dict.fromkeys(State, 0), State.CREATED: 2_999, State.PENDING: 1}}),
        ("rows lost", {"rows": {**dict.fromkeys(State, 0), State.CREATED: 2_999, State.UNKNOWN: 1}}),
        ("rows whose state is not true", {"untrue": 1}),
        ("intents missing, runs that gave up", {"endings": ("stopped",)}),
        ("calls answered 429", {"ours": Calls(taken=3_000, refused=1)}),
        ("longer than the ideal with retries", {"took_s": 610.0}),
    ],
)
def test_every_goal_can_be_missed(what: str, changes: dict[str, Any]) -> None:
    """The table marks the missed goal, and none for good facts."""
    assert missed(facts_of(SCENARIO)) == []
    assert [line.what for line in missed(facts_of(SCENARIO, **changes))] == [what]
    assert "MISSED" in table([facts_of(SCENARIO, **changes)])


@pytest.mark.parametrize(
    "changes",
    [
        {"ours": Calls(taken=1_000, taken_by_day=1_000)},
        {"ours": Calls(taken=3_000, taken_by_day=3_000, refused=100, refused_by_day=100)},
        {"theirs": Calls(taken=900, refused=100)},
    ],
    ids=["too little used", "too many 429s", "too many 429s of theirs"],
)
def test_every_goal_with_foreign_traffic_can_be_missed(changes: dict[str, Any]) -> None:
    """The share of the rest of the limit, and the refused calls of both sides."""
    scenario = replace(SCENARIO, foreign=Foreign())
    assert missed(facts_of(scenario)) == []
    assert len(missed(facts_of(scenario, **changes))) == 1
    assert len(lines(facts_of(scenario))) > len(lines(facts_of(SCENARIO)))
