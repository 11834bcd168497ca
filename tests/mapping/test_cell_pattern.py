"""The part of a cell that `extract` takes."""

from __future__ import annotations

import re
import time

import pytest

from importer.mapping.cell_pattern import extract_pattern


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann <ann@example.com>", "ann@example.com"),
        ("Ann (ann@example.com)", "ann@example.com"),
        ('"Müller, Mina" <mina.m+x@sub.example.com>', "mina.m+x@sub.example.com"),
        ("mina@example.com, otto@example.com", "mina@example.com"),
        ("mina@example.com, Otto <otto@example.com>", "mina@example.com"),
        ("Mina <mina@example.com>; Otto <otto@example.com>", "mina@example.com"),
        ('"old@example.com, Inc." <new@example.com>', "new@example.com"),
        ("'ann@example.com' via Support <support@example.com>", "support@example.com"),
        ("'ann@example.com'", "ann@example.com"),
        ("mailto:o'neil@example.com", "o'neil@example.com"),
        ("write to ann@example.com.", "ann@example.com"),
        ("Jürgen <jürgen@müller.example>", "jürgen@müller.example"),
        ("< ann@example.com >", "ann@example.com"),
        ("メール：ann@example.com", "ann@example.com"),
        ("Ann", None),
        ("ann@", None),
        ("@example.com", None),
        ("\ud83d", None),
    ],
)
def test_email_finds_the_first_address(cell: str, address: str | None):
    assert extract_pattern("email").first_group(cell) == address


@pytest.mark.parametrize(
    ("regex", "cell", "part"),
    [
        (r"<([^>]+)>", "Ann <ann@example.com>", "ann@example.com"),
        (r"^(\S+)", "Müller Mina", "Müller"),
        (r"(\w+)$", "Mina Müller", "Müller"),
        (r"^[\w.]+ (\d+)", "Größe. ٣٤", "٣٤"),
        (r"([^\d\s]+)", "12 ab", "ab"),
        (r"(\D+)", "12ab", "ab"),
        (r"([]\w]+)", "-]ü", "]ü"),
        (r"([[:alpha:]\d]+)", "--ab1", "ab1"),
        (r"^\S+(?: (.*))?$", "Mina", ""),
        (r"(?P<a>x)(y)", "xy", "x"),
        (r"(a)", "b", None),
        (r"(\C)", "ü", None),
    ],
)
def test_the_first_group_is_the_value(regex: str, cell: str, part: str | None):
    assert extract_pattern(regex).first_group(cell) == part


@pytest.mark.parametrize(
    ("regex", "wrong"),
    [
        ("(", "is not a regular expression of RE2: missing ): ("),
        ("[a-z]+", "has no group; put the part to send in brackets"),
        (r"(?<=a)(b)", "is not a regular expression of RE2: invalid perl operator: (?<="),
        ("(" + "a" * 1_000 + ")", "is longer than 1,000 characters; shorten it"),
        ("(\ud83d)", "holds half a character; write the whole character"),
        ("\\", "is not a regular expression of RE2: trailing \\"),
        ("[", "is not a regular expression of RE2: missing ]: ["),
    ],
)
def test_unusable_expressions(regex: str, wrong: str):
    with pytest.raises(ValueError, match=re.escape(wrong)):
        extract_pattern(regex)


def test_a_hostile_cell_takes_linear_time():
    began = time.process_time()
    assert extract_pattern("(a+)+$").first_group("a" * 1_000_000 + "b") is None
    assert extract_pattern("email").first_group("a@" * 500_000) == "a@a"
    assert time.process_time() - began < 5
