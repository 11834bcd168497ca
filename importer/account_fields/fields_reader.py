"""Reads the account's fields, page by page, and the values of each select field.

The documentation names a lookup only by the example `SubType`, which is a SchemaName. So the SchemaName is tried first,
then ``RelatedLookupId``.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
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
from importer.leadsquared.client import Client
from importer.leadsquared.connections import RequestGate
from importer.leadsquared.reads import AccountReads
from importer.leadsquared.requests import Request
from importer.leadsquared.transport import AccountReply
from importer.rate_limit.limiter import RateLimiter
from importer.runtime.events import Emit

_MOST_UNCLEAR_ANSWERS = 5  # of the same call, before it counts as refused
_MOST_PAGES = 400  # bounds an account that never ends

_Parsed = TypeVar("_Parsed", FieldsPage, LookupValues)
_Refusal = KeysRefused | WrongUrl | Refused
_Out = TypeVar("_Out", covariant=True)  # noqa: PLC0105 - as short as it is used


class _Read(Protocol[_Out]):
    """Parses an answer."""

    def __call__(self, http_status: int, headers: Mapping[str, str], body: bytes | None) -> _Out | UnusableAnswer: ...


class FieldsNotShown(StoppedEarly):
    """The account does not show its fields to these keys."""


class FieldsIncomplete(StoppedEarly):
    """The account shows fewer fields than its ``Total``."""


class _Pages:
    """The pages read so far. ``ask`` requests the page at an Offset."""

    def __init__(self, ask: Callable[[int], Awaitable[FieldsPage | _Refusal]]) -> None:
        self.fields: dict[str, AccountField] = {}
        self._ask = ask
        self._asked: dict[int, FieldsPage | _Refusal] = {}
        self._entries: set[str] = set()
        self._total: int | None = None
        self._refusal: _Refusal | None = None

    @property
    def whole(self) -> bool:
        """Whether all fields of the account's ``Total`` are there."""
        return self._total is not None and len(self._entries) >= self._total

    async def read_records(self, first: int) -> None:
        """Request records, counted from ``first``. A page may have fewer records than requested."""
        offset = first
        while not self.whole and (page := await self._page(offset)) is not None and page.entries:
            offset += len(page.entries)
            if offset >= page.total + first:
                return

    async def read_numbered(self, first: int) -> None:
        """Request numbered pages until one is empty or has no new fields."""
        number, goes_on = first, True
        while not self.whole and goes_on:
            known, before = number in self._asked, len(self._entries)
            page = await self._page(number)
            goes_on = page is not None and bool(page.entries) and (known or len(self._entries) > before)
            number += 1

    def error(self) -> StoppedEarly:
        """Return the error for missing fields."""
        if self._total is None and self._refusal is not None:
            return _not_shown(self._refusal)
        reason = f": {self._refusal.reason}" if self._refusal is not None else ""
        return FieldsIncomplete(
            f"the account has {self._total or 0:,} fields, but showed {len(self._entries):,} of them"
            f" in {len(self._asked):,} pages{reason}",
            hint="run the same command again; incomplete fields are not saved, and fields saved before stay",
        )

    async def _page(self, offset: int) -> FieldsPage | None:
        if offset not in self._asked:
            if len(self._asked) >= _MOST_PAGES:
                raise self.error()
            self._asked[offset] = await self._ask(offset)
        page = self._asked[offset]
        if not isinstance(page, FieldsPage):
            self._refusal = self._refusal or page
            if isinstance(page, KeysRefused | WrongUrl):  # another Offset would get the same answer
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
        hint="only an administrator's keys may read them; if these are an administrator's keys, check LSQ_HOST, "
        "LSQ_TENANT_ID, that the API is enabled, and the IP whitelist",
    )


class FieldsReader:
    """Reads all fields once. ``chance`` returns numbers in [0, 1) for the waits."""

    def __init__(
        self,
        client: Client,
        limiter: RateLimiter,
        give_up_after_s: float,
        emit: Emit,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._reads = AccountReads(limiter, give_up_after_s, emit, jitter=chance)

    @property
    def calls(self) -> int:
        """Number of calls so far."""
        return self._reads.calls

    @property
    def throttled(self) -> int:
        """Number of calls that were answered with 429."""
        return self._reads.throttled

    async def read(self, account: str) -> AccountFields:
        """Read all fields.

        Raises FieldsNotShown, FieldsIncomplete, and StoppedEarly after too long without an answer.
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
        """Return SchemaName -> field, from all pages.

        The documentation of Offset is ambiguous: it may count records from 0, records from 1, or pages. These are tried
        in turn until no field is missing.
        """
        pages = _Pages(self._page)
        await pages.read_records(0)
        await pages.read_records(1)
        await pages.read_numbered(2)  # Offset 0 and 1 were requested above
        if not pages.whole:
            raise pages.error()
        return pages.fields

    async def _page(self, offset: int) -> FieldsPage | _Refusal:
        return await self._call(Request(path=FIELDS_PATH, text=page_request(offset)), read_page)

    async def _values(self, field: AccountField) -> LookupValues | _Refusal:
        found = await self._call(Request(path=lookup_path(field.schema_name.rpartition(".")[2])), read_lookup)
        if isinstance(found, LookupValues) or not field.lookup_id:
            return found
        by_id = await self._call(Request(path=lookup_path(field.lookup_id)), read_lookup)
        return by_id if isinstance(by_id, LookupValues) else found

    async def _call(self, request: Request, read: _Read[_Parsed]) -> _Parsed | _Refusal:
        """Repeat a call until its answer is usable; repeated unclear answers count as a refusal."""
        unclear = 0

        async def ask(gate: RequestGate) -> _Parsed | UnusableAnswer | NotSent:
            nonlocal unclear
            said = await self._client.read(request, gate)
            answer = read(said.status, said.headers, said.body) if isinstance(said, AccountReply) else said
            if isinstance(answer, Unclear) and answer.http_status is not None:
                unclear += 1
                if unclear == _MOST_UNCLEAR_ANSWERS:
                    return Refused(answer.reason, answer.http_status)
            return answer

        return await self._reads.call(ask, "the account's fields")
