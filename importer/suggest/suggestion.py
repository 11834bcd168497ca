"""Drafts a mapping: profiles a sample's columns, decides, checks the draft, writes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from importer.account_fields import AccountFields
from importer.errors import ManifestError, MappingError, ProgramError, UsageError
from importer.manifest.manifest import Manifest
from importer.manifest.snapshot import private_copy, private_folder
from importer.mapping import check_columns, load_mapping
from importer.results import COLUMNS
from importer.suggest.attachment_columns import find_files
from importer.suggest.cell_parts import parts_of
from importer.suggest.column_profile import profile_column
from importer.suggest.decisions import Draft, FileColumns
from importer.suggest.key_choice import KeyDecision
from importer.suggest.manifest_options import read_for_draft
from importer.suggest.preset_draft import draft_of_preset
from importer.suggest.presets import find_preset, helpdesk_of
from importer.suggest.sample_check import Sample, decide
from importer.suggest.yaml_writer import DraftSource, mapping_yaml

_PACKED = (".gz", ".zip")


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
        read = read_for_draft(copy.path, manifest, sheet)
        opened, rows = read.manifest, read.sample
        _refuse_results(opened, manifest)
        copies = {column for columns in opened.repeated.values() for column in columns[1:]}
        cells = {column: rows.texts(column) for column in opened.columns if column not in copies}
        parts = {column: parts_of(texts, opened.repeated.get(column, ())) for column, texts in cells.items()}
        looked = {column: profile_column(parts[column].texts) for column in cells}
        files = find_files({name: (looked[name], cells[name]) for name in looked}, manifest.absolute().parent)
        sample = Sample(columns=looked, parts=parts, files=files, rows=rows, fields=fields)
        about = DraftSource(
            manifest=manifest.name,
            source=_source(manifest),
            options=read.options,
            rows=len(rows.rows),
            is_whole=read.is_whole,
            has_fields=fields is not None,
            helpdesk=helpdesk_of(opened.columns),
        )
        preset = find_preset(opened.columns)
        if preset is not None:
            try:
                text, decided = draft_of_preset(preset, about, read, copy.path, sample)
                files = FileColumns()
            except (MappingError, ManifestError):
                preset = None  # the columns differ too much from those of the helpdesk
        if preset is None:
            decided = _without_repeated_key(decide(sample, about), opened)
            text = _checked(decided, files, about, opened)
        return Suggestion(
            text=text,
            draft=decided,
            files=files,
            detected=opened.format.describe(),
            rows=len(rows.rows),
            preset=preset.name if preset is not None else "",
        )


def _source(manifest: Path) -> str:
    """Return a name for the source: the file's name without endings, so `tickets` for `tickets.csv.gz`."""
    stem = Path(manifest.stem).stem if manifest.suffix.lower() in _PACKED else manifest.stem
    name = "".join(letter for letter in stem if letter.isprintable()).strip()
    while name and not name[0].isalnum():
        name = name[1:]
    return name[:100].strip() or "manifest"


def _refuse_results(opened: Manifest, manifest: Path) -> None:
    if taken := [column for column in opened.columns if column in COLUMNS]:
        raise UsageError(
            f"{manifest} is a results file: it has the columns {', '.join(taken)}",
            hint="draft from the original manifest; run results again with `rerun` and their mapping",
        )


def _without_repeated_key(decided: Draft, opened: Manifest) -> Draft:
    """Remove a key whose column is repeated: a key is one cell."""
    if decided.key.column not in opened.repeated:
        return decided
    return replace(decided, key=KeyDecision(why="the header has this column several times, with different values"))


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
