"""The account's state as one JSON-able document, for users, other processes and tests. Pure: no I/O."""

from __future__ import annotations

from dataclasses import asdict

from importer.sandbox.account_state import AccountState
from importer.sandbox.options import SandboxOptions

RECORD_PATH = "/sandbox/record"


def state_document(options: SandboxOptions, state: AccountState) -> dict[str, object]:
    """Return ``tenant_id, rate, algorithm, tickets, calls, leads, warnings``; see ``state_records`` for the members.

    Fields are lists of ``[SchemaName, Value]``. The access keys are not included.
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
    # Lists instead of tuples, so that this document equals the one that was sent as JSON.
    match value:
        case dict():
            return {name: _lists(item) for name, item in value.items()}
        case tuple() | list():
            return [_lists(item) for item in value]
        case _:
            return value
