"""Bulk ticket importer for LeadSquared Service Cloud.

README.md in this folder describes the layout of the package and the way of one row through it; README.md of `api` the
names that Python programs import from here. They are loaded when they are used, so that ``--help`` answers at once.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.api.check import validate
    from importer.api.imports import plan_import, rerun, run_import
    from importer.errors import ImporterError
    from importer.models import Rate, RowNumbers, Status
    from importer.reports.summary import NewLedger, PlanSummary, Summary, Validation
    from importer.runtime.events import Event, ProblemsFound, RowSettled, Warned
    from importer.workflows.options import Options

__version__ = "0.1.0"
__all__ = [
    "Event",
    "ImporterError",
    "NewLedger",
    "Options",
    "PlanSummary",
    "ProblemsFound",
    "Rate",
    "RowNumbers",
    "RowSettled",
    "Status",
    "Summary",
    "Validation",
    "Warned",
    "plan_import",
    "rerun",
    "run_import",
    "validate",
]
_MODULES = {
    "Event": "runtime.events",
    "ImporterError": "errors",
    "NewLedger": "reports.summary",
    "Options": "workflows.options",
    "PlanSummary": "reports.summary",
    "ProblemsFound": "runtime.events",
    "Rate": "models",
    "RowNumbers": "models",
    "RowSettled": "runtime.events",
    "Status": "models",
    "Summary": "reports.summary",
    "Validation": "reports.summary",
    "Warned": "runtime.events",
    "plan_import": "api.imports",
    "rerun": "api.imports",
    "run_import": "api.imports",
    "validate": "api.check",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    logging.getLogger(__name__).addHandler(logging.NullHandler())  # a program that sets up no log sees no line of it
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
