"""The keys of a rule that change cells, and combinations that are errors."""

from __future__ import annotations

import pytest

from importer.mapping import Rule
from tests.mapping.conftest import BASE, Load, Problems


def rule_of(load: Load, rule: str) -> Rule:
    """Return the rule of column X, which is in line 7."""
    return load(f"{BASE}  X: {rule}\n").rules[-1]


def test_keys_that_change_texts_are_loaded(load: Load):
    """`lower` and `upper` are one choice; by default nothing is changed."""
    rule = rule_of(load, "{field: Tags, strip: true, upper: true, html: to_text}")
    assert (rule.strip, rule.upper, rule.html) == (True, True, "to_text")
    assert rule_of(load, "{field: Tags, lower: yes}").lower
    plain = rule_of(load, "Tags")
    assert (plain.strip, plain.lower, plain.upper, plain.html) == (False, False, False, None)


def test_keys_for_the_form_of_values_are_loaded(load: Load):
    """Signs of numbers, words and regions."""
    number = rule_of(load, "{field: CustomData.N, type: number, decimal: ',', thousands: ' '}")
    assert (number.decimal, number.thousands) == (",", " ")
    assert rule_of(load, "{field: CustomData.N, type: number}").decimal == "."
    words = rule_of(load, "{field: CustomData.N, type: boolean, true_words: [Ja, ' WAHR '], false_words: nein}")
    assert (words.true_words, words.false_words) == (("ja", "wahr"), ("nein",))
    assert rule_of(load, "{field: CustomData.N, type: phone, region: IN}").region == "IN"


def test_a_rule_may_have_several_formats(load: Load):
    """Their order is kept."""
    assert rule_of(load, "{field: DueDate, type: date, format: '%d.%m.%Y'}").format == ("%d.%m.%Y",)
    both = rule_of(load, "{field: DueDate, type: datetime, format: ['%d.%m.%Y %H:%M', '%d.%m.%Y']}")
    assert both.format == ("%d.%m.%Y %H:%M", "%d.%m.%Y")


FAULTS = [
    ("{field: Tags, decimal: ','}", "`decimal` works only with `type: number`, not with `type: text`"),
    ("{field: Tags, type: integer, decimal: ','}", "`decimal` works only with `type: number`, not with `type: integer`"),
    ("{field: Tags, type: phone, thousands: ','}", "`thousands` works only with `type: integer` and `type: number`, not with `type: phone`"),
    ("{field: Tags, true_words: [ja]}", "`true_words` works only with `type: boolean`, not with `type: text`"),
    ("{field: Tags, type: date, false_words: [nein]}", "`false_words` works only with `type: boolean`, not with `type: date`"),
    ("{field: Tags, type: date, format: '%d/%m/%Y', locale: de}", "`locale` has no effect without a `format` that has names, such as %B or %b"),
    ("{field: Tags, type: date, locale: de}", "`locale` has no effect without a `format` that has names, such as %B or %b"),
    ("{field: Tags, type: date, format: '%Y %B %d', locale: ja}", "the language 'ja' has no names for %B; write a number, such as %m for months"),
    ("{field: Tags, type: datetime, format: epoch, timezone: Asia/Kolkata}", "`timezone` has no effect, as times since 1970 are in UTC; remove it"),
    ("{field: Tags, type: datetime, format: [epoch, '%Y%m%d']}", "'%Y%m%d' and 'epoch' read '20230403' as different times; keep one of them"),
    ("{field: Tags, format: epoch}", "`format` works only with `type: date` and `type: datetime`, not with `type: text`"),
    ("{field: Tags, region: IN}", "`region` works only with `type: phone`, not with `type: text`"),
    ("{field: Tags, type: email, html: to_text}", "`html` works only with `type: text`, not with `type: email`"),
    ("{field: Tags, lower: true, upper: true}", "`lower` and `upper` contradict each other; remove one of the two keys"),
    ("{field: Tags, type: guid, lower: true}", "`lower` has no effect with `type: guid`; remove it"),
    ("{field: Tags, type: number, upper: true}", "`upper` has no effect with `type: number`; remove it"),
    ("{field: Tags, lower: true, values: {New: Open}}", "no cell can be 'New' after `lower`; write 'new'"),
    ("{field: Tags, strip: true, values: {' new': Open}}", "no cell can be ' new' after `strip`; write 'new'"),
    ("{field: Tags, upper: true, one_of: [Open]}", "no cell can be 'Open' after `upper`; write 'OPEN'"),
    ("{field: Tags, strip: true, lower: true, one_of: [' A']}", "no cell can be ' A' after `strip` and `lower`; write 'a'"),
    ("{field: Tags, html: from_text, max_length: 9, on_too_long: truncate}", "HTML can't be truncated, as its end would be missing; remove `on_too_long` or `html`"),
    ("{field: Tags, type: number, thousands: '.'}", "`thousands` and `decimal` are both '.' ('.' is the default of `decimal`); change one of them"),
    ("{field: Tags, type: number, decimal: ',', thousands: ','}", "`thousands` and `decimal` are both ','; change one of them"),
    ("{field: Tags, type: boolean, true_words: [ja, JA]}", "`true_words` lists 'ja' more than once; upper and lower case are the same"),
    ("{field: Tags, type: boolean, true_words: [x], false_words: [X]}", "'x' means both true and false"),
    ("{field: Tags, type: boolean, true_words: ['0']}", "'0' means both true and false; the usual words are used without `false_words`"),
    ("{field: Tags, type: boolean, false_words: [Yes]}", "'yes' means both true and false; the usual words are used without `true_words`"),
    ("{field: Tags, type: date, format: ['%d.%m.%Y', '%d.%m.%Y']}", "`format` lists '%d.%m.%Y' more than once"),
    ('{field: Tags, type: date, format: "%Y-%m-%d\\0"}', "'%Y-%m-%d\\x00' is not a format that strptime knows; write it like %d/%m/%Y"),
    ('{field: Tags, type: date, format: "\\0%Y-%m-%d"}', "'\\x00%Y-%m-%d' is not a format that strptime knows; write it like %d/%m/%Y"),
    ("{field: Tags, type: date, format: '%Y-%m-%d%'}", "'%Y-%m-%d%' is not a format that strptime knows; write it like %d/%m/%Y"),
    ("{field: Tags, type: date, format: '%Y-%m-%d %G'}", "'%Y-%m-%d %G' has the year of a week (%G) without the week (%V) and its day (such as %u); write %Y"),
    ("{field: Tags, type: date, format: ['%d.%m.%Y', '%m.%Y']}", "'%m.%Y' does not read a whole date; it needs year, month and day"),
    ("{field: Tags, type: date, format: ['%d/%m/%Y', '%m/%d/%Y']}", "'%d/%m/%Y' and '%m/%d/%Y' read '03/04/2023' as different times; keep one of them"),
    ("{field: Tags, type: date, format: ['%d.%m.%Y', '%d.%m.%y', '%y.%m.%d']}", "'%d.%m.%y' and '%y.%m.%d' read '03.04.23' as different times; keep one of them"),
    ("{field: Tags, type: datetime, format: ['%Y-%m-%d %H:%M', '%Y-%m-%d %M:%H']}", "'%Y-%m-%d %H:%M' and '%Y-%m-%d %M:%H' read '2023-04-03 02:01' as different times; keep one of them"),
]  # fmt: skip

