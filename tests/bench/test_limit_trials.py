"""Records of the trials become measurements and a chart. `make bench-quick` runs the trials."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from tests.bench.account import Record, Setup, opened
from tests.bench.limit_trials import Trial, measurements, panels, trials
from tests.bench.measurements import Measurement
from tests.bench.scenarios import Scenario, foreign_scenario, scenarios
from tests.network.wire import Wire

SCENARIO = Scenario(section="s", name="n", setup=Setup(), rows=12, ideal=0.5, processes=1)


def test_a_setup_is_equal_after_json() -> None:
    """The process of an account gets the same options."""
    for setup in (foreign_scenario(1, shrink=0.5).setup, *(each.setup for each in scenarios(25))):
        assert Setup.parse(json.dumps(asdict(setup))) == setup


def test_an_account_that_does_not_start() -> None:
    """An account that does not start raises RuntimeError."""
    with pytest.raises(RuntimeError, match="did not start"), opened(Setup(wire=Wire())):
        raise AssertionError("certificates have no place to go")


def test_measurements_keep_the_order_of_the_scenarios() -> None:
    """Each scenario has speed and refused calls, some also lost rows or shares; all have goals."""
    chosen = [*scenarios(30), foreign_scenario(30, shrink=1)]
    record = Record(
        calls=tuple((n * 1.0, 200) for n in range(60)),
        foreign=tuple((n * 1.0, 200) for n in range(0, 60, 2)),
        made_s=tuple(n * 1.0 for n in range(1, 60, 2)),
    )
    found: list[Measurement] = measurements(dict.fromkeys(trials(chosen, 2), record), chosen)
    assert len(found) == 2 * 14 + 2 + 3
    assert all(line.goal is not None and len(line.ours) == len(line.baseline) == 2 for line in found)
    assert list(dict.fromkeys(line.section for line in found)) == list(dict.fromkeys(each.section for each in chosen))


def test_the_chart_has_both_clients_and_foreign_traffic() -> None:
    """Its panels: the importer, the simple script, and the importer with foreign traffic."""
    alone, beside = SCENARIO, foreign_scenario(30, shrink=1)
    record = Record(calls=((1.0, 200), (2.0, 200)), foreign=((1.0, 200),), made_s=(2.0, 3.0))
    records = {
        Trial(scenario=each, seed=0, client=client): record
        for each in (alone, beside)
        for client in ("baseline", "ours")
    }
    titles = [panel.title.split(":")[0] for panel in panels(records, "n")]
    assert titles == [
        "ticket-importer",
        "gather + AsyncLimiter(25, 5)",
        "ticket-importer on top of others' calls (amber)",
    ]
