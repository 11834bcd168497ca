"""A server that repeats a key in its answer, in any spelling, does not bring it into a reason or an ID."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from importer.leadsquared.answers import Answer, Created, Refused, Unclear
from importer.leadsquared.ticket_request import create_request
from importer.models import Secret
from tests.leadsquared.peers import OpenGate, client, peer, read_head, ticket, to

KEY = 'aB3+/x="quoted"&more'


def answer_to(raw: bytes, key: str = KEY) -> Answer:
    """What the client makes of an answer; the secret key is the access key with an end."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(raw)
        await writer.drain()
        writer.close()

    async def whole() -> Answer:
        async with asyncio.timeout(60), peer(handle) as url:
            endpoint = replace(to(url), access_key=Secret(key), secret_key=Secret(f"{key}-2"))
            async with client(endpoint) as session:
                return await session.send(create_request(ticket()), OpenGate())

    return asyncio.run(whole())


def with_body(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status.encode(), len(body), body)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


@pytest.mark.parametrize(
    "spelt",
    [json.dumps(KEY)[1:-1], escaped(KEY), json.dumps(KEY)[1:-1].replace("/", "\\/"), quote(KEY, safe=""), base64.b64encode(f"ann:{KEY}".encode()).decode()],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_reason_with_a_key_in_it(spelt: str, encoding: str) -> None:
    """Escaped for JSON, for an address or in base64, and in another encoding of the body."""
    body = f'{{"Status": "Error", "ReasonForFailure": "no such key: {spelt}"}}'.encode(encoding)
    answer = answer_to(with_body("400 Bad Request", body))
    assert isinstance(answer, Refused)
    assert "no such key: " in answer.reason
    assert "********" in answer.reason
    for text in (KEY, spelt, quote(KEY, safe="")):
        assert text not in answer.reason


def test_ids_with_a_key_in_them() -> None:
    """A GUID that repeats the key is not kept; a number with a key in it is none, so the row is unknown."""
    body = json.dumps({"Status": "Success", "Id": "157", "Key": KEY, "TicketId": f"x{KEY}"}).encode()
    answer = answer_to(with_body("200 OK", body))
    assert isinstance(answer, Created)
    assert (answer.ids.number, answer.ids.key, answer.ids.ticket_id) == ("157", "", "")
    answer = answer_to(with_body("200 OK", f'{{"Status": "Success", "Id": "{escaped(KEY)}"}}'.encode()))
    assert isinstance(answer, Unclear)
    assert KEY not in answer.reason


def test_ids_of_unexpected_form_are_reported() -> None:
    """A GUID of another form is not kept; a note quotes it, without a key."""
    body = json.dumps({"Status": "Success", "Id": "157", "Key": "#157", "TicketId": "../etc"}).encode()
    answer = answer_to(with_body("200 OK", body))
    assert isinstance(answer, Created)
    assert (answer.ids.number, answer.ids.key, answer.ids.ticket_id) == ("157", "#157", "")
    assert "../etc" in answer.note
    answer = answer_to(with_body("200 OK", body.replace(b"../etc", b"../access-key-0815")), "access-key-0815")
    assert isinstance(answer, Created)
    assert "********" in answer.note
    assert "access-key" not in answer.note


@pytest.mark.parametrize("key", ["1", "a", "Id", "St"])
def test_short_key_is_not_masked_in_answers(key: str) -> None:
    """Such as a stand-in's: it is part of many words, so nothing is replaced."""
    body = json.dumps({"Status": "Success", "Id": "157", "Key": "#157", "TicketId": None}).encode()
    answer = answer_to(with_body("200 OK", body), key)
    assert isinstance(answer, Created)
    assert answer.ids.number == "157"


@pytest.mark.parametrize(
    "head",
    [
        f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n",
        f"HTTP/1.1 {KEY}\r\n\r\n",
        f"{KEY} 200 OK\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nX: {'a' * 20_000}{KEY}\r\n\r\n",
    ],
)
def test_a_broken_head_with_a_key_in_it(head: str) -> None:
    """What aiohttp quotes of a head that it can't read is shown without the key."""
    answer = answer_to(head.encode())
    assert isinstance(answer, Unclear)
    for text in (KEY, KEY[:10]):
        assert text not in answer.reason
