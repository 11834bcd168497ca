"""The account's own rules: which fields its tickets have, and what each of them takes.

    values   a field, as the account describes it      cells   a value held against it
    fit      a mapping held against all of them        cache   what was read, kept for the next command

Asking the account for them is in ``reading``; whoever only checks never loads it.
"""

from importer.account_fields.cache import FieldsCache
from importer.account_fields.mapping_check import MappingCheck, check_mapping
from importer.account_fields.ticket_fields import AccountField, AccountFields
from importer.account_fields.value_check import FieldViolation, find_violation

__all__ = [
    "AccountField",
    "AccountFields",
    "FieldViolation",
    "FieldsCache",
    "MappingCheck",
    "check_mapping",
    "find_violation",
]
