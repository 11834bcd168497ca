"""What the client makes of what comes back over a real socket, and of what does not come back."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from importer.leadsquared.wire import Answer, Created, KeysRefused, Refused, Throttled, Unclear, WrongUrl
from importer.sandbox import serve
from tests.leadsquared.peers import (
    ACCESS_KEY,
    MADE,
    SECRET_KEY,
    OpenGate,
    Peer,
    answering,
    at,
    attach,
    client,
    peer,
    quick,
    read_head,
    read_request,
    reply,
    ticket,
    to,
)


def ask(handle: Peer, *, answer_s: float = 10) -> Answer:
    """Send one ticket to a peer."""

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(handle) as url, client(to(url), answer_s=answer_s) as session:
            return await session.create_ticket(ticket(), OpenGate())

    return asyncio.run(whole())


def test_redirects_are_not_followed() -> None:
    """A redirect could carry the keys and the ticket elsewhere: the second request is never made."""
    asked = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await read_request(reader)
        asked += 1
        writer.write(reply(b"", "307 Temporary Redirect", "Location: /elsewhere"))
        await reader.read()

    assert isinstance(ask(handle), WrongUrl)
    assert asked == 1


def test_answers_are_read_up_to_a_limit() -> None:
    """A huge body is not read, and says nothing, although it begins like a success; the next call works."""

    async def whole() -> None:
        faults = [{"calls": 1, "fault": "huge-answer"}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox)) as session:
            answers = [await session.create_ticket(ticket(), OpenGate()) for _ in range(2)]
            assert isinstance(answers[0], Unclear)
            assert isinstance(answers[1], Created)
            assert len(sandbox.tickets) == 2

    asyncio.run(whole())


def test_a_compressed_answer_is_read() -> None:
    """Gateways compress; the limit counts what comes out."""
    assert isinstance(ask(answering(reply(gzip.compress(MADE), "200 OK", "Content-Encoding: gzip"))), Created)
    bomb = gzip.compress(MADE + b" " * 50_000_000)
    assert isinstance(ask(answering(reply(bomb, "200 OK", "Content-Encoding: gzip"))), Unclear)
    broken = gzip.compress(MADE)[:-12] + b"x" * 12
    assert isinstance(ask(answering(reply(broken, "200 OK", "Content-Encoding: gzip"))), Unclear)


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "500 Internal Server Error", "200 OK"])
def test_keys_that_come_back_are_masked(status: str) -> None:
    """A server that repeats the keys in its answer doesn't bring them into results, ledger and logs."""
    said = f"bad keys {ACCESS_KEY} and {SECRET_KEY}"
    body = json.dumps({"Status": "Failure", "ReasonForFailure": said}).encode()
    answer = ask(answering(reply(body, status)))
    assert "bad keys ******** and ********" in repr(answer)
    assert ACCESS_KEY not in repr(answer)
    assert SECRET_KEY not in repr(answer)


@pytest.mark.parametrize(
    "said",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + MADE, b"HTTP/1.1 200 OK\r\n", b"not HTTP at all\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ids=["nothing", "cut body", "cut head", "no HTTP", "bad length", "bad chunk"],
)  # fmt: skip
def test_what_is_no_answer(said: bytes) -> None:
    """The request was sent, and what came back can't be read: unknown, never repeated, never a crash."""
    answer = ask(answering(said, ends=True))
    assert isinstance(answer, Unclear)
    assert answer.code == "no-answer"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("401 Unauthorized", KeysRefused), ("400 Bad Request", Refused), ("429 Too Many", Throttled), ("503 X", Unclear)],
)
def test_a_status_tells_although_its_body_is_cut(status: str, kind: type) -> None:
    """Only at 200 does the body decide; with any other status a connection that breaks off changes nothing."""
    said = f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\nthe rea".encode()
    answer = ask(answering(said, ends=True))
    assert isinstance(answer, kind)
    if isinstance(answer, Throttled):
        assert answer.retry_after_s == 7
    if isinstance(answer, Unclear):
        assert (answer.code, answer.http_status) == ("server-error", 503)


def test_interim_answers_are_passed_over() -> None:
    """100 and 103 come before the answer, and are none."""
    said = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply()
    assert isinstance(ask(answering(said)), Created)


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()
    writer.close()


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("handle", [_swallow, _trickle], ids=["silence", "a body that never ends"])
def test_the_answer_has_a_time_limit(handle: Peer) -> None:
    """From the last byte of the request on; a server that keeps trickling can't hold a row for ever."""
    answer = ask(handle, answer_s=0.3)
    assert isinstance(answer, Unclear)
    assert answer.code == "answer-timeout"
    assert "0.3 s" in answer.reason


