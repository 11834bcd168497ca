"""Messages about the limit: other programs that use it, pauses, and the summary."""

from __future__ import annotations

import asyncio
import functools

from importer.models import Rate
from importer.rate_limit import SlotPool
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.rate_limit.status import LimitStatus
from importer.runtime.events import Event, SendingGoesOn, Warned
from tests.fake_time import run

RATE = Rate(25, 5.0)


def warnings(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Warned)]


def a_minute_with_others(share: float = 1.0) -> tuple[list[str], list[float | None], list[str]]:
    """A 429 at the whole limit, and a minute after it, looked at every second: what was said, shown, and summed up."""
    events, texts = list[Event](), list[str]()

    async def whole() -> None:
        limiter = RateLimiter(LimiterOptions(rate=RATE, share=share), MemorySlots(asyncio.get_running_loop().time))
        news = LimitStatus(limiter, events.append)
        news.update()
        texts.append(news.text())
        slot = await limiter.reserve()
        await slot.wait_until_ready()
        slot.mark_used()
        await asyncio.sleep(0.1)  # until it is answered
        limiter.pause(5.0, slot)
        for _ in range(60):
            news.update()
            texts.append(news.text())
            await asyncio.sleep(1)

    run(whole())
    return warnings(events), [event.calls_left for event in events if isinstance(event, SendingGoesOn)], texts


def test_other_programs_are_reported_when_they_start_and_end() -> None:
    """Once each, however often it is looked; the bar shows meanwhile what is left, and nothing before and after."""
    said, left, _ = a_minute_with_others()
    assert said == [
        "other programs use the account's limit, too: sending 10 instead of 25 per 5 s",
        "other programs no longer use the account's limit: sending 25 per 5 s again",
    ]
    assert left[0] is left[-1] is None
    between = [calls for calls in left if calls is not None]
    assert between == sorted(between)
    assert between[0] == 10.0


def test_requested_share_is_not_reported() -> None:
    """What the user leaves to others is not others' coming: 20 % are less than what was noticed to be left."""
    assert a_minute_with_others(share=0.2)[0] == []


def test_long_pause_is_reported_once() -> None:
    """A Retry-After of minutes, be it this run's or another's: nobody watches a bar that stands still without a word."""
    events = list[Event]()

    def pause(seconds: float, pool: SlotPool, now: float) -> None:
        pool.paused_until = now + seconds

    async def whole() -> None:
        storage = MemorySlots(asyncio.get_running_loop().time)
        async with RateLimiter(LimiterOptions(rate=RATE), storage) as limiter:
            news = LimitStatus(limiter, events.append)
            for seconds in (5.0, 600.0, 300.0):
                storage.change_later(functools.partial(pause, seconds))
                for _ in range(3):
                    news.update()
                    await asyncio.sleep(1)
                await asyncio.sleep(seconds)
                news.update()

    run(whole())
    told = "the account's limit is used up (answer 429): sending pauses for"
    assert warnings(events) == [f"{told} 10 min", f"{told} 5 min"]


def test_summary_shows_the_limit_and_what_others_leave() -> None:
    """In a line, with the figures of its moment."""
    _, _, texts = a_minute_with_others()
    assert texts[0] == "25 per 5 s"
    assert texts[1] == "25 per 5 s, of which other programs leave 10"
    assert texts[-1] == texts[0]
