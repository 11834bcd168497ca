"""Every fault over a real socket: the client's view, and the account's state."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

import aiohttp
import pytest

from importer.sandbox import Fault, Sandbox, serve
from tests.sandbox.account_client import (
    Client,
    account,
    dto,
    file_part,
    multipart,
    options,
    raw_connection,
    raw_head,
    ticket_part,
)

BODY = multipart(ticket_part(dto()), file_part(b"x" * 1000))
LARGE = multipart(ticket_part(dto()), file_part(b"x" * 5_000_000))


async def exchange(sandbox: Sandbox, body: bytes = BODY) -> bytes:
    """Send a ticket on a new connection, and read to its end; a reset gives ``b"RST"``."""
    reader, writer = await raw_connection(sandbox)
    try:
        writer.write(raw_head(sandbox, len(body), "Connection: close") + body)
        return await reader.read()
    except ConnectionError:
        return b"RST"
    finally:
        writer.close()


def one(fault: str, **more: Any) -> list[dict[str, Any]]:
    return [{"calls": 1, "fault": fault, **more}]


@pytest.mark.parametrize(
    ("rule", "first_line", "holds"),
    [
        (one("400"), b"400", b'"Status": "Failure"'),
        (one("401"), b"401", b"Invalid Access Key"),
        (one("403"), b"403", b"IP whitelist"),
        (one("404"), b"404", b"nothing at this URL"),
        (one("301"), b"301", b"Location: /moved"),
        (one("408"), b"408", b"too long"),
        (one("429"), b"429", b"API calls exceeded the limit"),
        (one("429", retry_after=3), b"429", b"Retry-After: 3"),
        (one("500"), b"500", b"internal server error"),
        (one("502-html"), b"502", b"<h1>502 Bad Gateway</h1>"),
        (one("503"), b"503", b"unavailable"),
        (one("503", retry_after=7), b"503", b"Retry-After: 7"),
        (one("204"), b"204", b""),
        (one("refused-200"), b"200", b'"Id": null'),
        (one("not-json"), b"200", b"<html>"),
        (one("500-after"), b"500", b"internal server error"),
        (one("refused-200-with-id"), b"200", b'"Status": "Failure", "ReasonForFailure": "an attachment could not be stored", "Id": "157"'),
        (one("success-without-id"), b"200", b'"Id": null'),
        (one("slow", delay_s=0.01), b"200", b'"Id": "157"'),
        (one("early-401"), b"401", b"Connection: close"),
        (one("early-413"), b"413", b"Connection: close"),
        (one("early-429", retry_after=1), b"429", b"Retry-After: 1"),
    ],
)  # fmt: skip
async def test_faults_with_an_answer(rule: list[dict[str, Any]], first_line: bytes, holds: bytes) -> None:
    """The client gets the fault's answer, and the ticket exists exactly if the fault creates one."""
    async with account(options(rule)) as client:
        answer = await exchange(client.sandbox)
        assert answer.startswith(b"HTTP/1.1 " + first_line)
        assert holds in answer
        made = Fault(rule[0]["fault"]).makes_ticket
        assert len(client.sandbox.tickets) == made
        (call,) = client.sandbox.calls
        assert (call.fault, call.status, call.ticket) == (
            rule[0]["fault"],
            int(first_line),
            "157" if made else None,
        )
        assert (await client.create())[0] == 200


@pytest.mark.parametrize("fault", ["reset-before", "reset-after"])
async def test_faults_that_reset_the_connection(fault: str) -> None:
    """The connection ends with an RST, before or after the ticket is created."""
    async with account(options(one(fault))) as client:
        assert await exchange(client.sandbox) == b"RST"
        assert len(client.sandbox.tickets) == Fault(fault).makes_ticket
        assert client.sandbox.calls[0].status is None


async def test_a_reset_after_the_client_disconnected() -> None:
    """There is nothing to reset, and the ticket is created."""
    async with account(options(one("reset-after"), latency_s=0.1)) as client:
        _, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(BODY)) + BODY)
        await client.sandbox.until(lambda now: any(call.received_s for call in now.calls))
        writer.transport.abort()
        await client.sandbox.until(lambda now: now.calls[0].fault is not None)
        assert len(client.sandbox.tickets) == 1


