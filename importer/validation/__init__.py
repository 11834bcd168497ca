"""Validation: turns rows into tickets by the mapping's rules, and reports every problem of every row in one pass.

validator               entry point: rows of a chunk -> converted_rows (tickets) and problems
field_conversion        each different cell of a column to the field's value, by its rule, template or constant
rule_steps              what each key of a rule does to cells, and which cells it rejects
type_conversion         cells to values by type; dates, numbers and phones have modules of their own
account_rules           limits that the account's field metadata sets
mapping_values          checks the values that the mapping itself contains
attachments             the rows' files: sizes and problems
suspicious_cells        warnings about cells that an earlier program probably damaged
row_filter              rows that the mapping's `rows` leave out
cell_choices            the values that cells of a column may have
row_keys                keys and content hashes of rows
key_index, fingerprints repeated keys in little memory
renumbered_rows         known keys whose title or lead changed
html_text               HTML to text and back
"""

from importer.validation.cell_choices import cell_choices
from importer.validation.converted_rows import ConvertedRows
from importer.validation.fingerprints import Fingerprints, fingerprints
from importer.validation.key_index import KeyIndex, RowKeys
from importer.validation.mapping_values import check_mapping_values
from importer.validation.renumbered_rows import RenumberedRowCounter
from importer.validation.row_filter import RowFilter
from importer.validation.row_keys import RowKeyReader, content_hashes
from importer.validation.suspicious_cells import SuspiciousCells
from importer.validation.validator import Validator

__all__ = [
    "ConvertedRows",
    "Fingerprints",
    "KeyIndex",
    "RenumberedRowCounter",
    "RowFilter",
    "RowKeyReader",
    "RowKeys",
    "SuspiciousCells",
    "Validator",
    "cell_choices",
    "check_mapping_values",
    "content_hashes",
    "fingerprints",
]
