"""Leases of a pool on a server: hosts that renew them at any time, die or are cut off never exceed the limit together."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace

import pytest

from importer.models import Rate
from importer.rate_limit import AdaptiveShare, NotYet, SlotPool, SlotRequest
from importer.rate_limit.leased_pool import LeasedPool
from importer.rate_limit.pool_text import pool_from_text, pool_to_text
from importer.rate_limit.slot_leases import LEASE_S, Lease, LeaseRequest, end, fair_parts, renew
from tests.rate_limit.test_slots import booked

RATE = Rate(25, 5.0)
ASKS = LeaseRequest(
    run="A",
    rate=RATE,
    ceiling=25,
    daily_cap=None,
    kept=(),
    released=(),
    wanted=math.inf,
    prepaid=0,
    share=AdaptiveShare(),
    paused_until=-math.inf,
)


@dataclass
class Host:
    """A host that uses its slots whenever it may."""

    name: str
    slots: dict[int, float] = field(default_factory=dict)
    until: float = -math.inf
    fair: int = 25

    def renew(self, pool: SlotPool, now: float) -> Lease:
        """Give back what others wait for, and renew the lease of the rest."""
        free = sorted((at, number) for number, at in self.slots.items())
        released = [(number, at) for at, number in free[: max(0, len(free) - self.fair)]]
        for number, _ in released:
            del self.slots[number]
        lease = renew(pool, replace(ASKS, run=self.name, kept=[*self.slots], released=released), now)
        self.slots = {number: at for number, at in self.slots.items() if number in lease.kept} | dict(lease.taken)
        self.until, self.fair = lease.until, lease.fair
        return lease

    def use_all(self, now: float) -> list[float]:
        """Make a call with each slot that is free; return their times."""
        ready = [number for number, at in self.slots.items() if now <= self.until and at + RATE.period_s < now]
        self.slots |= dict.fromkeys(ready, now)
        return [now] * len(ready)


@pytest.mark.parametrize("seed", range(8))
def test_no_window_has_more_calls_than_the_limit(seed: int) -> None:
    """Whatever hosts come, fall silent for some seconds, come back, or end; and most of the limit is used."""
    chance = random.Random(seed)
    pool, now, uses = SlotPool(), 1_000.0, list[float]()
    hosts = [Host(name) for name in "ABCD"]
    silent_until = dict.fromkeys("ABCD", 0.0)
    while now < 1_300:
        now += chance.uniform(0.01, 0.3)
        host = chance.choice(hosts)
        if now < silent_until[host.name]:
            continue
        uses += host.use_all(now)
        if chance.random() < 0.5:
            pool = pool_from_text(pool_to_text(pool), now, 3600.0)
            host.renew(pool, now)
        elif chance.random() < 0.02:
            silent_until[host.name] = now + chance.uniform(0, 3 * LEASE_S)
    for first, beyond in zip(uses, uses[25:], strict=False):
        assert beyond - first > RATE.period_s
    assert len(uses) > 0.6 * 25 * 300 / RATE.period_s


def test_slots_of_a_killed_run_are_free_after_its_lease() -> None:
    """They count as used at its end, as the run may have used them until then."""
    pool, killed, alive = SlotPool(), Host("killed"), Host("alive")
    killed.renew(pool, 100.0)
    alive.renew(pool, 101.0)
    assert (len(killed.slots), len(alive.slots)) == (25, 0)
    assert not alive.renew(pool, 100.0 + LEASE_S - 0.1).taken
    taken = alive.renew(pool, 100.0 + LEASE_S).taken
    assert len(taken) == alive.fair >= 12
    assert {used_at for _, used_at in taken} == {100.0 + LEASE_S}


def test_no_leased_slot_is_used_after_its_lease() -> None:
    """A call whose process was paused meanwhile is lost, as another run may have its slot then."""
    pool, rate = SlotPool(), Rate(2, 5.0)
    lease = renew(pool, replace(ASKS, rate=rate), 100.0)
    leased = LeasedPool(account_rate=rate)
    leased.apply(lease, ahead_s=0.0, error_s=0.05)
    asks = SlotRequest(run="A", rate=rate, margin_s=0.1, ceiling=2)
    assert booked(leased, asks, 104.7).lost_at == 104.95
    assert leased.book(asks, 104.8) == NotYet(math.inf), "too near to the end of the lease"
    leased.apply(renew(pool, replace(ASKS, rate=rate, kept=[0, 1]), 104.8), ahead_s=0.0, error_s=0.05)
    assert booked(leased, asks, 104.8).lost_at == 109.75


def test_the_slot_of_a_call_that_is_late_is_not_given_up() -> None:
    """The call may still be made, or give its slot back unused: then it is free at once, for another run, too."""
    lease = renew(SlotPool(), replace(ASKS, rate=Rate(2, 5.0)), 100.0)
    leased = LeasedPool(account_rate=Rate(2, 5.0))
    leased.apply(lease, ahead_s=0.0, error_s=0.05)
    late = booked(leased, SlotRequest(run="A", rate=Rate(2, 5.0), margin_s=0.1, ceiling=2), 100.1)
    assert late.number not in dict(leased.release(0, 101.0))
    leased.give_back(late, "A")
    assert leased.release(0, 101.0) == [(late.number, late.before[0])]


def test_runs_get_equal_parts_and_what_others_do_not_want() -> None:
    """Up to the share of the limit that a run may use."""
    assert fair_parts(25, {"A": (math.inf, 25), "B": (math.inf, 25)}) == {"A": 13, "B": 12}
    assert fair_parts(25, {"A": (3, 25), "B": (math.inf, 25)}) == {"A": 3, "B": 22}
    assert fair_parts(25, {"A": (math.inf, 5), "B": (math.inf, 25)}) == {"A": 5, "B": 20}
    assert fair_parts(25, {"A": (math.inf, 10), "B": (math.inf, 10), "C": (math.inf, 25)}) == {"A": 5, "B": 5, "C": 15}
    assert fair_parts(1, {"A": (math.inf, 25), "B": (math.inf, 25)}, first=1) == {"B": 1, "A": 0}


def test_a_run_that_waits_gets_slots_of_one_that_has_more() -> None:
    """At the next renewals of both; without the time of the slots' last use nobody could use them at once."""
    pool, first, second = SlotPool(), Host("first"), Host("second")
    first.renew(pool, 100.0)
    first.use_all(100.1)
    second.renew(pool, 100.2)
    assert first.renew(pool, 101.0).fair == 13
    first.renew(pool, 101.1)
    second.renew(pool, 101.3)
    assert (len(first.slots), len(second.slots)) == (13, 12)
    assert set(second.slots.values()) == {100.1}


