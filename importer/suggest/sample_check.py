"""Decides on all columns of a sample, and takes back what would reject many of its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from importer.account_fields import AccountFields
from importer.manifest.chunks import Chunk
from importer.manifest.snapshot import private_folder
from importer.mapping import load_mapping
from importer.models import Problem
from importer.suggest.cell_parts import CellParts, nested_columns, with_parts
from importer.suggest.column_profile import ColumnProfile
from importer.suggest.decisions import ColumnDecision, Confidence, Draft, FileColumns, Left, draft
from importer.suggest.yaml_writer import DraftSource, mapping_yaml
from importer.validation import Validator

# Options that fields of type text do not have.
_OF_A_TYPE = ("type", "format", "decimal", "thousands", "true_words", "false_words")
_MOST_REFUSED = 0.5  # share of cells that the account may refuse before the column is left out
_MOST_WRONG = 0.2  # share of cells that may be mistakes; if more do not fit, the guessed type is wrong
_MOST_ROUNDS = 5  # another column may take the field of one that is refused


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the decisions are made of: the columns with their cells, the files that they name, the account's fields."""

    columns: Mapping[str, ColumnProfile]
    parts: Mapping[str, CellParts]
    files: FileColumns
    rows: Chunk
    fields: AccountFields | None

    def filled(self, column: str) -> int:
        """Return how many cells of a column are not blank."""
        return sum(bool(cell.strip()) for cell in self.rows.texts(column))


def decide(sample: Sample, about: DraftSource) -> Draft:
    """Decide on every column; leave out what the sample's cells contradict, and say so in the draft's comments."""
    left = {**nested_columns(sample.parts), **_missing_files(sample.files)}
    columns = {name: each for name, each in sample.columns.items() if name not in sample.files.used}
    for _ in range(_MOST_ROUNDS):
        decided = with_parts(draft(columns, sample.fields, left), sample.parts)
        if not decided.has_lead:  # this is no mapping yet
            return decided
        wrong = _problems(decided, about, sample, None)
        decided = replace(
            decided, decisions=tuple(_with_weaker_type(each, wrong, sample) for each in decided.decisions)
        )
        if sample.fields is None:
            return decided
        wrong = _problems(decided, about, sample, sample.fields)
        refused = _refused(decided, wrong, sample, sample.fields)
        if not refused:
            break
        left |= refused
    return _without_refused_key(decided, wrong, sample)


def _missing_files(files: FileColumns) -> Left:
    """Return the columns whose cells look like file names, but whose files are missing."""
    why = "TODO: it looks like file names, but none of the files is beside the manifest"
    return {(each, ""): ColumnDecision(column=each, confidence=Confidence.UNMAPPED, why=why) for each in files.left}


def _problems(
    decided: Draft, about: DraftSource, sample: Sample, fields: AccountFields | None
) -> Mapping[str, Sequence[Problem]]:
    """Return column -> problems of its filled cells, at most one for each cell."""
    with private_folder() as folder:
        path = folder / "draft.yaml"
        path.write_text(mapping_yaml(decided, FileColumns(), about), encoding="utf-8")
        mapping = load_mapping(path)
    rows = np.array(sample.rows.rows, dtype=np.int64)
    checked = Validator(mapping, None, None, fields).convert_rows(sample.rows.frame, rows)
    wrong: dict[str, list[Problem]] = {}
    for problems in checked.problems.values():
        of_row = {problem.column: problem for problem in problems if problem.code != "missing-value"}
        for column, problem in of_row.items():
            if column is not None:
                wrong.setdefault(column, []).append(problem)
    return wrong


def _with_weaker_type(
    decision: ColumnDecision, wrong: Mapping[str, Sequence[Problem]], sample: Sample
) -> ColumnDecision:
    filled, count = sample.filled(decision.column), len(wrong.get(decision.column, ()))
    if "type" not in decision.rule or count <= _MOST_WRONG * filled:
        return decision
    kind = decision.rule["type"]
    rule = {key: value for key, value in decision.rule.items() if key not in _OF_A_TYPE}
    note = f"TODO: {count:,} of {filled:,} cells would be rejected with `type: {kind}`"
    return replace(decision, confidence=Confidence.GUESS, rule=rule, why=decision.why or "by its name", note=note)


def _refused(decided: Draft, wrong: Mapping[str, Sequence[Problem]], sample: Sample, fields: AccountFields) -> Left:
    """Return the columns for optional fields whose cells the account mostly refuses."""
    found: dict[tuple[str, str], ColumnDecision] = {}
    for each in decided.decisions:
        problems, filled = wrong.get(each.column, ()), sample.filled(each.column)
        field = fields.by_name.get(each.field)
        is_required = field is not None and field.is_required
        if len(problems) <= _MOST_REFUSED * filled or is_required or each.column == decided.key.column:
            continue
        count = f"{len(problems):,} of {filled:,} cells for {each.field}"
        why = f"TODO: the account refuses {count}, such as {problems[0].value!r}"
        found[each.column, each.field] = replace(each, confidence=Confidence.UNMAPPED, why=why, guess="")
    return found


def _without_refused_key(decided: Draft, wrong: Mapping[str, Sequence[Problem]], sample: Sample) -> Draft:
    """Leave the field of the key empty if the account refuses most keys."""
    column = decided.key.column
    if len(wrong.get(column, ())) <= _MOST_REFUSED * len(sample.rows.rows):
        return decided
    rest = tuple(each for each in decided.decisions if each.column != column)
    return replace(decided, key=replace(decided.key, field="", field_why=""), decisions=rest)
