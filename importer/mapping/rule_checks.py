"""Checks of one rule by itself: contradictory keys, keys without effect, values that can't work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from importer.mapping.checked_mapping import FALSE_WORDS, TRUE_WORDS, Rule
from importer.mapping.document import KeyPath
from importer.mapping.document_models import RuleModel
from importer.mapping.similar_names import did_you_mean
from importer.mapping.strptime_formats import EPOCH_UNITS, find_ambiguity, format_error
from importer.mapping.time_zones import time_zone_error
from importer.models import FieldType

RuleError = tuple[KeyPath, str]  # where in the rule, such as `("values", "new")`, and what is wrong there

# A key without effect is an error, because its author expects one.
_TYPES_OF_KEY: dict[str, tuple[FieldType, ...]] = {
    "format": (FieldType.DATE, FieldType.DATETIME),
    "locale": (FieldType.DATE, FieldType.DATETIME),
    "timezone": (FieldType.DATETIME,),
    "decimal": (FieldType.NUMBER,),
    "thousands": (FieldType.INTEGER, FieldType.NUMBER),
    "true_words": (FieldType.BOOLEAN,),
    "false_words": (FieldType.BOOLEAN,),
    "region": (FieldType.PHONE,),
    "html": (FieldType.TEXT,),
}


def rule_errors(rule: RuleModel) -> Iterator[RuleError]:
    """Yield every error of a rule."""
    for key, types in _TYPES_OF_KEY.items():
        if getattr(rule, key) is not None and rule.type not in types:
            allowed = " and ".join(f"`type: {each}`" for each in types)
            yield (key,), f"`{key}` works only with {allowed}, not with `type: {rule.type}`"
    yield from errors_of_known_keys(rule)
    yield from _truncation_errors(rule)
    yield from _case_errors(rule)
    yield from _unreachable_values(rule)
    yield from _separator_errors(rule)
    yield from _boolean_word_errors(rule)


def errors_of_known_keys(rule: RuleModel) -> Iterator[RuleError]:
    """Yield the errors that a rule has even if some of its keys could not be read."""
    yield from _empty_cell_errors(rule)
    if rule.join is not None and rule.pick is not None:
        yield ("pick",), "`pick` sends one value and `join` sends all of them; remove one of the two keys"
    yield from _length_errors(rule)
    yield from _choice_errors(rule)
    yield from _date_errors(rule)


def literal_texts(rule: RuleModel | Rule) -> Iterator[RuleError]:
    """Yield each text that the rule itself can put into a ticket, with its place in the rule."""
    seen = {""}  # an empty cell is no text
    for value, target in (rule.values or {}).items():
        if target not in seen:
            seen.add(target)
            yield ("values", value), target
    if rule.default is not None:
        yield ("default",), rule.default  # `values` is not applied to it


def _empty_cell_errors(rule: RuleModel) -> Iterator[RuleError]:
    if rule.send_empty and rule.required:
        yield ("send_empty",), "`send_empty` sends empty cells and `required` rejects them; remove one of the two keys"
    if rule.send_empty and rule.default is not None:
        yield ("send_empty",), "`send_empty` has no effect, as `default` fills empty cells; remove one of the two keys"


def _truncation_errors(rule: RuleModel) -> Iterator[RuleError]:
    if rule.on_too_long is not None and rule.max_length is None:
        yield ("on_too_long",), "`on_too_long` has no effect without `max_length`; add it"
    if rule.on_too_long == "truncate" and rule.type is not FieldType.TEXT:
        text = f"only texts can be truncated, not values of `type: {rule.type}`; remove `on_too_long` or `type`"
        yield ("on_too_long",), text
    if rule.on_too_long == "truncate" and rule.html == "from_text":
        yield ("on_too_long",), "HTML can't be truncated, as its end would be missing; remove `on_too_long` or `html`"


def _length_errors(rule: RuleModel) -> Iterator[RuleError]:
    if rule.max_length is not None:
        for key_path, text in literal_texts(rule):
            if len(text) > rule.max_length:
                yield key_path, f"{text!r} has {len(text)} characters, more than `max_length: {rule.max_length}`"


def _choice_errors(rule: RuleModel) -> Iterator[RuleError]:
    if repeated := _repeated(rule.one_of or ()):
        yield ("one_of",), f"`one_of` lists {repeated} more than once"
    if rule.one_of is not None:
        for key_path, text in literal_texts(rule):
            if text not in rule.one_of:
                yield key_path, f"{text!r} is not in `one_of`{did_you_mean(text, rule.one_of)}"


def _case_errors(rule: RuleModel) -> Iterator[RuleError]:
    keys = [key for key in ("lower", "upper") if getattr(rule, key)]
    if len(keys) > 1:
        yield ("upper",), "`lower` and `upper` contradict each other; remove one of the two keys"
    has_letters = rule.type in {FieldType.TEXT, FieldType.EMAIL} or rule.values or rule.one_of
    if keys and not has_letters:
        yield (keys[0],), f"`{keys[0]}` has no effect with `type: {rule.type}`; remove it"


def _unreachable_values(rule: RuleModel) -> Iterator[RuleError]:
    """Yield values that no cell can have after `strip`, `lower` or `upper`."""
    steps = [key for key in ("strip", "lower", "upper") if getattr(rule, key)]
    own = {*(rule.values or {}).values(), rule.default}
    compared: list[RuleError] = [(("values", text), text) for text in rule.values or {}]
    compared += [(("one_of", index), text) for index, text in enumerate(rule.one_of or ()) if text not in own]
    for key_path, text in compared:
        changed = text
        for step in steps:
            changed = getattr(changed, step)()
        if changed != text:
            done = " and ".join(f"`{step}`" for step in steps)
            yield key_path, f"no cell can be {text!r} after {done}; write {changed!r}"


def _separator_errors(rule: RuleModel) -> Iterator[RuleError]:
    if rule.thousands is not None and rule.type is FieldType.NUMBER and rule.thousands == (rule.decimal or "."):
        default = "" if rule.decimal else " ('.' is the default of `decimal`)"
        yield ("thousands",), f"`thousands` and `decimal` are both {rule.thousands!r}{default}; change one of them"


def _boolean_word_errors(rule: RuleModel) -> Iterator[RuleError]:
    for key in ("true_words", "false_words"):
        if repeated := _repeated([word.strip().casefold() for word in getattr(rule, key) or ()]):
            yield (key,), f"`{key}` lists {repeated} more than once; upper and lower case are the same"
    true = {word.strip().casefold() for word in rule.true_words or TRUE_WORDS}
    false = {word.strip().casefold() for word in rule.false_words or FALSE_WORDS}
    if both := sorted(true & false):
        key, other = ("true_words", "false_words") if rule.true_words else ("false_words", "true_words")
        default = "" if rule.true_words and rule.false_words else f"; the usual words are used without `{other}`"
        yield (key,), f"{', '.join(map(repr, both))} means both true and false{default}"


def _repeated(texts: Iterable[str]) -> str:
    """Return the texts that occur more than once, quoted."""
    every = list(texts)
    return ", ".join(map(repr, sorted({text for text in every if every.count(text) > 1})))


def _locale_errors(locale: str, formats: Iterable[str]) -> Iterator[RuleError]:
    from importer.mapping.date_names import directive_without_names, named_directives  # noqa: PLC0415 - rarely needed

    if not any(map(named_directives, formats)):
        yield ("locale",), "`locale` has no effect without a `format` that has names, such as %B or %b"
    for form in formats:
        if directive := directive_without_names(locale, form):
            yield (
                ("format",),
                f"the language {locale!r} has no names for {directive}; write a number, such as %m for months",
            )


def _date_errors(rule: RuleModel) -> Iterator[RuleError]:
    if rule.format is not None and rule.type in _TYPES_OF_KEY["format"]:
        errors = {form: error for form in rule.format if (error := format_error(form))}
        for form, error in errors.items():
            yield ("format",), f"{form!r} {error}"
        if repeated := _repeated(rule.format):
            yield ("format",), f"`format` lists {repeated} more than once"
        if not errors and (ambiguity := find_ambiguity(rule.format)):
            yield ("format",), ambiguity
    formats = rule.format or ()
    if rule.locale is not None and rule.type in _TYPES_OF_KEY["locale"]:
        yield from _locale_errors(rule.locale, formats)
    if rule.timezone is not None and formats and EPOCH_UNITS.keys() >= set(formats):
        yield ("timezone",), "`timezone` has no effect, as times since 1970 are in UTC; remove it"
    if (
        rule.timezone is not None
        and rule.type in _TYPES_OF_KEY["timezone"]
        and (error := time_zone_error(rule.timezone))
    ):
        yield ("timezone",), error
