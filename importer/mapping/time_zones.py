"""Names of time zones, and which was meant by one that there is not: a guess that is hours off would be believed."""

from __future__ import annotations

import re
import zoneinfo

from importer.mapping.similar_names import closest

_NEAR = 0.8  # part by part: `Calcuta` is near `Calcutta`, and `Bangalore` is not near `Bangkok`
_LETTERS_OR_OFFSET = re.compile(r"[A-Z]{2,5}|.*[0-9].*")


def zone_fault(name: str) -> str:
    """Why a name is not that of a time zone, with the one that was probably meant; empty if it is."""
    zones = zoneinfo.available_timezones()
    if name in zones:
        return ""
    text = f"{name!r} is not a time zone, such as Asia/Kolkata or UTC"
    if _LETTERS_OR_OFFSET.fullmatch(name.strip()):
        return f"{text}; letters stand for several zones, and an offset for no place's all year: name it as `Area/City`"
    found = _meant(name, sorted(zones))
    return f"{text} (did you mean {found!r}?)" if found else text


def _meant(name: str, zones: list[str]) -> str | None:
    """The one zone of which each part that is written, counted from its end, is near."""
    parts = name.strip().replace(" ", "_").split("/")
    tails = {zone: zone.split("/")[-len(parts) :] for zone in zones if zone.count("/") >= len(parts) - 1}
    for at, part in enumerate(parts):
        best = closest(part, dict.fromkeys(tail[at] for tail in tails.values()), _NEAR)
        tails = {zone: tail for zone, tail in tails.items() if tail[at] == best}
    return next(iter(tails)) if len(tails) == 1 else None
