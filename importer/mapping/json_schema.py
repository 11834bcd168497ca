"""The mapping language as a JSON Schema (2020-12) for editors, made from the models that check a mapping.

An editor reads ``5`` and ``yes`` as a number and a boolean, so the schema allows both where the language wants a text.
Rules about several keys are not in the schema; `validate` checks them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from importer.mapping.descriptions import DESCRIPTIONS
from importer.mapping.document_models import SECTIONS, MappingModel

_SCALAR = ["string", "number", "boolean"]
_WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "0", "1")
_BOOLEAN_PATTERN = f"^({'|'.join(''.join(f'[{letter.upper()}{letter}]' for letter in word) for word in _WORDS)})$"
_WITH_FIELD = {"if": {"type": "object"}, "then": {"required": ["field"]}}
_INTEGER_PATTERN = r"^\s*\+?[0-9]+(_[0-9]+)*\s*$"


def mapping_schema() -> dict[str, Any]:
    """Return the schema of a mapping file."""
    schema = MappingModel.model_json_schema(schema_generator=_Generator)
    for key in ("columns", "constants", "templates"):  # a name without a value removes the included one
        names = schema["properties"][key]
        names["additionalProperties"] = {"anyOf": [names["additionalProperties"], {"type": "null"}]}
    _finish_section(MappingModel, "", schema)
    for name, section in SECTIONS.items():
        if name:
            _finish_section(section, name, schema["$defs"][section.__name__])
    required = schema.pop("required")
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "A mapping of ticket-importer",
        "description": "Which column of a manifest fills which field of a ticket.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
        # A required key may be in an included file; a file that is made for inclusion has no `source` and `key`.
        "if": {
            "allOf": [{"not": {"required": ["include"]}}, {"anyOf": [{"required": [key]} for key in ("source", "key")]}]
        },
        "then": {"required": required},
        # Only a column that a template joins needs no field.
        "allOf": [
            {
                "if": {"not": {"anyOf": [{"required": ["templates"]}, {"required": ["include"]}]}},
                "then": {"properties": {"columns": {"additionalProperties": {**_WITH_FIELD, "items": _WITH_FIELD}}}},
            }
        ],
    }


class _Generator(GenerateJsonSchema):
    """pydantic's generator, with all forms that an editor may see in place of a text."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return {**super().str_schema(schema), "type": _SCALAR}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return {**super().dict_schema(schema), "propertyNames": {"minLength": 1}}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's signature
        return {"type": ["boolean", "integer", "string"], "pattern": _BOOLEAN_PATTERN, "minimum": 0, "maximum": 1}

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {**super().int_schema(schema), "type": ["integer", "string"], "pattern": _INTEGER_PATTERN}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        numbers = [int(value) for value in schema["expected"] if isinstance(value, str) and value.isdigit()]
        return {"enum": [*schema["expected"], *numbers]}


def _finish_section(section: type[BaseModel], name: str, schema: dict[str, Any]) -> None:
    """Describe each key, remove pydantic's own titles, and allow optional keys without a value."""
    for key in ("title", "description"):
        schema.pop(key, None)
    for key, field in section.model_fields.items():
        key_schema = {word: value for word, value in schema["properties"][key].items() if word != "title"}
        default = key_schema.pop("default", None)
        if not field.is_required() and {"type": "null"} not in key_schema.get("anyOf", ()):
            key_schema = {"anyOf": [key_schema, {"type": "null"}]}
        if default not in (None, [], {}) and not isinstance(default, dict):
            key_schema["default"] = default
        schema["properties"][key] = {"description": DESCRIPTIONS[name][key], **key_schema}