def test_each_request_has_a_time_limit_of_its_own() -> None:
    """Many are looked after at once: those without an answer are given up, the others among them are not."""
    heard = 0

    async def every_other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        await read_request(reader)
        heard += 1
        if heard % 2:
            writer.write(reply())
        await reader.read()

    async def whole() -> list[Answer]:
        async with (
            asyncio.timeout(20),
            peer(every_other) as url,
            client(to(url), answer_s=0.5, connections=10) as session,
        ):
            return await asyncio.gather(*(session.create_ticket(ticket(), OpenGate()) for _ in range(10)))

    answers = asyncio.run(whole())
    assert sum(isinstance(answer, Created) for answer in answers) == 5
    assert {answer.code for answer in answers if isinstance(answer, Unclear)} == {"answer-timeout"}


def test_an_upload_that_stalls_is_given_up(tmp_path: Path) -> None:
    """No byte moves for a while: unknown, with a code of its own."""
    file = attach(tmp_path / "a.bin", bytes(30_000_000))

    async def stalls(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await asyncio.Event().wait()

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(stalls) as url, client(to(url), idle_s=0.4) as session:
            return await session.create_ticket(ticket(file), OpenGate())

    answer = asyncio.run(whole())
    assert isinstance(answer, Unclear)
    assert answer.code == "upload-stalled"


def test_an_upload_that_moves_may_take_long(tmp_path: Path) -> None:
    """There is no limit on the whole: longer than the limit on standing still is fine as long as bytes move."""
    file = attach(tmp_path / "a.bin", bytes(20_000_000))

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        left = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        while left:
            left -= len(await reader.read(min(left, 1_000_000)))
            await asyncio.sleep(0.02)  # a slow network
        writer.write(reply())
        await writer.drain()

    async def whole() -> tuple[Answer, float]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(50), peer(slow) as url, client(to(url), idle_s=1.0) as session:
            started = loop.time()
            return await session.create_ticket(ticket(file), OpenGate()), loop.time() - started

    answer, took_s = asyncio.run(whole())
    assert isinstance(answer, Created)
    assert took_s > 1.0


@pytest.mark.parametrize("fault", ["early-401", "early-413", "early-429"])
def test_an_early_answer_is_seen(fault: str, tmp_path: Path) -> None:
    """A server that answers before it has read a large body, and closes, is heard: no answer is lost to a reset."""
    file = attach(tmp_path / "a.bin", bytes(8_000_000))
    kinds = {"early-401": KeysRefused, "early-413": Refused, "early-429": Throttled}

    async def whole() -> None:
        faults = [{"every": 1, "fault": fault}]
        async with asyncio.timeout(40), serve(quick(faults)) as sandbox, client(at(sandbox), connections=4) as session:
            for _ in range(10):
                asked = (session.create_ticket(ticket(file), OpenGate()) for _ in range(4))
                assert {type(answer) for answer in await asyncio.gather(*asked)} == {kinds[fault]}
            assert sandbox.tickets == ()

    asyncio.run(whole())


def test_an_early_answer_on_an_open_connection(tmp_path: Path) -> None:
    """The server answers, keeps the connection and reads no more: the call ends at once, not when bytes stop moving."""
    file = attach(tmp_path / "a.bin", bytes(8_000_000))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(reply(b"", "413 Too Large"))
        await asyncio.Event().wait()

    async def whole() -> tuple[Answer, float]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20), peer(handle) as url, client(to(url)) as session:
            started = loop.time()
            return await session.create_ticket(ticket(file), OpenGate()), loop.time() - started

    answer, took_s = asyncio.run(whole())
    assert isinstance(answer, Refused)
    assert took_s < 10


def test_a_connection_that_ends_in_the_body_leaves_unknown(tmp_path: Path) -> None:
    """Cut off after the first byte: unknown, and the client goes on with other connections."""
    file = attach(tmp_path / "a.bin", bytes(3_000_000))

    async def whole() -> None:
        faults = [{"calls": 1, "fault": "close-mid-body"}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox)) as session:
            answers = [await session.create_ticket(ticket(file), OpenGate()) for _ in range(2)]
            assert isinstance(answers[0], Unclear)
            assert answers[0].code == "no-answer"
            assert isinstance(answers[1], Created)

    asyncio.run(whole())
