"""Manifests that nobody drafts a mapping for: too wide, or with cells of any length."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.suggest import suggest
from importer.suggest.date_detection import detect_dates


@pytest.mark.parametrize(
    "names", [[f"c{number}" for number in range(5_001)], ["a" * 200_001]], ids=["columns", "characters"]
)
def test_more_than_a_mapping_takes_is_refused_before_it_is_looked_at(names: list[str], tmp_path: Path):
    """A draft that no mapping's limit would let pass is not made: the error names the manifest, and the limits."""
    path = tmp_path / "wide.csv"
    path.write_text(f"{','.join(names)},Mail\n{',' * len(names)}a@example.com\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"wide\.csv has .* columns, with .* too many for a draft"):
        suggest(path, None)


@pytest.mark.parametrize("cell", ["1" * 1_000_000, "01/02/2024" + " " * 50 + "x" * 50, "1/2/3"])
def test_what_is_too_long_or_short_is_no_date(cell: str):
    """Formats are only tried on what has the length of a date."""
    assert detect_dates([cell]) is None


@pytest.mark.parametrize("cell", ["1/1/24", "20240131", "30 September 2024, 12:59 PM"])
def test_the_shortest_and_the_longest_dates_are_some(cell: str):
    """The bounds leave out no date that a format of ours has."""
    assert detect_dates([cell]) is not None
