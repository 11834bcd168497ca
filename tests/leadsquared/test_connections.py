"""Connections: what says that nothing was sent, what must be verified, and that none is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

import pytest
import trustme

from importer.leadsquared.answers import Answer, Created, NotSent, Unclear
from importer.leadsquared.client import Client
from importer.leadsquared.requests import Request
from importer.leadsquared.ticket_request import create_request
from importer.leadsquared.transport import AccountReply
from importer.sandbox import serve
from tests.leadsquared.peers import (
    MADE,
    ClosedGate,
    OpenGate,
    Peer,
    answering,
    at,
    client,
    peer,
    quick,
    read_head,
    read_request,
    reply,
    silence,
    ticket,
    to,
)


async def send(session: Client, gate: OpenGate | None = None) -> Answer:
    return await session.send(create_request(ticket()), gate or OpenGate())


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://host.invalid:{port}"], ids=["refused", "DNS"])
def test_a_connection_that_cannot_be_made(url: str) -> None:
    """Refused, or no such host: not one byte went out, the gate was not even asked, and that is no stale connection."""

    async def whole() -> tuple[Answer, ClosedGate]:
        gate = ClosedGate()
        async with asyncio.timeout(50), client(to(url.format(port=free_port()))) as session:
            return await send(session, gate), gate

    answer, gate = asyncio.run(whole())
    assert isinstance(answer, NotSent)
    assert not answer.stale
    assert not gate.reached.is_set()


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_tls_is_verified() -> None:
    """The right certificate of a trusted authority: sent. A stranger's, another host's, or the system's trust: not."""
    ours, theirs = trustme.CA(), trustme.CA()

    async def whole() -> None:
        async with asyncio.timeout(20), serve(quick(), ssl_context=server_tls(ours, "127.0.0.1")) as sandbox:
            assert sandbox.url.startswith("https://")
            async with client(at(sandbox, ssl_context=client_tls(ours))) as session:
                assert isinstance(await send(session), Created)
            for context in (client_tls(theirs), None):
                async with client(at(sandbox, ssl_context=context)) as session:
                    answer = await send(session)
                    assert isinstance(answer, NotSent)
                    assert "certificate" in answer.reason.lower()
        async with asyncio.timeout(20), serve(quick(), ssl_context=server_tls(ours, "other.example.com")) as sandbox:
            async with client(at(sandbox, ssl_context=client_tls(ours))) as session:
                assert isinstance(await send(session), NotSent)
            assert sandbox.calls == ()

    asyncio.run(whole())


def test_missing_tls_handshake_times_out() -> None:
    """Accepting is not answering: TLS counts in the time to connect."""

    async def whole() -> Answer:
        async with (
            asyncio.timeout(20),
            peer(silence) as url,
            client(to(url.replace("http:", "https:")), connect_s=0.2) as session,
        ):
            return await send(session)

    assert isinstance(asyncio.run(whole()), NotSent)


def test_new_connection_closed_at_once_counts_as_an_outage() -> None:
    """It is not stale: to open the next at once would hammer a server that turns everybody away."""

    async def whole() -> Answer:
        peers: list[asyncio.StreamWriter] = []
        came = asyncio.Event()

        async def turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.append(writer)
            came.set()
            await reader.read()

        class TurnedAway(OpenGate):
            async def wait_until_allowed(self) -> None:
                await came.wait()
                peers[0].get_extra_info("socket").shutdown(socket.SHUT_RDWR)

        async with asyncio.timeout(20), peer(turn_away) as url, client(to(url)) as session:
            return await send(session, TurnedAway())

    answer = asyncio.run(whole())
    assert isinstance(answer, NotSent)
    assert not answer.stale


