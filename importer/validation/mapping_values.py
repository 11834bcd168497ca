"""Checks the values in the mapping itself, before any row is read: an invalid default would fail in every row."""

from __future__ import annotations

from collections.abc import Iterator

from importer.errors import MappingError
from importer.mapping import Mapping, Rule
from importer.mapping.document import KeyPath, key_path_text
from importer.mapping.findings import MappingFinding, format_findings
from importer.mapping.rule_checks import literal_texts
from importer.validation.field_conversion import convert_constant
from importer.validation.rule_steps import UNSENDABLE, is_unsendable, with_fixed_type
from importer.validation.type_conversion import convert


def check_mapping_values(mapping: Mapping) -> None:
    """Check `default`, `values` and `one_of` of every rule by the rule's type, and constants by their field's type.

    Raises MappingError; its ``details`` name every invalid value with file and line.
    """
    findings = [
        MappingFinding(mapping.line(*rule.place, *place), f"{key_path_text(rule.place)}: {text}")
        for rule in mapping.rules
        if rule.column not in mapping.gaps.rules
        for place, text in _invalid_values(rule)
    ]
    for name, value in mapping.constants:
        if wrong := convert_constant(name, value)[1]:
            findings.append(MappingFinding(mapping.line("constants", name), f"constants > {name}: {value!r} {wrong}"))
    if findings:
        hint = "correct the mapping and run the same command again; mappings/README.md explains the mapping language"
        message = f"the mapping {mapping.path} contains invalid values:"
        raise MappingError(message, hint=hint, details=format_findings(mapping.path, findings))


def _invalid_values(rule: Rule) -> Iterator[tuple[KeyPath, str]]:
    if rule.region is not None:
        from importer.validation.phones import is_region  # noqa: PLC0415 - loaded only where a rule has a region

        if not is_region(rule.region):
            yield ("region",), f"{rule.region!r} is not a country code with phone numbers, such as IN, DE or GB"
            return
    values = list(literal_texts(rule))
    targets = frozenset(rule.values.values())
    values += [(("one_of", index), text) for index, text in enumerate(rule.one_of) if text not in targets]
    if values:
        converted = convert([text for _, text in values], with_fixed_type(rule))
        for (place, text), value in zip(values, converted.values, strict=True):
            if is_unsendable(text):
                yield place, f"`{place[0]}`: {text!r} {UNSENDABLE}"
            elif value is None:
                yield place, f"`{place[0]}`: {text!r} is not {converted.expected}"
