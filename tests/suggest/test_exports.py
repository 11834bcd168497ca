"""Drafts for exports in several helpdesks' words: what is called sure is right, and most of what can be right is."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.account_fields import AccountFields
from importer.mapping import check_columns, load_mapping
from importer.suggest import Suggestion, suggest
from importer.suggest.decisions import Confidence
from tests.suggest.exports import ALL, FURTHER, KEY, MISLEADING, Export
from tests.suggest.making import account_fields


def drafted(export: Export, folder: Path, fields: AccountFields | None) -> Suggestion:
    manifest = folder / "export.csv"
    export.write(manifest)
    return suggest(manifest, fields)


def decided(suggestion: Suggestion) -> dict[str, tuple[str, Confidence]]:
    """Column -> what the draft makes of it, and how sure it is."""
    found = {each.column: (each.field, each.confidence) for each in suggestion.draft.decisions}
    key = suggestion.draft.key
    return found | ({key.column: (KEY, Confidence.GUESS if key.why else Confidence.SURE)} if key.column else {})


@pytest.mark.parametrize("fields", [None, account_fields()], ids=["alone", "with-fields"])
@pytest.mark.parametrize("name", [*ALL, *FURTHER, "misleading"])
def test_nothing_wrong_is_called_sure(name: str, fields: AccountFields | None, tmp_path: Path):
    """A field that is called sure is one that the column is for, whatever the names pretend."""
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
def test_most_columns_find_their_field(name: str, fields: AccountFields | None, tmp_path: Path):
    """Of the columns that are for a field, at least nine in ten get it; at least two in three without a guess."""
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
def test_a_draft_is_a_mapping_that_fits(name: str, fields: AccountFields | None, tmp_path: Path):
    """It loads without a warning, names every column once, and what it leaves is ignored with a reason."""
    suggestion = drafted(ALL[name], tmp_path, fields)
    path = tmp_path / "draft.yaml"
    path.write_text(suggestion.text, encoding="utf-8")
    mapping = load_mapping(path)
    check_columns(mapping, list(ALL[name].columns))
    assert mapping.source == "export"
    left = {each.column for each in suggestion.draft.decisions if each.confidence is Confidence.UNMAPPED}
    assert mapping.ignore == left
    for line in suggestion.text.partition("ignore:\n")[2].splitlines():
        assert "#" in line


def test_what_misleads_is_left_or_marked(tmp_path: Path):
    """Where the name speaks for a field and the cells against it, the draft says both."""
    suggestion = drafted(MISLEADING, tmp_path, None)
    assert "DueDate" in suggestion.text
    assert "%d/%m/%Y or %m/%d/%Y" in suggestion.text
    assert decided(suggestion)["Vorname"] == ("LeadDetail.Phone", Confidence.GUESS)
    assert decided(suggestion)["Email"] == ("", Confidence.UNMAPPED)
