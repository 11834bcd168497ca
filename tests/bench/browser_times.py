"""Uses an HTML report in a headless Chromium: `python -m tests.bench.browser_times FILE` prints seconds as JSON.

It measures how long the page takes to list the first problem, the problems of a chosen kind, and the rows that contain
a searched text. It prints {} if there is no browser.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.reports.browser import Tab, browser, find_browser, tab

SOUGHT = "customer.1239@example.com"
_STATUS = "document.querySelector('#status').innerText"
_KIND = "document.querySelector('.card .show').click()"
_SEARCH = (
    f"const box = document.querySelector('#search'); box.value = '{SOUGHT}'; "
    "box.dispatchEvent(new Event('input', {bubbles: true}))"
)


async def seconds(page: Tab, what: str, condition: str, begun: str = "performance.now()") -> float:
    """Return the seconds from an action until the condition holds and the screen shows it."""
    script = (
        f"new Promise(done => {{ const begun = {begun}; {what}; "
        f"const look = () => requestAnimationFrame(({condition}) ? () => done(performance.now() - begun) : look); look() }})"
    )
    return float(await page.value(script)) / 1000


async def measure(file: Path, address: str) -> dict[str, float]:
    """Open the file and use it."""
    async with tab(address) as page:
        await page.open(file.as_uri())
        listed_s = await seconds(page, "", "document.querySelector('.item')", begun="0")
        # At once, before the page has built its index: the worst case.
        searched_s = await seconds(page, _SEARCH, f"{_STATUS}.startsWith('1 of ')")
        await page.value("document.querySelector('#show-all').click()")
        await page.until(f"!{_STATUS}.includes(' of ')")
        kind_s = await seconds(page, _KIND, f"{_STATUS}.includes(' of ')")
        return {"listed_s": listed_s, "kind_s": kind_s, "searched_s": searched_s}


def main(file: str) -> None:
    """Print the times."""
    try:
        find_browser()
    except pytest.fail.Exception:
        sys.stdout.write("{}\n")
        return
    with browser() as address:
        sys.stdout.write(json.dumps(asyncio.run(measure(Path(file), address))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
