"""The sending loop sends, repeats and records the requests of another operation, which only this test has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from importer.leadsquared.answers import Answer, Created, read_answer
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.requests import Request
from importer.leadsquared.transport import AccountReply, Reply
from importer.models import TicketIds
from importer.submission.operations import CREATE, Kind, Operation
from importer.submission.send_queue import QueuedRow
from tests.ledger.ledgers import query
from tests.submission.sending import row, sending


def read_comment_answer(status: int, headers: Mapping[str, str], body: bytes | None, now_s: float) -> Answer:
    """Read the answer to a comment: a success names the comment's ticket, and no new one."""
    if status == 200:
        return Created(TicketIds(number=json.loads(body or b"")["TicketId"]))
    return read_answer(status, headers, body, now_s)


COMMENT = Operation(
    name="comment", answers=CREATE.answers, repeatable=True, makes_ticket=False, read_answer=read_comment_answer
)


def comment(number: int) -> QueuedRow:
    request = Request(path="tickets/157/comments", text=json.dumps({"Text": f"comment {number}"}))
    return QueuedRow(row=number, key=str(number), cells=(), content="", operation=COMMENT, request=request)


class Comments:
    """A transport to an account that takes comments; answers come from ``statuses`` first, then all succeed."""

    def __init__(self, *statuses: int) -> None:
        self.sent: list[tuple[str, str]] = []
        self._statuses = list(statuses)

    async def send(self, request: Request, gate: RequestGate) -> Reply:
        """See ``Transport``."""
        await gate.wait_until_allowed()
        gate.on_first_byte()
        self.sent.append((request.path, request.text))
        status = self._statuses.pop(0) if self._statuses else 200
        return AccountReply(status=status, headers={}, body=b'{"TicketId": "157"}')


def test_every_operation_has_a_meaning_for_each_answer() -> None:
    """A new kind of answer needs a line in the table."""
    assert set(CREATE.answers) == set(Kind)


def test_the_loop_sends_repeats_and_records_another_operation(tmp_path: Path) -> None:
    """Comments are repeated after a 5xx; two comments on one ticket are not a repeated number."""

    async def whole() -> None:
        account = Comments(503, 200, 500)
        some = [comment(2), comment(3)]
        async with sending(tmp_path, account, some, concurrency=1) as run:
            assert await run.of(some) is None
            assert run.states() == ["created", "created"]
            assert [entry.ids for entry in run.entries().values()] == [None, None]
            assert [entry.attempts for entry in run.entries().values()] == [2, 2]
        assert sorted(account.sent) == sorted((each.request.path, each.request.text) for each in some * 2)
        recorded = query(tmp_path, "select operation, outcome, request from attempts order by outcome, ticket")
        assert recorded == [("comment", "created", "")] * 2 + [("comment", "unclear", "")] * 2

    asyncio.run(whole())


def test_an_unknown_outcome_of_a_create_request_is_not_repeated_beside_it(tmp_path: Path) -> None:
    """Each row follows its own operation."""

    async def whole() -> None:
        account = Comments(503, 503)
        some = [row(2), comment(3)]
        async with sending(tmp_path, account, some, concurrency=1) as run:
            assert await run.of(some) is None
            assert run.states() == ["unknown", "created"]
        assert [path for path, _ in account.sent] == ["tickets", "tickets/157/comments", "tickets/157/comments"]

    asyncio.run(whole())


def test_a_comment_that_always_fails_is_unknown(tmp_path: Path) -> None:
    """After a limited number of tries; the ledger keeps its request."""

    async def whole() -> None:
        account = Comments(*[503] * 9)
        some = [comment(2)]
        async with sending(tmp_path, account, some) as run:
            assert await run.of(some) is None
            assert run.states() == ["unknown"]
        assert len(account.sent) == 5
        assert {body for (body,) in query(tmp_path, "select request from attempts")} == {some[0].request.text}

    asyncio.run(whole())
