"""The account's own ticket fields, and checks against them.

    ticket_fields   a field as the account describes it
    value_check     checks one value against a field; patterns: the fields' regular expressions
    mapping_check   checks a mapping against all fields
    cache           fields that were read, saved for later commands
    fields_reader   reads the fields from the account; metadata: reads its answers

``fields_reader`` loads the API client, so checks never import it.
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
