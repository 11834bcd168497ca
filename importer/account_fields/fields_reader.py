"""Asks the account for its fields: page by page, then the values of each select field. Every call takes a slot.

How a lookup is named in the address is not documented beyond the example `SubType`, which is a SchemaName: so that is
asked for first, and ``RelatedLookupId`` where there is nothing under it.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from importer.account_fields.metadata import (
    FIELDS_PATH,
    FieldsPage,
    LookupValues,
    UnusableAnswer,
    lookup_path,
    page_request,
    read_lookup,
    read_page,
)
from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.errors import StoppedEarly
from importer.leadsquared.answers import KeysRefused, NotSent, Refused, Unclear, WrongUrl
from importer.leadsquared.client import AccountReply, Client
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.reads import AccountReads
from importer.rate_limit.limiter import RateLimiter

_MOST_UNCLEAR_ANSWERS = 5  # of the same question; a server that is out of order is not waited for
_MOST_PAGES = 400  # an account that never comes to an end is not asked for ever

_Told = TypeVar("_Told", FieldsPage, LookupValues)
_Refusal = KeysRefused | WrongUrl | Refused
_Out = TypeVar("_Out", covariant=True)  # noqa: PLC0105 - as short as it is used


class _Read(Protocol[_Out]):
    """Says what an answer means."""

    def __call__(self, http_status: int, headers: Mapping[str, str], body: bytes | None) -> _Out | UnusableAnswer: ...


class FieldsNotShown(StoppedEarly):
    """The account does not show its fields to these keys."""


class FieldsIncomplete(StoppedEarly):
    """The account shows fewer fields than it says that it has."""


class _Pages:
    """The pages of one reading. ``ask`` asks for the page at an Offset."""

    def __init__(self, ask: Callable[[int], Awaitable[FieldsPage | _Refusal]]) -> None:
        self.fields: dict[str, AccountField] = {}
        self._ask = ask
        self._asked: dict[int, FieldsPage | _Refusal] = {}
        self._entries: set[str] = set()
        self._total: int | None = None
        self._refusal: _Refusal | None = None

    @property
    def whole(self) -> bool:
        """Whether all is there that the account says it has."""
        return self._total is not None and len(self._entries) >= self._total

    async def read_records(self, first: int) -> None:
        """Ask for records, counted from ``first``. A page may have fewer than were asked for."""
        offset = first
        while not self.whole and (page := await self._page(offset)) is not None and page.entries:
            offset += len(page.entries)
            if offset >= page.total + first:
                return

    async def read_numbered(self, first: int) -> None:
        """Ask for numbered pages until one is empty, or brings nothing new that was not asked for before."""
        number, goes_on = first, True
        while not self.whole and goes_on:
            known, before = number in self._asked, len(self._entries)
            page = await self._page(number)
            goes_on = page is not None and bool(page.entries) and (known or len(self._entries) > before)
            number += 1

    def error(self) -> StoppedEarly:
        """Say why not all is there."""
        if self._total is None and self._refusal is not None:
            return _not_shown(self._refusal)
        reason = f": {self._refusal.reason}" if self._refusal is not None else ""
        return FieldsIncomplete(
            f"the account says that it has {self._total or 0:,} fields, and showed {len(self._entries):,} of them"
            f" in {len(self._asked):,} pages{reason}",
            hint="run the same command again; nothing is kept of a part, and the fields that were read before stay",
        )

    async def _page(self, offset: int) -> FieldsPage | None:
        if offset not in self._asked:
            if len(self._asked) >= _MOST_PAGES:
                raise self.error()
            self._asked[offset] = await self._ask(offset)
        page = self._asked[offset]
        if not isinstance(page, FieldsPage):
            self._refusal = self._refusal or page
            if isinstance(page, KeysRefused | WrongUrl):  # another Offset gets the same
                raise self.error()
            return None
        for field in page.fields:
            self.fields.setdefault(field.schema_name, field)
        self._entries.update(page.entries)
        self._total = page.total
        return page


def _not_shown(refusal: _Refusal) -> FieldsNotShown:
    return FieldsNotShown(
        f"the account does not show its fields to these keys: {refusal.reason}",
        hint="only an administrator's keys may read them; if these are such keys, check LSQ_HOST, LSQ_TENANT_ID, that "
        "the API is enabled, and the IP whitelist",
    )


class FieldsReader:
    """One reading. ``chance`` is that of the waits, uniform in [0, 1)."""

    def __init__(
        self, client: Client, limiter: RateLimiter, give_up_after_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._questions = AccountReads(limiter, give_up_after_s, jitter=chance)

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return self._questions.calls

    @property
    def throttled(self) -> int:
        """How many of them were answered 429."""
        return self._questions.throttled

    async def read(self, account: str) -> AccountFields:
        """Read all fields.

        Raises FieldsNotShown, FieldsIncomplete, and StoppedEarly when an answer has not come for too long.
        """
        fields = await self._fields()
        notes: list[str] = []
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

    async def _fields(self) -> dict[str, AccountField]:
        """Read every page, by SchemaName.

        The vendor's page can be read so that Offset counts records from 0, records from 1, or pages: as long as fields
        are missing, they are asked for in the next of these ways.
        """
        pages = _Pages(self._page)
        await pages.read_records(0)
        await pages.read_records(1)
        await pages.read_numbered(2)  # Offset 0 and 1 have been asked for
        if not pages.whole:
            raise pages.error()
        return pages.fields

    async def _page(self, offset: int) -> FieldsPage | _Refusal:
        return await self._told(_Question(FIELDS_PATH, page_request(offset)), read_page)

    async def _values(self, field: AccountField) -> LookupValues | _Refusal:
        found = await self._told(_Question(lookup_path(field.schema_name.rpartition(".")[2])), read_lookup)
        if isinstance(found, LookupValues) or not field.lookup_id:
            return found
        by_id = await self._told(_Question(lookup_path(field.lookup_id)), read_lookup)
        return by_id if isinstance(by_id, LookupValues) else found

    async def _told(self, question: _Question, read: _Read[_Told]) -> _Told | _Refusal:
        """Ask until there is an answer that tells; one that is unclear again and again is a refusal."""
        unclear = 0

        async def ask(gate: RequestGate) -> _Told | UnusableAnswer | NotSent:
            nonlocal unclear
            said = await self._client.read(question.path, gate, question.body)
            answer = read(said.status, said.headers, said.body) if isinstance(said, AccountReply) else said
            if isinstance(answer, Unclear) and answer.http_status is not None:
                unclear += 1
                if unclear == _MOST_UNCLEAR_ANSWERS:
                    return Refused(answer.reason, answer.http_status)
            return answer

        return await self._questions.call(ask, "the account's fields")


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: a path below the account's address, and a body where it is a POST."""

    path: str
    body: bytes | None = None
