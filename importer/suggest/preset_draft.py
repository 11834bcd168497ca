"""Drafts the mapping of a known helpdesk for a manifest, with what does not fit its cells or the account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from importer.account_fields import check_mapping
from importer.leadsquared.documented_fields import LEAD_IDENTIFIERS
from importer.manifest.manifest import open_manifest
from importer.manifest.snapshot import private_folder
from importer.mapping import Mapping, check_columns, load_mapping
from importer.suggest.content_match import Match, match_contents
from importer.suggest.decisions import ColumnDecision, Confidence, Draft
from importer.suggest.key_choice import KeyDecision, repeated_values
from importer.suggest.manifest_options import ReadManifest, ReadOption
from importer.suggest.presets import Preset, adapted
from importer.suggest.sample_check import Sample
from importer.suggest.yaml_writer import DraftSource, comment, manifest_lines, missing_lines

_UTF8 = ("", "utf-8", "utf-8-sig")


def draft_of_preset(
    preset: Preset, about: DraftSource, read: ReadManifest, path: Path, sample: Sample
) -> tuple[str, Draft]:
    """Return the preset for a manifest, as text and as decisions. ``path``: the manifest's private copy.

    Raises MappingError or ManifestError if it does not fit the manifest.
    """
    text = adapted(preset, list(sample.columns), list(manifest_lines(_options(preset, read))))
    with private_folder() as folder:
        draft_path = folder / "draft.yaml"
        draft_path.write_text(text, encoding="utf-8")
        mapping = load_mapping(draft_path)
        opened = open_manifest(path, mapping.manifest, mapping.mentioned_columns, may_lack=mapping.mentioned_columns)
        check_columns(mapping, opened.columns, opened.format.absent_columns, opened.repeated)
    decided = _decided(mapping, list(sample.columns))
    head = [
        comment(f"A draft for {about.manifest}, made by `ticket-importer suggest` from the mapping for {preset.name}."),
        comment(
            "Check the words of your account (statuses, priorities) on the right side of `values` and in `one_of`."
        ),
        *missing_lines(decided, about),
        *(comment(f"TODO: {doubt}") for doubt in _doubts(mapping, sample)),
        comment("mappings/README.md explains the language; `ticket-importer validate` checks the mapping."),
    ]
    return "\n".join([*head, "", text]), decided


def _options(preset: Preset, read: ReadManifest) -> Sequence[ReadOption]:
    """Return the options that the manifest needs, and those of the preset for later exports."""
    options = {option.name: option for option in read.options}
    manifest = preset.mapping.manifest
    if manifest.encoding and read.manifest.format.encoding not in _UTF8:
        options.setdefault("encoding", ReadOption(name="encoding", value=manifest.encoding))
    if manifest.footer:
        options["footer"] = ReadOption(name="footer", value=manifest.footer)
    return tuple(options.values())


def _decided(mapping: Mapping, columns: Sequence[str]) -> Draft:
    fields = {rule.column: rule.field for rule in mapping.rules}
    decisions = tuple(
        ColumnDecision(column=column, field=fields[column], confidence=Confidence.SURE)
        if column in fields
        else ColumnDecision(column=column, confidence=Confidence.UNMAPPED)
        for column in columns
        if column in fields or column not in mapping.used_columns
    )
    return Draft(key=KeyDecision(column=mapping.key[0], field=mapping.key_field or ""), decisions=decisions)


def _doubts(mapping: Mapping, sample: Sample) -> Iterator[str]:
    """Yield what the cells of the sample and the account's fields contradict."""
    for column in mapping.key:
        if wrong := repeated_values(sample.columns[column]):
            yield f"key: {column!r} does not identify every row: {'; '.join(wrong)}"
    for rule in mapping.rules:
        if rule.field in LEAD_IDENTIFIERS and rule.column in sample.columns:
            found = match_contents(rule.field, sample.columns[rule.column], None)
            if found.agreement is Match.NO:
                yield f"columns > {rule.column}: it is {rule.field}, but {found.why}"
    if sample.fields is not None:
        fit = check_mapping(mapping, sample.fields, datetime.now(UTC))
        yield from (each.partition(": ")[2] for each in (*fit.errors, *fit.warnings))
