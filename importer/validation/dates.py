"""Converts dates, or of dates and times, to the form in which they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import pandas as pd

from importer.mapping import FieldType, Rule
from importer.mapping.strptime_formats import EPOCH_UNITS, FIRST_MILLISECONDS
from importer.validation.conversion_result import ConversionResult

_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO_MINUTES = rf"{_ISO_DATE}[T ]\d{{2}}:\d{{2}}"
_ISO_DATETIME = rf"{_ISO_DATE}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?)?"
_ISO_MOMENT = rf"{_ISO_MINUTES}(?::\d{{2}}(?:\.\d{{1,6}})?)?(?:Z|[+-]\d{{2}}(?::?\d{{2}})?)"
_DATE_CELL = rf"{_ISO_DATE}(?:T\d{{2}}:\d{{2}}:\d{{2}}(?:\.\d{{6}})?)?"  # as date cells of workbooks are read
_EPOCH = r"-?[0-9]{1,15}(?:\.[0-9]*)?(?:[eE]\+?[0-9]{1,2})?"
_TOO_LATE = 2.5e14  # milliseconds in the year 9892
_CONVERTIBLE = (pd.Timestamp("0001-01-02"), pd.Timestamp("9999-12-30"))  # the year keeps four digits in every zone

Cells = pd.Series  # of str, object dtype
Times = pd.Series  # of datetime64 without a zone: in UTC if the cell or rule has a zone or offset, else as written


def convert_times(cells: Sequence[str], rule: Rule, code: str) -> ConversionResult:
    """Convert dates and times: to UTC with a ``timezone`` or an offset, as written otherwise."""
    texts = pd.Series(cells, dtype=object)
    readings = [_to_utc(_read_format(texts, rule, form), rule) for form in rule.format] or [_read_iso(texts, rule)]
    if rule.format and "date" in rule.stored_types:
        readings.append(_read_iso(texts.where(texts.str.fullmatch(_DATE_CELL), ""), rule))
    times, *others = readings
    ambiguous = np.zeros(len(cells), dtype=bool)
    for other in others:
        ambiguous |= (times.notna() & other.notna() & (times != other)).to_numpy()
        times = times.fillna(other)
    unit: Literal["D", "s"] = "D" if rule.type is FieldType.DATE else "s"
    written = np.datetime_as_string(times.to_numpy(dtype=f"datetime64[{unit}]"), unit=unit).tolist()
    bad = times.isna().to_numpy() | ambiguous
    values = [None if is_bad else value for value, is_bad in zip(written, bad.tolist(), strict=True)]
    unclear = frozenset(np.flatnonzero(ambiguous).tolist())
    return ConversionResult(values, code, _expected(rule), unclear, _misplaced(cells, values, rule))


def _misplaced(cells: Sequence[str], values: Sequence[str | None], rule: Rule) -> frozenset[int]:
    """Return the positions of invalid cells that are valid without the rule's time zone."""
    invalid = [at for at, value in enumerate(values) if value is None]
    if rule.timezone is None or not invalid:
        return frozenset()
    as_written = convert_times([cells[at] for at in invalid], replace(rule, timezone=None), "").values
    return frozenset(at for at, value in zip(invalid, as_written, strict=True) if value is not None)


def _expected(rule: Rule) -> str:
    if rule.format:
        expected = f"a date such as {' or '.join(map(_example, rule.format))}"
        if rule.locale is not None:
            expected += f", with names in the language {rule.locale}"
        if "date" in rule.stored_types:
            expected += ", or a date cell"
    elif rule.type is FieldType.DATETIME:
        return "a date and time such as 2024-08-29T10:36:23"
    else:
        return "a date such as 2024-08-29"
    return expected


def _example(time_format: str) -> str:
    moment = pd.Timestamp("2024-08-29T10:36:23Z")
    if time_format in EPOCH_UNITS:
        return str(int(moment.timestamp()) * EPOCH_UNITS[time_format])
    return moment.strftime(time_format)


