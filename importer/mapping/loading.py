"""File -> Mapping, or one error with everything that is wrong with it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType

from importer.errors import MappingError
from importer.mapping import checks
from importer.mapping.findings import Finding, located
from importer.mapping.language import AttachmentsModel, MappingModel, RuleModel
from importer.mapping.shape import check_shape
from importer.mapping.source import MAX_BYTES, Document, UnreadableError, decode, parse
from importer.mapping.values import AttachmentRules, Mapping, Rule
from importer.models import ManifestOptions

_HINT = "mend the mapping and run the same command again; mappings/README.md explains the whole language"


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises MappingError whose ``details`` are all problems, each ``FILE:LINE: what is wrong``, in the file's order.
    """
    content = _read(path)
    try:
        document = parse(decode(content))
    except UnreadableError as error:
        raise _error(path, [error.finding]) from None
    shape = check_shape(document)
    findings = [*document.findings, *shape.findings]
    if shape.model is not None:
        findings += checks.check_meaning(shape.model, document, shape)
    if findings or shape.model is None:
        raise _error(path, findings)
    return _mapping(path, hashlib.sha256(content).hexdigest(), shape.model, document)


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            # Opening a FIFO would wait for a writer that may never come.
            raise _error(path, [Finding(0, "this is not a file")])
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _error(path, [Finding(0, "there is no such file")]) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise _error(path, [Finding(0, f"the file can't be read: {reason}")]) from None


def _error(path: Path, findings: list[Finding]) -> MappingError:
    return MappingError(f"the mapping {path} can't be used:", hint=_HINT, details=located(path, findings))


def _mapping(path: Path, sha256: str, model: MappingModel, document: Document) -> Mapping:
    is_row_content = checks.is_row_content(model, document)
    return Mapping(
        path=path,
        sha256=sha256,
        source=model.source,
        key=() if is_row_content else tuple(model.key),
        key_is_row_content=is_row_content,
        key_field=model.key_field,
        rules=tuple(_rule(column, rule, document) for column, rule in model.columns.items()),
        constants=tuple(model.constants.items()),
        attachments=_attachments(model.attachments) if model.attachments else None,
        ignore=frozenset(model.ignore),
        duplicates=model.duplicates,
        manifest=ManifestOptions(**model.manifest.model_dump()),
        uses=tuple(checks.column_uses(model, document)),
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
        format=rule.format,
        timezone=rule.timezone,
    )


def _attachments(section: AttachmentsModel) -> AttachmentRules:
    return AttachmentRules(
        columns=tuple(section.columns),
        separator=section.separator,
        root=Path(section.root) if section.root is not None else None,
        max_file_size_bytes=section.max_file_size,
        max_files=section.max_files,
        extensions=tuple(dict.fromkeys(section.extensions)),
    )
