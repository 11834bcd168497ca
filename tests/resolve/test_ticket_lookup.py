"""Asking for tickets by number: a call without an answer is repeated, each time with a new slot."""

from __future__ import annotations

import asyncio

import pytest

from importer.errors import StoppedEarly
from importer.leadsquared.client import open_client
from importer.leadsquared.transport import Endpoint, Timeouts
from importer.models import Rate, Secret
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.resolve.ticket_lookup import LookupResult, TicketLookup
from importer.runtime.events import to_all

TICKET = (
    b'{"Id": 7, "TicketId": "guid", "LeadId": null, "More": [1], "Fields": [{"SchemaName": "Title", "Value": "A"}]}'
)


def answer(status: str, body: bytes = b"{}") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Scripted:
    """A server that gives scripted answers, one per request; ``b""`` closes the connection."""

    def __init__(self, *script: bytes) -> None:
        self.script = list(script)
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while self.script:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head.split()[1].decode().rpartition("/")[2])
                status = self.script.pop(0)
                if not status:
                    break
                writer.write(status)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def ask(
    server: Scripted, first: list[str], numbers: list[str], give_up_after_s: float = 30
) -> tuple[LookupResult, int]:
    """Ask for numbers one by one; return the result and the number of used slots."""

    async def main() -> tuple[LookupResult, int]:
        loop = asyncio.get_running_loop()
        slot_storage = MemorySlots(loop.time)
        limiter = RateLimiter(LimiterOptions(rate=Rate(1000, 60)), slot_storage)
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        endpoint = Endpoint(
            base_url=f"http://127.0.0.1:{port}", tenant_id="t", access_key=Secret("access"), secret_key=Secret("hush")
        )
        async with listening, open_client(endpoint, Timeouts(), connections=1) as client:
            lookup = TicketLookup(client, limiter, give_up_after_s, to_all())
            await lookup.ask(first, iter(numbers), concurrency=1)
            _, slots = await slot_storage.change(lambda pool, _: pool.new_calls)
            return lookup.result, slots

    return asyncio.run(main())


def test_existing_and_missing_tickets_are_told_apart():
    """A ticket with unknown members exists; a 404, a 400 and a failure in a 200 mean it does not."""
    no = b'{"Status": "Failure", "ReasonForFailure": "no such ticket", "Id": null}'
    server = Scripted(
        answer("200 OK", TICKET), answer("404 Not Found"), answer("400 Bad Request"), answer("200 OK", no)
    )
    result, slots = ask(server, ["7"], ["8", "9", "10"])
    assert server.asked == ["7", "8", "9", "10"]
    assert list(result.tickets) == ["7"]
    assert (result.tickets["7"].ticket_id, result.tickets["7"].fields) == ("guid", {"Title": "A"})
    assert result.calls == slots == 4


@pytest.mark.parametrize(
    "trouble",
    [
        b"",
        answer("500 No"),
        answer("503 No"),
        answer("200 OK", b"<html>"),
        answer("200 OK", TICKET.replace(b"7", b"8")),
    ],
)
def test_unusable_answer_is_repeated_with_a_new_slot(trouble: bytes):
    """A closed connection, server error, invalid JSON or another ticket prove nothing."""
    server = Scripted(answer("404 Not Found"), trouble, answer("200 OK", TICKET))
    result, slots = ask(server, [], ["6", "7"])
    assert server.asked == ["6", "7", "7"]
    assert list(result.tickets) == ["7"]
    assert result.calls == slots == 3


@pytest.mark.parametrize("status", ["401 No", "403 No", "302 Found"])
def test_wrong_keys_or_address_stop_after_one_call(status: str):
    """Nothing is asked after the first such answer."""
    server = Scripted(answer(status), answer("404 Not Found"), answer("404 Not Found"))
    with pytest.raises(StoppedEarly):
        ask(server, [], ["6", "7"])
    assert server.asked == ["6"]


def test_unreachable_server_is_given_up():
    """No usable answer for longer than ``give_up_after_s`` ends the lookup."""
    with pytest.raises(StoppedEarly, match="no usable answer to the request for ticket 6"):
        ask(Scripted(*[answer("500 No")] * 50), [], ["6", "7"], give_up_after_s=0)


def test_account_that_hides_known_tickets_stops_the_lookup():
    """Up to all proof numbers are asked for; one that exists is enough."""
    with pytest.raises(StoppedEarly, match="does not show ticket 7, 8"):
        ask(Scripted(*[answer("404 Not Found")] * 3), ["7", "8"], ["9"])
    server = Scripted(answer("404 Not Found"), answer("200 OK", TICKET), answer("404 Not Found"))
    ask(server, ["6", "7"], ["9"])
    assert server.asked == ["6", "7", "9"]
