"""What a mapping itself may send, held against its type: a default that is never right would spoil row after row."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from importer.errors import MappingError
from importer.mapping import Mapping, Rule
from importer.mapping.findings import MappingFinding, located
from importer.mapping.rule_checks import sent_texts
from importer.mapping.yaml_source import Place
from importer.validation.field_conversion import UNSENDABLE, as_constant, as_sent, unsendable
from importer.validation.type_conversion import convert


def check_mapping_values(mapping: Mapping) -> None:
    """Hold `default`, `values` and `one_of` of every rule against its type, and each constant against its field's.

    Raises MappingError whose ``details`` name every text that could never be sent, with file and line.
    """
    findings = [
        MappingFinding(mapping.line("columns", rule.column, *place), f"columns > {rule.column}: {text}")
        for rule in mapping.rules
        for place, text in _faults(rule)
    ]
    for name, value in mapping.constants:
        if wrong := as_constant(name, value)[1]:
            findings.append(MappingFinding(mapping.line("constants", name), f"constants > {name}: {value!r} {wrong}"))
    if findings:
        hint = "mend the mapping and run the same command again; mappings/README.md explains the whole language"
        message = f"the mapping {mapping.path} can't be used:"
        raise MappingError(message, hint=hint, details=located(mapping.path, findings))


def _faults(rule: Rule) -> Iterator[tuple[Place, str]]:
    if rule.region is not None:
        from importer.validation.phones import is_region  # noqa: PLC0415 - loaded by those alone who name one

        if not is_region(rule.region):
            yield ("region",), f"{rule.region!r} is not a region of ISO 3166 with phone numbers, such as IN, DE or GB"
            return
    own = list(sent_texts(rule))
    targets = frozenset(rule.values.values())
    own += [(("one_of", index), text) for index, text in enumerate(rule.one_of) if text not in targets]
    if own:
        converted = convert(pd.Series([text for _, text in own], dtype=object), as_sent(rule))
        for (place, text), bad in zip(own, converted.bad, strict=True):
            if unsendable(text):
                yield place, f"`{place[0]}` has {text!r}, which {UNSENDABLE}"
            elif bad:
                yield place, f"`{place[0]}` has {text!r}, which is not {converted.expected}"
