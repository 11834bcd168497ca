"""Rows and rules to tickets and all problems: every row, every problem, in one pass, chunk by chunk."""

from importer.validation.fingerprints import Prints, fingerprints
from importer.validation.keys import KeyIndex, RowKeys
from importer.validation.leads import SharedLeads
from importer.validation.rows import Checked, Validator, content_hashes
from importer.validation.screen import Mask

__all__ = [
    "Checked",
    "KeyIndex",
    "Mask",
    "Prints",
    "RowKeys",
    "SharedLeads",
    "Validator",
    "content_hashes",
    "fingerprints",
]
