"""Fields are read page by page and lookup by lookup, with a slot of the limit for each call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from importer.account_fields import AccountField, AccountFields
from importer.account_fields.fields_reader import FieldsIncomplete, FieldsNotShown, FieldsReader
from importer.errors import StoppedEarly
from importer.leadsquared.client import open_client
from importer.leadsquared.transport import Endpoint, Timeouts
from importer.models import Rate, Secret
from importer.rate_limit.limiter import LimiterOptions, RateLimiter
from importer.rate_limit.slot_storage import MemorySlots
from importer.runtime.events import to_all

FIELDS_PATH = "/api/tenants/t/ticket-types/1/fields/filter"
KEYS = ("access-hush", "secret-hush")


def answer(status: str = "200 OK", data: object = None, *headers: str) -> bytes:
    body = json.dumps(data).encode()
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return f"{head}\r\n\r\n".encode() + body


def entry(name: str, kind: str = "Text", lookup: str | None = None) -> dict[str, Any]:
    return {"SchemaName": name, "DataType": kind, "RelatedLookupId": lookup, "Active": True}


def values(*texts: str) -> bytes:
    return answer(data=[{"Text": text, "Value": text} for text in texts])


class Told:
    """A server that answers as ``say`` does to (path, JSON body or None); nothing to say closes the connection."""

    def __init__(self, say: Callable[[str, Any], bytes]) -> None:
        self.say = say
        self.asked: list[tuple[str, str, Any]] = []
        self.heads: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lengths = [
                    line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")
                ]
                body = json.loads(await reader.readexactly(int(lengths[0]))) if lengths else None
                method, path, _ = head.split(" ", 2)
                self.heads.append(head)
                self.asked.append((method, path, body))
                said = self.say(path, body)
                if not said:
                    break
                writer.write(said)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def read(server: Told, give_up_after_s: float = 30, rate: Rate | None = None) -> tuple[AccountFields, FieldsReader]:
    """Read all fields; return them, and the reader with its counts."""

    async def main() -> tuple[AccountFields, FieldsReader]:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        endpoint = Endpoint(
            base_url=f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}",
            tenant_id="t",
            access_key=Secret(KEYS[0]),
            secret_key=Secret(KEYS[1]),
        )
        pool = MemorySlots(asyncio.get_running_loop().time)
        async with (
            listening,
            open_client(endpoint, Timeouts(), connections=1) as client,
            RateLimiter(LimiterOptions(rate=rate or Rate(1000, 60)), pool) as limiter,
        ):
            reader = FieldsReader(client, limiter, give_up_after_s, to_all(), lambda: 0.0)
            return await reader.read("tenant"), reader

    return asyncio.run(main())


def pages(entries: list[dict[str, Any]], size: int) -> Callable[[str, Any], bytes]:
    """Return an account whose pages have at most ``size`` fields."""

    def say(path: str, body: Any) -> bytes:
        if path == FIELDS_PATH:
            at = body["Offset"]
            return answer(data={"Total": len(entries), "TicketsFields": entries[at : at + min(size, body["Limit"])]})
        return values("Open", "Closed")

    return say


@pytest.mark.parametrize("size", [25, 7, 1])
def test_all_pages_are_read(size: int):
    """The total of the account decides when all fields are read: a page may be short."""
    entries = [entry(f"CustomData.F{number}") for number in range(60)]
    server = Told(pages(entries, size))
    fields, reader = read(server)
    assert [field.schema_name for field in fields] == [each["SchemaName"] for each in entries]
    assert reader.calls == len(server.asked) == -(-60 // size)
    assert {(method, path) for method, path, _ in server.asked} == {("POST", FIELDS_PATH)}
    assert [body["Offset"] for _, _, body in server.asked] == list(range(0, 60, size))


def test_a_field_that_comes_twice_is_one():
    """The total of the account counts entries; of two with one SchemaName, the first is used."""
    entries = [entry("Title"), entry("Title", "Number"), entry("Status")]
    fields, _ = read(Told(pages(entries, 25)))
    assert [(field.schema_name, field.data_type) for field in fields] == [("Title", "Text"), ("Status", "Text")]


@pytest.mark.parametrize("size", [25, 7])
@pytest.mark.parametrize("number", [0, 1, 24, 25, 26, 49, 50, 51, 60])
@pytest.mark.parametrize("refuses_0", [True, False])
@pytest.mark.parametrize("counts", ["record-0", "record-1", "page-0", "page-1"])
def test_an_account_may_count_from_1_or_in_pages(counts: str, refuses_0: bool, number: int, size: int):  # noqa: FBT001
    """All fields are read, however the account counts the Offset, and whether it accepts a 0 or not."""
    entries = [entry(f"CustomData.F{each}") for each in range(number)]
    first = int(counts[-1])

    def say(_path: str, body: Any) -> bytes:
        offset = body["Offset"]
        if refuses_0 and offset < first:
            return answer("400 Bad Request", {"Status": "Failure", "ReasonForFailure": "Offset"})
        at = max(0, offset - first) * (size if counts.startswith("page") else 1)
        return answer(data={"Total": number, "TicketsFields": entries[at : at + size]})

    fields, reader = read(Told(say))
    assert sorted(field.schema_name for field in fields) == sorted(each["SchemaName"] for each in entries)
    assert reader.calls <= 2 * (number // size + 2) + 2


@pytest.mark.parametrize("shown", [0, 2, 25, 59])
def test_fewer_than_the_account_says_it_has_is_an_error(shown: int):
    """An account whose total is too high is not asked endlessly; the fields are noted as incomplete."""
    server = Told(
        lambda _, body: answer(
            data={"Total": 60, "TicketsFields": [entry(f"F{n}") for n in range(shown)][body["Offset"] :][:25]}
        )
    )
    with pytest.raises(FieldsIncomplete, match=f"has 60 fields, but showed {shown} of them") as raised:
        read(server)
    assert raised.value.exit_code == 3
    assert len(server.asked) < 70


def test_a_list_without_an_end():
    """An account that sends pages without end is not asked endlessly; the fields are noted as incomplete."""
    server = Told(
        lambda _, body: answer(data={"Total": body["Offset"] + 99, "TicketsFields": [entry(f"F{body['Offset']}")]})
    )
    with pytest.raises(FieldsIncomplete, match="showed 400 of them in 400 pages"):
        read(server)
    assert len(server.asked) == 400


def test_an_error_of_the_application_is_no_outage():
    """An error that begins with MX is final: the call is not repeated."""
    said = {"Status": "Error", "ExceptionType": "MXNotAllowedException", "ExceptionMessage": "not for you"}
    server = Told(lambda _path, _body: answer("500 Internal Server Error", said))
    with pytest.raises(FieldsNotShown, match="MXNotAllowedException: not for you"):
        read(server)
    assert [body["Offset"] for _, _, body in server.asked] == [0, 1, 2]


def test_keys_go_with_each_call():
    """Each request has both keys and the content type in its headers."""
    server = Told(pages([entry("Status", "Select")], 25))
    read(server)
    for head in server.heads:
        assert f"X-LSQ-ACCESS-KEY: {KEYS[0]}" in head
        assert f"X-LSQ-SECRET-KEY: {KEYS[1]}" in head
    assert "Content-Type: application/json" in server.heads[0]


def test_lookups_go_by_the_schema_name_then_by_the_id():
    """A lookup is requested by the field's name, as documented, or else by its ID."""

    def say(path: str, body: Any) -> bytes:
        if path == FIELDS_PATH:
            entries = [entry("SubType", "Select", "id-1"), entry("CustomData.Line", "Select", "id-2"), entry("Title")]
            return answer(data={"Total": 3, "TicketsFields": entries})
        known = {"/api/tenants/t/lookups/SubType/values": ("A",), "/api/tenants/t/lookups/id-2/values": ("B", "C")}
        return values(*known[path]) if path in known else answer("404 Not Found", {})

    server = Told(say)
    fields, reader = read(server)
    assert [field.values for field in fields] == [("A",), ("B", "C"), None]
    assert [path.rpartition("lookups/")[2] for _, path, _ in server.asked[1:]] == [
        "SubType/values",
        "Line/values",
        "id-2/values",
    ]
    assert reader.calls == 4
    assert fields.notes == ()


