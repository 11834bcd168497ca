"""The mapping language: what becomes of each column of a manifest.

    source      YAML text -> plain data, every text as written, with lines
    language    the keys there are and the shape of their values      wording     its errors, in our words
    shape       data -> model, and what keeps it from being one
    rulechecks  one rule by itself      checks  all parts together     fields      the documented names
    values      the checked, frozen outcome                            columns     outcome against a manifest

Reading the one file in ``loading`` is its only I/O.
"""

from importer.mapping.columns import check_columns
from importer.mapping.loading import load_mapping
from importer.mapping.values import AttachmentRules, ColumnUse, FieldType, Mapping, Rule, Use

__all__ = [
    "AttachmentRules",
    "ColumnUse",
    "FieldType",
    "Mapping",
    "Rule",
    "Use",
    "check_columns",
    "load_mapping",
]
