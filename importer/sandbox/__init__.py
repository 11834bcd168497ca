"""The sandbox: a simulated LeadSquared account, as strict as the documentation.

It serves the API on a socket, counts calls, and simulates faults by a plan. Use it to try a mapping, for a rehearsal,
and in tests. It is not the vendor's software; a real account may have more rules.

server            entry point: start a sandbox and look at its state
request_handler   one request: rate limit, keys, route
ticket_calls, other_calls  the calls of the API
request_body, multipart, ticket_dto, value_checks  strict parsing and checking of requests
account           configuration: fields and their values
account_state, state_records, state_document  tickets, leads and calls so far
faults, fault_plan, fault_selection  simulated faults
answers, connection  answers, and how they are sent or withheld
"""

from importer.sandbox.account import Field, SandboxAccount, default_account
from importer.sandbox.fault_plan import FaultPlan
from importer.sandbox.faults import Fault, FaultRule
from importer.sandbox.options import DEFAULT_ACCESS_KEY, DEFAULT_SECRET_KEY, SandboxOptions
from importer.sandbox.server import Sandbox, serve
from importer.sandbox.state_document import RECORD_PATH
from importer.sandbox.state_records import CallRecord, FileRecord, LeadRecord, TicketRecord
from importer.sandbox.value_checks import FieldKind

__all__ = [
    "DEFAULT_ACCESS_KEY",
    "DEFAULT_SECRET_KEY",
    "RECORD_PATH",
    "CallRecord",
    "Fault",
    "FaultPlan",
    "FaultRule",
    "Field",
    "FieldKind",
    "FileRecord",
    "LeadRecord",
    "Sandbox",
    "SandboxAccount",
    "SandboxOptions",
    "TicketRecord",
    "default_account",
    "serve",
]
