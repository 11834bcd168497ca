"""The mapping language: which column of a manifest fills which field of a ticket.

A mapping file passes these modules, in this order:

    loading              the workflow: file -> Mapping, or all its errors at once
    mapping_files        reads the files, with limits; no other module here does I/O
    yaml_parser          YAML text -> document        two_column_files  the same for a table of two columns
    includes             all files of one mapping -> one document
    document_models      the keys of the language and the form of each value (pydantic)
    structure_check      document -> model            structure_messages  its errors in plain words
    rule_checks          checks of one rule           strptime_formats, time_zones, field_names  its values
    consistency          checks across rules and sections    joined_columns  the rules of columns that templates join
    checked_mapping      the result, frozen: what the rest of the program uses
    manifest_columns     the checked mapping against the columns of a manifest

Beside them: ``findings`` (an error with its line), ``similar_names`` (did you mean ...), ``templates``, and
``json_schema`` with ``descriptions`` (the language, for editors).
"""

from importer.mapping.checked_mapping import (
    FALSE_WORDS,
    TRUE_WORDS,
    AttachmentRules,
    ColumnMention,
    Mapping,
    Rule,
    Section,
)
from importer.mapping.document_models import RULE_KEYS
from importer.mapping.ignore_patterns import with_ignored_patterns
from importer.mapping.list_columns import with_repeated_columns
from importer.mapping.loading import WrongMappingError, load_mapping
from importer.mapping.manifest_columns import check_columns, is_ignored
from importer.mapping.templates import Join, Template
from importer.models import FieldType

__all__ = [
    "FALSE_WORDS",
    "RULE_KEYS",
    "TRUE_WORDS",
    "AttachmentRules",
    "ColumnMention",
    "FieldType",
    "Join",
    "Mapping",
    "Rule",
    "Section",
    "Template",
    "WrongMappingError",
    "check_columns",
    "is_ignored",
    "load_mapping",
    "with_ignored_patterns",
    "with_repeated_columns",
]
