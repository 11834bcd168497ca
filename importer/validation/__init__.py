"""Rows and rules to tickets and all problems: every row, every problem, in one pass, chunk by chunk."""

from importer.validation.fingerprints import Prints, fingerprints
from importer.validation.keys import KeyIndex, RowKeys
from importer.validation.leads import SharedLeads
from importer.validation.named import Names
from importer.validation.numbers import for_stored_numbers
from importer.validation.oddities import Oddities
from importer.validation.own_texts import check_own_texts
from importer.validation.rows import Checked, Validator, content_hashes
from importer.validation.screen import Mask

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
