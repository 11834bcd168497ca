"""The sandbox over real sockets: refused requests, created tickets, recorded calls."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
from typing import Any

import aiohttp
import pytest
import trustme

from importer.errors import SettingsError
from importer.models import Rate, Secret
from importer.sandbox import Field, SandboxOptions, default_account, serve
from importer.sandbox.value_checks import is_guid
from tests.sandbox.account_client import (
    MULTIPART,
    Client,
    account,
    dto,
    file_part,
    keys,
    multipart,
    options,
    part,
    raw_connection,
    raw_head,
    ticket_part,
)


async def test_a_ticket_is_created_and_answered_as_documented() -> None:
    """The success answer is that of *Create Ticket with Attachments*, and the record contains the sent ticket."""
    async with account(options()) as client:
        first = await client.create(dto(("Status", "Open")), b"hello", b"\x00" * 300_000)
        second = await client.create()
        ticket_id = first[1]["TicketId"]
        assert is_guid(ticket_id)
        assert first == (
            200,
            {
                "Status": "Success",
                "ReasonForFailure": None,
                "Id": "157",
                "Message": "Ticket created successfully.",
                "Key": "#157",
                "TicketId": ticket_id,
            },
        )
        assert second[1]["Id"] == "158"
        ticket, _ = client.sandbox.tickets
        assert (ticket.number, ticket.ticket_id, ticket.key, ticket.call) == ("157", ticket_id, "#157", 1)
        assert ticket.fields == (("Title", "Printer on fire"), ("Status", "Open"))
        assert (ticket.value("Status"), ticket.value("Tags")) == ("Open", None)
        assert [(file.name, file.content_type, file.size) for file in ticket.files] == [
            ("a.txt", "text/plain", 5),
            ("a.txt", "text/plain", 300_000),
        ]
        assert ticket.files[0].sha256 == hashlib.sha256(b"hello").hexdigest()
        call = client.sandbox.calls[0]
        assert (call.ordinal, call.post, call.method, call.path, call.status, call.fault, call.ticket) == (
            1,
            1,
            "POST",
            "/api/tenants/sandbox-tenant/tickets",
            200,
            None,
            "157",
        )
        assert call.counted_s is not None
        assert call.arrived_s <= call.counted_s <= ticket.made_s
        assert [call.reused for call in client.sandbox.calls] == [False, True]


async def test_a_ticket_may_be_sent_as_json() -> None:
    """*Create Tickets* takes the same document as a JSON body."""
    async with account(options()) as client:
        status, data = await client.json("POST", "/tickets", dto(Id=None))
        assert (status, data["Status"]) == (200, "Success")
        status, data = await client.json("POST", "/tickets", dto())
        assert (status, data["Status"]) == (400, "Failure")


async def test_a_form_of_aiohttp_is_read() -> None:
    """The Content-Type that aiohttp gives a text part is refused."""
    async with account(options()) as client:
        url, headers = f"{client.base}/tickets", keys(client.sandbox)
        text = json.dumps(dto())
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("ticketDTO", text)
        form.add_field("files", b"x", filename="naïve.txt", content_type="text/plain")
        async with client.session.post(url, data=form, headers=headers) as answer:
            assert answer.status == 400
            assert "Content-Type" in (await answer.json())["ReasonForFailure"]
        with aiohttp.MultipartWriter("form-data") as writer:
            document = writer.append(text)
            document.headers.clear()
            document.set_content_disposition("form-data", name="ticketDTO")
            file = writer.append(b"x", {"Content-Type": "text/plain"})
            file.set_content_disposition("form-data", quote_fields=False, name="files", filename='naïve "1".txt')
            async with client.session.post(url, data=writer, headers=headers) as answer:
                assert answer.status == 200
        assert client.sandbox.tickets[0].files[0].name == 'naïve "1".txt'


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ([], "0 ticketDTO parts"),
        ([file_part(b"x")], "0 ticketDTO parts"),
        ([ticket_part(dto()), ticket_part(dto())], "2 ticketDTO parts"),
        ([part(b"{}", 'form-data; name="ticketDTO"', "Content-Type: application/json")], "has a Content-Type (application/json)"),
        ([part(b"{}", 'form-data; name="ticketDTO"; filename="a"')], "must be a text part"),
        ([ticket_part(dto()), part(b"x", 'form-data; name="file"; filename="a"')], "unknown part 'file'"),
        ([ticket_part(dto()), part(b"x", 'form-data; name="files"')], "has no filename"),
        ([ticket_part(dto()), file_part(b"x", "")], "has no filename"),
        ([ticket_part(dto()), file_part(b"x", "../a")], "is not a file name"),
        ([ticket_part(dto()), file_part(b"x", "a\\b")], "malformed"),
        ([ticket_part(dto()), file_part(b"x", "a\\\\b")], "is not a file name"),
        ([ticket_part(dto()), file_part(b"x", "..")], "is not a file name"),
        ([ticket_part(dto()), file_part(b"")], "is empty"),
        ([ticket_part(b" " * 8_400_000)], "ticketDTO has 8400000 bytes"),
        ([ticket_part(dto(("Status", "x"))), file_part(b"")], "Status: 'x' is not a configured value"),
        ([part(b"x", "form-data; name=x")], "malformed"),
    ],
)  # fmt: skip
async def test_a_form_has_the_documented_parts_only(parts: list[bytes], problem: str) -> None:
    """One ticketDTO of plain text, files with names, nothing else; the refusal has a reason, and no ticket is created."""
    async with account(options()) as client:
        body = multipart(*parts) if parts else b"--the-boundary--\r\n"
        status, data = await client.send("POST", "/tickets", body, MULTIPART)
        assert status == 400
        assert (data["Status"], data["Id"]) == ("Failure", None)
        assert problem in data["ReasonForFailure"]
        assert client.sandbox.tickets == ()
        assert client.sandbox.calls[0].reason == data["ReasonForFailure"]


async def test_one_refusal_names_the_problems_of_form_and_document() -> None:
    """Problems of the parts and of the ticket come in one answer."""
    async with account(options()) as client:
        _, data = await client.post(ticket_part(dto(("Title", ""), TypeId=1)), file_part(b""))
        assert data["ReasonForFailure"].count(";") == 2


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "application/json; charset=latin-1"])
async def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    """Only multipart/form-data with a boundary and JSON in UTF-8 are documented."""
    async with account(options()) as client:
        status, data = await client.send("POST", "/tickets", b"x" * 1000, content_type)
        assert status == 400
        assert "neither multipart" in data["ReasonForFailure"]


async def test_a_compressed_body_is_refused() -> None:
    """The documentation does not say that the API decompresses bodies."""
    async with account(options()) as client:
        headers = keys(client.sandbox) | {"Content-Type": MULTIPART}
        url = f"{client.base}/tickets"
        async with client.session.post(
            url, data=multipart(ticket_part(dto())), headers=headers, compress=True
        ) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(
    "changes",
    [{"X-LSQ-ACCESS-KEY": "wrong"}, {"X-LSQ-SECRET-KEY": "wrong"}, {"X-LSQ-SECRET-KEY": ""}, {"X-LSQ-ACCESS-KEY": "ключ"}],
)  # fmt: skip
async def test_wrong_keys_are_refused(changes: dict[str, str]) -> None:
    """Both keys must be right."""
    async with account(options()) as client:
        url, headers = f"{client.base}/tickets", keys(client.sandbox) | changes
        async with client.session.post(url, data=multipart(ticket_part(dto())), headers=headers) as answer:
            assert answer.status == 401
        assert client.sandbox.tickets == ()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tickets/"),
        ("POST", "/Tickets"),
        ("POST", "/tickets?x=1"),
        ("POST", "//tickets"),
        ("PUT", "/tickets"),
        ("GET", "/tickets"),
        ("GET", "/tickets/157/"),
        ("POST", "/ticket-types/2/fields/filter"),
        ("GET", "/lookups/Nowhere/values"),
        ("GET", "/tickets/157"),
        ("PUT", "/tickets/157/update"),
        ("POST", "/../other/tickets"),
    ],
)  # fmt: skip
async def test_any_other_url_is_a_404(method: str, path: str) -> None:
    """URLs and methods must match exactly."""
    async with account(options()) as client:
        status, data = await client.send(method, path)
        assert (status, data["Status"]) == (404, "Failure")


async def test_another_tenants_url_is_a_404() -> None:
    """An account answers below its own tenant ID only."""
    async with account(options()) as client:
        client.base = client.base.replace("sandbox-tenant", "other")
        assert (await client.create())[0] == 404
        assert client.sandbox.calls[0].post is None


async def test_calls_above_the_limit_get_the_documented_sentence() -> None:
    """Every call counts, also failing ones; the body of a refused call is not read."""
    async with account(options(rate=Rate(2, 500))) as client:
        assert (await client.send("GET", "/nowhere"))[0] == 404
        assert (await client.create())[0] == 200
        status, data = await client.create()
        assert (status, data["ReasonForFailure"]) == (429, "API calls exceeded the limit of 2 in 500 second(s)")
        assert len(client.sandbox.tickets) == 1
        assert client.sandbox.calls[-1].counted_s is not None


async def test_calls_are_counted_before_their_body_arrives() -> None:
    """A 429 comes while the client is still sending its body."""
    async with account(options(rate=Rate(1, 500))) as client:
        await client.send("GET", "/nowhere")
        reader, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, 1_000_000))
        assert (await reader.readline()).startswith(b"HTTP/1.1 429 ")
        writer.close()


async def test_the_networks_jitter_comes_before_the_counting() -> None:
    """Calls are counted up to the jitter after their headers, as in a network."""
    async with account(options(jitter_s=0.05)) as client:
        await asyncio.gather(*(client.create() for _ in range(20)))
        waits = [(call.counted_s or 0) - call.arrived_s for call in client.sandbox.calls]
        assert min(waits) >= 0
        assert max(waits) > 0.02


async def test_the_latency_is_between_body_and_answer() -> None:
    """A ticket is created when the latency is over."""
    async with account(options(latency_s=0.05)) as client:
        await client.create()
        (call,) = client.sandbox.calls
        assert client.sandbox.tickets[0].made_s - call.arrived_s >= 0.04


async def test_a_disconnected_client_does_not_prevent_its_ticket() -> None:
    """Once the body has arrived, the ticket is created, even if the client no longer waits."""
    async with account(options(latency_s=0.2)) as client:
        body = multipart(ticket_part(dto()))
        _, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(body)) + body)
        await client.sandbox.until(lambda sandbox: any(call.received_s for call in sandbox.calls))
        assert client.sandbox.tickets == ()
        writer.transport.abort()
        await client.sandbox.until(lambda sandbox: bool(sandbox.tickets))
        assert client.sandbox.calls[0].ticket == "157"


async def test_a_half_sent_body_creates_no_ticket() -> None:
    """It is no error of the server either."""
    async with account(options()) as client:
        body = multipart(ticket_part(dto()), file_part(b"x" * 100_000))
        _, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(body)) + body[:50_000])
        await writer.drain()
        await client.sandbox.until(lambda sandbox: bool(sandbox.calls))
        writer.transport.abort()
        assert (await client.create())[0] == 200
        assert [call.status for call in client.sandbox.calls] == [None, 200]
        assert len(client.sandbox.tickets) == 1


async def test_a_large_body_is_refused_before_it_is_sent() -> None:
    """A body that announces more than the maximum gets a 413 at once, and the connection closes."""
    async with account(options(max_body_bytes=1000)) as client:
        reader, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, 1001))
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 413 ")
        writer.close()


async def test_a_large_chunked_body_is_refused_while_it_arrives() -> None:
    """Its bytes are counted as they arrive."""
    async with account(options(max_body_bytes=1000)) as client:
        head = raw_head(client.sandbox, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        reader, writer = await raw_connection(client.sandbox)
        writer.write(head + b"7d0\r\n--the-boundary\r\n" + b"x" * 1984 + b"\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 413 ")
        writer.close()


async def test_expect_100_continue_is_answered() -> None:
    """It is answered after the limit and the keys were checked."""
    async with account(options()) as client:
        body = multipart(ticket_part(dto()))
        reader, writer = await raw_connection(client.sandbox)
        writer.write(raw_head(client.sandbox, len(body), "Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.close()


async def test_invalid_chunks_create_no_ticket() -> None:
    """The server continues after invalid HTTP."""
    async with account(options()) as client:
        head = raw_head(client.sandbox, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        _, writer = await raw_connection(client.sandbox)
        writer.write(head)
        await client.sandbox.until(lambda sandbox: bool(sandbox.calls))
        writer.write(b"zz\r\n")
        assert (await client.create())[0] == 200
        assert client.sandbox.calls[0].status is None
        writer.close()


async def test_a_new_identifier_creates_one_lead() -> None:
    """The second ticket finds the first one's lead, in any letter case and by either identifier."""
    async with account(options()) as client:
        await client.create(
            dto(("LeadDetail.EmailAddress", "ann@example.com"), ("LeadDetail.Phone", "+4479460001"), LeadId=...)
        )
        await client.create(dto(("LeadDetail.EmailAddress", "Ann@Example.com"), LeadId=...))
        await client.create(dto(("LeadDetail.Phone", "+4479460001"), LeadId=...))
        await client.create()
        (lead,) = client.sandbox.leads
        assert lead.ticket == "157"
        assert [ticket.lead_id == lead.lead_id for ticket in client.sandbox.tickets] == [True, True, True, False]
        assert client.sandbox.warnings == ()


