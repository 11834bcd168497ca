"""Suggestions of similar names, and differences that can't be seen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.similar_names import closest_name, did_you_mean, invisible_difference, visual_skeleton

UNSEEN = [  # what is written, what was meant, and what is said of that
    ("Legacy ID", "Legacy\u00a0ID", "which has a non-breaking blank (U+00A0)"),
    ("Legacy\u00a0ID", "Legacy ID", "which has no non-breaking blank (U+00A0)"),
    ("ID", "\ufeffID", "which has a byte order mark (U+FEFF)"),
    ("ID", "\u00ef\u00bb\u00bfID", "which has a byte order mark that was read in the wrong encoding"),
    ("ID", "I\u200bD", "which has a blank of no width (U+200B)"),
    ("ID", "ID\u2060", "which has a word joiner (U+2060)"),
    ("Sub\u00adject", "Subject", "which has no soft hyphen (U+00AD)"),
    ("Mail", "M\u0430il", "which has a Cyrillic letter \u0430 (U+0430)"),
    ("Name", "\u039dame", "which has a Greek letter \u039d (U+039D)"),
    ("ID", "\uff29D", "which has a character \uff29 (U+FF29)"),
    ("E-mail", "E\u2011mail", "which has a character \u2011 (U+2011)"),
    ("Owner's", "Owner\u2019s", "which has a character \u2019 (U+2019)"),
    ("Subject", " Subject", "which has a blank at its beginning"),
    ("Subject", "Subject ", "which has a blank at its end"),
    ("Due date", "Due  date", "which has a double blank"),
    ("Due date", "Due\ndate", "which has a line break (U+000A)"),
    ("Due date", "Due\tdate", "which has a tab (U+0009)"),
    (unicodedata.normalize("NFC", "Größe"), unicodedata.normalize("NFD", "Größe"), "which has a separate accent (U+0308)"),
    ("Due date", "due\u00a0date ", "which has a blank at its end and a non-breaking blank (U+00A0)"),
    ("A\u00a0b", "A\u202fb", "which has a narrow non-breaking blank (U+202F) and has no non-breaking blank (U+00A0)"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "meant", "said"), UNSEEN)
def test_invisible_differences_are_described(written: str, meant: str, said: str):
    assert did_you_mean(written, ["Something else", meant]) == f" (did you mean {meant!r}, {said}?)"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("id", "ID"), ("Subjcet", "Subject"), ("статус", "Статус"), ("ΟΝΟΜΑ", "ονομα"), ("E-Mail", "Email")],
)
def test_visible_differences_are_not_described(written: str, meant: str):
    """Case, other letters, or one script throughout."""
    assert did_you_mean(written, ["Something else", meant]) == f" (did you mean {meant!r}?)"


def test_name_with_the_smallest_difference_is_suggested():
    """Case differs less than characters that look alike."""
    assert closest_name("id", ["\u0456d", "ID"]) == "ID"
    assert closest_name("id", ["\u0456d", "Idea"]) == "\u0456d"


def test_unlike_names_have_no_suggestion():
    assert did_you_mean("Subject", ["Phone", ""]) == ""
    assert did_you_mean("Subject", []) == ""


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_two_names_can_be_compared(one: str, other: str):
    """A name has no difference to itself."""
    assert invisible_difference(one, one) == ""
    assert invisible_difference(one, other) == "" or visual_skeleton(one) == visual_skeleton(other)
    assert closest_name(one, [other, one]) is not None or one == ""
