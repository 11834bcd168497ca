"""Scores `suggest` and a match of names on known exports: `python -m tests.bench.suggest_scores`.

Prints JSON: for `alone`, `with_fields` and `nearest` the number of columns that have a field, of those with the right
field, and of those with a wrong field that is marked as sure.
"""

from __future__ import annotations

import difflib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from importer.account_fields import AccountFields
from importer.suggest import suggest
from importer.suggest.decisions import Confidence
from tests.suggest.exports import ALL, FURTHER, KEY, MISLEADING, Export
from tests.suggest.making import account_fields

EXPORTS = (*ALL.values(), *FURTHER.values(), MISLEADING)
Decided = Mapping[str, tuple[str, bool]]  # column -> its field, and whether the draft marks it as sure


@dataclass(frozen=True, kw_only=True)
class Score:
    """Numbers of columns."""

    with_a_field: int
    right: int
    wrong_and_sure: int


def score(decisions: Iterator[tuple[Export, Decided]]) -> Score:
    """Compare the decisions with the true fields of the columns."""
    with_a_field = right = wrong_and_sure = 0
    for export, decided in decisions:
        for column, fields in export.truth.items():
            field, sure = decided.get(column, ("", False))
            with_a_field += bool(fields)
            right += field in fields
            wrong_and_sure += bool(field) and sure and field not in fields
    return Score(with_a_field=with_a_field, right=right, wrong_and_sure=wrong_and_sure)


def drafted(folder: Path, fields: AccountFields | None) -> Iterator[tuple[Export, Decided]]:
    """Yield the decisions of `suggest`."""
    for export in EXPORTS:
        manifest = folder / "export.csv"
        export.write(manifest)
        draft = suggest(manifest, fields).draft
        decided = {each.column: (each.field, each.confidence is Confidence.SURE) for each in draft.decisions}
        if draft.key.column:
            decided[draft.key.column] = (KEY, not draft.key.why)
        yield export, decided


def nearest() -> Iterator[tuple[Export, Decided]]:
    """Yield the decisions by names alone: the field whose name is most similar to that of the column."""
    fields = {field.schema_name.rpartition(".")[2].lower(): field.schema_name for field in account_fields().fields}
    fields |= {"emailaddress": "LeadDetail.EmailAddress", "phone": "LeadDetail.Phone", "id": KEY}
    for export in EXPORTS:
        closest = {column: difflib.get_close_matches(column.lower(), fields, n=1) for column in export.columns}
        yield export, {column: (fields[names[0]], True) for column, names in closest.items() if names}


def main() -> None:
    """Print the scores."""
    with tempfile.TemporaryDirectory() as folder:
        scores = {
            "alone": score(drafted(Path(folder), None)),
            "with_fields": score(drafted(Path(folder), account_fields())),
            "nearest": score(nearest()),
        }
    sys.stdout.write(json.dumps({name: asdict(each) for name, each in scores.items()}) + "\n")


if __name__ == "__main__":
    main()
