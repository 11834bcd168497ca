"""Finds the change of the mapping that would solve a kind of problem, as YAML to copy. Pure.

A change is complete, or has gaps that only the user can fill, such as the new value of a word. The value of a word
whose meaning is known is filled in and marked as a guess.
"""

from __future__ import annotations

import collections.abc
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from urllib.parse import urlsplit

from importer.account_fields import AccountField, AccountFields
from importer.leadsquared.documented_fields import LEAD_IDENTIFIERS
from importer.mapping import FieldType, Mapping, Rule
from importer.mapping.document import KeyPath
from importer.mapping.findings import SourceLine
from importer.mapping.includes import is_two_column_mapping
from importer.mapping.strptime_formats import find_ambiguity
from importer.reports.problem_tally import MappingFix, ProblemKind
from importer.reports.rule_yaml import NewWord, RuleChange, column_yaml, setting_yaml
from importer.runtime.display_text import counted
from importer.suggest.column_profile import BOOLEANS
from importer.suggest.date_detection import detect_dates
from importer.suggest.vocabulary import matching_value
from importer.validation.rule_steps import convert_cells

_MOST_WORDS = 100
_KEY_CHARS = 1_000  # YAML takes no longer keys on one line
_FEW = 0.1  # of all rows
_NO_VALUE = frozenset(
    ("-", "--", "---", "–", "—", ".", "/", "?", "n/a", "na", "n.a.", "none", "(none)", "null", "nil", "nan", "empty",
     "(empty)", "unknown", "not set", "tbd", "k.a.", "keine", "unbekannt")
)  # fmt: skip
_NUMBER_FORMS = ((",", None), (",", "."), (".", ","), (".", "'"), (".", "’"), (".", " "), (",", " "), (".", "_"))
_ISO_FORMATS = {
    FieldType.DATE: ("%Y-%m-%d",),
    FieldType.DATETIME: ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"),
}
_TYPE_OF_CODE = {
    "not-an-integer": FieldType.INTEGER,
    "not-a-number": FieldType.NUMBER,
    "not-a-boolean": FieldType.BOOLEAN,
    "not-a-date": FieldType.DATE,
    "not-a-datetime": FieldType.DATETIME,
    "not-an-email": FieldType.EMAIL,
    "not-a-phone": FieldType.PHONE,
    "not-a-guid": FieldType.GUID,
}
_KEY_OF_CODE = {"not-allowed": "one_of", "too-long": "max_length", "no-match": "extract"}


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known besides the rule: the account's field, if it was read, and the number of rows of the manifest."""

    field: AccountField | None
    rows: int


# Adds to the change of one rule what would solve a kind of problem.
_Add = Callable[[ProblemKind, RuleChange, _Known], None]


def with_fixes(
    kinds: Sequence[ProblemKind], mapping: Mapping, fields: AccountFields | None, *, rows: int
) -> tuple[ProblemKind, ...]:
    """Return kinds of problems with the change of the mapping that would solve each.

    ``fields``: of the account. ``rows``: of the manifest. Each change replaces all rules of a column, so all kinds of
    problems in one column have the same.
    """
    changes: dict[KeyPath, RuleChange] = {}
    changed_columns: list[str | None] = []
    for kind in kinds:
        column = None
        for rule in _rules(kind, mapping):
            change = RuleChange(rule=rule, file_words=_file_words(rule, mapping))
            field = fields.by_name.get(rule.field) if fields is not None else None
            _ADD[kind.code](kind, change, _Known(field=field, rows=rows))
            if change.options or change.words:
                changes.setdefault(rule.place, change).add(change)
                column = rule.column
        changed_columns.append(column)
    return tuple(
        replace(kind, fix=_setting(kind, mapping) if column is None else _of_column(column, mapping, changes))
        for kind, column in zip(kinds, changed_columns, strict=True)
    )


def _rules(kind: ProblemKind, mapping: Mapping) -> list[Rule]:
    """Return the rules that a kind of problem may be about: one column may fill several fields."""
    if kind.code not in _ADD or len(kind.column or "") > _KEY_CHARS:
        return []
    if kind.code == "missing-lead":
        return [rule for rule in mapping.rules if rule.field in LEAD_IDENTIFIERS[1:]][:1]
    rules = [rule for rule in mapping.rules if rule.column == kind.column]
    if (expected := _TYPE_OF_CODE.get(kind.code)) is not None:
        return [rule for rule in rules if rule.type is expected]
    if (key := _KEY_OF_CODE.get(kind.code)) is not None:
        return [rule for rule in rules if getattr(rule, key)]
    if kind.code == "nested-value":
        return rules
    return [rule for rule in rules if rule.field in kind.first.message]  # a template may use the column, too


def _file_words(rule: Rule, mapping: Mapping) -> frozenset[str]:
    """Return the words that the file of ``values_from`` maps."""
    if rule.values_from is None:
        return frozenset()
    name = PurePath(rule.values_from).name
    lines = ((word, mapping.line(*rule.place, "values", word)) for word in rule.values)
    return frozenset(
        word
        for word, line in lines
        if isinstance(line, SourceLine) and line.file is not None and line.file.name == name
    )


