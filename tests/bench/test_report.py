"""The report shows all measurements and every missed goal."""

from __future__ import annotations

import pytest

from tests.bench.measurements import Goal, Measurement
from tests.bench.report import Circumstances, figures, missed, report, table


def test_a_row_shows_medians_spreads_ratio_and_goal() -> None:
    """One slow run of three does not change the median, but is shown."""
    line = Measurement(
        section="Validation",
        what="rows",
        ours=[3, 9, 3.5],
        baseline=[2, 2, 2],
        unit="s",
        goal=Goal(bound=1.5, side="most", by="ratio"),
    )
    assert table([line]).splitlines()[-2:] == [
        "| **Validation** | | | | |",
        "| rows | 3.50 (3.00–9.00) s | 2.00 s | 1.75 (1.50–4.50) | ≤ 1.5 × · 1.75 ✗ |",
    ]


@pytest.mark.parametrize(
    ("values", "digits", "unit", "shown"),
    [
        ([], 2, "s", ""),
        ([0, 0, 0], 0, "", "0"),
        ([1.001, 1.002], 2, "s", "1.00 s"),
        ([1000, 3000], 0, "MiB", "2,000 (1,000–3,000) MiB"),
    ],
)
def test_figures(values: list[float], digits: int, unit: str, shown: str) -> None:
    """A spread smaller than the shown digits is left out; no values give an empty cell."""
    assert figures(values, digits, unit) == shown


def test_a_near_miss_is_a_miss() -> None:
    """A figure that misses its bound by less than the shown digits is shown with more digits."""
    line = Measurement(section="s", what="w", ours=[0.9699], goal=Goal(bound=0.97, side="least"))
    assert table([line]).splitlines()[-1] == "| w | 0.97 |  |  | ≥ 0.97 · 0.9699 ✗ |"
    assert missed([line]) == [line]


def test_sections_keep_their_order() -> None:
    """Each section has one heading, in the order of first measurements."""
    lines = [
        Measurement(section=section, what=what, ours=[1]) for section, what in [("b", "1"), ("a", "2"), ("b", "3")]
    ]
    assert [row.split("|")[1].strip() for row in table(lines).splitlines()[2:]] == ["**b**", "1", "3", "**a**", "2"]


def test_the_report_counts_its_goals() -> None:
    """The number of reached goals is at the top, the machine at the foot."""
    good = Measurement(section="s", what="w", ours=[1, 2, 3], goal=Goal(bound=2, side="most"))
    bad = Measurement(section="s", what="w", ours=[1], goal=Goal(bound=2, side="least"))
    where = Circumstances(date="2026-01-02", machine="2 cores", load=0.26, minutes=9.04, command="make bench")
    text = report([good, bad, Measurement(section="s", what="w", ours=[1])], where, ["A note."])
    assert "1 of 2 goals reached. Figures are medians of up to 3 runs" in text
    assert "\n- A note.\n" in text
    assert text.endswith(
        "2026-01-02, 2 cores; 0.3 other programs were running when it began. Made by `make bench` in 9.0 minutes.\n"
    )
