"""mappings/README.md is compared with the code: every key is documented, and every example works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from importer.leadsquared.documented_fields import SYSTEM_FIELDS
from importer.mapping import FieldType, load_mapping
from importer.mapping.document_models import (
    AttachmentsModel,
    JoinModel,
    ManifestModel,
    MappingModel,
    RowsModel,
    RuleModel,
)
from tests.mapping.conftest import Load

MAPPINGS = Path(__file__).parent.parent.parent / "mappings"
TEXT = (MAPPINGS / "README.md").read_text(encoding="utf-8")
# A file that another example includes has its name above it; all other examples are complete.
FILES = dict(re.findall(r"`([a-z]+\.(?:yaml|csv))`:\n\n```(?:yaml|csv)\n(.*?)```", TEXT, flags=re.DOTALL))
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
EXAMPLES = [example for example in YAML if example not in FILES.values()]
TABLES = [table for table in re.findall(r"```csv\n(.*?)```", TEXT, flags=re.DOTALL) if table not in FILES.values()]


def first_cells(heading: str) -> list[str]:
    """Return the first column of the table below a heading."""
    section = re.split(r"^##+ ", TEXT.split(f"\n{heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("## A mapping", list(MappingModel.model_fields)),
        ("## Rules", list(RuleModel.model_fields)),
        ("### Joined columns", list(JoinModel.model_fields)),
        ("## Rows", list(RowsModel.model_fields)),
        ("## Attachments", list(AttachmentsModel.model_fields)),
        ("## Manifest", list(ManifestModel.model_fields)),
        ("### Types", [each.value for each in FieldType]),
    ],
)
def test_every_key_and_type_is_documented(heading: str, names: list[str]):
    """Each table has exactly the keys of the code."""
    assert sorted(first_cells(heading)) == sorted(names)


def test_every_system_field_is_documented():
    """The page names every system field of the code."""
    assert [name for name in SYSTEM_FIELDS if f"`{name}`" not in TEXT] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split("source: ")[1].split()[0])
def test_every_example_loads(load: Load, example: str, tmp_path: Path):
    """An example that is copied from the page loads without a warning."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert load(example).warnings == ()


def test_the_two_column_table_loads(tmp_path: Path):
    """The mapping that is a CSV file loads with the flags on the page."""
    (table,) = TABLES
    path = tmp_path / "fields.csv"
    path.write_text(table, encoding="utf-8")
    mapping = load_mapping(path, source="old-helpdesk", key=["Legacy ID"])
    assert [rule.field for rule in mapping.rules] == ["CustomData.LegacyId", "Title", "LeadDetail.EmailAddress"]
    assert mapping.ignore == {"Internal notes"}
    assert mapping.warnings == ()


def test_every_key_is_in_an_example_or_in_the_sample_mapping():
    """Each key has an example."""
    shown = "".join(YAML) + (MAPPINGS / "old-helpdesk.yaml").read_text(encoding="utf-8")
    models = (MappingModel, RuleModel, JoinModel, RowsModel, AttachmentsModel, ManifestModel)
    assert [key for model in models for key in model.model_fields if not re.search(rf"\b{key}:", shown)] == []