def test_idle_connection_closed_by_the_server_is_stale() -> None:
    """The server has lost patience: nothing was sent, and the next connection, opened at once, serves."""

    async def whole() -> None:
        peers: list[asyncio.StreamWriter] = []

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.append(writer)
            await read_request(reader)
            writer.write(reply())
            await reader.read()

        class HungUpOn(OpenGate):
            async def wait_until_allowed(self) -> None:
                await asyncio.sleep(1.3)  # the time itself is the rule
                peers[0].get_extra_info("socket").shutdown(socket.SHUT_RDWR)

        async with asyncio.timeout(20), peer(handle) as url, client(to(url)) as session:
            gate = HungUpOn()
            answer = await send(session, gate)
            assert isinstance(answer, NotSent)
            assert answer.stale
            assert not gate.left
            assert isinstance(await send(session), Created)
            assert len(peers) == 2

    asyncio.run(whole())


@pytest.mark.parametrize("said", [reply(), reply(b"", "408 Request Timeout"), b"x"], ids=["success", "408", "anything"])
def test_connection_with_bytes_before_the_request_is_not_used(said: bytes) -> None:
    """What has arrived before the first byte of the request is no answer to it: nothing is sent on that connection."""

    async def whole() -> None:
        speaks = True
        spoken = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal speaks
            if speaks:
                speaks = False
                writer.write(said)
                spoken.set()
            await read_request(reader)
            writer.write(reply())
            await reader.read()

        class Waiting(OpenGate):
            async def wait_until_allowed(self) -> None:
                await spoken.wait()

        async with asyncio.timeout(20), peer(handle) as url, client(to(url)) as session:
            gate = Waiting()
            answer = await send(session, gate)
            assert isinstance(answer, NotSent)
            assert "before the request" in answer.reason
            assert not gate.left
            assert isinstance(await send(session), Created)

    asyncio.run(whole())


@pytest.mark.parametrize("kind", ["tickets", "questions"])
def test_each_request_uses_a_new_connection(kind: str) -> None:
    """Also where the server would keep it: an answer that comes late or twice can't be taken for the next request's."""

    async def whole() -> None:
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox), connections=2) as session:
            for _ in range(3):
                if kind == "tickets":
                    assert isinstance(await send(session), Created)
                else:
                    assert isinstance(await session.read(Request(path="tickets/157"), OpenGate()), AccountReply)
            assert [call.reused for call in sandbox.calls] == [False] * 3

    asyncio.run(whole())


@pytest.mark.parametrize("fault", ["closed-before", "closed-after", "reset-before", "reset-after"])
def test_connection_closed_after_the_request_is_unclear(fault: str) -> None:
    """With and without a ticket it looks the same, so it is unknown, and aiohttp must not repeat it by itself."""

    async def whole() -> None:
        faults = [{"calls": 2, "fault": fault}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox)) as session:
            answers = [await send(session) for _ in range(3)]
            assert [type(answer) for answer in answers] == [Created, Unclear, Created]
            assert len(sandbox.calls) == 3

    asyncio.run(whole())


def test_cancelling_at_the_gate_leaves_no_connection() -> None:
    """Withdrawn requests close their connection, and don't count against the pool."""
    served = 0

    async def whole() -> None:
        ends = asyncio.Semaphore(0)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal served
            try:
                while True:
                    await read_request(reader)
                    served += 1
                    writer.write(reply())
            finally:
                ends.release()

        async with asyncio.timeout(20), peer(handle) as url, client(to(url), connections=3) as session:
            for _ in range(4):  # more than the pool has room for, if it leaked
                gates = [ClosedGate() for _ in range(3)]
                asking = [asyncio.create_task(send(session, gate)) for gate in gates]
                await asyncio.gather(*(gate.reached.wait() for gate in gates))
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
                assert not any(gate.left for gate in gates)
                await asyncio.gather(*(ends.acquire() for _ in range(3)))
            assert isinstance(await send(session), Created)

    asyncio.run(whole())
    assert served == 1


def test_a_gate_that_refuses_closes_the_connection() -> None:
    """What the gate raises comes through, and the connection ends."""

    class Shut(Exception):
        pass

    class Refusing(OpenGate):
        async def wait_until_allowed(self) -> None:
            raise Shut

    async def whole() -> None:
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox), connections=1) as session:
            for _ in range(3):
                with pytest.raises(Shut):
                    await send(session, Refusing())
            assert isinstance(await send(session), Created)
            assert len(sandbox.calls) == 1

    asyncio.run(whole())


