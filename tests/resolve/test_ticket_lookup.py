"""Asking for tickets by number: an answer that does not come is asked for again, each time with a slot of its own."""

from __future__ import annotations

import asyncio

import pytest

from importer.errors import StoppedEarly
from importer.leadsquared.client import Client, Endpoint, Timeouts
from importer.models import Rate, Secret
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.resolve.ticket_lookup import LookupResult, TicketLookup

TICKET = (
    b'{"Id": 7, "TicketId": "guid", "LeadId": null, "More": [1], "Fields": [{"SchemaName": "Title", "Value": "A"}]}'
)


def answer(status: str, body: bytes = b"{}") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Scripted:
    """A server that gives the answers of a script, one a request; ``b""`` closes the connection instead."""

    def __init__(self, *script: bytes) -> None:
        self.script = list(script)
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while self.script:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head.split()[1].decode().rpartition("/")[2])
                said = self.script.pop(0)
                if not said:
                    break
                writer.write(said)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def ask(
    server: Scripted, first: list[str], numbers: list[str], give_up_after_s: float = 30
) -> tuple[LookupResult, int]:
    """Ask, one at a time; give what came of it, and how many slots were used."""

    async def main() -> tuple[LookupResult, int]:
        loop = asyncio.get_running_loop()
        keeper = MemorySlots(loop.time)
        limiter = RateLimiter(LimiterOptions(rate=Rate(1000, 60)), keeper)
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        endpoint = Endpoint(
            base_url=f"http://127.0.0.1:{port}", tenant_id="t", access_key=Secret("access"), secret_key=Secret("hush")
        )
        async with listening, Client(endpoint, Timeouts(), connections=1) as client:
            asking = TicketLookup(client, limiter, give_up_after_s, lambda _: None)
            await asking.ask(first, iter(numbers), concurrency=1)
            _, slots = await keeper.change(lambda pool, _: pool.counted)
            return asking.asked, slots

    return asyncio.run(main())


def test_what_is_there_is_told_and_what_is_not_is_not():
    """A ticket with members that nobody knows, a 404, a 400, and a 200 that says no."""
    no = b'{"Status": "Failure", "ReasonForFailure": "no such ticket", "Id": null}'
    server = Scripted(
        answer("200 OK", TICKET), answer("404 Not Found"), answer("400 Bad Request"), answer("200 OK", no)
    )
    asked, slots = ask(server, ["7"], ["8", "9", "10"])
    assert server.asked == ["7", "8", "9", "10"]
    assert list(asked.tickets) == ["7"]
    assert (asked.tickets["7"].ticket_id, asked.tickets["7"].fields) == ("guid", {"Title": "A"})
    assert asked.calls == slots == 4


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
def test_no_answer_is_asked_for_again_with_a_slot_of_its_own(trouble: bytes):
    """A closed connection, a server error, what is no JSON, another ticket: none says that there is no such ticket."""
    server = Scripted(answer("404 Not Found"), trouble, answer("200 OK", TICKET))
    asked, slots = ask(server, [], ["6", "7"])
    assert server.asked == ["6", "7", "7"]
    assert list(asked.tickets) == ["7"]
    assert asked.calls == slots == 3


@pytest.mark.parametrize("said", ["401 No", "403 No", "302 Found"])
def test_wrong_keys_and_addresses_end_it_at_once(said: str):
    """Nothing is asked after the first such answer."""
    server = Scripted(answer(said), answer("404 Not Found"), answer("404 Not Found"))
    with pytest.raises(StoppedEarly):
        ask(server, [], ["6", "7"])
    assert server.asked == ["6"]


def test_a_server_that_stays_away_is_given_up():
    """No answer that tells for longer than was agreed: it ends, instead of asking for ever."""
    with pytest.raises(StoppedEarly, match="no usable answer to the request for ticket 6"):
        ask(Scripted(*[answer("500 No")] * 50), [], ["6", "7"], give_up_after_s=0)


def test_an_account_that_shows_none_of_its_own_proves_nothing():
    """Up to all of the known tickets are asked for; one that is there is enough."""
    with pytest.raises(StoppedEarly, match="does not show ticket 7, 8"):
        ask(Scripted(*[answer("404 Not Found")] * 3), ["7", "8"], ["9"])
    server = Scripted(answer("404 Not Found"), answer("200 OK", TICKET), answer("404 Not Found"))
    ask(server, ["6", "7"], ["9"])
    assert server.asked == ["6", "7", "9"]
