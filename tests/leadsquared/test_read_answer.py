"""What a request contains, and what an answer means: importer/submission/README.md, "Answers"."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.leadsquared.answers import (
    ANSWER_LIMIT_BYTES,
    REASON_LIMIT_CHARS,
    Answer,
    Created,
    KeysRefused,
    Refused,
    Throttled,
    Unclear,
    WrongUrl,
    read_answer,
    reason_text,
)
from importer.leadsquared.ticket_request import create_request, request_preview, ticket_json
from importer.models import Attachment, Ticket, TicketIds

LEAD_ID = "8eee83bb-0462-4d6b-b396-6afb9a4608f2"
SUCCESS = {
    "Status": "Success",
    "ReasonForFailure": None,
    "Id": "157",
    "Message": "made",
    "Key": "#157",
    "TicketId": "5a",
}


def answer(status: int, document: object = None, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def without(*names: str, **changes: object) -> dict[str, object]:
    return {name: value for name, value in {**SUCCESS, **changes}.items() if name not in names}


def test_the_ticket_is_written_as_the_page_says() -> None:
    """TypeId is a string, RelatedTicketTypeId a number, and the fields keep the mapping's order."""
    ticket = Ticket(fields=(("Title", "Größe"), ("Status", "Open")), lead_id=LEAD_ID)
    assert ticket_json(ticket) == (
        '{"TypeId": "1", "LeadId": "8eee83bb-0462-4d6b-b396-6afb9a4608f2", '
        '"Fields": [{"SchemaName": "Title", "Value": "Größe"}, {"SchemaName": "Status", "Value": "Open"}], '
        '"RelatedTicketTypeId": 1}'
    )


def test_new_lead_is_sent_in_the_fields() -> None:
    """Without a LeadId the member is left out, not null."""
    dto = json.loads(ticket_json(Ticket(fields=(("LeadDetail.EmailAddress", "ann@example.com"),))))
    assert dto == {
        "TypeId": "1",
        "Fields": [{"SchemaName": "LeadDetail.EmailAddress", "Value": "ann@example.com"}],
        "RelatedTicketTypeId": 1,
    }


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_arrives_unchanged(text: str) -> None:
    """Whatever a cell holds is the value that a JSON reader sees."""
    sent = ticket_json(Ticket(fields=(("Title", text),))).encode()
    assert json.loads(sent)["Fields"] == [{"SchemaName": "Title", "Value": text}]


def test_the_preview_shows_no_keys() -> None:
    """A dry run prints the request as it would go out, the keys masked, the files only named."""
    file = Attachment(
        path=Path("/a/b.pdf"), name="b.pdf", size_bytes=1234, identity=b"", content_type="application/pdf"
    )
    request = create_request(Ticket(fields=(("Title", "x"),), attachments=(file,)))
    text = request_preview(request, "https://api.example.com/tickets")
    assert text.startswith("POST https://api.example.com/tickets\nX-LSQ-ACCESS-KEY: ********\n")
    assert text.endswith("files: b.pdf (application/pdf, 1,234 bytes)")


@pytest.mark.parametrize(
    ("document", "ids"),
    [
        (SUCCESS, TicketIds(number="157", ticket_id="5a", key="#157")),
        (without(Id=157), TicketIds(number="157", ticket_id="5a", key="#157")),
        (without(TicketId=None, Key=None, Message=None), TicketIds(number="157")),
        (without("TicketId", "Key", "Message", "ReasonForFailure"), TicketIds(number="157")),
        (without(Surprise={"a": [1]}), TicketIds(number="157", ticket_id="5a", key="#157")),
    ],
    ids=["as documented", "a number", "nulls", "members missing", "unknown members"],
)
def test_success_with_an_id_is_a_ticket(document: object, ids: TicketIds) -> None:
    """200 with Status Success and an Id: created, whatever else is there or missing."""
    assert answer(200, document) == Created(ids)


@pytest.mark.parametrize(
    "document",
    [
        {"Status": "Failure", "ReasonForFailure": "no such lead", "Id": None},
        {"Status": "Error", "Message": "no such lead"},
    ],
)
def test_200_with_a_failure_and_no_id_is_a_refusal(document: object) -> None:
    """200 with another Status and no Id: failed, with the reason that was given."""
    assert answer(200, document) == Refused("no such lead", 200)