def test_a_request_that_is_too_late_for_its_slot_waits_for_another() -> None:
    """For example after its process was paused between its turn and its first byte: nothing leaves without a slot."""

    class Paused(OpenGate):
        waits = 0

        async def wait_until_allowed(self) -> None:
            self.waits += 1
            self.is_lost = self.waits < 3

    async def whole() -> None:
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox)) as session:
            gate = Paused()
            assert isinstance(await send(session, gate), Created)
            assert (gate.waits, len(sandbox.calls)) == (3, 1)

    asyncio.run(whole())


def test_cancelled_while_the_answer_is_awaited() -> None:
    """The gate knows that the request had left; the connection is not used again."""

    async def whole() -> None:
        faults = [{"calls": 1, "fault": "hang-after"}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox), connections=1) as session:
            gate = OpenGate()
            asking = asyncio.create_task(send(session, gate))
            await sandbox.until(lambda now: bool(now.tickets))
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert gate.left
            assert isinstance(await send(session), Created)

    asyncio.run(whole())


def tunnel(answer: bytes, seen: list[bytes]) -> Peer:
    """A proxy that answers CONNECT, and then carries bytes both ways."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        seen.append(head)
        writer.write(answer)
        if not answer.startswith(b"HTTP/1.1 200"):
            return
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))

        async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65_536):
                    target.write(data)
                    await target.drain()
            target.close()

        try:
            await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        finally:
            far_writer.close()

    return handle


def test_through_a_proxy() -> None:
    """HTTPS goes through CONNECT; the gate is passed once, the keys are not shown to the proxy."""
    authority, seen = trustme.CA(), list[bytes]()

    async def whole() -> None:
        async with (
            asyncio.timeout(20),
            serve(quick(), ssl_context=server_tls(authority, "127.0.0.1")) as sandbox,
            peer(tunnel(b"HTTP/1.1 200 OK\r\n\r\n", seen)) as proxy,
            client(at(sandbox, ssl_context=client_tls(authority), proxy=proxy)) as session,
        ):
            for _ in range(2):
                assert isinstance(await send(session), Created)
            assert len(sandbox.tickets) == 2

    asyncio.run(whole())
    assert len(seen) == 2
    assert all(head.startswith(b"CONNECT 127.0.0.1:") and b"LSQ" not in head for head in seen)


def test_a_proxy_that_refuses() -> None:
    """Nothing reached the account; the proxy's password is not in the reason."""

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(tunnel(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", [])) as proxy:
            known = proxy.replace("http://", "http://ann:the-password@")
            async with client(to("https://api.example.com", proxy=known)) as session:
                return await send(session)

    answer = asyncio.run(whole())
    assert isinstance(answer, NotSent)
    assert "407" in answer.reason
    assert "the-password" not in answer.reason


def test_silent_proxy_times_out() -> None:
    """CONNECT counts in the time to connect, too."""

    async def whole() -> Answer:
        async with (
            asyncio.timeout(20),
            peer(silence) as proxy,
            client(to("https://api.example.com", proxy=proxy), connect_s=0.2) as session,
        ):
            return await send(session)

    assert isinstance(asyncio.run(whole()), NotSent)


def test_a_wait_at_the_gate_is_no_time_to_connect() -> None:
    """The slot may be long in coming; the limits are for the network."""

    async def whole() -> Answer:
        gate = ClosedGate()
        async with (
            asyncio.timeout(20),
            peer(answering(reply(MADE))) as url,
            client(to(url), connect_s=0.1, idle_s=0.1, answer_s=5) as session,
        ):
            asking = asyncio.create_task(send(session, gate))
            await gate.reached.wait()
            await asyncio.sleep(0.4)  # longer than both limits: that is the rule
            gate.opened.set()
            return await asking

    assert isinstance(asyncio.run(whole()), Created)


def test_addresses_hide_the_keys() -> None:
    """The way to an account can be logged."""
    assert "the-access-key" not in repr(to("https://api.example.com"))
    assert "the-secret-key" not in repr(to("https://api.example.com"))
