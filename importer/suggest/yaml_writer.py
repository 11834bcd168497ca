"""A draft as commented YAML in the language of mappings/README.md. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from importer.suggest import vocabulary
from importer.suggest.decisions import ColumnDecision, Confidence, Draft, FileColumns
from importer.suggest.rule_options import OptionValue

_PLAIN = re.compile(r"[^\W_](?:[\w /().+%€-]*[\w)%€])?")
_NOT_PLAIN = frozenset({"null", "Null", "NULL", "~"})
_COMMENT_CHARS = 300
_LINE_CHARS = 110
_NAME_CHARS = 1_024


@dataclass(frozen=True, kw_only=True)
class DraftSource:
    """What a draft was made from.

    ``rows``: how many were looked at; ``has_fields``: the account's are known; ``header_row``: where the header is.
    ``sheet``: the one that was asked for.
    """

    manifest: str
    source: str
    rows: int
    is_whole: bool
    has_fields: bool
    header_row: int = 1
    sheet: str | None = None


def written(draft: Draft, files: FileColumns, about: DraftSource) -> str:
    """The text of the mapping."""
    blocks = [_head(draft, about), _keys(draft, about), _columns(draft)]
    if files.used:
        blocks.append(_attachments(files))
    blocks += [_unfilled(draft), _ignored(draft)]
    return "\n".join(line for lines in blocks if (block := list(lines)) for line in (*block, "")).rstrip("\n") + "\n"


def yaml_scalar(text: str) -> str:
    """A text as YAML that reads back as the same text, wherever it stands."""
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
        f"Columns that are sure: {counts[Confidence.SURE]}. Guessed, and to be looked at: {counts[Confidence.GUESS]}, "
        f"marked `guess`. Left to you: {counts[Confidence.UNMAPPED]}, under `ignore`."
    )
    if not about.has_fields:
        yield _comment(
            "The account's own fields are not known here; after `ticket-importer fields` a draft knows them."
        )
    yield _comment("mappings/README.md explains the language; `ticket-importer validate` says what is wrong.")


def _keys(draft: Draft, about: DraftSource) -> Iterator[str]:
    yield "version: 1"
    yield from _lines(
        f"source: {yaml_scalar(about.source)}", "from the file's name; leave it alone once tickets are imported"
    )
    options = [f"sheet: {yaml_scalar(about.sheet)}"] if about.sheet is not None else []
    if about.header_row > 1:
        options.append(f"header_row: {about.header_row}")
    if options:
        guess = "guess: with what is above, rows don't fit" if about.header_row > 1 else ""
        yield from _lines(f"manifest: {{{', '.join(options)}}}", guess)
    key = draft.key
    if not key.column:
        yield from _lines("key: row-content", f"guess: {key.why}")
        return
    # One that is called `row-content` would not be taken for a column.
    column = f"[{yaml_scalar(key.column)}]" if key.column == "row-content" else yaml_scalar(key.column)
    yield from _lines(f"key: {column}", f"guess: {key.why}" if key.why else "")
    if key.field:
        yield from _lines(f"key_field: {yaml_scalar(key.field)}", f"guess: {key.field_why}" if key.field_why else "")
    else:
        yield _comment("key_field: CustomData.NAME   a text field of the account that carries the key is worth having")


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for decision in draft.decisions:
        if decision.confidence is not Confidence.UNMAPPED:
            yield from _lines(f"  {_rule_line(decision)}", _remark(decision))
    if not draft.has_lead:
        yield f"  {_comment('TODO: a ticket needs a lead; name a column of addresses or numbers, without the #:')}"
        yield f"  {_comment(f'YOUR COLUMN: {{field: {vocabulary.EMAIL}, type: email}}')}"
        yield f"  {_comment(f'YOUR COLUMN: {{field: {vocabulary.PHONE}, type: phone}}')}"


def _rule_line(decision: ColumnDecision) -> str:
    """A column and its rule: a line, or two where the name is longer than YAML takes before a colon."""
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
        values = f"; it takes {', '.join(field.values)}" if field.values else ""
        yield _comment(
            f"TODO: the account demands {field.schema_name}: map a column, or say it for all tickets{values}"
        )
        yield _comment(f"constants: {{{field.schema_name}: …}}")


def _ignored(draft: Draft) -> Iterator[str]:
    left = [decision for decision in draft.decisions if decision.confidence is Confidence.UNMAPPED]
    if left:
        yield _comment("These stay behind. To use one, move it to `columns`.")
        yield "ignore:"
    for decision in left:
        yield from _lines(f"  - {yaml_scalar(decision.column)}", decision.why)
        if decision.field:
            yield f"  {_comment('  # '.join(filter(None, (_rule_line(decision), decision.note))))}"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(yaml_scalar, texts))}]"


def _lines(line: str, remark: str) -> Iterator[str]:
    """A line with a remark: behind it, or above it where that would make it too long to be read."""
    if not remark:
        yield line
    elif len(line) + len(remark) <= _LINE_CHARS:
        yield f"{line}  {_comment(remark)}"
    else:
        yield f"{line[: len(line) - len(line.lstrip())]}{_comment(remark)}"
        yield line


def _comment(text: str) -> str:
    """A text as a comment: one line, whatever cells and names hold."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"# {line if len(line) <= _COMMENT_CHARS else f'{line[:_COMMENT_CHARS]}…'}"
