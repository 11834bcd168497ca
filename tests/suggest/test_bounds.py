"""Manifests that are too wide, and cells of any length."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.suggest import suggest
from importer.suggest.date_detection import detect_dates


@pytest.mark.parametrize(
    "names", [[f"c{number}" for number in range(5_001)], ["a" * 200_001]], ids=["columns", "characters"]
)
def test_manifest_that_is_too_wide_for_a_mapping_is_refused(names: list[str], tmp_path: Path):
    """The error names the manifest and the limits."""
    path = tmp_path / "wide.csv"
    path.write_text(f"{','.join(names)},Mail\n{',' * len(names)}a@example.com\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"wide\.csv has .* columns, with .* too many for a draft"):
        suggest(path, None)


@pytest.mark.parametrize("cell", ["1" * 1_000_000, "01/02/2024" + " " * 50 + "x" * 50, "1/2/3"])
def test_texts_that_are_too_long_or_short_are_not_dates(cell: str):
    assert detect_dates([cell]) is None


@pytest.mark.parametrize("cell", ["1/1/24", "20240131", "30 September 2024, 12:59 PM"])
def test_shortest_and_longest_dates_are_recognized(cell: str):
    assert detect_dates([cell]) is not None
