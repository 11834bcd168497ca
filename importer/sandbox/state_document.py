"""The state as one JSON-able document, for people, for other processes and for tests. Pure."""

from __future__ import annotations

from dataclasses import asdict

from importer.sandbox.account_state import AccountState
from importer.sandbox.options import SandboxOptions

RECORD_PATH = "/sandbox/record"


def state_document(options: SandboxOptions, state: AccountState) -> dict[str, object]:
    """``tenant_id, rate, algorithm, tickets, calls, leads, warnings``; list members are those of the records.

    Fields are lists of ``[SchemaName, Value]``. Keys are not in it.
    """
    return {
        "tenant_id": options.tenant_id,
        "rate": str(options.rate),
        "algorithm": options.algorithm,
        "tickets": [_lists(asdict(ticket)) for ticket in state.tickets],
        "calls": [asdict(call) for call in state.calls],
        "leads": [_lists(asdict(lead)) for lead in state.leads],
        "warnings": list(state.warnings),
    }


def _lists(value: object) -> object:
    # So that the record in the process and the one that was sent as JSON are equal.
    match value:
        case dict():
            return {name: _lists(item) for name, item in value.items()}
        case tuple() | list():
            return [_lists(item) for item in value]
        case _:
            return value