async def test_two_tickets_at_once_create_two_leads() -> None:
    """Tickets in flight together with one new identifier create a lead each, with a warning."""
    async with account(options(latency_s=0.05)) as client:
        document = dto(("LeadDetail.EmailAddress", "ann@example.com"), LeadId=...)
        await asyncio.gather(client.create(document), client.create(document))
        assert len(client.sandbox.leads) == 2
        (warning,) = client.sandbox.warnings
        assert "'ann@example.com'" in warning
        assert "#157 and #158" in warning


async def test_an_account_has_the_configured_fields() -> None:
    """A mapping's custom fields can be added, and made mandatory."""
    async with account(
        options(account=default_account().with_fields([Field(schema_name="CustomData.Serial", mandatory=True)]))
    ) as client:
        assert "CustomData.Serial: mandatory and missing" in (await client.create())[1]["ReasonForFailure"]
        assert (await client.create(dto(("CustomData.Serial", "1"))))[0] == 200


async def test_a_ticket_can_be_read_by_number_and_guid() -> None:
    """The details list the account's active fields, unset ones as null, and no field of the lead."""
    async with account(options()) as client:
        _, made = await client.create(dto(("LeadDetail.EmailAddress", "ann@example.com"), LeadId=...))
        status, by_number = await client.send("GET", f"/tickets/{made['Id']}")
        assert (status, by_number) == await client.send("GET", f"/tickets/{made['TicketId'].upper()}")
        assert (status, by_number["Id"], by_number["TicketId"]) == (200, "157", made["TicketId"])
        assert by_number["LeadId"] == client.sandbox.leads[0].lead_id
        values = {field["SchemaName"]: field["Value"] for field in by_number["Fields"]}
        assert (values["Title"], values["Status"]) == ("Printer on fire", None)
        assert not {"CustomData.OldSystem", "LeadDetail.EmailAddress"} & values.keys()
        assert by_number["Fields"][0]["SubFields"] == []


