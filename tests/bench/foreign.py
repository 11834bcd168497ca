"""Another integration on the same account: irregular calls for a while, then a pause."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

from importer.sandbox import Sandbox

FOREIGN_TITLE = "From the telephone system"
_DTO = {
    "TypeId": "1",
    "Fields": [
        {"SchemaName": "Title", "Value": FOREIGN_TITLE},
        {"SchemaName": "LeadDetail.EmailAddress", "Value": "caller@example.com"},
    ],
    "RelatedTicketTypeId": 1,
}


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The rate of another integration, and how long it works and rests (seconds, uniformly distributed).

    It rests first. The gaps between its calls are exponential, so there are bursts.
    """

    calls: int = 10
    period_s: float = 5.0
    work_s: tuple[float, float] = (60.0, 120.0)
    rest_s: tuple[float, float] = (30.0, 60.0)
    seed: int = 0


def times_s(traffic: Traffic) -> Iterator[float]:
    """Yield the times of its calls in seconds from its start, without end. Pure: the seed decides."""
    chance = random.Random(f"{traffic.seed}/foreign")
    now_s = 0.0
    while True:
        now_s += chance.uniform(*traffic.rest_s)
        ends_s = now_s + chance.uniform(*traffic.work_s)
        while (now_s := now_s + chance.expovariate(traffic.calls / traffic.period_s)) < ends_s:
            yield now_s
        now_s = ends_s


class ForeignIntegration:
    """Creates tickets and repeats none that was refused; ``calls`` are (time of the loop in seconds, status)."""

    def __init__(self, traffic: Traffic, sandbox: Sandbox) -> None:
        self._traffic = traffic
        self._sandbox = sandbox
        self.calls: list[tuple[float, int]] = []

    async def work(self) -> None:
        """Call until cancelled."""
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        async with aiohttp.ClientSession(headers=self._keys()) as session, asyncio.TaskGroup() as running:
            for due_s in times_s(self._traffic):
                await asyncio.sleep(begun_s + due_s - clock())
                running.create_task(self._call(session, clock()))

    async def _call(self, session: aiohttp.ClientSession, now_s: float) -> None:
        form = aiohttp.FormData({"ticketDTO": json.dumps(_DTO)}, default_to_multipart=True)
        url = f"{self._sandbox.url}/api/tenants/{self._sandbox.tenant_id}/tickets"
        async with session.post(url, data=form) as response:
            self.calls.append((now_s, response.status))

    def _keys(self) -> dict[str, str]:
        return {
            "X-LSQ-ACCESS-KEY": self._sandbox.access_key.reveal(),
            "X-LSQ-SECRET-KEY": self._sandbox.secret_key.reveal(),
        }
