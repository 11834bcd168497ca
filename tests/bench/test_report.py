"""The table shows what was measured, and hides no miss."""

from __future__ import annotations

import pytest

from tests.bench.lines import Goal, Line
from tests.bench.report import Circumstances, figures, missed, report, table


def test_a_line_shows_medians_spreads_ratio_and_goal() -> None:
    """One slow run of three does not colour the line, and is seen."""
    line = Line(
        section="Validation",
        what="rows",
        ours=[3, 9, 3.5],
        otherwise=[2, 2, 2],
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
    """A spread that can't be seen in the digits is none; nothing is an empty cell."""
    assert figures(values, digits, unit) == shown


def test_a_near_miss_is_a_miss() -> None:
    """A figure that looks like its bound and is not within it is shown with more digits."""
    line = Line(section="s", what="w", ours=[0.9699], goal=Goal(bound=0.97, side="least"))
    assert table([line]).splitlines()[-1] == "| w | 0.97 |  |  | ≥ 0.97 · 0.9699 ✗ |"
    assert missed([line]) == [line]


def test_sections_keep_their_order() -> None:
    """Each section has its head once, where its first line came."""
    lines = [Line(section=section, what=what, ours=[1]) for section, what in [("b", "1"), ("a", "2"), ("b", "3")]]
    assert [row.split("|")[1].strip() for row in table(lines).splitlines()[2:]] == ["**b**", "1", "3", "**a**", "2"]


def test_the_report_counts_its_goals() -> None:
    """How many were reached stands at the top, and where it was made at the foot."""
    good = Line(section="s", what="w", ours=[1, 2, 3], goal=Goal(bound=2, side="most"))
    bad = Line(section="s", what="w", ours=[1], goal=Goal(bound=2, side="least"))
    where = Circumstances(date="2026-01-02", machine="2 cores", load=0.26, minutes=9.04, command="make bench")
    text = report([good, bad, Line(section="s", what="w", ours=[1])], where, ["A note."])
    assert "1 of 2 goals reached. Figures are medians of up to 3 runs" in text
    assert "\n- A note.\n" in text
    assert text.endswith(
        "2026-01-02, 2 cores; 0.3 other programs were running when it began. Made by `make bench` in 9.0 minutes.\n"
    )