async def test_an_update_changes_fields_and_adds_files() -> None:
    """Fields of the same name are replaced, files are added, and the ticket keeps its IDs."""
    async with account(options()) as client:
        await client.create(dto(("Status", "Open")), b"one")
        parts = ticket_part(dto(("Status", "Closed"), ("Tags", "t"), Id="157")), file_part(b"two")
        status, data = await client.send("PUT", "/tickets/157/update", multipart(*parts), MULTIPART)
        assert (status, data["Status"], data["Id"]) == (200, "Success", "157")
        (ticket,) = client.sandbox.tickets
        assert ticket.fields == (("Title", "Printer on fire"), ("Status", "Closed"), ("Tags", "t"))
        assert [file.size for file in ticket.files] == [3, 3]


async def test_an_update_is_as_strict_as_a_create() -> None:
    """The number must match, the form must be multipart, and the document complete."""
    async with account(options()) as client:
        await client.create()
        body = multipart(ticket_part(dto(Id="158")))
        assert (await client.send("PUT", "/tickets/157/update", body, MULTIPART))[0] == 400
        assert (await client.json("PUT", "/tickets/157/update", dto(Id="157")))[0] == 400


async def test_the_trash_takes_numbers() -> None:
    """Tickets are moved once; missing ones are listed as failed, and a trashed ticket is not found any more."""
    async with account(options()) as client:
        await client.create()
        assert await client.json("PUT", "/tickets/trash", {"TicketIds": ["157", "999"]}) == (
            200,
            {"SuccessfulIds": [157], "FailedIds": [999]},
        )
        assert await client.json("PUT", "/tickets/trash", {"TicketIds": ["157"]}) == (
            200,
            {"SuccessfulIds": [], "FailedIds": [157]},
        )
        assert (await client.send("GET", "/tickets/157"))[0] == 404
        assert client.sandbox.tickets[0].trashed


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/tickets/trash", {"TicketIds": []}),
        ("PUT", "/tickets/trash", {"TicketIds": [157]}),
        ("PUT", "/tickets/trash", {"TicketIds": ["x"]}),
        ("PUT", "/tickets/trash", {"Ids": ["157"]}),
        ("PUT", "/tickets/trash", ["157"]),
        ("PUT", "/tickets/trash", b"{"),
        ("POST", "/ticket-types/1/fields/filter", {"Limit": 25, "Offset": 0}),
        ("POST", "/ticket-types/1/fields/filter", {"Limit": 0, "Offset": 0, "SearchText": ""}),
        ("POST", "/ticket-types/1/fields/filter", {"Limit": "25", "Offset": 0, "SearchText": ""}),
        ("POST", "/ticket-types/1/fields/filter", []),
        ("POST", "/ticket-types/1/fields/filter", b"{"),
    ],
)  # fmt: skip
async def test_other_calls_take_the_documented_body_only(method: str, path: str, body: Any) -> None:
    """Any other body gets a 400, too."""
    async with account(options()) as client:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        assert (await client.send(method, path, text, "application/json"))[0] == 400
        assert (await client.send(method, path, text, "text/plain"))[0] == 400


