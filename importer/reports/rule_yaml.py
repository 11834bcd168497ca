"""Writes changed parts of a mapping as YAML that can replace them, or be a mapping that includes the old one. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from importer.mapping import Rule
from importer.mapping.document_models import RuleModel
from importer.runtime.display_text import one_line
from importer.suggest.yaml_writer import yaml_scalar

Value = str | int | bool | tuple[str, ...] | None  # None is a gap: the user writes the value
_DEFAULTS = {each.name: each.default for each in dataclasses.fields(Rule)}
_REMARK_CHARS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class NewWord:
    """The new value of a word under ``values``; ``None`` is a gap. ``remark``: a comment behind it."""

    value: str | None
    remark: str


@dataclass(kw_only=True)
class RuleChange:
    """What to change in a rule.

    ``remarks``: key of the rule -> comment behind it. ``file_words``: the words that the file of ``values_from`` maps.
    """

    rule: Rule
    file_words: frozenset[str] = frozenset()
    options: dict[str, Value] = field(default_factory=dict)
    words: dict[str, NewWord] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)

    def set(self, key: str, value: Value, remark: str) -> None:
        """Set one key of the rule."""
        self.options[key] = value
        self.remarks[key] = remark

    def add(self, other: RuleChange) -> None:
        """Add another change of the same rule; what is set already stays."""
        self.options |= {key: value for key, value in other.options.items() if key not in self.options}
        self.words |= {word: new for word, new in other.words.items() if word not in self.words}
        self.remarks |= {key: remark for key, remark in other.remarks.items() if key not in self.remarks}

    @property
    def gaps(self) -> int:
        """The number of values that the user must write."""
        return sum(word.value is None for word in self.words.values()) + list(self.options.values()).count(None)


def column_yaml(column: str, changes: Sequence[RuleChange]) -> tuple[str, ...]:
    """Return the whole entry of a column, with its rules as they are after the changes."""
    lines = ["columns:", f"  {yaml_scalar(column)}:"]
    for change in changes:
        rule = list(_rule_lines(change))
        if len(changes) > 1:
            rule = [f"{'- ' if at == 0 else '  '}{line}" for at, line in enumerate(rule)]
        lines += [f"    {line}" for line in rule]
    return tuple(lines)


def setting_yaml(section: str, key: str, value: Value, remark: str) -> tuple[str, ...]:
    """Return one key of a section, or of the mapping itself if ``section`` is empty."""
    line = _line(key, value, remark)
    return (f"{section}:", f"  {line}") if section else (line,)


def _rule_lines(change: RuleChange) -> Iterator[str]:
    rule = change.rule
    for key in RuleModel.model_fields:
        value = change.options.get(key, getattr(rule, key))
        remark = change.remarks.get(key, "")
        if key == "values":
            yield from _value_lines(change)
        elif key in change.options or value != _DEFAULTS.get(key, dataclasses.MISSING):
            yield _line(key, value, remark)


def _value_lines(change: RuleChange) -> Iterator[str]:
    own = {word: value for word, value in change.rule.values.items() if word not in change.file_words}
    if not own and not change.words:
        return
    yield _line("values", None, change.remarks.get("values", ""))
    for word, value in own.items():
        if word not in change.words:
            yield f"  {_line(yaml_scalar(word), value, '')}"
    for word, new in change.words.items():
        yield f"  {_line(yaml_scalar(word), new.value, new.remark)}"


def _line(key: str, value: Value, remark: str) -> str:
    line = f"{key}:" if value is None else f"{key}: {_text(value)}"
    return f"{line}  # {one_line(remark, _REMARK_CHARS)}" if remark else line


def _text(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return yaml_scalar(value[0]) if len(value) == 1 else f"[{', '.join(map(yaml_scalar, value))}]"
        case _:
            return yaml_scalar(str(value))  # also of a FieldType
