"""Sends ready bodies with aiohttp and ignores the answers: `python bare_post.py BODIES AT_ONCE`.

The account is in the LSQ_ variables. BODIES has a ticketDTO on each line; AT_ONCE requests are sent at the same time.
"""

import asyncio
import os
import sys
from pathlib import Path

import aiohttp

URL = f"{os.environ['LSQ_HOST']}/api/tenants/{os.environ['LSQ_TENANT_ID']}/tickets"
BOUNDARY = "4fca0d2bd3c94a4f8a5d1ad2be5c1a0f"
HEADERS = {
    "X-LSQ-ACCESS-KEY": os.environ["LSQ_ACCESS_KEY"],
    "X-LSQ-SECRET-KEY": os.environ["LSQ_SECRET_KEY"],
    "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
}
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="ticketDTO"\r\n\r\n'.encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


async def send(session, bodies):
    for body in bodies:
        async with session.post(URL, data=HEAD + body.rstrip() + TAIL) as response:
            await response.read()
            response.raise_for_status()


async def main(bodies, at_once):
    async with aiohttp.ClientSession(headers=HEADERS, connector=aiohttp.TCPConnector(limit=at_once)) as session:
        await asyncio.gather(*(send(session, bodies) for _ in range(at_once)))


if __name__ == "__main__":
    with Path(sys.argv[1]).open("rb") as file:
        asyncio.run(main(file, int(sys.argv[2])))
