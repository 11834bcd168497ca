"""The mapping language: what becomes of each column of a manifest.

    source      YAML text -> plain data, every text as written, with lines
    language    the keys there are and the shape of their values      wording     its errors, in our words
    shape       data -> model, and what keeps it from being one
    rulechecks  one rule by itself (formats: its dates)      checks  all parts together     fields      its names
    values      the checked, frozen outcome                            columns     outcome against a manifest
    including   all the files of a mapping -> one document             pairs       tables of two columns
    likeness    which name was meant (zones: of time zones)            schema      the language, for editors

Reading in ``files`` is its only I/O.
"""

from importer.mapping.columns import check_columns, is_ignored
from importer.mapping.loading import load_mapping
from importer.mapping.rules import AttachmentRules, ColumnUse, FieldType, Mapping, Rule, Use
from importer.mapping.templates import Template

__all__ = [
    "AttachmentRules",
    "ColumnUse",
    "FieldType",
    "Mapping",
    "Rule",
    "Template",
    "Use",
    "check_columns",
    "is_ignored",
    "load_mapping",
]
