"""Drafts for exports of several helpdesks: sure rules are right, and most columns get one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.account_fields import AccountFields
from importer.cli import invoke
from importer.mapping import check_columns, load_mapping
from importer.suggest import Suggestion, presets, suggest
from importer.suggest.decisions import Confidence
from tests.cli.shop import ROOT
from tests.suggest.exports import ALL, FURTHER, KEY, MISLEADING, Export
from tests.suggest.making import account_fields


def drafted(export: Export, folder: Path, fields: AccountFields | None) -> Suggestion:
    manifest = folder / "export.csv"
    export.write(manifest)
    return suggest(manifest, fields)


def decided(suggestion: Suggestion) -> dict[str, tuple[str, Confidence]]:
    """Return each column's field and confidence in the draft."""
    found = {each.column: (each.field, each.confidence) for each in suggestion.draft.decisions}
    key = suggestion.draft.key
    return found | ({key.column: (KEY, Confidence.GUESS if key.why else Confidence.SURE)} if key.column else {})


@pytest.mark.parametrize("fields", [None, account_fields()], ids=["alone", "with-fields"])
@pytest.mark.parametrize("name", [*ALL, *FURTHER, "misleading"])
def test_sure_fields_are_right(name: str, fields: AccountFields | None, tmp_path: Path):
    """Even if the column names mislead."""
    export = {**ALL, **FURTHER, "misleading": MISLEADING}[name]
    suggestion = drafted(export, tmp_path, fields)
    wrong = {
        column: field
        for column, (field, confidence) in decided(suggestion).items()
        if confidence is Confidence.SURE and field not in export.truth[column]
    }
    assert wrong == {}


@pytest.mark.parametrize("fields", [None, account_fields()], ids=["alone", "with-fields"])
@pytest.mark.parametrize("name", ALL)
def test_most_columns_get_their_field(name: str, fields: AccountFields | None, tmp_path: Path):
    """Nine in ten with guesses, two in three without."""
    export = ALL[name]
    found = decided(drafted(export, tmp_path, fields))
    reachable = {column for column, right in export.truth.items() if right}
    # Of two columns for one field, one can have it.
    reachable -= {"Mobile phone", "Urgency", "Impact", "Issue id"}
    if fields is not None:
        reachable -= {"Kategorie", "Category", "Subcategory"}  # whose values the account doesn't know
    right = {column for column in reachable if found.get(column, ("", None))[0] in export.truth[column]}
    sure = {column for column in right if found[column][1] is Confidence.SURE}
    assert len(right) >= 0.9 * len(reachable), reachable - right
    assert len(sure) >= 2 / 3 * len(reachable), reachable - sure


@pytest.mark.parametrize("fields", [None, account_fields()], ids=["alone", "with-fields"])
@pytest.mark.parametrize("name", ALL)
def test_draft_loads_without_warnings(name: str, fields: AccountFields | None, tmp_path: Path):
    """It names every column once; columns without a rule are ignored with a reason."""
    suggestion = drafted(ALL[name], tmp_path, fields)
    path = tmp_path / "draft.yaml"
    path.write_text(suggestion.text, encoding="utf-8")
    mapping = load_mapping(path)
    check_columns(mapping, list(ALL[name].columns))
    assert mapping.source == (suggestion.preset or "export")
    left = {each.column for each in suggestion.draft.decisions if each.confidence is Confidence.UNMAPPED}
    assert mapping.ignore == left
    for line in suggestion.text.partition("ignore:\n")[2].splitlines():
        assert "#" in line or suggestion.preset


def test_misleading_columns_are_guesses_or_without_a_rule(tmp_path: Path):
    """The draft says what the name and what the cells suggest."""
    suggestion = drafted(MISLEADING, tmp_path, None)
    assert "DueDate" in suggestion.text
    assert "%d/%m/%Y or %m/%d/%Y" in suggestion.text
    assert decided(suggestion)["Vorname"] == ("LeadDetail.Phone", Confidence.GUESS)
    assert decided(suggestion)["Email"] == ("", Confidence.UNMAPPED)


HELPDESKS = sorted(path for path in (ROOT / "sample_data" / "exports").iterdir())


@pytest.mark.parametrize("manifest", HELPDESKS, ids=[path.stem for path in HELPDESKS])
def test_export_of_a_known_helpdesk_gets_its_mapping(manifest: Path, tmp_path: Path) -> None:
    """`validate` accepts it for the sample."""
    suggestion = suggest(manifest, None)
    assert (suggestion.preset, suggestion.has_lead) == (manifest.stem, True)
    path = tmp_path / "draft.yaml"
    path.write_text(suggestion.text, encoding="utf-8")
    drafted, original = load_mapping(path), load_mapping(ROOT / "mappings" / f"{manifest.stem}.yaml")
    assert [(rule.column, rule.field, rule.values) for rule in drafted.rules] == [
        (rule.column, rule.field, rule.values) for rule in original.rules
    ]
    assert (drafted.key, drafted.rows) == (original.key, original.rows)
    assert invoke(["validate", str(manifest), "-m", str(path)]) == 0


def test_columns_of_an_export_may_differ_from_the_helpdesk_mapping(tmp_path: Path) -> None:
    """Rules of missing columns are removed with their comments; unknown columns are ignored."""
    path = tmp_path / "export.csv"
    path.write_text(
        "Issue key,Issue id,Summary,Reporter,Status,Team,Team\nA-1,1,a,mina@example.com,Done,x,y\n", "utf-8"
    )
    text = suggest(path, None).text
    assert "Due date" not in text
    assert "Resolution" not in text
    assert text.endswith(
        "  - Issue id\n  # TODO: columns that the mapping of this helpdesk does not know. To use one, move it to `columns`.\n  - Team\n"
    )
    (tmp_path / "draft.yaml").write_text(text, encoding="utf-8")
    assert invoke(["validate", str(path), "-m", str(tmp_path / "draft.yaml")]) == 0


def test_a_page_of_an_api_without_its_contacts_says_where_they_are(tmp_path: Path) -> None:
    """Zendesk has the users beside the tickets, which have only their numbers."""
    ticket = {"id": 1, "subject": "a", "raw_subject": "a", "has_incidents": False, "requester_id": 7}
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"tickets": [ticket], "users": [{"id": 7, "email": "a@example.com"}], "count": 1}))
    text = " ".join(suggest(path, None).text.split())
    assert "the contacts of zendesk are not in this export: see the head of its mapping, mappings/zendesk.yaml" in text


def test_a_whole_name_says_how_to_split_it(tmp_path: Path) -> None:
    """Leads have a first and a last name."""
    path = tmp_path / "export.csv"
    path.write_text("Ticket ID,Subject,Email,Full name\n1,a,a@example.com,Ann Lee\n2,b,b@example.com,Bo\n")
    assert (
        "- Full name  # TODO: first and last name; mappings/zendesk.yaml shows how to split" in suggest(path, None).text
    )


def test_presets_equal_the_published_mappings() -> None:
    """Installed users have the same files."""
    files = Path(presets.__file__).parent / "preset_files"
    assert {path.name: path.read_text("utf-8") for path in files.iterdir()} == {
        path.name: path.read_text("utf-8") for path in (ROOT / "mappings").glob("*.yaml") if path.stem != "old-helpdesk"
    }
