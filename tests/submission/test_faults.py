"""The fault table: what each thing that can go wrong leaves of a row, here and on the server."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ImporterError, StoppedEarly
from importer.models import Attachment
from importer.sandbox import Fault, Sandbox, serve
from importer.submission.retry import RetryPolicy
from tests.leadsquared.peers import attach, quick
from tests.submission.sending import rows, sending

STRUCK = "3"  # the key, and the title, of the second of three rows


@dataclass(frozen=True)
class Fate:
    """The row's state and error code in the end, how many calls it took, and whether the run went on after it."""

    state: str
    code: str
    calls: int = 1
    goes_on: bool = True


CREATED = Fate("created", "")
REFUSED = Fate("failed", "refused")
SENT_AGAIN = Fate("created", "", calls=2)
SERVER_ERROR = Fate("unknown", "server-error")
UNCLEAR = Fate("unknown", "unclear-answer")
NO_ANSWER = Fate("unknown", "no-answer")
TIMEOUT = Fate("unknown", "answer-timeout")
APPLICATION_ERROR = Fate("unknown", "application-error")
NUMBER_TWICE = Fate("unknown", "number-twice")
KEYS = Fate("pending", "keys-refused", goes_on=False)
URL = Fate("pending", "wrong-url", goes_on=False)
ON_THE_FIRST_CALL = {
    # Before the first ticket of a ledger these speak of the account.
    Fault.FORBIDDEN: KEYS,
    Fault.NOT_FOUND: URL,
    Fault.REDIRECT: URL,
    Fault.FOUND: URL,
    Fault.NOT_JSON: Fate("unknown", "unclear-answer", goes_on=False),
    Fault.APPLICATION_ERROR: Fate("unknown", "application-error", goes_on=False),
}

TABLE = {
    Fault.BAD_REQUEST: REFUSED,
    Fault.UNAUTHORIZED: KEYS,
    Fault.FORBIDDEN: REFUSED,  # not the first call, so the keys are right
    Fault.NOT_FOUND: REFUSED,
    Fault.REDIRECT: UNCLEAR,
    Fault.FOUND: UNCLEAR,
    Fault.TIMEOUT: SERVER_ERROR,
    Fault.TOO_MANY: SENT_AGAIN,
    Fault.SERVER_ERROR: SERVER_ERROR,
    Fault.SERVER_ERROR_AFTER: SERVER_ERROR,
    Fault.APPLICATION_ERROR: APPLICATION_ERROR,
    Fault.BAD_GATEWAY_HTML: SERVER_ERROR,
    Fault.UNAVAILABLE: SERVER_ERROR,
    Fault.NO_CONTENT: UNCLEAR,
    Fault.REFUSED_200: REFUSED,
    Fault.REFUSED_200_WITH_ID: UNCLEAR,
    Fault.CUT_JSON: NO_ANSWER,
    Fault.SUCCESS_WITHOUT_ID: UNCLEAR,
    Fault.NOT_JSON: UNCLEAR,
    Fault.HUGE_ANSWER: UNCLEAR,
    Fault.SLOW: CREATED,
    Fault.HANG_BEFORE: TIMEOUT,
    Fault.HANG_AFTER: TIMEOUT,
    Fault.RESET_BEFORE: NO_ANSWER,
    Fault.RESET_AFTER: NO_ANSWER,
    Fault.EARLY_401: KEYS,
    Fault.EARLY_413: REFUSED,
    Fault.EARLY_429: SENT_AGAIN,
    Fault.CLOSE_MID_BODY: NO_ANSWER,
    Fault.CLOSED_BEFORE: NO_ANSWER,
    Fault.CLOSED_AFTER: NO_ANSWER,
    Fault.CLOSED_AFTER_ANSWER: CREATED,
    Fault.ANSWERED_TWICE: CREATED,
    Fault.CACHED_ANSWER: NUMBER_TWICE,
    Fault.REPEATED_NUMBER: NUMBER_TWICE,
    Fault.REUSED_CLOSED_BEFORE: CREATED,  # no connection carries a second request
    Fault.REUSED_MADE_THEN_CLOSED: CREATED,
}

# Faults before or while the body is read, and those after which it is sent again.
OF_THE_UPLOAD = {
    Fault.TOO_MANY,
    Fault.SLOW,
    Fault.HANG_BEFORE,
    Fault.RESET_BEFORE,
    Fault.EARLY_401,
    Fault.EARLY_413,
    Fault.EARLY_429,
    Fault.CLOSE_MID_BODY,
    Fault.CLOSED_BEFORE,
}


def test_the_table_is_complete() -> None:
    """Each fault has its entry."""
    assert set(TABLE) == set(Fault)


