"""What one rule says, judged by itself: whether its parts go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from importer.mapping.boolean_words import FALSE_WORDS, TRUE_WORDS
from importer.mapping.date_formats import contradiction, format_fault
from importer.mapping.findings import did_you_mean
from importer.mapping.language import RuleModel
from importer.mapping.rules import FieldType, Rule
from importer.mapping.time_zones import zone_fault
from importer.mapping.yaml_source import Place

Fault = tuple[Place, str]  # where in the rule, as `("values", "new")`, and what is wrong there

# A key that does nothing for a type is a mistake: its author believes that it does.
_FOR_TYPES: dict[str, tuple[FieldType, ...]] = {
    "format": (FieldType.DATE, FieldType.DATETIME),
    "timezone": (FieldType.DATETIME,),
    "decimal": (FieldType.NUMBER,),
    "thousands": (FieldType.INTEGER, FieldType.NUMBER),
    "true_words": (FieldType.BOOLEAN,),
    "false_words": (FieldType.BOOLEAN,),
    "region": (FieldType.PHONE,),
    "html": (FieldType.TEXT,),
}


def rule_faults(rule: RuleModel) -> Iterator[Fault]:
    """Everything that contradicts itself, does nothing or can't work."""
    for key, types in _FOR_TYPES.items():
        if getattr(rule, key) is not None and rule.type not in types:
            called = " and ".join(types)
            yield (key,), f"`{key}` is for the type{'s' if len(types) > 1 else ''} {called}, not for {rule.type}"
    yield from sure_faults(rule)
    yield from _length(rule)
    yield from _letters(rule)
    yield from _never_met(rule)
    yield from _numbers(rule)
    yield from _boolean_words(rule)


def sure_faults(rule: RuleModel) -> Iterator[Fault]:
    """Those of its faults that the rule has whatever else it says: a part of it may not be known."""
    yield from _empty_cells(rule)
    yield from _too_long(rule)
    yield from _choices(rule)
    yield from _dates(rule)


def _empty_cells(rule: RuleModel) -> Iterator[Fault]:
    if rule.send_empty and rule.required:
        yield ("send_empty",), "`send_empty` sends empty cells, and `required` refuses them; take one of them out"
    if rule.send_empty and rule.default is not None:
        yield ("send_empty",), "`default` fills empty cells, so `send_empty` does nothing; take one of them out"


def _length(rule: RuleModel) -> Iterator[Fault]:
    if rule.on_too_long is not None and rule.max_length is None:
        yield ("on_too_long",), "`on_too_long` needs a `max_length`"
    if rule.on_too_long == "truncate" and rule.type is not FieldType.TEXT:
        yield ("on_too_long",), f"only a text can be truncated, not a value of type {rule.type}"
    if rule.on_too_long == "truncate" and rule.html == "from_text":
        yield ("on_too_long",), "HTML can't be truncated, as its end would be missing; take `on_too_long` or `html` out"


def _too_long(rule: RuleModel) -> Iterator[Fault]:
    if rule.max_length is not None:
        for place, text in sent_texts(rule):
            if len(text) > rule.max_length:
                yield place, f"{text!r} is longer than `max_length`, which is {rule.max_length}"


def _choices(rule: RuleModel) -> Iterator[Fault]:
    if twice := _twice(rule.one_of or ()):
        yield ("one_of",), f"`one_of` has {twice} more than once"
    if rule.one_of is not None:
        for place, text in sent_texts(rule):
            if text not in rule.one_of:
                yield place, f"{text!r} is not in `one_of`{did_you_mean(text, rule.one_of)}"


def sent_texts(rule: RuleModel | Rule) -> Iterator[tuple[Place, str]]:
    """The texts that the rule itself may put into a ticket, each once, with the place that does."""
    seen = {""}  # an empty cell is no text
    for value, target in (rule.values or {}).items():
        if target not in seen:
            seen.add(target)
            yield ("values", value), target
    if rule.default is not None:
        yield ("default",), rule.default  # `values` is for what stands in cells, and is not applied to it


def _letters(rule: RuleModel) -> Iterator[Fault]:
    wanted = [key for key in ("lower", "upper") if getattr(rule, key)]
    if len(wanted) > 1:
        yield ("upper",), "`lower` and `upper` can't both be true; take one of them out"
    has_letters = rule.type in {FieldType.TEXT, FieldType.EMAIL} or rule.values or rule.one_of
    if wanted and not has_letters:
        yield (wanted[0],), f"`{wanted[0]}` does nothing for the type {rule.type}"


def _never_met(rule: RuleModel) -> Iterator[Fault]:
    """What cells are compared with after `strip`, `lower` or `upper`, and what none of them is by then."""
    steps = [key for key in ("strip", "lower", "upper") if getattr(rule, key)]
    own = {*(rule.values or {}).values(), rule.default}
    compared: list[tuple[Place, str]] = [(("values", text), text) for text in rule.values or {}]
    compared += [(("one_of", index), text) for index, text in enumerate(rule.one_of or ()) if text not in own]
    for place, text in compared:
        met = text
        for step in steps:
            met = getattr(met, step)()
        if met != text:
            yield place, f"no cell is {text!r} after {' and '.join(f'`{step}`' for step in steps)}; write {met!r}"


def _numbers(rule: RuleModel) -> Iterator[Fault]:
    if rule.thousands is not None and rule.type is FieldType.NUMBER and rule.thousands == (rule.decimal or "."):
        said = "`decimal` is the same" if rule.decimal else "`decimal` is '.' where it is not given"
        yield ("thousands",), f"{rule.thousands!r} can't stand between thousands, as {said}"


def _boolean_words(rule: RuleModel) -> Iterator[Fault]:
    for key in ("true_words", "false_words"):
        if twice := _twice([word.strip().casefold() for word in getattr(rule, key) or ()]):
            yield (key,), f"`{key}` has {twice} more than once; capital letters do not count"
    true = {word.strip().casefold() for word in rule.true_words or TRUE_WORDS}
    false = {word.strip().casefold() for word in rule.false_words or FALSE_WORDS}
    if both := sorted(true & false):
        key = "true_words" if rule.true_words else "false_words"
        usual = "" if rule.true_words and rule.false_words else " (the usual words are in force where none are given)"
        yield (key,), f"{', '.join(map(repr, both))} can't be both true and false{usual}"


def _twice(texts: Iterable[str]) -> str:
    """Those that are there more than once, as a list for people."""
    every = list(texts)
    return ", ".join(map(repr, sorted({text for text in every if every.count(text) > 1})))


def _dates(rule: RuleModel) -> Iterator[Fault]:
    if rule.format is not None and rule.type in _FOR_TYPES["format"]:
        faults = {form: fault for form in rule.format if (fault := format_fault(form))}
        for form, fault in faults.items():
            yield ("format",), f"{form!r} {fault}"
        if twice := _twice(rule.format):
            yield ("format",), f"`format` has {twice} more than once"
        if not faults and (found := contradiction(rule.format)):
            yield ("format",), found
    if rule.timezone is not None and rule.type in _FOR_TYPES["timezone"] and (fault := zone_fault(rule.timezone)):
        yield ("timezone",), fault
