"""File -> Mapping, or one error with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from importer.errors import MappingError
from importer.mapping import checks
from importer.mapping.document_check import check_shape
from importer.mapping.findings import MappingFinding, located
from importer.mapping.includes import is_table, read_whole
from importer.mapping.language import AttachmentsModel, MappingModel, RuleModel
from importer.mapping.mapping_files import Files
from importer.mapping.rules import AttachmentRules, Mapping, Rule
from importer.mapping.templates import Template
from importer.mapping.yaml_source import Document, Place, UnreadableError
from importer.models import ManifestOptions

_HINT = "mend the mapping and run the same command again; mappings/README.md explains the whole language"


def load_mapping(path: Path, *, source: str | None = None, key: Sequence[str] = ()) -> Mapping:
    """Read and check a mapping file and all that it includes.

    ``source`` and ``key`` (columns) are for a table of two columns, which can't say them, and for nothing else. Raises
    MappingError whose ``details`` are all problems, each ``FILE:LINE: what is wrong``, in the file's order.
    """
    _check_flags(path, source, key)
    files = Files()
    try:
        document = read_whole(path, files)
    except UnreadableError as error:
        raise _error(path, [error.finding]) from None
    if is_table(path):
        document = _with_flags(document, source, key)
    shape = check_shape(document)
    findings = [*document.findings, *shape.findings]
    if shape.model is not None:
        findings += checks.check_meaning(shape.model, document, shape)
    if findings or shape.model is None:
        raise _error(path, findings)
    return _mapping(path, files, shape.model, document)


def _check_flags(path: Path, source: str | None, key: Sequence[str]) -> None:
    given = {"--source NAME": bool(source), "--key COLUMN": bool(key)}
    if not is_table(path):
        if any(given.values()):
            flags = " and ".join(flag.split()[0] for flag, there in given.items() if there)
            raise MappingError(
                f"{flags} can't be given with {path}, which says it itself",
                hint="the flags are for a table of two columns, the name of which ends in .csv or .tsv; a YAML mapping"
                " has the keys `source` and `key`",
            )
    elif missing := [flag for flag, there in given.items() if not there]:
        raise MappingError(
            f"the mapping {path} is a table of columns, and needs {' and '.join(missing)} beside it",
            hint="--source names the system that the tickets come from, --key the column that identifies a row"
            " (several times for several columns)",
        )
    elif twice := [column for column in key if key.count(column) > 1]:
        raise MappingError(f"--key {twice[0]!r} is given twice", hint="several columns are a key together, each once")


def _with_flags(document: Document, source: str | None, key: Sequence[str]) -> Document:
    assert isinstance(document.data, dict)
    # One column as a text, as `key: row-content` is written.
    said = {"source": source, "key": key[0] if len(key) == 1 else [*key]}
    lines: dict[Place, int] = {**document.lines, ("source",): 0, ("key",): 0}  # in no line of the file
    return replace(document, data={**document.data, **said}, lines=lines)


def _error(path: Path, findings: list[MappingFinding]) -> MappingError:
    return MappingError(f"the mapping {path} can't be used:", hint=_HINT, details=located(path, findings))


def _mapping(path: Path, files: Files, model: MappingModel, document: Document) -> Mapping:
    is_row_content = checks.is_row_content(model, document)
    return Mapping(
        path=path,
        files=tuple(files.paths),
        sha256=files.sha256,
        source=model.source,
        key=() if is_row_content else tuple(model.key),
        key_is_row_content=is_row_content,
        key_field=model.key_field,
        rules=tuple(_rule(column, rule, document) for column, rule in model.columns.items()),
        constants=tuple(model.constants.items()),
        templates=tuple((name, Template.parse(text)) for name, text in model.templates.items()),
        attachments=_attachments(model.attachments) if model.attachments else None,
        ignore=frozenset(model.ignore),
        duplicates=model.duplicates,
        manifest=ManifestOptions(**model.manifest.model_dump(), may_repeat=frozenset(model.ignore)),
        uses=tuple(checks.column_uses(model, document)),
        lines=MappingProxyType(document.lines),
        warnings=tuple(located(path, checks.check_doubts(model, document))),
    )


def _rule(column: str, rule: RuleModel, document: Document) -> Rule:
    return Rule(
        column=column,
        field=rule.field,
        line=document.line(("columns", column)),
        type=rule.type,
        required=rule.required,
        default=rule.default,
        values=MappingProxyType(rule.values or {}),
        one_of=tuple(rule.one_of or ()),
        max_length=rule.max_length,
        on_too_long=rule.on_too_long or "reject",
        send_empty=rule.send_empty,
        strip=rule.strip,
        case="lower" if rule.lower else "upper" if rule.upper else None,
        html=rule.html,
        formats=tuple(rule.format or ()),
        timezone=rule.timezone,
        decimal=rule.decimal or ".",
        thousands=rule.thousands,
        true_words=_folded(rule.true_words),
        false_words=_folded(rule.false_words),
        region=rule.region,
    )


def _folded(words: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(word.strip().casefold() for word in words or ())


def _attachments(section: AttachmentsModel) -> AttachmentRules:
    return AttachmentRules(
        columns=tuple(section.columns or ()),
        separator=section.separator or AttachmentRules.separator,
        glob=section.glob,
        folder=Template.parse(section.folder) if section.folder is not None else None,
        required=section.required,
        root=Path(section.root) if section.root is not None else None,
        max_file_size_bytes=section.max_file_size,
        max_files=section.max_files,
        extensions=tuple(dict.fromkeys(section.extensions)),
    )