async def test_fields_come_in_pages() -> None:
    """A page may be shorter than requested: a client reads on until it has Total fields."""
    more = [Field(schema_name=f"CustomData.Extra{number}") for number in range(30)]
    wanted = default_account().with_fields(more)

    async with account(options(account=wanted)) as client:
        names: list[str] = []
        total = 1
        while len(names) < total:
            query = {"Limit": 100, "Offset": len(names), "SearchText": ""}
            status, data = await client.json("POST", "/ticket-types/1/fields/filter", query)
            assert status == 200
            assert 0 < len(data["TicketsFields"]) <= 25
            total = data["Total"]
            names += [field["SchemaName"] for field in data["TicketsFields"]]
        assert names == [field.schema_name for field in wanted.ticket_fields]
        query = {"Limit": 25, "Offset": 0, "SearchText": "sub t"}
        _, data = await client.json("POST", "/ticket-types/1/fields/filter", query)
        assert [field["SchemaName"] for field in data["TicketsFields"]] == ["SubType"]


async def test_lookups_list_the_values_of_a_field() -> None:
    """A lookup has the field's name without its prefix."""
    async with account(options()) as client:
        status, values = await client.send("GET", "/lookups/Region/values")
        assert status == 200
        assert [value["Value"] for value in values] == ["North", "South", "East", "West"]


