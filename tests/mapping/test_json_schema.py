"""The JSON Schema of the mapping language agrees with the loader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from importer.errors import MappingError
from importer.mapping.descriptions import DESCRIPTIONS
from importer.mapping.document_models import SECTIONS
from importer.mapping.json_schema import mapping_schema
from tests.mapping.conftest import BASE, Load
from tests.mapping.test_loading import FULL

MAPPINGS = Path(__file__).parent.parent.parent / "mappings"
README = re.findall(r"```yaml\n(.*?)```", (MAPPINGS / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
SAMPLES = {path.name: path.read_text(encoding="utf-8") for path in sorted(MAPPINGS.glob("*.yaml"))}

WRONG = [
    "columns: {Subject: Title}\nnonsense: 1",
    "version: 2",
    "version: true",
    "source: [a]",
    "key: {a: b}",
    "key: []",
    "columns: [Subject]",
    "columns: {}",
    "columns: {Subject: [[Title]]}",
    "columns: {Subject: [Title, {typ: date}]}",
    "columns: {Subject: {field: Title, requird: true}}",
    "columns: {Subject: {type: text}}",
    "lead_details: leads",
    "columns: {Subject: {field: Title, type: strng}}",
    "columns: {Subject: {field: Title, required: maybe}}",
    "columns: {Subject: {field: Title, max_length: 0}}",
    "columns: {Subject: {field: Title, max_length: ten}}",
    "columns: {Subject: {field: Title, max_length: 5, on_too_long: cut}}",
    "columns: {Subject: {field: Title, values: [a]}}",
    "columns: {Subject: {field: Title, values: {a: [b]}}}",
    "columns: {Subject: {field: Title, one_of: []}}",
    "attachments: [Files]",
    "attachments: {columns: Files, max_file_size: huge}",
    "attachments: {columns: Files, roots: a}",
    "duplicates: last",
    "manifest: {header_row: -1}",
    "ignore: {a: b}",
    "constants: {Status: [Open]}",
    "constants: {'': a}",
    "columns: {'': Title}",
    "columns: {Subject: {field: Title, values: {'': a}}}",
    "columns: {Subject: {field: CustomData.N, type: integer, thousands: ;}}",
    "columns: {Subject: {field: CustomData.N, type: phone, region: in}}",
    "source: -x",
    f"source: {'x' * 101}",
    "manifest: {delimiter: ab}",
    "attachments: {columns: Files, extensions: [tar.gz]}",
    "attachments: {columns: Files, max_file_size: 0 MB}",
    "attachments: {folder: files}",
    "attachments: {folder: '../{ID}'}",
    "attachments: {folder: 'a/../{ID}'}",
    "templates: {Status: x}",
]


def complaints(text: str) -> list[str]:
    """Return the problems that an editor finds in a mapping."""
    document = yaml.load(text, Loader=_EditorsLoader)
    validator = jsonschema.Draft202012Validator(mapping_schema())
    return [error.message for error in validator.iter_errors(document)]


class _EditorsLoader(yaml.SafeLoader):
    """YAML as editors read it: with numbers and booleans, but no dates; names are texts."""

    def construct_mapping(self, node: yaml.MappingNode, *_: Any, **__: Any) -> dict[Any, Any]:
        return {str(key.value): self.construct_object(value, deep=True) for key, value in node.value}


_EditorsLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def test_schema_is_valid():
    schema = mapping_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text", [*SAMPLES.values(), *README, BASE], ids=lambda text: text.splitlines()[1][:40])
def test_schema_accepts_every_sample(text: str):
    """All mappings of this repository and all examples of the README. Of files for `include` only the given keys are checked."""
    said = complaints(text)
    assert [each for each in said if "is a required property" not in each] == []
    assert said == [] or "source:" not in text


def test_schema_accepts_unquoted_scalars_for_texts():
    """And nothing behind an optional key."""
    assert complaints(FULL) == []
    assert complaints(f"{BASE}constants: {{Tags: 5, Channel: yes, Status: 1.5}}\nignore:\nattachments: ~\n") == []
    assert complaints(BASE.replace("version: 1", 'version: "1"')) == []
    assert complaints(BASE.replace("key: ID", "key: [2024, true]")) == []


@pytest.mark.parametrize(
    "text",
    [
        *(f"columns: {{S: {{field: Title, required: {word}}}}}" for word in ("ON", "YES", "OFF", "tRUE", "'1'", "n")),
        *(f"columns: {{S: {{field: Title, max_length: {number}}}}}" for number in ("1_000", "' 10'", "'1_0'", "+5")),
        *(f"manifest: {{delimiter: {sign}}}" for sign in ("tab", "'\\t'", "';'", "'|'")),
        *(f"attachments: {{columns: Files, extensions: [{ending}]}}" for ending in ("pdf", ".PDF", "7z", "größe")),
        *(f"attachments: {{folder: '{folder}'}}" for folder in ("{ID}", "a/{ID}/*", "..a/{ID}/**", "{{x}}/{ID}")),
        *(f"source: {name}" for name in ("Ärzte", "7", "a b_c", "x" * 100)),
    ],
)
def test_schema_accepts_what_the_loader_accepts(load: Load, text: str):
    key = text.partition(":")[0]
    base = {"version": "version: 1", "source": "source: a", "key": "key: ID", "columns": "columns: {A: Title}"}
    whole = "\n".join({**base, key: text, "constants": "constants: {LeadDetail.Phone: '123456'}"}.values())
    load(whole)
    assert complaints(whole) == []


@pytest.mark.parametrize("change", WRONG)
def test_schema_refuses_what_the_loader_refuses(load: Load, change: str):
    key = change.split(":", maxsplit=1)[0]
    lines = BASE.replace(
        "columns:\n  Subject: Title\n  Mail: LeadDetail.EmailAddress", "columns: {Mail: LeadDetail.EmailAddress}"
    )
    text = "".join(f"{line}\n" for line in lines.splitlines() if not line.startswith(f"{key}:")) + change + "\n"
    assert complaints(text) != []
    with pytest.raises(MappingError):
        load(text)


def test_schema_requires_keys_only_without_an_include():
    assert complaints("version: 1\nsource: a\nkey: ID\n") == ["'columns' is a required property"]
    assert complaints("version: 1\ninclude: base.yaml\n") == []
    assert complaints("version: 1\ncolumns: {Subject: Title}\n") == []


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_described(section: str):
    """Editors show the descriptions. No description is without a key."""
    keys = SECTIONS[section].model_fields.keys()
    assert DESCRIPTIONS[section].keys() == keys
    schema = mapping_schema()
    properties = schema["properties"] if not section else schema["$defs"][SECTIONS[section].__name__]["properties"]
    assert {key: each["description"] for key, each in properties.items()} == DESCRIPTIONS[section]
