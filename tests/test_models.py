"""The values that several folders share."""

from __future__ import annotations

import pytest

from importer.models import RowNumbers


def test_rows_are_named_by_numbers_and_ranges() -> None:
    """Ranges include both ends, may overlap, and may be written in any order."""
    rows = RowNumbers("40, 2-11,5-6")
    assert [row for row in range(60) if row in rows] == [*range(2, 12), 40]
    assert rows.last == 40
    assert str(rows) == "40, 2-11,5-6"


@pytest.mark.parametrize("text", ["", "2-", "-3", "a", "2,,3", "2-3-4", "1.5", "\u0662"])
def test_other_texts_are_refused(text: str) -> None:
    """The message shows the correct form."""
    with pytest.raises(ValueError, match="2-11,40"):
        RowNumbers(text)


def test_reversed_range_is_refused() -> None:
    """A reversed range is a slip of the hand, not an empty set."""
    with pytest.raises(ValueError, match="'11-2' ends before it begins"):
        RowNumbers("11-2")