@pytest.mark.parametrize(
    "document",
    [
        b"", b"<html>", b"[]", b'"Success"', b"null", b'{"Status": "Succ', b"\xff\xfe\x00", b"[" * 100_000,
        {}, {"Id": "157"}, {"Status": "Success"}, without(Id=None), without(Id=""), without(Id="  "), without(Id=True),
        without(Id=["157"]), without(Status="Failure"),
    ],
    ids=lambda document: repr(document)[:40],
)  # fmt: skip
def test_200_that_does_not_tell_is_unclear(document: object) -> None:
    """No readable JSON, Success without an Id, a failure that carries an Id: the ticket may be there."""
    found = answer(200, document)
    assert isinstance(found, Unclear)
    assert (found.code, found.http_status) == ("unclear-answer", 200)


@pytest.mark.parametrize(
    "number",
    [0, "0", -5, "-5", "", None, " 157", "157 ", "1 57", "1\n57", "157\x00", "\x1b[2J", "abc", "0157", "1.5", 1.5, True,
     "１５７", "9" * 900_000, "9" * 19],
    ids=lambda number: repr(number)[:20],
)  # fmt: skip
def test_an_id_that_is_no_ticket_number_is_unclear(number: object) -> None:
    """Not a whole number from 1 on, of at most 18 digits: no proof of a ticket, and never shown raw or at length."""
    found = answer(200, without(Id=number))
    assert isinstance(found, Unclear)
    assert (found.code, found.http_status) == ("unclear-answer", 200)
    assert len(found.reason) < 150
    assert found.reason.isprintable()


def test_an_id_of_very_many_digits_that_is_no_text_is_unclear() -> None:
    """Python reads no number of 900,000 digits, and what can't be read tells nothing."""
    assert isinstance(answer(200, b'{"Status": "Success", "Id": ' + b"9" * 900_000 + b"}"), Unclear)


@pytest.mark.parametrize("number", [0, "0", "-1", " ", "\x1b[2J", "9" * 900_000], ids=lambda number: repr(number)[:20])
def test_a_failure_with_any_id_is_unclear(number: object) -> None:
    """Its message is one line of moderate length, whatever the Id is."""
    found = answer(200, without(Status="Failure", Id=number))
    assert isinstance(found, Unclear)
    assert len(found.reason) < 200
    assert found.reason.isprintable()


@pytest.mark.parametrize(
    ("given", "kept"),
    [("5af882cc-0000-4000-8000-000000000000", True), ("5A", True), ("a_1-b", True), ("../../x", False), ("a/b", False),
     ("a b", False), ("=1+1", False), ("\x1b[2J", False), ("x" * 65, False), ("-a", False), ("a\n", True),
     ("00000000-0000-0000-0000-000000000000", False)],
)  # fmt: skip
def test_a_ticket_id_is_kept_only_in_its_form(given: str, kept: bool) -> None:  # noqa: FBT001 - a column of the table
    """The number is proof enough: the row is created, without what is no ID, and a note says so."""
    found = answer(200, without(TicketId=given))
    assert isinstance(found, Created)
    assert (found.ids.number, found.ids.ticket_id) == ("157", given.strip() if kept else "")
    assert bool(found.note) is (not kept and not given.startswith("0000"))
    assert found.note.isprintable()


@pytest.mark.parametrize(("given", "kept"), [("#157", True), ("SUP-157", True), ("=cmd", False), ("#1\x1b7", False)])
def test_a_ticket_key_is_kept_only_in_its_form(given: str, kept: bool) -> None:  # noqa: FBT001 - a column of the table
    """The same for the display form of the number."""
    found = answer(200, without(Key=given))
    assert isinstance(found, Created)
    assert (found.ids.key, bool(found.note)) == (given if kept else "", not kept)


