"""Drafts a mapping: profiles a sample's columns, decides, checks the draft, writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from importer.account_fields import AccountFields
from importer.errors import ManifestError, MappingError, ProgramError, UsageError
from importer.manifest.chunks import Chunk
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.snapshot import private_copy, private_folder
from importer.mapping import check_columns, load_mapping
from importer.models import ManifestOptions, Problem
from importer.results import COLUMNS
from importer.suggest.attachment_columns import find_files
from importer.suggest.cell_parts import parts_of, with_parts
from importer.suggest.column_profile import ContentKind, profile_column
from importer.suggest.decisions import ColumnDecision, Confidence, Draft, FileColumns, KeyDecision, draft
from importer.suggest.presets import Preset, adapted, find_preset
from importer.suggest.yaml_writer import DraftSource, mapping_yaml, yaml_scalar
from importer.validation import Validator

SAMPLE_ROWS = 10_000
_PROBED_ROWS = 100
_HEADER_ROWS = 10  # the header is searched in the first rows
_MOST_COLUMNS, _MOST_NAMES_CHARS = 5_000, 200_000  # people read a mapping, and its size is limited
# Cells of these kinds are never column names.
_NO_NAMES = (
    ContentKind.EMAIL,
    ContentKind.EMAILS,
    ContentKind.PHONE,
    ContentKind.GUID,
    ContentKind.TIME,
    ContentKind.INTEGER,
    ContentKind.NUMBER,
    ContentKind.URL,
)
_PACKED = (".gz", ".zip")
_OF_A_TYPE = (
    "type",
    "format",
    "decimal",
    "thousands",
    "true_words",
    "false_words",
)  # options that fields of type text do not have
_MOST_REFUSED = 0.5  # share of cells that the account may refuse before the column is left out
_MOST_WRONG = 0.2  # share of cells that may be mistakes; if more do not fit, the guessed type is wrong


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A drafted mapping. ``text``: as YAML; ``detected``: how the manifest was read; ``rows``: of the sample."""

    text: str
    draft: Draft
    files: FileColumns
    detected: str
    rows: int
    preset: str = ""  # the helpdesk whose mapping is the draft

    @property
    def has_lead(self) -> bool:
        """Whether a column identifies the lead; without one the mapping can't be used as it is."""
        return self.draft.has_lead


def suggest(manifest: Path, fields: AccountFields | None, sheet: str | None = None) -> Suggestion:
    """Draft a mapping for a manifest. ``sheet``: the sheet of a workbook.

    Raises ManifestError, and UsageError for a file that is not a manifest.
    """
    with private_folder() as folder:
        copy = private_copy(manifest, folder)
        header_row, opened = _opened(copy.path, manifest, sheet)
        sample, is_whole = _sample(opened, manifest)
        copies = {column for columns in opened.repeated.values() for column in columns[1:]}
        cells = {column: sample.texts(column) for column in opened.columns if column not in copies}
        parts = {column: parts_of(texts, opened.repeated.get(column, ())) for column, texts in cells.items()}
        looked = {column: profile_column(parts[column].texts) for column in cells}
        files = find_files({name: (looked[name], cells[name]) for name in looked}, manifest.absolute().parent)
        decided = with_parts(_without_files(draft(looked, fields), files), parts)
        decided = _without_repeated_key(decided, opened)
        about = DraftSource(
            manifest=manifest.name,
            source=_source(manifest),
            header_row=header_row,
            rows=len(sample.rows),
            is_whole=is_whole,
            has_fields=fields is not None,
            sheet=sheet,
        )
        detected, rows = opened.format.describe(), len(sample.rows)
        if (preset := find_preset(opened.columns)) and header_row == 1:
            try:
                text, decided = _of_preset(preset, about, opened, copy.path)
                no_files = FileColumns()
                return Suggestion(
                    text=text, draft=decided, files=no_files, detected=detected, rows=rows, preset=preset.name
                )
            except (MappingError, ManifestError):
                pass  # the columns differ too much from those of the helpdesk
        decided = _checked_with_sample(decided, about, sample, fields)
        text = _checked(decided, files, about, opened)
        return Suggestion(text=text, draft=decided, files=files, detected=detected, rows=rows)