@pytest.mark.parametrize("fault", ["hang-before", "hang-after"])
async def test_faults_that_hang(fault: str) -> None:
    """No answer comes until the client gives up; the server stops at once while other requests hang."""
    rules = [{"calls": "1-2", "fault": fault}]
    async with asyncio.timeout(10), serve(options(rules)) as sandbox, aiohttp.ClientSession() as session:
        client = Client(sandbox, session)
        asking = asyncio.create_task(client.create())
        await sandbox.until(lambda now: bool(now.calls) and now.calls[0].fault == fault)
        asking.cancel()
        hanging = asyncio.create_task(client.create())
        await sandbox.until(lambda now: len(now.calls) == 2 and now.calls[1].fault == fault)
        assert len(sandbox.tickets) == 2 * Fault(fault).makes_ticket
        assert not hanging.done()
        stopping_s = time.monotonic()
        hanging.add_done_callback(lambda task: task.exception())
    with contextlib.suppress(aiohttp.ClientError):
        await hanging
    assert time.monotonic() - stopping_s < 0.5


async def test_cut_json_ends_before_its_length() -> None:
    """The connection closes after half of the announced body; the ticket exists."""
    async with account(options(one("cut-json"))) as client:
        head, _, body = (await exchange(client.sandbox)).partition(b"\r\n\r\n")
        assert f"Content-Length: {2 * len(body)}".encode()[:-1] in head
        assert body.startswith(b'{"Status": "Success"')
        assert len(client.sandbox.tickets) == 1


async def test_a_huge_answer_is_a_success() -> None:
    """Two megabytes of JSON with Status Success."""
    async with account(options(one("huge-answer"))) as client:
        status, data = await client.create()
        assert (status, data["Id"]) == (200, "157")
        assert len(data["Message"]) == 2 * 1024 * 1024


async def test_a_slow_answer_comes_after_the_ticket() -> None:
    """A client that doesn't wait leaves a ticket behind."""
    async with account(options(one("slow", delay_s=60))) as client:
        asking = asyncio.create_task(client.create())
        await client.sandbox.until(lambda now: bool(now.tickets))
        assert not asking.done()
        asking.cancel()


@pytest.mark.parametrize(("fault", "status"), [("early-401", b"401"), ("early-413", b"413"), ("early-429", b"429")])
async def test_an_early_answer_does_not_wait_for_the_body(fault: str, status: bytes) -> None:
    """The answer follows the headers, and the connection closes before the body has arrived."""
    async with account(options(one(fault))) as client:
        reader, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(LARGE)))
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 " + status)
        writer.close()
        assert client.sandbox.tickets == ()


@pytest.mark.parametrize("body", [BODY, LARGE], ids=["small", "large"])
async def test_close_mid_body_creates_no_ticket(body: bytes) -> None:
    """The connection closes within the body, without an answer."""
    async with account(options(one("close-mid-body"))) as client:
        assert await exchange(client.sandbox, body) in (b"", b"RST")
        assert client.sandbox.tickets == ()
        assert client.sandbox.calls[0].fault == "close-mid-body"


async def test_close_mid_body_after_the_client_disconnected() -> None:
    """A client that disconnects before the middle is no error."""
    async with account(options(one("close-mid-body"))) as client:
        _, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, 1000) + b"x")
        await client.sandbox.until(lambda now: bool(now.calls) and now.calls[0].fault is not None)
        writer.close()
        assert (await client.create())[0] == 200


async def test_close_mid_body_of_an_empty_chunked_body() -> None:
    """A body that ends before its middle closes the connection, too."""
    async with account(options(one("close-mid-body"))) as client:
        reader, writer = await raw_connection(client.sandbox)
        head = raw_head(client.sandbox, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        writer.write(head + b"0\r\n\r\n")
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize("fault", ["reused-closed-before", "reused-made-then-closed"])
async def test_faults_of_reused_connections_look_the_same_to_the_client(fault: str) -> None:
    """The connection closes without an answer; only one of the two creates a ticket."""
    async with account(options([{"calls": "1-9", "fault": fault, "times": 1}])) as client:
        assert (await client.create())[0] == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.create()
        assert len(client.sandbox.tickets) == 1 + Fault(fault).makes_ticket
        assert [call.fault for call in client.sandbox.calls] == [None, fault]
        assert (await client.create())[0] == 200


@pytest.mark.parametrize("fault", ["closed-before", "closed-after"])
async def test_faults_that_close_the_connection(fault: str) -> None:
    """The connection closes normally and without an answer, before or after the ticket is created."""
    async with account(options(one(fault))) as client:
        assert await exchange(client.sandbox) == b""
        assert len(client.sandbox.tickets) == Fault(fault).makes_ticket
        assert client.sandbox.calls[0].status is None


async def test_closed_after_answer_announces_keep_alive() -> None:
    """The answer is complete, and the connection closes without notice."""
    async with account(options(one("closed-after-answer"))) as client:
        reader, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(BODY)) + BODY)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        assert b"close" not in head
        assert json.loads(body)["Id"] == "157" == client.sandbox.tickets[0].number