def _allowed_values(rule: Rule, field: AccountField | None) -> tuple[str, ...]:
    return rule.one_of or (field.values if field is not None else None) or ()


def _of_column(column: str, mapping: Mapping, changes: dict[KeyPath, RuleChange]) -> MappingFix:
    rules = [rule for rule in mapping.rules if rule.column == column]
    of_column = [
        changes.get(rule.place) or RuleChange(rule=rule, file_words=_file_words(rule, mapping)) for rule in rules
    ]
    return MappingFix(
        where=_where(rules[0], mapping),
        lines=column_yaml(column, of_column),
        gaps=sum(change.gaps for change in of_column),
    )


def _where(rule: Rule, mapping: Mapping) -> str:
    file = (rule.line.file if isinstance(rule.line, SourceLine) else None) or mapping.path
    if is_two_column_mapping(file):
        return f"write a mapping in YAML with `include: {file.name}` and this rule"
    return f"replace the rule of {rule.column!r} in {file.name}, line {int(rule.line)}"


# -- values of one rule ------------------------------------------------------------------------------------------------


def _map_words(kind: ProblemKind, change: RuleChange, known: _Known) -> None:
    """Map each wrong value to an allowed one, which the user chooses if its meaning is not known."""
    allowed = _allowed_values(change.rule, known.field)
    for word, count in _words(kind):
        target = "" if not word.strip() else matching_value(change.rule.field, word, allowed) or None
        _map_word(change, word, target, count)
    if any(word.value is None for word in change.words.values()):
        change.remarks["values"] = f"write the new values: {', '.join(allowed)}"


def _map_booleans(kind: ProblemKind, change: RuleChange, _: _Known) -> None:
    meanings = {word: value for words in BOOLEANS for word, value in zip(words, ("true", "false"), strict=True)}
    for word, count in _words(kind):
        folded = word.strip().casefold()
        _map_word(change, word, "" if folded in _NO_VALUE else meanings.get(folded), count)
    if any(word.value is None for word in change.words.values()):
        change.remarks["values"] = "write true or false"


def _map_word(change: RuleChange, word: str, target: str | None, count: int) -> None:
    rows = "1 row" if count == 1 else f"{count:,} rows"
    guess = "" if target is None else "guess: no value, " if not target else "guess, "
    change.words.setdefault(word, NewWord(value=target, remark=f"{guess}{rows}"))


def _words(kind: ProblemKind) -> Iterator[tuple[str, int]]:
    """Yield the wrong values with their counts, without those that were cut."""
    for word, count in kind.values.most_common(_MOST_WORDS):
        if word and not word.endswith("…"):
            yield word, count


def _leave_out_words(kind: ProblemKind, change: RuleChange) -> None:
    """Map the words that mean no value, such as n/a, to an empty text, unless the field may be needed."""
    if change.rule.required or change.rule.field in LEAD_IDENTIFIERS:
        return
    for word, count in _words(kind):
        if word.strip().casefold() in _NO_VALUE:
            _map_word(change, word, "", count)


# -- options of one rule -----------------------------------------------------------------------------------------------


def _set_default(kind: ProblemKind, change: RuleChange, known: _Known) -> None:
    if change.rule.default is None and not change.rule.send_empty:
        what = "the lead of tickets that name none" if kind.code == "missing-lead" else "the value of an empty cell"
        allowed = ", ".join(_allowed_values(change.rule, known.field))
        change.set("default", None, f"write {what}: {allowed}" if allowed else f"write {what}")


def _truncate(kind: ProblemKind, change: RuleChange, _: _Known) -> None:
    rule = change.rule
    if rule.type is FieldType.TEXT and rule.max_length is not None:
        change.set("on_too_long", "truncate", f"cuts {counted(kind.count, 'value')}")


def _truncate_for_field(kind: ProblemKind, change: RuleChange, known: _Known) -> None:
    field = known.field
    if change.rule.type is FieldType.TEXT and field is not None and field.max_length is not None:
        change.set("max_length", field.max_length, "as the account's field")
        change.set("on_too_long", "truncate", f"cuts {counted(kind.count, 'value')}")


def _join(kind: ProblemKind, change: RuleChange, _: _Known) -> None:
    if not change.rule.takes_list and all(value.startswith("[") for value, _ in kind.values.most_common()):
        change.set("join", ", ", "all values as one text")


def _try(kind: ProblemKind, change: RuleChange, candidates: Sequence[Rule], keys: Sequence[str]) -> None:
    """Take the ``keys`` of the rule that makes most of the wrong values valid, if it does so for at least half."""
    values = {value: count for value, count in _words(kind) if value not in change.words}
    solved = [_solved(values, candidate) for candidate in candidates]
    if not solved or 2 * max(solved) < max(1, sum(values.values())):
        return
    best = candidates[solved.index(max(solved))]
    for key in keys:
        if getattr(best, key) != getattr(change.rule, key):
            change.set(key, getattr(best, key), f"guess, solves {max(solved):,} of {counted(kind.count, 'problem')}")


