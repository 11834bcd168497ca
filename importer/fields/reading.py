"""Asks the account for its fields: page by page, then the values of each select field. Every call takes a slot.

How a lookup is named in the address is not documented beyond the example `SubType`, which is a SchemaName: so that is
asked for first, and ``RelatedLookupId`` where there is nothing under it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from importer.errors import StoppedEarly
from importer.fields.values import AccountField, AccountFields
from importer.leadsquared.client import Client, Said
from importer.leadsquared.connections import Gate
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
from importer.leadsquared.quota import Quota
from importer.leadsquared.wire import KeysRefused, NotSent, Refused, Unclear, WrongUrl
from importer.submission.questions import Questions

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
    """One reading. ``chance`` is that of the waits, uniform in [0, 1)."""

    def __init__(
        self, client: Client, quota: Quota, give_up_after_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._client = client
        self._questions = Questions(quota, give_up_after_s, chance=chance)

    @property
    def calls(self) -> int:
        """How many calls were made so far."""
        return self._questions.calls

    @property
    def throttled(self) -> int:
        """How many of them were answered 429."""
        return self._questions.throttled

    async def read(self, account: str) -> AccountFields:
        """Read all fields. Raises FieldsNotShown, and StoppedEarly when an answer has not come for too long."""
        fields: dict[str, AccountField] = {}
        notes: list[str] = []
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
        else:
            notes.append(f"the account's list of fields did not end after {_MOST_PAGES:,} calls: others are not known")
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
        """Ask until there is an answer that tells; one that is unclear again and again is a refusal."""
        unclear = 0

        async def ask(gate: Gate) -> _Told | Denied | NotSent:
            nonlocal unclear
            said = await self._client.ask(question.path, gate, question.body)
            answer = read(said.status, said.headers, said.body) if isinstance(said, Said) else said
            if isinstance(answer, Unclear) and answer.http_status is not None:
                unclear += 1
                if unclear == _MOST_UNCLEAR_ANSWERS:
                    return Refused(answer.reason, answer.http_status)
            return answer

        return await self._questions.told(ask, "told the account's fields")


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked: a path below the account's address, and a body where it is a POST."""

    path: str
    body: bytes | None = None
