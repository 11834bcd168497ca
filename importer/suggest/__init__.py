"""`suggest`: drafts a mapping from a manifest's columns, cells and the account's fields.

    suggestion           the workflow: manifest in, text out
    column_profile       what the cells of a column are; date_detection: how its dates are written
    attachment_columns   columns that name files
    vocabulary           names of columns and values in exports of helpdesks
    cell_parts           cells with several values, or with an address among other text
    presets              recognises exports of helpdesks; preset_files has their mappings
    proposals            the fields that a column may be for
    content_match        whether the cells agree with a field
    decisions            the field of each column, and how sure that is
    rule_options         type, format and values of each rule
    yaml_writer          decisions to commented YAML

A draft is never wrong and sure: if name and cells disagree, or two columns compete, the decision is marked as a guess.
"""

from importer.suggest.suggestion import Suggestion, suggest

__all__ = ["Suggestion", "suggest"]
