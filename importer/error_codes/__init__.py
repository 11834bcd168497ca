"""Catalogue of all ``import_error_code`` values. The table in the documentation is checked against it.

error_code  one entry
rejected    codes of rows that are never sent
sent        codes of the other rows
"""

from __future__ import annotations

from importer.error_codes.error_code import ErrorCode
from importer.error_codes.rejected import REJECTED
from importer.error_codes.sent import FAILED, PENDING, UNKNOWN
from importer.models import Status

__all__ = ["ERROR_CODES", "STATES", "ErrorCode"]

# The status of a row -> the codes that it can have.
STATES: dict[Status, dict[str, ErrorCode]] = {
    Status.REJECTED: REJECTED,
    Status.FAILED: FAILED,
    Status.UNKNOWN: UNKNOWN,
    Status.PENDING: PENDING,
}
ERROR_CODES: dict[str, ErrorCode] = {code: entry for entries in STATES.values() for code, entry in entries.items()}
