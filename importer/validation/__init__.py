"""Rows and rules to tickets and all problems: every row, every problem, in one pass, chunk by chunk."""

from importer.validation.fingerprints import Prints, fingerprints
from importer.validation.key_index import KeyIndex, RowKeys
from importer.validation.mapping_texts import check_own_texts
from importer.validation.numbers import for_stored_numbers
from importer.validation.renumbered_rows import RowNames
from importer.validation.screen import Mask
from importer.validation.shared_leads import SharedLeads
from importer.validation.suspicious_cells import SuspiciousCells
from importer.validation.validator import CheckedFields, Validator, content_hashes

__all__ = [
    "CheckedFields",
    "KeyIndex",
    "Mask",
    "Prints",
    "RowKeys",
    "RowNames",
    "SharedLeads",
    "SuspiciousCells",
    "Validator",
    "check_own_texts",
    "content_hashes",
    "fingerprints",
    "for_stored_numbers",
]
