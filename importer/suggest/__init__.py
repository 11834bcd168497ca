"""`suggest`: drafts a mapping from what a manifest's columns are called and hold, and from the account's own fields.

    contents   what a column's cells are, and `times`, how dates are written     words     what fields are called
    judging    whether cells agree with a field     proposals   which fields a column may be for
    draft      the decisions                        rules       the rest of each rule
    writing    decisions to commented YAML          drafting    the story: manifest in, text out

Wrong and sure is what must not be: where name and cells don't agree, or two columns compete, it is a guess and marked.
"""

from importer.suggest.suggestion import Suggestion, suggest

__all__ = ["Suggestion", "suggest"]
