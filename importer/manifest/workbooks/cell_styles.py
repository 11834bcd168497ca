"""Cell styles of a workbook whose number format shows a number as something else."""

from __future__ import annotations

from dataclasses import dataclass, field

from importer.manifest.workbooks.date_formats import DateFormat, date_format
from importer.manifest.workbooks.zero_padding import ZeroPadding


@dataclass(frozen=True, kw_only=True)
class CellStyles:
    """Cell styles with zero padding, and those of dates and durations, by their numbers."""

    padding: dict[int, ZeroPadding] = field(default_factory=dict)
    dates: dict[int, DateFormat] = field(default_factory=dict)

    def add(self, style: int, format_number: int, format_code: str | None) -> None:
        """Add a style by the number of its format, and the code of the format if it has one."""
        padding, date = ZeroPadding.parse(format_code or ""), date_format(format_number, format_code)
        if padding is not None:
            self.padding[style] = padding
        if date is not None:
            self.dates[style] = date

    def is_date(self, style: int) -> bool:
        """Whether the style shows a number as a date or a time of day."""
        return self.dates.get(style) is DateFormat.DATE
