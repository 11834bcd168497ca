"""The slot pool as text, as the ledger stores it. Pure."""

from __future__ import annotations

import json
import math

from importer.models import Rate
from importer.rate_limit.adaptive_share import AdaptiveShare
from importer.rate_limit.slots import MOST_AHEAD_S, ON_TIME_S, RunState, Slot, SlotList, SlotPool

LONGEST_PAUSE_S = 24 * 3600.0


def pool_to_text(pool: SlotPool) -> str:
    """Return the pool as JSON without infinite numbers."""
    return json.dumps(
        {
            "slots": [[slot.number, _finite(slot.used_at), slot.run] for slot in pool.slots],
            "users": {
                run: [other.seen_at, other.rate.calls, other.rate.period_s, other.ceiling, other.waits]
                for run, other in pool.runs.items()
            },
            "last_at": _finite(pool.last_at),
            "paused_until": _finite(pool.paused_until),
            "share": [_finite(pool.share.calls), _finite(pool.share.since)],
            "alone": pool.alone_slot,
        },
        separators=(",", ":"),
    )


def pool_from_text(text: str, now: float, longest_s: float) -> SlotPool:
    """Read a pool. Times that are too far ahead to be true are replaced by ``now``.

    These are uses later than any booking, and pauses of more than ``longest_s``. If the last call is too far ahead,
    all times are of another clock, and a pause is not believed either.
    """
    known = json.loads(text)
    latest = now + MOST_AHEAD_S + 2 * ON_TIME_S
    last_at = _past(known["last_at"])
    longest_s = longest_s if last_at <= latest else 0.0
    slots = [Slot(number, _within(_past(at), now, latest), run) for number, at, run in known["slots"]]
    calls, since = known["share"]
    return SlotPool(
        slots=SlotList(sorted(slots, key=lambda slot: slot.used_at)),
        runs={  # older pools don't have ``waits``
            run: RunState(_within(at, now, latest), Rate(calls, period_s), ceiling, *waits)
            for run, (at, calls, period_s, ceiling, *waits) in known["users"].items()
        },
        last_at=_within(last_at, now, latest),
        paused_until=_within(_past(known["paused_until"]), now, now + longest_s),
        share=AdaptiveShare(math.inf if calls is None else calls, _within(_past(since), now, latest)),
        alone_slot=known["alone"],
    )


def on_another_clock(text: str, then: float | None, now: float) -> str:
    """Return a pool's text for a clock that shows ``now`` when the pool's own clock shows ``then``.

    If ``then`` is not known, all slots count as used just now.
    """
    pool = pool_from_text(text, now if then is None else then, LONGEST_PAUSE_S)
    if then is None:
        return pool_to_text(SlotPool(slots=SlotList.all_used(len(pool.slots), now)))
    later_s = now - then
    moved = SlotPool(
        slots=SlotList(Slot(slot.number, slot.used_at + later_s, slot.run) for slot in pool.slots),
        last_at=pool.last_at + later_s,
        paused_until=pool.paused_until + later_s,
        share=AdaptiveShare(pool.share.calls, pool.share.since + later_s),
        alone_slot=pool.alone_slot,
    )
    return pool_to_text(moved)


def _finite(number: float) -> float | None:
    return None if math.isinf(number) else number


def _past(at: float | None) -> float:
    return -math.inf if at is None else at


def _within(at: float, now: float, latest: float) -> float:
    return at if at <= latest else now
