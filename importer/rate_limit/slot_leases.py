"""Leases of slots: which slots of an account one run has, where the pool is on a server. Pure.

A call that books its slot on the server waits for a round trip. So a run has slots of its own for some seconds, and
decides alone when to use them. It renews the lease every second, gives slots to runs that have fewer, and takes free
ones.

In the pool, a leased slot counts as used at the end of its lease, as the run may use it until then. So a run that is
killed or cut off costs the others its slots for the rest of its lease, and no call comes too early.

All times are seconds on the server's clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from importer.models import Rate
from importer.rate_limit.adaptive_share import AdaptiveShare
from importer.rate_limit.slots import MOST_AHEAD_S, RunState, Slot, SlotPool

LEASE_S = MOST_AHEAD_S
# How many periods a run has its slot if there are more runs than slots.
_TURN_PERIODS = 4
# A run counts at most this part of the calls that the daily cap leaves before it makes them.
_PREPAID_PART = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseRequest:
    """What a run tells and asks.

    ``kept``: numbers of its slots. ``released``: number and last use of the slots that it gives back. ``wanted``: how
    many slots it can use now; infinite if it waits for slots. ``prepaid``: calls that it has counted and not made.
    ``share``, ``paused_until``: after a 429 that the pool does not have yet.
    """

    run: str
    rate: Rate
    ceiling: float
    daily_cap: int | None
    kept: Sequence[int]
    released: Sequence[tuple[int, float]]
    wanted: float
    prepaid: int
    share: AdaptiveShare
    paused_until: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The slots that a run has until ``until``.

    ``kept``: numbers of slots that it had. ``taken``: number and last use of new ones. ``fair``: how many it may have;
    if it has more, others wait for them. ``usable``: slots that all runs may use. ``prepaid``: calls that it may make.
    """

    until: float
    kept: frozenset[int]
    taken: Sequence[tuple[int, float]]
    fair: int
    usable: int
    rate: Rate
    share: AdaptiveShare
    paused_until: float
    prepaid: int


def renew(pool: SlotPool, request: LeaseRequest, now: float) -> Lease:
    """Renew the lease of a run in the account's pool."""
    _register(pool, request, now)
    rate = min((run.rate for run in pool.runs.values()), key=lambda rate: rate.calls / rate.period_s)
    if request.share.since > pool.share.since:  # a 429 that the other runs don't know yet
        pool.share = request.share
    pool.paused_until = max(pool.paused_until, request.paused_until)
    usable = min(math.ceil(pool.share.calls_at(now, rate) - 1e-9), rate.calls)
    slots = {slot.number: slot for slot in pool.slots}
    _release(pool, slots, request)
    mine = [slots[number] for number in request.kept if number in slots and slots[number].run == request.run]
    fair = _fair_share(pool, request, len(mine), usable, now)
    leased = sum(_is_leased(slot, request.run, now) for slot in slots.values())
    has = {slot.number for slot in mine}
    free = [slot for slot in pool.slots if slot.used_at <= now and slot.number not in has]
    taken = free[: max(0, min(fair - len(mine), usable - leased - len(mine)))]
    was_used = [(slot.number, slot.used_at) for slot in taken]
    for slot in (*mine, *taken):
        pool.slots.move(slot, now + LEASE_S, request.run)
    # If it is in the future when the pool is read, all times are of another clock.
    pool.last_at = max(pool.last_at, now)
    return Lease(
        until=now + LEASE_S,
        kept=frozenset(has),
        taken=was_used,
        fair=fair,
        usable=usable,
        rate=rate,
        share=pool.share,
        paused_until=pool.paused_until,
        prepaid=_prepay(pool, request, len(mine) + len(taken)),
    )


def end(pool: SlotPool, request: LeaseRequest, _now: float) -> None:
    """Give back all slots of a run that has ended, and the calls that it did not make."""
    _release(pool, {slot.number: slot for slot in pool.slots}, request)
    pool.remove_run(request.run)
    pool.new_calls -= request.prepaid


def fair_parts(slots: int, wanted: Mapping[str, tuple[float, float]], first: int = 0) -> dict[str, int]:
    """Divide slots among runs: in equal parts, to none more than it wants.

    ``wanted``: for each run, how many slots it wants, and its ceiling: the most slots of it and of all runs with the
    same or a lower ceiling. ``first``: the position of the run, by name, that gets the first slot.
    """
    names = sorted(wanted)
    first %= len(names)
    names = names[first:] + names[:first]
    parts = dict.fromkeys(names, 0)
    for _ in range(slots):
        open_runs = [name for name in names if parts[name] < wanted[name][0] and _is_below_ceiling(name, parts, wanted)]
        if not open_runs:
            break
        parts[min(open_runs, key=parts.__getitem__)] += 1
    return parts


def _is_below_ceiling(name: str, parts: Mapping[str, int], wanted: Mapping[str, tuple[float, float]]) -> bool:
    ceilings = {ceiling for _, ceiling in wanted.values() if ceiling >= wanted[name][1]}
    return all(sum(parts[run] for run in parts if wanted[run][1] <= ceiling) + 1 <= ceiling for ceiling in ceilings)


def _register(pool: SlotPool, request: LeaseRequest, now: float) -> None:
    pool.slots.grow(request.rate.calls)
    for run, other in list(pool.runs.items()):
        if other.seen_at < now - LEASE_S:
            del pool.runs[run]
    pool.runs[request.run] = RunState(now, request.rate, request.ceiling, waits=math.isinf(request.wanted))


def _release(pool: SlotPool, slots: Mapping[int, Slot], request: LeaseRequest) -> None:
    for number, used_at in request.released:
        if number in slots and slots[number].run == request.run:
            pool.slots.move(slots[number], used_at, "")


def _fair_share(pool: SlotPool, request: LeaseRequest, has: int, usable: int, now: float) -> int:
    others = {run: other for run, other in pool.runs.items() if run != request.run}
    wanted = {
        run: (
            math.inf if other.waits else sum(slot.run == run and slot.used_at > now for slot in pool.slots),
            other.ceiling,
        )
        for run, other in others.items()
    }
    # What nobody else wants need not be given back.
    is_wanted_elsewhere = any(other.waits for other in others.values())
    wanted[request.run] = (request.wanted if is_wanted_elsewhere else max(request.wanted, has), request.ceiling)
    turn = 0
    if usable < len(wanted):
        turn = int(now // (_TURN_PERIODS * request.rate.period_s))
    return fair_parts(usable, wanted, turn)[request.run]


def _is_leased(slot: Slot, run: str, now: float) -> bool:
    """Return whether another run has the slot."""
    return slot.used_at > now and slot.run != run


def _prepay(pool: SlotPool, request: LeaseRequest, has: int) -> int:
    """Count calls before they are made, so that a killed run has counted all; return how many the run may make."""
    level = has
    if request.daily_cap is not None:
        left = max(0, request.daily_cap - pool.calls_last_day + request.prepaid)
        level = min(has if request.wanted else 0, left // (_PREPAID_PART * len(pool.runs)))
        if not level and math.isinf(request.wanted):
            level = min(1, has, left)
    pool.new_calls += level - request.prepaid
    return level