MX = {"Status": "Error", "ExceptionType": "MXDuplicateEntryException", "ExceptionMessage": "there\nalready"}


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_an_error_of_the_application(status: int) -> None:
    """5xx with Status Error and a type that begins with MX: the account has answered, with its type and its words."""
    found = answer(status, MX)
    assert isinstance(found, Unclear)
    assert (found.code, found.http_status, found.exception_type) == (
        "application-error",
        status,
        "MXDuplicateEntryException",
    )
    assert found.reason.endswith(": MXDuplicateEntryException: there already")


@pytest.mark.parametrize(
    "change",
    [{"Status": "Failure"}, {"Status": None}, {"ExceptionType": "NullReferenceException"}, {"ExceptionType": None},
     {"ExceptionType": ["MX"]}, {"Id": "157"}],
    ids=repr,
)  # fmt: skip
def test_other_server_errors_are_none_of_the_application(change: dict[str, object]) -> None:
    """Another type or status, or a ticket's number in it: a server error like any other."""
    found = answer(500, MX | change)
    assert isinstance(found, Unclear)
    assert (found.code, found.exception_type) == ("server-error", "")


def test_a_type_of_an_error_is_shown_as_one_short_line() -> None:
    """It begins with MX, whatever follows."""
    found = answer(500, MX | {"ExceptionType": "MX\x1b\n" + "x" * 9_000})
    assert isinstance(found, Unclear)
    assert found.exception_type
    assert found.exception_type.isprintable()
    assert len(found.reason) <= REASON_LIMIT_CHARS


@pytest.mark.parametrize(
    ("body", "page"),
    [(b"<!DOCTYPE html><html>", True), (b"\xef\xbb\xbf \n<html>", True), (b"<?xml version='1.0'?>", True),
     (b"sign in", False), (b"", False), (b"[]", False)],
)  # fmt: skip
def test_a_web_page_is_known(body: bytes, page: bool) -> None:  # noqa: FBT001 - a column of the table
    """A sign-in page or a notice of maintenance, told from other answers that are no JSON."""
    for status in (200, 203):
        found = answer(status, body)
        assert isinstance(found, Unclear)
        assert found.web_page is page
    too_long = read_answer(200, {"Content-Type": "text/html; charset=utf-8"}, None)
    assert isinstance(too_long, Unclear)
    assert too_long.web_page


def test_an_answer_that_is_too_long_is_unclear() -> None:
    """What was longer than the limit was not read, whatever it said."""
    assert isinstance(read_answer(200, {}, None), Unclear)
    assert ANSWER_LIMIT_BYTES == 1_000_000


@pytest.mark.parametrize("status", [401, 403])
def test_the_keys(status: int) -> None:
    """401 and 403 are about the keys, the switch or the whitelist, not about this row."""
    assert answer(status, {"ReasonForFailure": "no"}) == KeysRefused(
        f"{status} {'Unauthorized' if status == 401 else 'Forbidden'}: no", status
    )


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399, 404])
def test_the_url(status: int) -> None:
    """404 and every redirect say that the address is wrong."""
    assert isinstance(answer(status, b""), WrongUrl)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), (" 0 ", 0.0), ("2.5", 2.5), ("-1", None), ("nan", None), ("9" * 9, None), ("", None), ("soon", None)],
)  # fmt: skip
def test_the_limit(header: str, seconds: float | None) -> None:
    """429 waits as long as Retry-After says in seconds; anything else there is as if it were not there."""
    assert answer(429, b"", Retry_After=header) == Throttled(seconds)
    assert answer(429, b"") == Throttled(None)


NOON_S = 1792584000.0  # 2026-10-21T12:00:00Z


@pytest.mark.parametrize(
    ("until", "date", "seconds"),
    [
        ("Wed, 21 Oct 2026 12:00:30 GMT", None, 30.0),
        ("Wednesday, 21-Oct-26 12:00:30 GMT", None, 30.0),
        ("Wed Oct 21 12:00:30 2026", None, 30.0),
        ("Wed, 21 Oct 2026 12:00:30 GMT", "Wed, 21 Oct 2026 12:00:10 GMT", 20.0),
        ("Wed, 21 Oct 2026 09:00:30 GMT", "Wed, 21 Oct 2026 09:00:00 GMT", 30.0),
        ("Wed, 21 Oct 2026 12:00:30 GMT", "today", 30.0),
        ("Wed, 21 Oct 2026 11:59:59 GMT", None, 0.0),
        ("Fri, 21 Oct 2326 12:00:00 GMT", None, 999_999.0),
        ("Wed, 21 Oct 2026", None, None),
        ("Wed, 41 Foo 2026 12:00:30 GMT", None, None),
        ("Wed, 21 Oct 99999999999 12:00:30 GMT", None, None),
    ],
)
def test_a_date_to_retry_after(until: str, date: str | None, seconds: float | None) -> None:
    """A date counts from the answer's own Date, so that a wrong clock matters on neither side, or else from our clock."""
    headers = {"Retry-After": until} | ({"Date": date} if date else {})
    assert read_answer(429, headers, b"", NOON_S) == Throttled(seconds)


