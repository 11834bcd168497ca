"""The formats of a workbook's cells, as far as they make something else of a number."""

from __future__ import annotations

from dataclasses import dataclass, field

from importer.manifest.workbooks.date_formats import DayFormat, day_format
from importer.manifest.workbooks.zero_padding import ZeroPadding


@dataclass(frozen=True, kw_only=True)
class Styles:
    """The cell styles that pad, and those of dates and durations, by their numbers."""

    padding: dict[int, ZeroPadding] = field(default_factory=dict)
    days: dict[int, DayFormat] = field(default_factory=dict)

    def add(self, style: int, number: int, code: str | None) -> None:
        """Look at a style's number format: its number, and its code where it has one."""
        zeros, days = ZeroPadding.parse(code or ""), day_format(number, code)
        if zeros is not None:
            self.padding[style] = zeros
        if days is not None:
            self.days[style] = days

    def is_date(self, style: int) -> bool:
        """Whether a number is shown as a date or a time of day."""
        return self.days.get(style) is DayFormat.DATE