def _read_iso(cells: Cells, rule: Rule) -> Times:
    """Read ISO 8601 cells; dates and times with an offset become UTC."""
    if rule.type is FieldType.DATE:
        return _without_impossible_years(_parse_iso(cells.where(cells.str.fullmatch(_ISO_DATE))))
    times = _to_utc(_parse_iso(cells.where(cells.str.fullmatch(_ISO_DATETIME))), rule)
    rest = cells[times.isna()]
    moments = rest[rest.str.fullmatch(_ISO_MOMENT)]
    if not moments.empty:
        times = times.fillna(_without_impossible_years(_parse_iso(moments, utc=True).dt.tz_localize(None)))
    return times


def _parse_iso(cells: Cells, *, utc: bool = False) -> pd.Series:
    return pd.to_datetime(cells, format="ISO8601", errors="coerce", utc=utc)


def _without_impossible_years(times: Times) -> Times:
    """Leave out years other than 1 to 9999, which pandas accepts; return all in one unit."""
    there: Times = times.where(times.dt.year.between(1, 9999)).dt.as_unit("us")
    return there


def _to_utc(times: pd.Series, rule: Rule) -> Times:
    """Convert times to UTC; leave those without a zone and an offset as written."""
    if times.dt.tz is not None:
        return _without_impossible_years(times.dt.tz_convert("UTC").dt.tz_localize(None))
    times = _without_impossible_years(times)
    if rule.timezone is None:
        return times
    # Times that the clocks skip or repeat are not guessed; they are problems that the user corrects.
    within = times.where(times.between(*_CONVERTIBLE))
    moments = within.dt.tz_localize(rule.timezone, ambiguous="NaT", nonexistent="NaT")
    in_utc: Times = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    return in_utc


def _read_epoch(cells: Cells, time_format: str) -> pd.Series:
    """Read seconds or milliseconds since 1970, cut to whole seconds."""
    numbers = pd.to_numeric(cells.where(cells.str.fullmatch(_EPOCH)), errors="coerce").to_numpy(dtype=float)
    is_seconds = np.abs(numbers) < FIRST_MILLISECONDS
    is_valid = ~np.isnan(numbers) & (is_seconds == (time_format == "epoch")) & (np.abs(numbers) < _TOO_LATE)
    seconds = np.floor(numbers[is_valid] / EPOCH_UNITS[time_format]).astype(np.int64)
    times = np.full(len(cells), np.datetime64("NaT"), dtype="datetime64[s]")
    times[is_valid] = seconds.astype("datetime64[s]")
    return pd.Series(times, index=cells.index).dt.tz_localize("UTC")


def _read_format(cells: Cells, rule: Rule, time_format: str) -> pd.Series:
    """Read cells by a strptime format. With an offset, times become UTC; plain dates stay as written."""
    if time_format in EPOCH_UNITS:
        return _read_epoch(cells, time_format)
    if rule.locale is not None:
        from importer.mapping.date_names import DateTranslator  # noqa: PLC0415 - few mappings need it

        translator = DateTranslator(rule.locale, time_format)
        cells, time_format = cells.map(translator.to_english), translator.format
    dated = cells.where(cells.str.contains(r"[0-9]"))  # pandas accepts `now` and `today` in any format
    if "%z" not in time_format.replace("%%", ""):
        return pd.to_datetime(dated, format=time_format, errors="coerce")
    moments = {
        cell: _read_with_offset(cell, time_format, as_written=rule.type is FieldType.DATE) for cell in dated.dropna()
    }
    return pd.to_datetime(dated.map(moments), utc=True)


def _read_with_offset(cell: str, time_format: str, *, as_written: bool) -> datetime | None:
    try:
        moment = datetime.strptime(cell, time_format)  # noqa: DTZ007 - the format has %z
        return moment.replace(tzinfo=UTC) if as_written else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
