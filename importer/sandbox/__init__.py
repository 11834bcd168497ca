"""A stand-in LeadSquared account: as strict as the documentation, and no kinder than it where it is silent.

It listens on a socket like the real one, counts calls like the real one, and can be told what goes wrong when. It is
for trying a mapping, for rehearsing a run, and for every test of this package; it is not the vendor's, and an account's
own rules go further than it knows.
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