def test_values_that_can_not_be_read_are_not_known():
    """A lookup that can't be read leaves its field without values, with a note."""

    def say(path: str, body: Any) -> bytes:
        if path == FIELDS_PATH:
            return answer(data={"Total": 1, "TicketsFields": [entry("Status", "Select")]})
        return answer("403 Forbidden", {"ReasonForFailure": "not for you"})

    fields, _ = read(Told(say))
    assert fields.fields == (AccountField(schema_name="Status", data_type="Select"),)
    assert fields.notes == ("the values of Status could not be read: 403 Forbidden: not for you",)


@pytest.mark.parametrize(
    ("status", "calls"),
    [("401 Unauthorized", 1), ("403 Forbidden", 1), ("404 Not Found", 1), ("302 Found", 1), ("400 Bad Request", 3)],
)
def test_keys_that_may_not_read(status: str, calls: int):
    """There is one call, or one for each way of counting if the Offset may be the reason; messages have no key."""
    server = Told(lambda _path, _body: answer(status, {"Message": f"no {KEYS[0]}"}))
    with pytest.raises(FieldsNotShown) as raised:
        read(server)
    assert len(server.asked) == calls
    assert status in raised.value.message
    assert KEYS[0] not in raised.value.message
    assert "administrator" in raised.value.hint
    assert raised.value.exit_code == 3


def test_what_comes_in_between_is_waited_for():
    """After a 429, a 503, nonsense or a broken connection the call is repeated with another slot."""
    script = [
        answer("429 Too Many Requests", {}, "Retry-After: 0"),
        answer("503 Unavailable", {}),
        answer("200 OK", "nonsense"),
        b"",
        answer(data={"Total": 1, "TicketsFields": [entry("Title")]}),
    ]
    fields, reader = read(Told(lambda _path, _body: script.pop(0)))
    assert len(fields) == 1
    assert (reader.calls, reader.throttled) == (5, 1)


def test_a_server_that_only_fails_shows_nothing():
    """After the same nonsense five times the call is given up; other lookups are read."""

    def say(path: str, body: Any) -> bytes:
        if path == FIELDS_PATH:
            return answer(data={"Total": 2, "TicketsFields": [entry("Status", "Select"), entry("Type", "Select")]})
        return values("A") if "Type" in path else answer("500 Internal Server Error", {})

    server = Told(say)
    fields, _ = read(server)
    assert [field.values for field in fields] == [None, ("A",)]
    assert len(server.asked) == 1 + 5 + 1


def test_a_limit_that_stays_used_up_is_given_up():
    """If the wait would be longer than allowed, the error says what to do."""
    server = Told(lambda _path, _body: answer("429 Too Many Requests", {}, "Retry-After: 60"))
    with pytest.raises(StoppedEarly, match="limit stays used up") as raised:
        read(server, give_up_after_s=10)
    assert not isinstance(raised.value, FieldsNotShown)
    assert len(server.asked) == 1


def test_a_server_that_is_away_is_given_up():
    """If there is no answer in the allowed time, the error gives the last reason."""
    with pytest.raises(StoppedEarly, match="no usable answer to the request for the account's fields for 0 s"):
        read(Told(lambda _path, _body: b""), give_up_after_s=0)
