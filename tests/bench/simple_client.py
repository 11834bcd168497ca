"""The script that a user would write first: `python simple_client.py tickets.csv`, the account in LSQ_ variables.

It is the baseline of the bench: it retries and records nothing.
"""

import asyncio
import os
import sys

import aiohttp
import pandas as pd
from aiolimiter import AsyncLimiter

URL = f"{os.environ['LSQ_HOST']}/api/tenants/{os.environ['LSQ_TENANT_ID']}/tickets"
HEADERS = {"X-LSQ-ACCESS-KEY": os.environ["LSQ_ACCESS_KEY"], "X-LSQ-SECRET-KEY": os.environ["LSQ_SECRET_KEY"]}
LIMITER = AsyncLimiter(25, 5)


async def create(session, row):
    fields = [{"SchemaName": name, "Value": value} for name, value in row.items()]
    ticket = {"Id": None, "TypeId": "1", "Fields": fields, "RelatedTicketTypeId": 1}
    async with LIMITER, session.post(URL, json=ticket) as response:
        return response.status


async def main(path):
    rows = pd.read_csv(path, dtype=str).to_dict("records")
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        return await asyncio.gather(*(create(session, row) for row in rows), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