@pytest.mark.parametrize("delay_s", [None, 0.05])
async def test_answered_twice_sends_the_same_bytes_again(delay_s: float | None) -> None:
    """One request creates one ticket and gets two complete answers, at once or later."""
    more = {} if delay_s is None else {"delay_s": delay_s}
    async with account(options(one("answered-twice", **more))) as client:
        reader, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(BODY)) + BODY)
        answers = []
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            answers.append(head + await reader.readexactly(length))
        assert answers[0] == answers[1]
        assert b'"Id": "157"' in answers[0]
        writer.write(raw_head(client.sandbox, len(BODY)) + BODY)
        assert b" 200 " in await reader.readline()
        writer.close()
        assert len(client.sandbox.tickets) == 2


@pytest.mark.parametrize("fault", ["cached-answer", "repeated-number"])
async def test_faults_that_name_the_first_ticket(fault: str) -> None:
    """The first call is not affected; later answers name the first ticket, and one of the faults creates a ticket."""
    async with account(options([{"calls": "1-3", "fault": fault, "times": 2}])) as client:
        answers = [await client.create() for _ in range(4)]
        made = Fault(fault).makes_ticket
        assert [data["Id"] for _, data in answers] == ["157"] * 3 + ["160" if made else "158"]
        assert len({data["TicketId"] for _, data in answers}) == 2
        assert {status for status, _ in answers} == {200}
        assert len(client.sandbox.tickets) == (4 if made else 2)
        assert [call.fault for call in client.sandbox.calls] == [None, fault, fault, None]


async def test_a_match_rule_selects_tickets_by_their_fields() -> None:
    """In any order of arrival, and no other tickets."""
    rules = [{"match": {"Title": "bad"}, "fault": "503"}]
    async with account(options(rules)) as client:
        statuses = [(await client.create(dto(("Title", title))))[0] for title in ("good", "bad", "good")]
        assert statuses == [200, 503, 200]


async def test_an_invalid_ticket_is_refused_despite_the_fault() -> None:
    """No fault creates a ticket that the account refuses."""
    async with account(options(one("500-after"))) as client:
        assert (await client.create(dto(("Status", "x"))))[0] == 400
        assert client.sandbox.tickets == ()
        assert client.sandbox.calls[0].fault is None


async def test_only_creates_are_numbered() -> None:
    """Fault plans count `POST /tickets` only; reading calls don't change the numbers."""
    async with account(options([{"calls": 2, "fault": "500"}])) as client:
        statuses = [
            (await client.create())[0],
            (await client.send("GET", "/tickets/157"))[0],
            (await client.create())[0],
        ]
        assert statuses == [200, 200, 500]
        assert [call.post for call in client.sandbox.calls] == [1, None, 2]


async def test_the_server_stops_at_once_with_a_body_half_sent() -> None:
    """A stalled upload does not delay the stop, and creates no ticket."""
    async with serve(options()) as sandbox:
        _, writer = await raw_connection(sandbox)
        writer.write(raw_head(sandbox, len(BODY)) + BODY[:100])
        await sandbox.until(lambda now: any(call.counted_s for call in now.calls))
        stopping_s = time.monotonic()
    writer.close()
    assert time.monotonic() - stopping_s < 0.5
    assert sandbox.tickets == ()


def test_every_fault_is_in_the_table_of_its_effects() -> None:
    """Tests of clients rely on this table; a new fault must be added to it."""
    assert {fault.value for fault in Fault if fault.makes_ticket} == {
        "500-after",
        "refused-200-with-id",
        "cut-json",
        "success-without-id",
        "huge-answer",
        "slow",
        "hang-after",
        "reset-after",
        "closed-after",
        "closed-after-answer",
        "answered-twice",
        "repeated-number",
        "reused-made-then-closed",
    }
