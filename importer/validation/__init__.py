"""Rows and rules to tickets and all problems: every row, every problem, in one pass, chunk by chunk."""

from importer.validation.fingerprints import Prints, fingerprints
from importer.validation.key_index import KeyIndex, RowKeys
from importer.validation.mapping_texts import check_own_texts
from importer.validation.numbers import for_stored_numbers
from importer.validation.renumbered_rows import Names
from importer.validation.screen import Mask
from importer.validation.shared_leads import SharedLeads
from importer.validation.suspicious_cells import Oddities
from importer.validation.validator import Checked, Validator, content_hashes

__all__ = [
    "Checked",
    "KeyIndex",
    "Mask",
    "Names",
    "Oddities",
    "Prints",
    "RowKeys",
    "SharedLeads",
    "Validator",
    "check_own_texts",
    "content_hashes",
    "fingerprints",
    "for_stored_numbers",
]
