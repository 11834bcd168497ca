"""Asks the account for its fields: page by page, then the values of each select field. Every call takes a slot.

How a lookup is named in the address is not documented beyond the example `SubType`, which is a SchemaName: so that is
asked for first, and ``RelatedLookupId`` where there is nothing under it.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from importer.errors import StoppedEarly
from importer.fields.values import AccountField, AccountFields
from importer.leadsquared.client import Client, Said
from importer.leadsquared.metadata import (
    FIELDS_PATH,
    Denied,
    FieldsPage,
    LookupValues,
    lookup_path,
    page_request,
    read_lookup,
    read_page,
)
from importer.leadsquared.quota import Quota, Slot
from importer.leadsquared.wire import KeysRefused, NotSent, Refused, Throttled, Unclear, WrongUrl
from importer.submission.retry import backoff_s

_MOST_UNCLEAR_ANSWERS = 5  # of the same question; a server that is out of order is not waited for
_MOST_PAGES = 400  # an account that never comes to an end is not asked for ever

_Told = TypeVar("_Told", FieldsPage, LookupValues)
_Refusal = KeysRefused | WrongUrl | Refused
_Out = TypeVar("_Out", covariant=True)  # noqa: PLC0105 - as short as it is used


class _Read(Protocol[_Out]):
    """Says what an answer means."""

    def __call__(self, http_status: int, headers: Mapping[str, str], body: bytes | None) -> _Out | Denied: ...


class FieldsNotShown(StoppedEarly):
    """The account does not show its fields to these keys."""


class FieldsReader:
    """One reading. ``calls`` were made so far, ``throttled`` of them answered 429. ``chance`` is that of the waits."""

    def __init__(
        self, client: Client, quota: Quota, give_up_after_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._quota = quota
        self._give_up_after_s = give_up_after_s
        self._chance = chance
        self._proven = False
        self.calls = 0
        self.throttled = 0

    async def read(self, account: str) -> AccountFields:
        """Read all fields. Raises FieldsNotShown, and StoppedEarly when an answer has not come for too long."""
        fields: dict[str, AccountField] = {}
        offset = 0
        for _ in range(_MOST_PAGES):
            page = await self._told(_Question(FIELDS_PATH, page_request(offset)), read_page)
            if not isinstance(page, FieldsPage):
                raise FieldsNotShown(
                    f"the account does not show its fields to these keys: {page.reason}",
                    hint="only an administrator's keys may read them; if these are such keys, check LSQ_HOST, "
                    "LSQ_TENANT_ID, that the API is enabled, and the IP whitelist",
                )
            fields |= {field.schema_name: field for field in page.fields if field.schema_name not in fields}
            offset += page.size
            if not page.size or offset >= page.total:  # a page may come short of what was asked for
                break
        notes = []
        for field in fields.values():
            if field.is_select:
                found = await self._values(field)
                if isinstance(found, LookupValues):
                    fields[field.schema_name] = replace(field, values=found.values, retired=found.retired)
                else:
                    notes.append(f"the values of {field.schema_name} could not be read: {found.reason}")
        return AccountFields(
            account=account,
            read_at=datetime.now(UTC).replace(microsecond=0),
            fields=tuple(fields.values()),
            notes=tuple(notes),
        )

    async def _values(self, field: AccountField) -> LookupValues | _Refusal:
        found = await self._told(_Question(lookup_path(field.schema_name.rpartition(".")[2])), read_lookup)
        if isinstance(found, LookupValues) or not field.lookup_id:
            return found
        by_id = await self._told(_Question(lookup_path(field.lookup_id)), read_lookup)
        return by_id if isinstance(by_id, LookupValues) else found

    async def _told(self, question: _Question, read: _Read[_Told]) -> _Told | _Refusal:
        """Ask until there is an answer that tells."""
        loop = asyncio.get_running_loop()
        since, tries = math.inf, 0
        while True:
            slot, answer = await self._call(question, read)
            if not isinstance(answer, Throttled | NotSent | Unclear):
                return answer
            tries += 1
            if isinstance(answer, Unclear) and answer.http_status is not None and tries >= _MOST_UNCLEAR_ANSWERS:
                return Refused(answer.reason, answer.http_status)
            since = min(since, loop.time())
            wait_s = backoff_s(tries, self._chance())
            if isinstance(answer, Throttled):
                wait_s = self._quota.rate.period_s if answer.retry_after_s is None else answer.retry_after_s
                self._quota.throttled(wait_s, slot)
            if loop.time() + wait_s - since > self._give_up_after_s:
                raise StoppedEarly(self._silence(answer), hint="run the same command again later")
            if not isinstance(answer, Throttled):
                await asyncio.sleep(wait_s)

    def _silence(self, answer: Throttled | NotSent | Unclear) -> str:
        if isinstance(answer, Throttled):
            return f"the account's limit is used up, and would be for longer than {self._give_up_after_s:g} s"
        return f"the server has not told the account's fields for {self._give_up_after_s:g} s: {answer.reason}"

    async def _call(self, question: _Question, read: _Read[_Told]) -> tuple[Slot, _Told | Denied | NotSent]:
        slot = await self._quota.reserve()
        try:
            said = await self._client.ask(question.path, _Gate(slot, alone=not self._proven), question.body)
        finally:
            slot.release()
        self.calls += 1
        answer = read(said.status, said.headers, said.body) if isinstance(said, Said) else said
        self.throttled += isinstance(answer, Throttled)
        self._proven = self._proven or not isinstance(answer, NotSent | Unclear | Throttled)
        return slot, answer


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: a path below the account's address, and a body where it is a POST."""

    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Gate:
    """Where a question with its connection ready waits for its slot; see ``client.Gate``."""

    slot: Slot
    alone: bool

    async def passed(self) -> None:
        await self.slot.ready()

    def leaving(self) -> None:
        self.slot.used(alone=self.alone)
