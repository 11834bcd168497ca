"""The mapping language as a JSON Schema (2020-12), for editors: made of the models that check a mapping.

An editor's YAML makes numbers and booleans of texts such as ``5`` and ``yes``, which ours leaves as they are, so the
schema takes them where a text is meant. What depends on more than one key is not in it; ``validate`` tells that.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from importer.mapping.descriptions import DESCRIPTIONS
from importer.mapping.language import SECTIONS, MappingModel

_SCALAR = ["string", "number", "boolean"]
_WORDS = ("true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "0", "1")
_TRUTH = f"^({'|'.join(''.join(f'[{letter.upper()}{letter}]' for letter in word) for word in _WORDS)})$"
_WHOLE = r"^\s*\+?[0-9]+(_[0-9]+)*\s*$"


def mapping_schema() -> dict[str, Any]:
    """The schema of a mapping file."""
    schema = MappingModel.model_json_schema(schema_generator=_Generator)
    for key in ("columns", "constants", "templates"):  # nothing behind a name takes out what was included
        names = schema["properties"][key]
        names["additionalProperties"] = {"anyOf": [names["additionalProperties"], {"type": "null"}]}
    _finish(MappingModel, "", schema)
    for name, section in SECTIONS.items():
        if name:
            _finish(section, name, schema["$defs"][section.__name__])
    required = schema.pop("required")
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "A mapping of ticket-importer",
        "description": "What becomes of each column of a manifest.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
        # What is required may stand in a file that is included; one made for that does not say whose keys it has.
        "if": {
            "allOf": [{"not": {"required": ["include"]}}, {"anyOf": [{"required": [key]} for key in ("source", "key")]}]
        },
        "then": {"required": required},
    }


class _Generator(GenerateJsonSchema):
    """As pydantic does it, but for what a text may look like to an editor."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return {**super().str_schema(schema), "type": _SCALAR}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return {**super().dict_schema(schema), "propertyNames": {"minLength": 1}}

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's signature
        return {"type": ["boolean", "integer", "string"], "pattern": _TRUTH, "minimum": 0, "maximum": 1}

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return {**super().int_schema(schema), "type": ["integer", "string"], "pattern": _WHOLE}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        numbers = [int(value) for value in schema["expected"] if isinstance(value, str) and value.isdigit()]
        return {"enum": [*schema["expected"], *numbers]}


def _finish(section: type[BaseModel], name: str, schema: dict[str, Any]) -> None:
    """Describe each key, take out pydantic's own words, and let what is optional be empty, as the language does."""
    for key in ("title", "description"):
        schema.pop(key, None)
    for key, field in section.model_fields.items():
        said = {word: value for word, value in schema["properties"][key].items() if word != "title"}
        default = said.pop("default", None)
        if not field.is_required() and {"type": "null"} not in said.get("anyOf", ()):
            said = {"anyOf": [said, {"type": "null"}]}
        if default not in (None, [], {}) and not isinstance(default, dict):
            said["default"] = default
        schema["properties"][key] = {"description": DESCRIPTIONS[name][key], **said}
