"""The chart shows the limit and every refused call."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from importer.models import Rate
from tests.bench.chart import Panel, chart, window_rate

RATE = Rate(25, 5)
SVG = "{http://www.w3.org/2000/svg}"


@given(st.lists(st.floats(0, 60), min_size=1, max_size=60))
def test_the_curve_counts_a_period_back(arrivals: list[float]) -> None:
    """Each point is the number of calls in the period before it; the last one is 0."""
    curve = window_rate([(at_s, 200) for at_s in arrivals], RATE)
    for time_s, value in curve:
        assert value == sum(at_s <= time_s < at_s + 5 for at_s in arrivals) / 5
    assert curve[-1][1] == 0


def test_a_chart_is_well_formed_and_complete() -> None:
    """Titles are escaped; each panel has a limit and a mark for each refused call; calls of others have another colour."""
    calls = [(10 + n / 5, 429 if n % 10 == 0 else 200) for n in range(100)]
    root = ET.fromstring(
        chart([Panel(title="a < b", calls=calls), Panel(title="c", calls=calls, theirs=calls[::3])], RATE)
    )
    kinds = [element.get("class") for element in root.iter()]
    assert kinds.count("refused") == 20
    assert kinds.count("limit") == 2
    assert kinds.count("ours") == 2
    assert kinds.count("theirs") == 1
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "a < b" in texts
    assert texts.count("10 of 100 calls refused (429)") == 2
    assert texts.count("5/s") == 2


def test_everything_lies_on_the_page() -> None:
    """Twice the limit fits the height; an hour and a second fit the width."""
    for span_s in (0.5, 3600):
        calls = [(span_s * n / 400, 200) for n in range(400)]
        root = ET.fromstring(chart([Panel(title="t", calls=calls)], RATE))
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        for element in root.iter(f"{SVG}text"):
            assert 0 <= float(element.attrib["x"]) <= width
            assert 0 <= float(element.attrib["y"]) <= height