async def test_keys_without_administrator_rights_may_create_only() -> None:
    """The calls for administrators answer 403 to other keys."""
    async with account(options(admin=False)) as client:
        assert (await client.create())[0] == 200
        assert (await client.send("GET", "/lookups/SubType/values"))[0] == 403
        assert (await client.json("PUT", "/tickets/trash", {"TicketIds": ["157"]}))[0] == 403
        assert (await client.json("POST", "/ticket-types/1/fields/filter", {}))[0] == 403
        assert (await client.send("GET", "/tickets/157"))[0] == 200


async def test_the_record_is_served_as_json() -> None:
    """It needs no keys, isn't counted, is the same in the process and over the wire, and contains no key."""
    async with account(options(rate=Rate(1, 500))) as client:
        await client.create(dto(("LeadDetail.EmailAddress", "ann@example.com"), LeadId=...), b"x")
        async with client.session.get(client.sandbox.url + "/sandbox/record") as answer:
            assert answer.status == 200
            served = await answer.json()
        record = client.sandbox.record()
        assert served == record
        assert [len(served[name]) for name in ("tickets", "calls", "leads", "warnings")] == [1, 1, 1, 0]
        assert client.sandbox.secret_key.reveal() not in json.dumps(record)


def test_two_accounts_with_one_seed_are_equal() -> None:
    """GUIDs and random choices follow from the seed, so a run can be repeated."""

    async def made(seed: int) -> str:
        async with account(options(seed=seed)) as client:
            return str((await client.create())[1]["TicketId"])

    assert asyncio.run(made(1)) == asyncio.run(made(1)) != asyncio.run(made(2))


