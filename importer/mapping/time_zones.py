"""Checks names of time zones, and suggests the right one only if there is no doubt: a wrong zone shifts every time."""

from __future__ import annotations

import re
import zoneinfo

from importer.mapping.similar_names import closest_name

_CUTOFF = 0.8  # for each part: `Calcuta` is similar to `Calcutta`; `Bangalore` is not similar to `Bangkok`
_ABBREVIATION_OR_OFFSET = re.compile(r"[A-Z]{2,5}|.*[0-9].*")


def time_zone_error(name: str) -> str:
    """Return why a name is not a time zone, with the one that it probably means; empty if it is one."""
    zones = zoneinfo.available_timezones()
    if name in zones:
        return ""
    text = f"{name!r} is not a time zone"
    if _ABBREVIATION_OR_OFFSET.fullmatch(name.strip()):
        return (
            f"{text}; abbreviations and offsets are ambiguous, so write it as `Area/City`, such as Asia/Kolkata, or UTC"
        )
    found = _similar_zone(name, sorted(zones))
    return f"{text} (did you mean {found!r}?)" if found else f"{text}; write it as Asia/Kolkata or UTC"


def _similar_zone(name: str, zones: list[str]) -> str | None:
    """Return the only zone whose last parts are similar to the parts of ``name``."""
    parts = name.strip().replace(" ", "_").split("/")
    endings = {zone: zone.split("/")[-len(parts) :] for zone in zones if zone.count("/") >= len(parts) - 1}
    for index, part in enumerate(parts):
        best = closest_name(part, dict.fromkeys(ending[index] for ending in endings.values()), _CUTOFF)
        endings = {zone: ending for zone, ending in endings.items() if ending[index] == best}
    return next(iter(endings)) if len(endings) == 1 else None
