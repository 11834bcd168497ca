"""Writes a draft as commented YAML in the mapping language. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from importer.leadsquared.documented_fields import CHANNEL, CUSTOM, EMAIL, PHONE, PRIORITY, STATUS, TITLE, TYPE
from importer.suggest.decisions import ColumnDecision, Confidence, Draft, FileColumns
from importer.suggest.manifest_options import ReadOption
from importer.suggest.rule_options import OptionValue

_PLAIN = re.compile(r"[^\W_](?:[\w /().+%€-]*[\w)%€])?")
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "~"})
_COMMENT_CHARS = 300
_LINE_CHARS = 110
_NAME_CHARS = 1_024
_CHOICES = (STATUS, PRIORITY, CHANNEL, TYPE)  # fields with configured values


@dataclass(frozen=True, kw_only=True)
class DraftSource:
    """The manifest and sample of a draft.

    ``rows``: of the sample; ``has_fields``: the account's fields are known; ``options``: to read the manifest with;
    ``helpdesk``: whose columns it has, if any.
    """

    manifest: str
    source: str
    rows: int
    is_whole: bool
    has_fields: bool
    options: Sequence[ReadOption] = ()
    helpdesk: str = ""


def mapping_yaml(draft: Draft, files: FileColumns, about: DraftSource) -> str:
    """Return the draft as YAML."""
    blocks = [_head(draft, about), _keys(draft, about), _columns(draft)]
    if files.used:
        blocks.append(_attachments(files))
    blocks += [_unfilled(draft), _ignored(draft)]
    return "\n".join(line for lines in blocks if (block := list(lines)) for line in (*block, "")).rstrip("\n") + "\n"


def yaml_scalar(text: str) -> str:
    """Return text as a YAML scalar that is read back as the same text."""
    if _PLAIN.fullmatch(text) and text not in _NOT_PLAIN:
        return text
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in escaped)


def _escaped(letter: str) -> str:
    number = ord(letter)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"  # noqa: PLR2004 - four hexadecimal digits


def _head(draft: Draft, about: DraftSource) -> Iterator[str]:
    rows = "all rows" if about.is_whole else f"the first {about.rows:,} rows"
    counts = draft.counts
    yield comment(f"A draft for {about.manifest}, made by `ticket-importer suggest` from {rows}.")
    yield comment(
        f"Sure columns: {counts[Confidence.SURE]}. Guesses to check: {counts[Confidence.GUESS]}, marked `guess`. "
        f"Left to you: {counts[Confidence.UNMAPPED]}, under `ignore`."
    )
    yield from missing_lines(draft, about)
    yield comment("mappings/README.md explains the language; `ticket-importer validate` checks the mapping.")


def missing_lines(draft: Draft, about: DraftSource) -> Iterator[str]:
    """Yield comments with all that tickets may still need before the account accepts them."""
    filled = {decision.field for decision in draft.decisions if decision.confidence is not Confidence.UNMAPPED}
    missing = []
    if not draft.has_lead:
        lead = "the lead, which every ticket needs: see TODO under `columns`"
        if about.helpdesk:
            helpdesk = about.helpdesk.removesuffix("-csv")
            lead += f"; the contacts of {helpdesk} are not in this export: see the head of its mapping, "
            lead += f"mappings/{about.helpdesk}.yaml"
        missing.append(lead)
    if draft.unfilled:
        names = ", ".join(field.schema_name for field in draft.unfilled)
        missing.append(f"{names}, which the account requires: see TODO at the end")
    elif TITLE not in filled and not about.has_fields:
        missing.append("a title, which most accounts require: map a column to Title, or add a template")
    if not about.has_fields:
        choices = [field for field in _CHOICES if field in filled]
        values = f"whether it has the values of {', '.join(choices)}, and " if choices else ""
        missing.append(
            f"a check against the account: {values}which fields it requires. "
            "Run `ticket-importer fields`, then `suggest` again"
        )
    if missing:
        yield comment("Still missing before the account accepts tickets:")
        yield from (comment(f"- {each}.") for each in missing)


def _keys(draft: Draft, about: DraftSource) -> Iterator[str]:
    yield "version: 1"
    yield from _lines(
        f"source: {yaml_scalar(about.source)}", "from the file name; do not change it after the first import"
    )
    yield from manifest_lines(about.options)
    key = draft.key
    if not key.column:
        yield from _lines("key: row-content", f"guess: {key.why}")
        return
    # A column named `row-content` must be in a list, or it would mean the whole row.
    column = f"[{yaml_scalar(key.column)}]" if key.column == "row-content" else yaml_scalar(key.column)
    yield from _lines(f"key: {column}", f"guess: {key.why}" if key.why else "")
    if key.field:
        yield from _lines(f"key_field: {yaml_scalar(key.field)}", f"guess: {key.field_why}" if key.field_why else "")
    else:
        yield comment(f"key_field: {CUSTOM}.NAME   recommended: a text field of the account for the key")


def manifest_lines(options: Sequence[ReadOption]) -> Iterator[str]:
    """Yield the `manifest` section: on one line, or on a line for each option if several are guesses."""
    remarks = [f"guess: {option.why}" if option.why else "" for option in options]
    parts = [f"{option.name}: {_value(option.value)}" for option in options]
    if len([remark for remark in remarks if remark]) <= 1 and options:
        yield from _lines(f"manifest: {{{', '.join(parts)}}}", "".join(remarks))
    elif options:
        yield "manifest:"
        for part, remark in zip(parts, remarks, strict=True):
            yield from _lines(f"  {part}", remark)


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for decision in draft.decisions:
        if decision.confidence is not Confidence.UNMAPPED:
            yield from _lines(f"  {_rule_line(decision)}", _remark(decision))
    if not draft.has_lead:
        yield f"  {comment('TODO: every ticket needs a lead; complete one of these lines and remove its #:')}"
        yield f"  {comment(f'YOUR COLUMN: {{field: {EMAIL}, type: email}}')}"
        yield f"  {comment(f'YOUR COLUMN: {{field: {PHONE}, type: phone}}')}"


def _rule_line(decision: ColumnDecision) -> str:
    """Return a column and its rule on one line, or on two if the name is long for a YAML key."""
    name, rule = yaml_scalar(decision.column), yaml_scalar(decision.field)
    if decision.rule:
        parts = [f"field: {rule}", *(f"{key}: {_value(value)}" for key, value in decision.rule.items())]
        rule = f"{{{', '.join(parts)}}}"
    return f"{name}: {rule}" if len(name) <= _NAME_CHARS else f"? {name}\n  : {rule}"


def _value(value: OptionValue) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return yaml_scalar(value)
        case tuple():
            return _list(value)
        case _:
            return f"{{{', '.join(f'{yaml_scalar(name)}: {yaml_scalar(text)}' for name, text in value.items())}}}"


def _remark(decision: ColumnDecision) -> str:
    why = decision.why if decision.confidence is Confidence.GUESS else ""
    guesses = "; ".join(filter(None, (why, decision.guess)))
    return "; ".join(filter(None, (f"guess: {guesses}" if guesses else "", decision.note)))


def _attachments(files: FileColumns) -> Iterator[str]:
    yield "attachments:"
    yield from _lines(f"  columns: {_list(files.used)}", f"guess: {files.why}" if files.why else "")
    if files.separator:
        yield f"  separator: {yaml_scalar(files.separator)}"
    if files.root:
        yield f"  root: {yaml_scalar(files.root)}"


def _unfilled(draft: Draft) -> Iterator[str]:
    for field in draft.unfilled:
        values = f"; its values are {', '.join(field.values)}" if field.values else ""
        yield comment(
            f"TODO: the account requires {field.schema_name}: map a column, or set a constant for all tickets{values}"
        )
        yield comment(f"constants: {{{field.schema_name}: …}}")


def _ignored(draft: Draft) -> Iterator[str]:
    left = [decision for decision in draft.decisions if decision.confidence is Confidence.UNMAPPED]
    if left:
        yield comment("These columns are not imported. To use one, move it to `columns`.")
        yield "ignore:"
    for decision in left:
        yield from _lines(f"  - {yaml_scalar(decision.column)}", decision.why)
        if decision.field:
            yield f"  {comment('  # '.join(filter(None, (_rule_line(decision), decision.note))))}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(yaml_scalar, texts))}]"


def _lines(line: str, remark: str) -> Iterator[str]:
    """Yield a line with a remark: behind it, or above it if the line would be too long."""
    if not remark:
        yield line
    elif len(line) + len(remark) <= _LINE_CHARS:
        yield f"{line}  {comment(remark)}"
    else:
        yield f"{line[: len(line) - len(line.lstrip())]}{comment(remark)}"
        yield line


def comment(text: str) -> str:
    """Return text as a comment of one line."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"# {line if len(line) <= _COMMENT_CHARS else f'{line[:_COMMENT_CHARS]}…'}"