async def test_waiting_for_the_state_can_be_cancelled() -> None:
    """Later changes of the state cause no error."""
    async with account(options()) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.sandbox.until(lambda sandbox: bool(sandbox.tickets)), 0.01)
        assert (await client.create())[0] == 200


async def test_idle_connections_are_closed_after_a_while() -> None:
    """The server closes a keep-alive connection after `keepalive_s` without a request."""
    async with account(options(keepalive_s=0.05)) as client:
        reader, writer = await raw_connection(client.sandbox)
        body = multipart(ticket_part(dto()))
        writer.write(raw_head(client.sandbox, len(body)) + body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        await reader.read()
        assert reader.at_eof()
        writer.close()


async def test_tls() -> None:
    """With a TLS context the URL is https, and a client that trusts the authority gets its ticket."""
    authority = trustme.CA()
    server, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(trusting)

    connector = aiohttp.TCPConnector(ssl=trusting)
    async with (
        asyncio.timeout(10),
        serve(options([{"calls": 2, "fault": "reset-after"}]), ssl_context=server) as sandbox,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        assert sandbox.url.startswith("https://127.0.0.1:")
        client = Client(sandbox, session)
        assert (await client.create())[0] == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.create()
        assert len(sandbox.tickets) == 2


async def test_a_url_with_ipv6_has_brackets() -> None:
    """The server listens on an IPv6 address."""
    async with serve(options(), host="::1") as sandbox:
        assert sandbox.url.startswith("http://[::1]:")


@pytest.mark.parametrize("port", ["taken", 70_000])
async def test_a_port_in_use_is_an_error(port: Any) -> None:
    """The error says where the server can't listen, and what to do."""
    async with serve(options()) as first:
        wanted = int(first.url.rpartition(":")[2]) if port == "taken" else port
        with pytest.raises(SettingsError, match=r"can't listen on 127\.0\.0\.1") as caught:
            await serve(options(), port=wanted).__aenter__()
    assert "another port" in caught.value.hint


def test_all_invalid_options_are_reported_at_once() -> None:
    """One error has every problem."""
    with pytest.raises(SettingsError) as caught:
        SandboxOptions(latency_s=-1, jitter_s=float("nan"), max_body_bytes=0, tenant_id="a/b", access_key=Secret(""))
    assert [detail.partition(":")[0] for detail in caught.value.details] == [
        "latency_s",
        "jitter_s",
        "max_body_bytes",
        "tenant_id",
        "access_key, secret_key",
    ]


async def test_keys_are_not_shown() -> None:
    """Neither options nor sandbox show a key by accident."""
    chosen = options(access_key=Secret("hush"))
    assert "hush" not in repr(chosen)

    async with serve(chosen) as sandbox:
        assert "hush" not in f"{sandbox.access_key}"