def _of_preset(preset: Preset, about: DraftSource, opened: Manifest, path: Path) -> tuple[str, Draft]:
    """Return the preset for a manifest, as text and as decisions.

    Raises MappingError or ManifestError if it does not fit the manifest.
    """
    copies = {column for columns in opened.repeated.values() for column in columns[1:]}
    columns = [column for column in opened.columns if column not in copies]
    head = [
        f"# A draft for {about.manifest}, made by `ticket-importer suggest` from the mapping for {preset.name}.",
        "# Check the words of your account (statuses, priorities) on the right side of `values` and in `one_of`.",
        "# mappings/README.md explains the language; `ticket-importer validate` checks the mapping.",
    ]
    options = [f"sheet: {yaml_scalar(about.sheet)}"] if about.sheet is not None else []
    if preset.mapping.manifest.encoding and opened.format.encoding not in ("", "utf-8", "utf-8-sig"):
        options.append(f"encoding: {preset.mapping.manifest.encoding}")
    if preset.mapping.manifest.footer:
        options.append(f"footer: {preset.mapping.manifest.footer}")
    text = adapted(preset, columns, head, options)
    with private_folder() as folder:
        draft_path = folder / "draft.yaml"
        draft_path.write_text(text, encoding="utf-8")
        mapping = load_mapping(draft_path)
        read = open_manifest(path, mapping.manifest, mapping.mentioned_columns, may_lack=mapping.mentioned_columns)
        check_columns(mapping, read.columns, read.format.absent_columns, read.repeated)
    fields = {rule.column: rule.field for rule in mapping.rules}
    decisions = tuple(
        ColumnDecision(column=column, field=fields[column], confidence=Confidence.SURE)
        if column in fields
        else ColumnDecision(column=column, confidence=Confidence.UNMAPPED)
        for column in columns
        if column in fields or column not in mapping.used_columns
    )
    key = KeyDecision(column=mapping.key[0], field=mapping.key_field or "")
    return text, Draft(key=key, decisions=decisions)


def _opened(path: Path, manifest: Path, sheet: str | None) -> tuple[int, Manifest]:
    """Open the manifest; its header is the first row, or a later one below a title.

    Raises ManifestError if no header is found. A row of the table is never used as the header, because its ticket would
    be lost in silence.
    """
    first: Manifest | ManifestError | None = None
    for header_row in range(1, _HEADER_ROWS + 1):
        try:
            options = ManifestOptions(header_row=header_row, sheet=sheet)
            opened = open_manifest(path, options, (), shown_as=manifest)
            sample = next(opened.chunks(_PROBED_ROWS), None)
        except ManifestError as error:
            first = first or error
            continue
        is_first = first is None
        first = first or opened
        if sample is None:
            break
        # With a title of one cell as the header, every row would fit a table of one column.
        if len(opened.columns) > 1 and 2 * len(sample.problems) < len(sample.rows):
            if is_first or _are_names(sample):
                return (
                    1 if is_first else opened.format.header_row
                ), opened  # blank rows above the header are skipped anyway
            if isinstance(first, Manifest) and len(first.columns) < len(opened.columns):
                first = _too_few_names(manifest, first, opened)
            break  # this row is part of the table
    if isinstance(first, ManifestError):
        raise first
    assert first is not None
    return 1, first


def _too_few_names(manifest: Path, first: Manifest, table: Manifest) -> ManifestError:
    return ManifestError(
        f"{manifest}, row {first.format.header_row}: the header can't be used, because the rows below it have more "
        f"cells ({len(table.columns):,}) than it has names",
        hint="Name every column in the header; if it is a title, remove it.",
    )


def _are_names(sample: Chunk) -> bool:
    """Return whether the header has names, unlike the cells below it; else it may be a row."""
    below = {name: sample.texts(name) for name in sample.columns}
    if any(profile_column([name]).kind in _NO_NAMES or name in cells for name, cells in below.items()):
        return False
    return any(profile_column(cells).kind in _NO_NAMES for cells in below.values())


def _sample(opened: Manifest, manifest: Path) -> tuple[Chunk, bool]:
    """Return the first rows, and whether they are all rows."""
    count, chars = len(opened.columns), sum(map(len, opened.columns))
    if count > _MOST_COLUMNS or chars > _MOST_NAMES_CHARS:
        raise UsageError(
            f"{manifest} has {count:,} columns, with {chars:,} characters in their names: too many for a draft",
            hint=f"export only some columns: at most {_MOST_COLUMNS:,}, with {_MOST_NAMES_CHARS:,} characters",
        )
    if taken := [column for column in opened.columns if column in COLUMNS]:
        raise UsageError(
            f"{manifest} is a results file: it has the columns {', '.join(taken)}",
            hint="draft from the original manifest; run results again with `rerun` and their mapping",
        )
    chunks = opened.chunks(SAMPLE_ROWS)
    sample = next(chunks, None)
    if sample is None:
        raise ManifestError(f"{manifest} has a header and no rows", hint="a draft needs at least one row")
    return sample, next(chunks, None) is None


