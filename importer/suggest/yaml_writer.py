"""Writes a draft as commented YAML in the mapping language. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from importer.leadsquared.documented_fields import CUSTOM, EMAIL, PHONE
from importer.suggest.decisions import ColumnDecision, Confidence, Draft, FileColumns
from importer.suggest.rule_options import OptionValue

_PLAIN = re.compile(r"[^\W_](?:[\w /().+%€-]*[\w)%€])?")
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "~"})
_COMMENT_CHARS = 300
_LINE_CHARS = 110
_NAME_CHARS = 1_024


@dataclass(frozen=True, kw_only=True)
class DraftSource:
    """The manifest and sample of a draft.

    ``rows``: of the sample; ``has_fields``: the account's fields are known; ``header_row``: counted from 1.
    ``sheet``: the sheet that the user named.
    """

    manifest: str
    source: str
    rows: int
    is_whole: bool
    has_fields: bool
    header_row: int = 1
    sheet: str | None = None


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
    yield _comment(f"A draft for {about.manifest}, made by `ticket-importer suggest` from {rows}.")
    yield _comment(
        f"Sure columns: {counts[Confidence.SURE]}. Guesses to check: {counts[Confidence.GUESS]}, marked `guess`. "
        f"Left to you: {counts[Confidence.UNMAPPED]}, under `ignore`."
    )
    if not about.has_fields:
        yield _comment("The account's fields are not known. Run `ticket-importer fields` first for a better draft.")
    yield _comment("mappings/README.md explains the language; `ticket-importer validate` checks the mapping.")


def _keys(draft: Draft, about: DraftSource) -> Iterator[str]:
    yield "version: 1"
    yield from _lines(
        f"source: {yaml_scalar(about.source)}", "from the file name; do not change it after the first import"
    )
    options = [f"sheet: {yaml_scalar(about.sheet)}"] if about.sheet is not None else []
    if about.header_row > 1:
        options.append(f"header_row: {about.header_row}")
    if options:
        guess = "guess: the rows above look like a title" if about.header_row > 1 else ""
        yield from _lines(f"manifest: {{{', '.join(options)}}}", guess)
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
        yield _comment(f"key_field: {CUSTOM}.NAME   recommended: a text field of the account for the key")


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for decision in draft.decisions:
        if decision.confidence is not Confidence.UNMAPPED:
            yield from _lines(f"  {_rule_line(decision)}", _remark(decision))
    if not draft.has_lead:
        yield f"  {_comment('TODO: every ticket needs a lead; complete one of these lines and remove its #:')}"
        yield f"  {_comment(f'YOUR COLUMN: {{field: {EMAIL}, type: email}}')}"
        yield f"  {_comment(f'YOUR COLUMN: {{field: {PHONE}, type: phone}}')}"


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
        yield _comment(
            f"TODO: the account requires {field.schema_name}: map a column, or set a constant for all tickets{values}"
        )
        yield _comment(f"constants: {{{field.schema_name}: …}}")


def _ignored(draft: Draft) -> Iterator[str]:
    left = [decision for decision in draft.decisions if decision.confidence is Confidence.UNMAPPED]
    if left:
        yield _comment("These columns are not imported. To use one, move it to `columns`.")
        yield "ignore:"
    for decision in left:
        yield from _lines(f"  - {yaml_scalar(decision.column)}", decision.why)
        if decision.field:
            yield f"  {_comment('  # '.join(filter(None, (_rule_line(decision), decision.note))))}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(yaml_scalar, texts))}]"


def _lines(line: str, remark: str) -> Iterator[str]:
    """Yield a line with a remark: behind it, or above it if the line would be too long."""
    if not remark:
        yield line
    elif len(line) + len(remark) <= _LINE_CHARS:
        yield f"{line}  {_comment(remark)}"
    else:
        yield f"{line[: len(line) - len(line.lstrip())]}{_comment(remark)}"
        yield line


def _comment(text: str) -> str:
    """Return text as a comment of one line."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"# {line if len(line) <= _COMMENT_CHARS else f'{line[:_COMMENT_CHARS]}…'}"