SHAPES = [
    ("{field: Tags, type: date, format: '%d %b %Y', locale: xx-1}", "locale: 'xx-1' is not a known locale; write a language such as `de` or `fr`, or one with a country such as `pt-BR`"),
    ("{field: Tags, html: text}", "html must be to_text or from_text, not 'text' (did you mean 'to_text'?)"),
    ("{field: Tags, type: number, decimal: ;}", "decimal must be '.' or ',', not ';'"),
    ("{field: Tags, type: number, thousands: ;}", "thousands: ';' is not a thousands separator; write one of . , ' ’ _ or a blank"),
    ("{field: Tags, type: phone, region: in}", "region: 'in' is not a region; write the two capital letters of a country, such as IN or DE (ISO 3166)"),
    ("{field: Tags, type: phone, region: India}", "region: 'India' is not a region; write the two capital letters of a country, such as IN or DE (ISO 3166)"),
    ("{field: Tags, type: boolean, true_words: []}", "true_words must not be empty; write a value"),
    ("{field: Tags, type: date, format: [[a]]}", "format > 1 must be a text, not a list"),
    ("{field: Tags, strip: both}", "strip must be true or false, not 'both'"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "problem"), FAULTS)
def test_contradictory_keys_are_reported_once(problems: Problems, rule: str, problem: str):
    """With their line; the same for keys without effect."""
    assert problems(f"{BASE}  X: {rule}\n") == [f"7: columns > X: {problem}"]


@pytest.mark.parametrize(("rule", "problem"), SHAPES)
def test_value_of_a_wrong_type_is_reported_once(problems: Problems, rule: str, problem: str):
    """The message says what the key accepts."""
    assert problems(f"{BASE}  X: {rule}\n") == [f"7: columns > X > {problem}"]


@pytest.mark.parametrize(
    "rule",
    [
        "{field: Tags, type: guid, lower: true, one_of: [8eee83bb-0462-4d6b-b396-6afb9a4608f2]}",
        "{field: Tags, lower: true, values: {new: Open}, one_of: [Open, closed], default: Open}",
        "{field: Tags, type: integer, thousands: '.'}",
        "{field: Tags, type: boolean, true_words: [no], false_words: [yes]}",
        "{field: Tags, type: date, format: ['%d/%m/%Y', '%Y-%m-%d', '%d.%m.%y', '%d %b %Y']}",
        "{field: Tags, type: date, format: ['%d%m%Y', '%Y%m%d']}",
        "{field: Tags, type: date, format: '%G-W%V-%u'}",
    ],
)
def test_unusual_rules_are_accepted(load: Load, rule: str):
    """Some export may need them."""
    assert load(f"{BASE}  X: {rule}\n").warnings == ()
