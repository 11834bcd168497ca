"""What a rule itself may send, held against its own type: a default that is never right would spoil row after row."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from importer.errors import MappingError
from importer.mapping import Mapping, Rule
from importer.mapping.findings import Finding, located
from importer.validation.cells import as_sent
from importer.validation.values import convert


def check_own_texts(mapping: Mapping) -> None:
    """Hold `default`, `values` and `one_of` of every rule against its type.

    Raises MappingError whose ``details`` name every text that its rule could never send, with file and line.
    """
    findings = [Finding(rule.line, text) for rule in mapping.rules for text in _faults(rule)]
    if findings:
        hint = "mend the mapping and run the same command again; mappings/README.md explains the whole language"
        message = f"the mapping {mapping.path} can't be used:"
        raise MappingError(message, hint=hint, details=located(mapping.path, findings))


def _faults(rule: Rule) -> Iterator[str]:
    where = f"columns > {rule.column}"
    if rule.region is not None:
        from importer.validation.phones import is_region  # noqa: PLC0415 - loaded by those alone who name one

        if not is_region(rule.region):
            yield f"{where}: {rule.region!r} is not a region of ISO 3166 with phone numbers, such as IN, DE or GB"
            return
    own = [("values", text) for text in dict.fromkeys(rule.values.values())]
    own += [("one_of", text) for text in rule.one_of if text not in rule.values.values()]
    if rule.default is not None:
        own.append(("default", rule.default))
    if own:
        converted = convert(pd.Series([text for _, text in own], dtype=object), as_sent(rule))
        for (key, text), bad in zip(own, converted.bad, strict=True):
            if bad:
                yield f"{where}: `{key}` has {text!r}, which is not {converted.expected}"