def test_a_date_to_retry_after_without_any_clock() -> None:
    """A date that counts from nothing is as if it were not there."""
    assert answer(429, b"", Retry_After="Wed, 21 Oct 2026 12:00:30 GMT") == Throttled(None)


@pytest.mark.parametrize("status", [400, 402, 405, 409, 410, 411, 413, 414, 415, 417, 418, 422, 431, 451, 499])
def test_other_client_errors_are_refusals(status: int) -> None:
    """The API said no: failed, and not sent again in this run."""
    assert isinstance(answer(status, b""), Refused)


@pytest.mark.parametrize("status", [101, 201, 202, 204, 206, 299, 408, 500, 501, 502, 503, 504, 511, 599, 600])
def test_all_else_is_unclear(status: int) -> None:
    """5xx, 408 and other 2xx may have made the ticket, even if they say Failure or Success."""
    for document in (SUCCESS, {"Status": "Failure"}, b"<h1>Bad Gateway</h1>", b""):
        found = answer(status, document)
        assert isinstance(found, Unclear)
        assert (found.code, found.http_status) == ("unclear-answer" if status < 300 else "server-error", status)


@given(
    st.integers(100, 999), st.binary() | st.none(), st.dictionaries(st.sampled_from(["Retry-After", "Date"]), st.text())
)
def test_any_answer_is_read(status: int, body: bytes | None, headers: dict[str, str]) -> None:
    """No bytes, status or header raise, and without a document nothing is ever created."""
    assert not isinstance(read_answer(status, headers, body, NOON_S), Created)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["Success", "157"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Status", "Id"]), inner, max_size=2),
    max_leaves=5,
)
_documents = st.dictionaries(
    st.sampled_from(["Status", "Id", "ReasonForFailure", "Message", "Key", "TicketId", "error"]), _json
)


@given(st.sampled_from([200, 200, 200, 201, 400, 500]), _documents)
def test_created_means_success_with_an_id(status: int, document: dict[str, object]) -> None:
    """Only 200 with Status Success and an Id that is text or a number creates; with any Id, nothing is refused at 200."""
    found = answer(status, document)
    number = document.get("Id")
    has_id = (isinstance(number, str) and bool(number.strip())) or type(number) is int
    if isinstance(found, Created):
        assert status == 200
        assert document["Status"] == "Success"
        assert has_id
    if isinstance(found, Refused) and status == 200:
        assert document["Status"] != "Success"
        assert not has_id


@given(st.text())
def test_reasons_are_one_line(text: str) -> None:
    """Text of a server can't break a line, a table or a terminal, and is not endless."""
    line = reason_text(text)
    assert len(line) <= REASON_LIMIT_CHARS
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u2028\u2029" for char in line)


def test_a_reason_can_be_stored() -> None:
    """NUL and halves of surrogate pairs, which JSON can say, are replaced."""
    found = answer(400, b'{"ReasonForFailure": "a\\u0000b\\ud800c"}')
    assert isinstance(found, Refused)
    assert found.reason == "400 Bad Request: a\ufffdb\ufffdc"


def test_html_is_not_used_as_a_reason() -> None:
    """A gateway's page is left out; the status says enough. Plain text is quoted."""
    html, plain = answer(502, b" <html>secret"), answer(502, b"upstream gone")
    assert isinstance(html, Unclear)
    assert isinstance(plain, Unclear)
    assert (html.reason, plain.reason) == ("502 Bad Gateway", "502 Bad Gateway: upstream gone")
