"""Rows and rules to tickets and all problems: every row, every problem, in one pass, chunk by chunk."""

from importer.validation.fingerprints import Fingerprints, fingerprints
from importer.validation.key_index import KeyIndex, RowKeys
from importer.validation.mapping_values import check_mapping_values
from importer.validation.numbers import with_stored_numbers
from importer.validation.quick_check import Mask
from importer.validation.renumbered_rows import RenumberedRowCounter
from importer.validation.shared_leads import SharedLeads
from importer.validation.suspicious_cells import SuspiciousCells
from importer.validation.validator import ConvertedRows, Validator, content_hashes

__all__ = [
    "ConvertedRows",
    "Fingerprints",
    "KeyIndex",
    "Mask",
    "RenumberedRowCounter",
    "RowKeys",
    "SharedLeads",
    "SuspiciousCells",
    "Validator",
    "check_mapping_values",
    "content_hashes",
    "fingerprints",
    "with_stored_numbers",
]