def files_for(folder: Path, kind: str) -> list[Attachment]:
    if kind == "bare":
        return []
    return [attach(folder / "a.bin", bytes(900_000)), attach(folder / "b.txt", b"b")]


def rules(fault: Fault) -> list[dict[str, Any]]:
    return [{"calls": 2, "fault": str(fault)} | ({"delay_s": 0.05} if fault is Fault.SLOW else {})]


@dataclass(frozen=True)
class Seen:
    """How a run ended, on both sides."""

    ending: ImporterError | None
    states: dict[str, tuple[str, str, int]]  # key -> state, error code, attempts
    tickets: Counter[str | None]  # by title
    calls: int


def import_with(fault: Fault, kind: str, folder: Path, policy: RetryPolicy) -> Seen:
    """Send three rows one after the other, the second of them struck."""
    hangs = fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER)

    async def whole() -> Seen:
        async with serve(quick(rules(fault))) as sandbox:
            three = rows(3, *files_for(folder, kind))
            way: dict[str, Any] = {"concurrency": 1, "answer_s": 0.3 if hangs else 20.0, "policy": policy}
            async with sending(folder, sandbox, three, **way) as run:
                ending = await run.of(three)
                found = {key: (entry.state, entry.error_code, entry.attempts) for key, entry in run.entries().items()}
            return Seen(ending, found, titles(sandbox), len(sandbox.calls))

    return asyncio.run(whole())


def titles(sandbox: Sandbox) -> Counter[str | None]:
    return Counter(made.value("Title") for made in sandbox.tickets)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [*((fault, "bare") for fault in TABLE), *((fault, "with files") for fault in TABLE if fault in OF_THE_UPLOAD)],
)
def test_single_fault_ends_in_its_documented_state(fault: Fault, kind: str, tmp_path: Path) -> None:
    """Each ends as the table says, after so many calls; the server has the ticket or not, and never two of one row."""
    seen, fate = import_with(fault, kind, tmp_path, RetryPolicy()), TABLE[fault]
    state, code, attempts = seen.states[STRUCK]
    assert (state, code) == (fate.state, fate.code)
    assert isinstance(seen.ending, StoppedEarly) is not fate.goes_on
    assert seen.states["2"][0] == "created"
    assert seen.states["4"][0] == ("created" if fate.goes_on else "pending")
    assert seen.calls == 1 + fate.calls + (1 if fate.goes_on else 0)
    made = fault.makes_ticket or fate.state == "created"
    assert seen.tickets == Counter({"2": 1, STRUCK: int(made), "4": int(fate.goes_on)}) + Counter()
    assert attempts == (0 if fate.state == "pending" else 1)  # a 429 is no attempt
    assert_honest(seen)


@pytest.mark.parametrize("fault", [fault for fault, fate in TABLE.items() if fate.state == "unknown"], ids=str)
def test_row_that_is_sent_again_is_never_marked_without_its_ticket(fault: Fault, tmp_path: Path) -> None:
    """With `--retry-unknown` a row may have two tickets, but what is known of it is still true."""
    assert_honest(import_with(fault, "bare", tmp_path, RetryPolicy(retry_unknown=True)))


def assert_honest(seen: Seen) -> None:
    """What is on the server is created or unknown here; what is created here is on the server."""
    for key, (state, _, _) in seen.states.items():
        assert (seen.tickets[key] > 0) <= (state in ("created", "unknown")), (key, state)
        assert (state == "created") <= (seen.tickets[key] > 0), (key, state)


@pytest.mark.parametrize(
    "fault", [fault for fault in TABLE if not fault.needs_reuse and not fault.names_first_ticket], ids=str
)
def test_a_fault_on_the_first_call(fault: Fault, tmp_path: Path) -> None:
    """The same but for answers that speak of the account: one call, and nothing else is sent."""
    plan = [{**rules(fault)[0], "calls": 1}]

    async def whole() -> None:
        async with serve(quick(plan)) as sandbox:
            two = rows(2)
            hangs = fault in (Fault.HANG_BEFORE, Fault.HANG_AFTER)
            async with sending(tmp_path, sandbox, two, answer_s=0.3 if hangs else 20.0) as run:
                ending = await run.of(two)
                fate = ON_THE_FIRST_CALL.get(fault, TABLE[fault])
                assert run.states() == [fate.state, "created" if fate.goes_on else "pending"]
                assert run.entries()["2"].error_code == fate.code
                assert isinstance(ending, StoppedEarly) is not fate.goes_on
                if not fate.goes_on:
                    assert len(sandbox.calls) == 1

    asyncio.run(whole())
