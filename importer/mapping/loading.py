"""Loads a mapping file: file -> Mapping, or one error with everything that is wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from importer.errors import MappingError
from importer.mapping import consistency
from importer.mapping.cell_pattern import CellPattern
from importer.mapping.checked_mapping import (
    AttachmentRules,
    CellsByColumn,
    ColumnMention,
    DownloadRules,
    Gaps,
    Mapping,
    RowRules,
    Rule,
    Section,
)
from importer.mapping.document import Document, KeyPath, UnreadableError
from importer.mapping.document_models import AttachmentsModel, DownloadModel, MappingModel, RuleModel
from importer.mapping.findings import MappingFinding, format_findings
from importer.mapping.ignore_patterns import is_pattern
from importer.mapping.includes import is_two_column_mapping, read_document
from importer.mapping.joined_columns import joined_rule_errors, templates_and_rules
from importer.mapping.list_columns import single_columns
from importer.mapping.mapping_files import MappingFiles
from importer.mapping.rule_checks import rule_errors
from importer.mapping.structure_check import PLACEHOLDER, StructureCheck, check_structure
from importer.mapping.templates import Template
from importer.models import ManifestOptions

_HINT = "correct the mapping and run the same command again; mappings/README.md explains all keys"


class WrongMappingError(MappingError):
    """A mapping has errors. ``rest``: what is right of it; ``None`` if that is too little."""

    def __init__(self, path: Path, details: Sequence[str], rest: Mapping | None) -> None:
        super().__init__(f"the mapping {path} can't be used:", hint=_HINT, details=details)
        self.rest = rest


def load_mapping(path: Path, *, source: str | None = None, key: Sequence[str] = ()) -> Mapping:
    """Read and check a mapping file and the files that it includes.

    ``source`` and ``key`` (columns) are for a table of two columns, and only for it. Raises WrongMappingError whose
    ``details`` are all errors, each ``FILE:LINE: what is wrong``, in the order of the file.
    """
    is_table = is_two_column_mapping(path)
    if not is_table:
        _refuse_flags(path, source, key)
    files = MappingFiles()
    try:
        document = read_document(path, files)
    except UnreadableError as error:
        raise _error(path, [error.finding]) from None
    if is_table:
        _require_flags(path, source, key)
        document = _with_flags(document, source, key)
    structure = check_structure(document)
    findings = [*document.findings, *structure.findings]
    if structure.model is not None:
        findings += consistency.check_consistency(structure.model, document, structure)
    if structure.model is None:
        raise _error(path, findings)
    mapping = _mapping(path, files, structure.model, document)
    if findings:
        raise _error(path, findings, _rest(mapping, structure.model, document, structure))
    return mapping


def _refuse_flags(path: Path, source: str | None, key: Sequence[str]) -> None:
    if flags := " and ".join([*(["--source"] if source else []), *(["--key"] if key else [])]):
        raise MappingError(
            f"{flags} can't be used with the YAML mapping {path}",
            hint="set `source` and `key` in the mapping; the flags are for a table of two columns (.csv or .tsv)",
        )


def _require_flags(path: Path, source: str | None, key: Sequence[str]) -> None:
    if missing := [*([] if source else ["--source NAME"]), *([] if key else ["--key COLUMN"])]:
        raise MappingError(
            f"the mapping {path} is a table of two columns, which also needs {' and '.join(missing)}",
            hint="--source names the system that the tickets come from, --key the column that identifies a row"
            " (several times for several columns)",
        )
    if repeated := [column for column in key if key.count(column) > 1]:
        raise MappingError(f"--key {repeated[0]!r} is given twice", hint="give each column of the key once")


def _with_flags(document: Document, source: str | None, key: Sequence[str]) -> Document:
    assert isinstance(document.data, dict)
    # One column is a text and not a list, so that `--key row-content` means the same as in a mapping.
    flags = {"source": source, "key": key[0] if len(key) == 1 else [*key]}
    lines: dict[KeyPath, int] = {**document.lines, ("source",): 0, ("key",): 0}  # in no line of the file
    return replace(document, data={**document.data, **flags}, lines=lines)


def _error(path: Path, findings: list[MappingFinding], rest: Mapping | None = None) -> WrongMappingError:
    return WrongMappingError(path, format_findings(path, findings), rest)


def _rest(mapping: Mapping, model: MappingModel, document: Document, structure: StructureCheck) -> Mapping:
    """Return what is right of a mapping with errors, for checks that find further ones."""
    wrong = {str(place[1]) for place, rule in model.rules() if any(rule_errors(rule))}
    written = document.data.get("columns") if isinstance(document.data, dict) else None
    lost = [name for name in written if name not in model.columns] if isinstance(written, dict) else []
    sections = structure.incomplete_sections
    may_fill = not structure.is_complete or consistency.has_field_errors(model)
    mentions = [
        *(ColumnMention(column=name, section=Section.COLUMNS, line=document.line(("columns", name))) for name in lost),
        *(each for each in mapping.mentions if each.section is not Section.KEY or "key" not in sections),
    ]
    return replace(
        mapping,
        mentions=tuple(each for each in mentions if not each.column.startswith(PLACEHOLDER)),
        warnings=tuple(format_findings(mapping.path, consistency.field_name_warnings(model, document))),
        gaps=Gaps(
            rules=structure.incomplete_columns.union(wrong),
            fields=may_fill or any(joined_rule_errors(model, document)),
            columns=bool(sections) or not document.is_complete,
            manifest="manifest" in sections or not document.is_complete,
        ),
    )


def _mapping(path: Path, files: MappingFiles, model: MappingModel, document: Document) -> Mapping:
    is_row_content = consistency.key_is_row_content(model, document)
    own_rules = [_rule(place, rule, document) for place, rule in model.rules()]
    templates, rules = templates_and_rules(model, own_rules, document)
    mentions = tuple(consistency.column_mentions(model, document))
    mentioned = {each.column for each in mentions}
    return Mapping(
        path=path,
        files=tuple(files.paths),
        sha256=files.sha256,
        source=model.source,
        key=() if is_row_content else tuple(model.key),
        key_is_row_content=is_row_content,
        key_field=model.key_field,
        rules=rules,
        constants=tuple(model.constants.items()),
        templates=templates,
        attachments=_attachments(model.attachments) if model.attachments else None,
        ignore=frozenset(name for name in model.ignore if not is_pattern(name)),
        ignore_patterns=tuple(filter(is_pattern, model.ignore)),
        rows=RowRules(only=_cells(model.rows.only), skip=_cells(model.rows.skip)),
        duplicates=model.duplicates,
        lead_details=model.lead_details,
        manifest=ManifestOptions(
            **model.manifest.model_dump(exclude={"columns", "empty", "repair"}),
            empty=tuple(model.manifest.empty or ()),
            repair=tuple(model.manifest.repair),
            columns=tuple((model.manifest.columns or {}).items()),
            single_columns=single_columns(rules, mentions),
            whole_columns=_whole_columns(model.ignore, mentioned),
            object_columns=_object_columns(mentioned),
        ),
        mentions=mentions,
        lines=MappingProxyType(document.lines),
        warnings=tuple(format_findings(path, consistency.consistency_warnings(model, document))),
    )


def _object_columns(mentioned: Collection[str]) -> frozenset[str]:
    """Return `via` and `via.source` for `via.source.name`."""
    parts = (column.split(".") for column in mentioned)
    names = {".".join(names[:end]) for names in parts for end in range(1, len(names))}
    return frozenset(names.difference(mentioned))


def _whole_columns(ignore: Sequence[str], mentioned: Collection[str]) -> frozenset[str]:
    """Return the ignored columns without a part in the mapping: `via`, unless it names `via.channel`."""
    return frozenset(name for name in ignore if not any(column.startswith(f"{name}.") for column in mentioned))


def _cells(by_column: dict[str, list[str]]) -> CellsByColumn:
    return MappingProxyType({column: tuple(dict.fromkeys(cells)) for column, cells in by_column.items()})


def _rule(place: KeyPath, rule: RuleModel, document: Document) -> Rule:
    options = {key: value for key, value in rule if value is not None}
    for key, value in options.items():
        if isinstance(value, list | dict):
            options[key] = tuple(value) if isinstance(value, list) else MappingProxyType(value)
    for key in options.keys() & {"true_words", "false_words"}:
        options[key] = tuple(word.strip().casefold() for word in options[key])
    return Rule(column=str(place[1]), place=place, line=document.line(place), **options)


def _attachments(section: AttachmentsModel) -> AttachmentRules:
    download = _download(section.download) if section.download is not None else None
    root = Path(section.root) if section.root is not None else None
    default_separator = AttachmentRules.separator if section.pattern is None else ""
    return AttachmentRules(
        columns=tuple(section.columns or ()),
        separator=section.separator or default_separator,
        pattern=CellPattern(section.pattern) if section.pattern is not None else None,
        download=download,
        glob=section.glob,
        folder=Template.parse(section.folder) if section.folder is not None else None,
        required=section.required,
        root=download.folder if download is not None else root,
        max_file_size_bytes=section.max_file_size,
        max_files=section.max_files,
        extensions=tuple(dict.fromkeys(section.extensions)),
    )


def _download(section: DownloadModel) -> DownloadRules:
    return DownloadRules(
        folder=Path(section.folder), hosts=tuple(section.hosts), headers=tuple(section.headers.items())
    )