def _solved(values: collections.abc.Mapping[str, int], rule: Rule) -> int:
    """Return how many problems a rule would solve. ``values``: wrong value -> count."""
    _, wrong = convert_cells(list(values), rule)
    return sum(count for at, count in enumerate(values.values()) if at not in wrong)


def _read_number(kind: ProblemKind, change: RuleChange, known: _Known) -> None:
    _leave_out_words(kind, change)
    if kind.row_count < _FEW * known.rows:  # a change for all cells would harm more of them
        return
    rule = _of_values(change.rule)
    forms = [replace(rule, decimal=decimal, thousands=thousands) for decimal, thousands in _NUMBER_FORMS]
    if kind.code == "not-an-integer":
        forms = [replace(form, decimal=rule.decimal) for form in forms if form.thousands is not None]
    _try(kind, change, forms, ("decimal", "thousands"))
    for key in change.options:
        change.remarks[key] += "; check the other cells"


def _of_values(rule: Rule) -> Rule:
    """Return the rule for values that were found wrong: parts were taken out of cells before."""
    return replace(rule, extract=None, join=None, pick=None, html=None)


def _read_date(kind: ProblemKind, change: RuleChange, _: _Known) -> None:
    _leave_out_words(kind, change)
    rule = _of_values(change.rule)
    iso = _ISO_FORMATS[rule.type]
    own = rule.format or iso[:1]
    texts = [value for value, _ in _words(kind) if any(map(str.isdecimal, value))]
    candidates = []
    for cells in (texts, texts[:1]):  # all cells have one format, or at least the most frequent one has
        dates = detect_dates(cells)
        if dates is not None and dates.is_ambiguous:
            change.set("format", None, f"write the right one: {' or '.join(map(repr, dates.formats))}")
            return
        if dates is not None:
            candidates += [replace(rule, format=(*own, each)) for each in dates.formats or iso if each not in own]
    _try(kind, change, [each for each in candidates if not find_ambiguity(each.format)], ("format",))


def _take_address(kind: ProblemKind, change: RuleChange, _: _Known) -> None:
    rule = change.rule
    can_extract = rule.extract is None and not rule.takes_list
    _try(kind, change, [replace(rule, extract="email")] if can_extract else [], ("extract",))


def _only_leave_out(kind: ProblemKind, change: RuleChange, _: _Known) -> None:
    _leave_out_words(kind, change)


_ADD: dict[str, _Add] = {
    "not-allowed": _map_words,
    "not-configured": _map_words,
    "not-a-boolean": _map_booleans,
    "not-an-integer": _read_number,
    "not-a-number": _read_number,
    "not-a-date": _read_date,
    "not-a-datetime": _read_date,
    "not-an-email": _take_address,
    "not-a-phone": _only_leave_out,
    "not-a-guid": _only_leave_out,
    "no-match": _set_default,
    "missing-value": _set_default,
    "missing-lead": _set_default,
    "too-long": _truncate,
    "too-long-for-field": _truncate_for_field,
    "nested-value": _join,
}


# -- other parts of the mapping ----------------------------------------------------------------------------------------


def _setting(kind: ProblemKind, mapping: Mapping) -> MappingFix | None:
    """Return a change outside of the rules."""
    attachments, name = mapping.attachments, mapping.path.name
    match kind.code:
        case "duplicate-key":
            lines = setting_yaml("", "duplicates", "first", "a repeated row gets the ticket of the first one")
            return MappingFix(where=f"add to {name}", lines=lines)
        case "attachment-url" if attachments is not None and attachments.root is None:
            hosts = sorted({host for value, _ in kind.values.most_common() if (host := _host(value))})
            folder = "    folder: attachments  # `fetch` puts the files there"
            lines = ("attachments:", "  download:", folder, f"    hosts: {json.dumps(hosts)}")
        case "attachment-required":
            lines = setting_yaml("attachments", "required", value=False, remark="rows without a file are accepted")
        case "attachment-type" if attachments is not None:
            found = (PurePath(value.replace("\\", "/")).suffix[1:].lower() for value, _ in kind.values.most_common())
            both = tuple(dict.fromkeys((*attachments.extensions, *sorted(filter(str.isalnum, found)))))
            lines = setting_yaml("attachments", "extensions", both, "if the account accepts them")
        case "attachment-too-large" | "attachment-too-many":
            key = "max_files" if kind.code == "attachment-too-many" else "max_file_size"
            lines = setting_yaml("attachments", key, None, "write what the account accepts")
            return MappingFix(where=f"set under `attachments` in {name}", lines=lines, gaps=1)
        case _:
            return None
    return MappingFix(where=f"set under `attachments` in {name}", lines=lines)


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
