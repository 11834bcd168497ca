"""What the client makes of what comes back over a real socket, and of what does not come back."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import threading
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme

from importer.leadsquared import connections
from importer.leadsquared.answers import Answer, Created, KeysRefused, Refused, Throttled, Unclear, WrongUrl
from importer.leadsquared.ticket_request import create_request
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
            return await session.send(create_request(ticket()), OpenGate())

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
            answers = [await session.send(create_request(ticket()), OpenGate()) for _ in range(2)]
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
def test_unusable_answers_are_recognised(said: bytes) -> None:
    """The request was sent, and what came back can't be read: unknown, never repeated, never a crash."""
    answer = ask(answering(said, ends=True))
    assert isinstance(answer, Unclear)
    assert answer.code == "no-answer"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("401 Unauthorized", KeysRefused), ("400 Bad Request", Refused), ("429 Too Many", Throttled), ("503 X", Unclear)],
)
def test_status_is_used_although_the_body_is_cut_off(status: str, kind: type) -> None:
    """Only at 200 does the body decide; with any other status a connection that breaks off changes nothing."""
    said = f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\nthe rea".encode()
    answer = ask(answering(said, ends=True))
    assert isinstance(answer, kind)
    if isinstance(answer, Throttled):
        assert answer.retry_after_s == 7
    if isinstance(answer, Unclear):
        assert (answer.code, answer.http_status) == ("server-error", 503)


HEAD = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(MADE)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"%x\r\n" % len(MADE) + MADE + b"\r\n"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (HEAD + b"\r\n" + MADE, Created),
        (HEAD + LENGTH + b"\r\n" + MADE, Created),
        (HEAD + LENGTH + LENGTH + b"\r\n" + MADE, Unclear),
        (HEAD + LENGTH + b"Content-Length: 5\r\n\r\n" + MADE, Unclear),
        (HEAD + b"Content-Length: 5\r\n" + LENGTH + b"\r\n" + MADE, Unclear),
        (HEAD + b"Content-Length: 40\r\n\r\n" + MADE, Unclear),
        (HEAD + b"Content-Length: 999\r\n\r\n" + MADE, Unclear),
        (HEAD + LENGTH + CHUNKED + CHUNK + b"0\r\n\r\n", Unclear),
        (HEAD + CHUNKED + CHUNK + b"0\r\n\r\n", Created),
        (HEAD + CHUNKED + CHUNK, Unclear),
        (HEAD + CHUNKED + CHUNK + b"garbage\r\n", Unclear),
        (HEAD + CHUNKED + CHUNK[:-2] + b"garbage\r\n0\r\n\r\n", Unclear),
        (2 * (HEAD + LENGTH + b"\r\n" + MADE), Created),
        (HEAD + LENGTH + b"\r\n" + MADE + reply(b"", "500 Internal Server Error"), Created),
        (reply(b"", "500 Internal Server Error") + HEAD + LENGTH + b"\r\n" + MADE, Unclear),
        (b"\x00" + HEAD + LENGTH + b"\r\n" + MADE, Unclear),
        (b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\n" + MADE[:-9], Unclear),
    ],
    ids=["no length", "length", "two lengths", "larger and smaller length", "smaller and larger length",
         "length too small", "length too large", "length and chunks", "chunks", "no last chunk", "bad last chunk",
         "a chunk too long", "twice", "success and error", "error and success", "a byte before", "cut, other version"],
)  # fmt: skip
def test_only_a_whole_answer_makes_a_row_created(said: bytes, kind: type) -> None:
    """Whatever contradicts itself, has too little, or is not the first answer, never makes a row created."""
    assert isinstance(ask(answering(said, ends=True)), kind)


def test_answers_with_large_or_many_headers_are_read() -> None:
    """Gateways add cookies, policies and traces: far more than the 8 KB and the 128 headers that aiohttp allows."""
    large = reply(MADE, "200 OK", f"Content-Security-Policy: {'x' * 60_000}")
    many = reply(MADE, "200 OK", *(f"X-Trace-{number}: {number}" for number in range(400)))
    for said in (large, many):
        assert isinstance(ask(answering(said)), Created)


@pytest.mark.parametrize(
    "headers",
    [[f"X-Echo: {ACCESS_KEY}{'x' * 200_000}"], [f"X-Trace-{number}: {number}" for number in range(2_000)]],
    ids=["too large", "too many"],
)
def test_too_large_headers_are_unclear(headers: list[str]) -> None:
    """The reason says that an answer came and why it can't be read, and never repeats a key."""
    answer = ask(answering(reply(MADE, "200 OK", *headers)))
    assert isinstance(answer, Unclear)
    assert answer.code == "no-answer"
    assert answer.reason.startswith("the answer can't be read: ")
    assert ACCESS_KEY not in answer.reason