def test_ended_run_leaves_its_slots_and_the_calls_that_it_did_not_make() -> None:
    """So that the day's count is exact."""
    pool, ends, stays = SlotPool(), Host("ends"), Host("stays")
    assert ends.renew(pool, 100.0).prepaid == pool.new_calls == 25
    end(pool, replace(ASKS, run="ends", released=[(number, 100.5) for number in ends.slots], prepaid=22), 101.0)
    assert pool.new_calls == 3
    assert len(stays.renew(pool, 101.0).taken) == 25
    assert set(stays.slots.values()) == {100.5}


@pytest.mark.parametrize("left", [0, 1, 7, 1000])
def test_runs_never_count_more_calls_ahead_than_the_daily_cap_leaves(left: int) -> None:
    """Near the cap they count them one by one, so that no run keeps the last ones from another."""
    pool = SlotPool(calls_last_day=5_000 - left)
    lease = renew(pool, replace(ASKS, daily_cap=5_000), 100.0)
    assert lease.prepaid == pool.new_calls == {0: 0, 1: 1, 7: 1, 1000: 25}[left]


def test_a_lower_rate_counts_for_all_runs() -> None:
    """The others give slots back until all have together what the lowest rate allows."""
    pool, first = SlotPool(), Host("first")
    first.renew(pool, 100.0)
    lease = renew(pool, replace(ASKS, run="slow", rate=Rate(10, 5.0), ceiling=10), 100.5)
    assert (lease.usable, len(lease.taken)) == (10, 0)
    assert first.renew(pool, 101.0).fair == 5
    first.renew(pool, 101.1)
    assert len(first.slots) == 5
    assert len(renew(pool, replace(ASKS, run="slow", rate=Rate(10, 5.0), ceiling=10), 101.5).taken) == 5
