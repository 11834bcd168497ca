"""A slot pool on a server: the run's own slots in memory, and their lease, which a thread renews."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, Self, TypeVar

from importer.ledger.database import boot_clock_s
from importer.models import Rate
from importer.rate_limit import slot_leases
from importer.rate_limit.adaptive_share import AdaptiveShare
from importer.rate_limit.leased_pool import LeasedPool
from importer.rate_limit.server_slot_records import ServerSlotRecords
from importer.rate_limit.slot_leases import LEASE_S, Lease, LeaseRequest
from importer.rate_limit.slot_storage import SlotStorage, storage_error
from importer.rate_limit.slots import (
    SlotPool,
    SlotRequest,
)

_INTERVAL_S = LEASE_S / 5
# While the run has fewer slots than it may have, another run is about to give some.
_SHORT_INTERVAL_S = LEASE_S / 20
# The share of the limit, and the end of the pause, after a 429.
_NO_429 = (AdaptiveShare(), -math.inf)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Answer(Generic[_Result]):
    """The result of a change, and by how much the server's clock was ahead; it may be wrong by ``error_s``."""

    result: _Result
    ahead_s: float
    error_s: float
    calls_last_day: int = 0


class LeasedSlots(SlotStorage):
    """A slot pool on a server, for one run.

    Use as ``async with LeasedSlots(records) as storage``; it closes the records.
    """

    def __init__(self, records: ServerSlotRecords) -> None:
        self._records = records
        self._request: SlotRequest | None = None
        self._pool = LeasedPool(account_rate=Rate(1, 1.0))
        self._lease: Lease | None = None
        self._known = _NO_429  # what the server knows
        self._notify: Callable[[], None] = lambda: None
        self._unbooked: Callable[[], int] = lambda: 0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="limiter")
        self._renewals: asyncio.Task[None] | None = None
        self._is_due = asyncio.Event()
        self._first_lease = asyncio.Event()
        self._was_lacking = False  # after the last renewal
        self._failure: Exception | None = None  # every later change raises it, too
        self._ends = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ends = True
        self._is_due.set()
        if self._renewals is not None:
            await asyncio.gather(self._renewals, return_exceptions=True)
            if not self._records.is_away:  # else the slots are free when the lease ends
                with contextlib.suppress(Exception):
                    await self._end_lease()
        self._executor.shutdown()
        self._records.close()

    def join(self, request: SlotRequest, notify: Callable[[], None], unbooked: Callable[[], int]) -> None:
        """See ``SlotStorage``."""
        self._request, self._notify, self._unbooked = request, notify, unbooked
        self._pool.account_rate = request.rate

    def now(self) -> float:
        """See ``SlotStorage``: seconds since this machine was started."""
        return boot_clock_s()

    async def change(self, change: Callable[[SlotPool, float], _Result]) -> tuple[SlotPool, _Result]:
        """See ``SlotStorage``. Raises StoppedEarly if the database can't be used."""
        if self._renewals is None:
            self._renewals = asyncio.create_task(self._renew_until_end())
        if self._lease is None and self._failure is None:
            await self._first_lease.wait()
        if self._failure is not None:
            raise storage_error(self._failure)
        result = change(self._pool, self.now())
        self._check()
        return self._pool, result

    def change_later(self, change: Callable[[SlotPool, float], object]) -> None:
        """See ``SlotStorage``: the change is made at once."""
        change(self._pool, self.now())
        self._check()

    def _check(self) -> None:
        """Renew the lease now if that may bring what the run lacks."""
        if self._lacks() and not self._was_lacking:
            self._is_due.set()

    def _lacks(self) -> bool:
        lacks_calls = self._pool.is_wanting and self._pool.is_empty
        return lacks_calls or self._unknown_to_server() != _NO_429

    def _unknown_to_server(self) -> tuple[AdaptiveShare, float]:
        """Return the share and the pause after a 429 that the server does not know."""
        share, paused_until = self._known
        return (
            AdaptiveShare() if self._pool.share == share else self._pool.share,
            -math.inf if self._pool.paused_until == paused_until else self._pool.paused_until,
        )

    async def _renew_until_end(self) -> None:
        try:
            while not self._ends:
                wanted = self._pool.is_wanting
                await self._renew()
                self._first_lease.set()
                self._was_lacking = (wanted and self._pool.is_empty) or self._unknown_to_server() != _NO_429
                self._notify()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self._is_due.wait()
                self._is_due.clear()
        except Exception as error:  # noqa: BLE001 - all later changes raise it
            self._failure = error
            self._first_lease.set()
            self._notify()

    def _pause_s(self) -> float:
        """Return the time until the next renewal."""
        assert self._lease is not None
        has, fair = len(self._pool.slots), self._lease.fair
        if has > fair:
            return 0.0  # others wait for the slots
        return _SHORT_INTERVAL_S if has < fair or self._was_lacking else _INTERVAL_S

    async def _renew(self) -> None:
        pool = self._pool
        request = self._lease_request(self.now())
        known, calls = (pool.share, pool.paused_until), pool.new_calls
        pool.is_wanting = False
        answer = await self._in_thread(partial(_change, self._records, slot_leases.renew, request))
        self._apply(answer, known)
        pool.new_calls -= calls

    async def _end_lease(self) -> None:
        request = self._lease_request(self.now())
        rest = [(slot.number, slot.used_at) for slot in self._pool.slots]
        request = replace(request, kept=[], released=[*request.released, *rest])
        await self._in_thread(partial(_change, self._records, slot_leases.end, request))

    def _lease_request(self, now: float) -> LeaseRequest:
        """Return what the run tells and asks. Slots that others wait for are no longer in the pool."""
        assert self._request is not None, "join comes first"
        pool, rest_s = self._pool, self._pool.account_rate.period_s + self._request.margin_s
        released = pool.release(len(pool.slots) if self._lease is None else self._lease.fair, now)
        busy = sum(slot.used_at > now - rest_s for slot in pool.slots)
        share, paused_until = self._unknown_to_server()
        return LeaseRequest(
            run=self._request.run,
            rate=self._request.rate,
            ceiling=self._request.ceiling,
            daily_cap=self._request.daily_cap,
            kept=[slot.number for slot in pool.slots],
            released=released,
            # At least one more than it uses: the next call need not wait. If all are in use, calls may wait soon.
            wanted=math.inf
            if pool.is_wanting or busy == len(pool.slots) > 0
            else busy + max(bool(busy), self._unbooked()),
            prepaid=pool.prepaid - pool.new_calls,
            share=share,
            paused_until=paused_until,
        )

    def _apply(self, answer: _Answer[Lease], known: tuple[AdaptiveShare, float]) -> None:
        """Change the run's slots to those of its new lease."""
        pool, lease, ahead_s = self._pool, answer.result, answer.ahead_s
        pool.apply(lease, ahead_s, answer.error_s)
        pool.calls_last_day = answer.calls_last_day
        cap = self._request.daily_cap if self._request is not None else None
        is_capped = cap is not None and not pool.prepaid and pool.calls_last_day >= cap
        pool.capped_renewals = pool.capped_renewals + 1 if is_capped else 0
        self._known = replace(lease.share, since=lease.share.since - ahead_s), lease.paused_until - ahead_s
        if (pool.share, pool.paused_until) == known:  # else a 429 came since
            pool.share, pool.paused_until = self._known
        self._lease = lease

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _change(
    records: ServerSlotRecords, work: Callable[[SlotPool, LeaseRequest, float], _Result], request: LeaseRequest
) -> _Answer[_Result]:
    """Change the account's pool on the server, in a thread."""

    def change(pool: SlotPool, now: float) -> _Answer[_Result]:
        ahead_s, error_s = now - boot_clock_s(), records.clock_error_s
        on_server = replace(
            request,
            released=[(number, used_at + ahead_s + error_s) for number, used_at in request.released],
            share=replace(request.share, since=request.share.since + ahead_s),
            paused_until=request.paused_until + ahead_s,
        )
        return _Answer(work(pool, on_server, now), ahead_s, error_s)

    pool, (answer,) = records.change([change])
    return replace(answer, calls_last_day=pool.calls_last_day)