def test_a_success_before_the_request_was_sent_whole(tmp_path: Path) -> None:
    """It can't be the answer to a request that the server doesn't have: unclear, with its reason."""
    file = attach(tmp_path / "a.bin", bytes(30_000_000))

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(reply())
        await writer.drain()
        await asyncio.Event().wait()

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(early) as url, client(to(url)) as session:
            return await session.send(create_request(ticket(file)), OpenGate())

    answer = asyncio.run(whole())
    assert isinstance(answer, Unclear)
    assert "before the whole request was sent" in answer.reason


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


def test_each_request_has_a_separate_time_limit() -> None:
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
            return await asyncio.gather(*(session.send(create_request(ticket()), OpenGate()) for _ in range(10)))

    answers = asyncio.run(whole())
    assert sum(isinstance(answer, Created) for answer in answers) == 5
    assert {answer.code for answer in answers if isinstance(answer, Unclear)} == {"answer-timeout"}


def test_stalled_upload_is_aborted(tmp_path: Path) -> None:
    """No byte moves for a while: the row is unknown, with the code upload-stalled."""
    file = attach(tmp_path / "a.bin", bytes(30_000_000))

    async def stalls(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await asyncio.Event().wait()

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(stalls) as url, client(to(url), idle_s=0.4) as session:
            return await session.send(create_request(ticket(file)), OpenGate())

    answer = asyncio.run(whole())
    assert isinstance(answer, Unclear)
    assert answer.code == "upload-stalled"


def test_moving_upload_may_take_long(tmp_path: Path) -> None:
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
            return await session.send(create_request(ticket(file)), OpenGate()), loop.time() - started

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
                asked = (session.send(create_request(ticket(file)), OpenGate()) for _ in range(4))
                assert {type(answer) for answer in await asyncio.gather(*asked)} == {kinds[fault]}
            assert sandbox.tickets == ()

    asyncio.run(whole())


def _refuse_at_once(listening: socket.socket, context: ssl.SSLContext | None) -> None:
    """Serve in a thread: read a head, answer 413, and close at once, which resets the connection."""

    def one(connection: socket.socket) -> None:
        # Without this, Nagle's algorithm may hold the answer back behind TLS session tickets that are not acknowledged
        # yet. Then the reset discards the answer in the server, and no client can read it.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError), connection:
            stream = connection if context is None else context.wrap_socket(connection, server_side=True)
            with stream:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += stream.recv(65_536)
                stream.sendall(reply(b'{"ReasonForFailure": "too large"}', "413 Too Large"))

    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=one, args=(listening.accept()[0],), daemon=True).start()


@pytest.mark.parametrize("stalled", [False, True], ids=["", "stalled"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_answer_before_a_reset_is_read(
    scheme: str,
    stalled: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server answers and closes during the upload: the answer is read, even if our process was stalled meanwhile."""
    if stalled:  # as if the longest delay of a write error were over before the next write
        monkeypatch.setattr(connections, "_MAX_ERROR_DELAY_S", 0.0)
    file = attach(tmp_path / "a.bin", bytes(30_000_000))
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)

    async def whole(port: int) -> list[Answer]:
        way = to(f"{scheme}://127.0.0.1:{port}", ssl_context=ours)
        async with asyncio.timeout(60), client(way, connections=5) as session:
            return await asyncio.gather(*(session.send(create_request(ticket(file)), OpenGate()) for _ in range(12)))

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        serving = threading.Thread(
            target=_refuse_at_once, args=(listening, theirs if scheme == "https" else None), daemon=True
        )
        serving.start()
        answers = asyncio.run(whole(listening.getsockname()[1]))
        listening.shutdown(socket.SHUT_RDWR)  # wakes the thread
    serving.join()
    phrase = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase  # Python 3.13 has another
    assert set(answers) == {Refused(f"413 {phrase}: too large", 413)}


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
            return await session.send(create_request(ticket(file)), OpenGate()), loop.time() - started

    answer, took_s = asyncio.run(whole())
    assert isinstance(answer, Refused)
    assert took_s < 10


def test_connection_closed_in_the_answer_body_is_unclear(tmp_path: Path) -> None:
    """Cut off after the first byte: unknown, and the client goes on with other connections."""
    file = attach(tmp_path / "a.bin", bytes(3_000_000))

    async def whole() -> None:
        faults = [{"calls": 1, "fault": "close-mid-body"}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox)) as session:
            answers = [await session.send(create_request(ticket(file)), OpenGate()) for _ in range(2)]
            assert isinstance(answers[0], Unclear)
            assert answers[0].code == "no-answer"
            assert isinstance(answers[1], Created)

    asyncio.run(whole())