def _source(manifest: Path) -> str:
    """Return a name for the source: the file's name without endings, so `tickets` for `tickets.csv.gz`."""
    stem = Path(manifest.stem).stem if manifest.suffix.lower() in _PACKED else manifest.stem
    name = "".join(letter for letter in stem if letter.isprintable()).strip()
    while name and not name[0].isalnum():
        name = name[1:]
    return name[:100].strip() or "manifest"


def _without_files(decided: Draft, files: FileColumns) -> Draft:
    """Remove the columns that name attachments; leave those with missing files unmapped."""
    why = "TODO: it looks like file names, but none of the files is beside the manifest"
    decisions = tuple(
        ColumnDecision(column=each.column, confidence=Confidence.UNMAPPED, why=why)
        if each.column in files.left
        else each
        for each in decided.decisions
        if each.column not in files.used
    )
    return replace(decided, decisions=decisions)


def _without_repeated_key(decided: Draft, opened: Manifest) -> Draft:
    """Remove a key whose column is repeated: a key is one cell."""
    if decided.key.column not in opened.repeated:
        return decided
    return replace(decided, key=KeyDecision(why="the header has this column several times, with different values"))


def _checked_with_sample(decided: Draft, about: DraftSource, sample: Chunk, fields: AccountFields | None) -> Draft:
    """Remove what would reject many cells of the sample; say so in the draft's comments."""
    if not decided.has_lead:
        return decided
    wrong = _sample_problems(decided, about, sample, None)
    decided = replace(decided, decisions=tuple(_with_weaker_type(each, wrong, sample) for each in decided.decisions))
    if fields is None:
        return decided
    return _without_refused(decided, _sample_problems(decided, about, sample, fields), sample, fields)


def _sample_problems(
    decided: Draft, about: DraftSource, sample: Chunk, fields: AccountFields | None
) -> Mapping[str, Sequence[Problem]]:
    """Return column -> problems of its filled cells, at most one for each cell."""
    with private_folder() as folder:
        path = folder / "draft.yaml"
        path.write_text(mapping_yaml(decided, FileColumns(), about), encoding="utf-8")
        mapping = load_mapping(path)
    checked = Validator(mapping, None, None, fields).convert_rows(sample.frame, np.array(sample.rows, dtype=np.int64))
    wrong: dict[str, list[Problem]] = {}
    for problems in checked.problems.values():
        of_row = {problem.column: problem for problem in problems if problem.code != "missing-value"}
        for column, problem in of_row.items():
            if column is not None:
                wrong.setdefault(column, []).append(problem)
    return wrong


def _with_weaker_type(
    decision: ColumnDecision, wrong: Mapping[str, Sequence[Problem]], sample: Chunk
) -> ColumnDecision:
    filled, count = _filled(decision, sample), len(wrong.get(decision.column, ()))
    if "type" not in decision.rule or count <= _MOST_WRONG * filled:
        return decision
    kind = decision.rule["type"]
    rule = {key: value for key, value in decision.rule.items() if key not in _OF_A_TYPE}
    note = f"TODO: {count:,} of {filled:,} cells would be rejected with `type: {kind}`"
    return replace(decision, confidence=Confidence.GUESS, rule=rule, why=decision.why or "by its name", note=note)


def _without_refused(
    decided: Draft, wrong: Mapping[str, Sequence[Problem]], sample: Chunk, fields: AccountFields
) -> Draft:
    """Leave columns unmapped if the account refuses most cells and does not require the field."""
    decisions, key = [], decided.key
    for each in decided.decisions:
        problems, filled = wrong.get(each.column, ()), _filled(each, sample)
        field = fields.by_name.get(each.field)
        if len(problems) <= _MOST_REFUSED * filled or (field is not None and field.is_required):
            decisions.append(each)
        elif each.column == key.column:
            key = replace(key, field="", field_why="")
        else:
            count = f"{len(problems):,} of {filled:,} cells for {each.field}"
            why = f"TODO: the account refuses {count}, such as {problems[0].value!r}"
            decisions.append(replace(each, confidence=Confidence.UNMAPPED, why=why, guess=""))
    return replace(decided, key=key, decisions=tuple(decisions))


def _filled(decision: ColumnDecision, sample: Chunk) -> int:
    return sum(bool(cell.strip()) for cell in sample.texts(decision.column))


def _checked(decided: Draft, files: FileColumns, about: DraftSource, opened: Manifest) -> str:
    """Return the draft as text. Raises ProgramError if it has a lead but is not a valid mapping."""
    text = mapping_yaml(decided, files, about)
    if decided.has_lead:
        with private_folder() as folder:
            path = folder / "draft.yaml"
            path.write_text(text, encoding="utf-8")
            try:
                check_columns(load_mapping(path), opened.columns, repeated=opened.repeated)
            except MappingError as error:
                raise ProgramError(f"the draft is not a valid mapping: {'; '.join(error.details)}") from error
    return text
