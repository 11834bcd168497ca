"""`suggest`: drafts a mapping from a manifest's columns, cells and the account's fields.

    suggestion           the workflow: manifest in, text out
    manifest_options     opens the manifest with the options of `manifest:` that it needs
    column_profile       what the cells of a column are; date_detection: how its dates are written
    attachment_columns   columns that name files
    vocabulary           names of columns and values in exports of helpdesks
    cell_parts           cells with several values, or with an address among other text
    presets              recognises exports of helpdesks; preset_files has their mappings
    preset_draft         the mapping of a helpdesk for a manifest, with what does not fit
    proposals            the fields that a column may be for
    content_match        whether the cells agree with a field
    key_choice           the column that identifies rows
    decisions            the field of each column, and how sure that is
    sample_check         all decisions, without those that the cells or the account contradict
    rule_options         type, format and values of each rule
    yaml_writer          decisions to commented YAML

A draft is never wrong and sure: if name and cells disagree, or two columns compete, the decision is marked as a guess.
"""

from importer.suggest.suggestion import Suggestion, suggest

__all__ = ["Suggestion", "suggest"]
