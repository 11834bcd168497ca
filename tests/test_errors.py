"""How an error looks on a terminal, whatever a file has in it."""

from __future__ import annotations

from importer.errors import UsageError


def test_only_the_first_details_are_shown():
    """A terminal keeps a few hundred lines; all findings stay with the error for those who want them."""
    error = UsageError("wrong:", details=[f"column {number}" for number in range(10_000)], hint="correct it")
    lines = error.lines()
    assert lines[:2] == ["wrong:", "  column 0"]
    assert lines[-2:] == ["  … and 9,800 more", "hint: correct it"]
    assert len(lines) == 203
    assert len(error.details) == 10_000


def test_as_many_details_as_are_shown_have_no_more():
    """Two hundred are all of them, and the end says nothing."""
    assert UsageError("wrong:", details=["x"] * 200).lines() == ["wrong:", *["  x"] * 200]


def test_a_name_of_a_million_characters_is_cut():
    """A line is as long as a person may want to read, and says how long it was."""
    (line,) = UsageError("a" * 1_000_000).lines()
    assert line == f"{'a' * 2_000}… (1,000,000 characters)"


def test_control_characters_are_escaped():
    """Escape sequences, bells, and marks that turn the direction of writing are shown, not obeyed."""
    (line,) = UsageError("a\x1b[2J\x07\u202eb\r\ud800").lines()
    assert line == "a\\x1b[2J\\x07\\u202eb\\r\\ud800"
