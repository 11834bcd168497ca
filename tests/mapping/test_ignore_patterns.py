"""Patterns under `ignore`: which columns they cover, and that no mapped column is among them."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.mapping import check_columns, is_ignored, with_ignored_patterns
from tests.mapping.conftest import BASE, Load

COLUMNS = ("ID", "Subject", "Mail")


@pytest.mark.parametrize(
    ("pattern", "covered", "others"),
    [
        ("via.*", ["via.", "via.channel", "via.from.to"], ["via", "Via.channel", "xvia.y"]),
        ("Custom field (*", ["Custom field (A)", "Custom field ("], ["Custom field"]),
        ("*_at", ["created_at", "_at"], ["created_at "]),
        ("a*b*c", ["abc", "axxbyyc", "abbcc", "a\nb\nc"], ["acb", "ab", "ac"]),
        ("ab*ba", ["abba", "abxba"], ["aba", "ab"]),
        ("a*b*b*c", ["abbc"], ["abc"]),
        ("[x]?*", ["[x]?", "[x]? y"], ["x", "xy"]),
        ("*", ["anything"], []),
        ("Subj*", [], []),
        ("Notes*", ["Notes*"], ["Notes 2"]),
    ],
)
def test_a_pattern_covers_columns_that_are_named_nowhere(
    load: Load, pattern: str, covered: list[str], others: list[str]
):
    """Every part between two stars is text; a mapped column is never covered."""
    mapping = load(f"{BASE}ignore: ['{pattern}']\n")
    found = with_ignored_patterns(mapping, [*COLUMNS, *covered, *others])
    assert found.ignored_by_patterns == ((pattern, len(covered)),)
    assert [column for column in (*COLUMNS[1:], *covered, *others) if is_ignored(found, column)] == covered
    check_columns(mapping, [*COLUMNS, *covered])
    for other in others:
        with pytest.raises(MappingError, match="does not fit"):
            check_columns(mapping, [*COLUMNS, *covered, other])


@given(st.text("ab*", min_size=1).filter(lambda text: "*" in text), st.text("ab", max_size=12))
def test_patterns_match_as_file_names_do(pattern: str, column: str):
    from importer.mapping.ignore_patterns import _covers  # noqa: PLC0415 - a detail, against a known library

    assert _covers(pattern, column) == fnmatch.fnmatchcase(column, pattern)


def test_repeated_columns_are_counted_unless_their_name_is_mapped(load: Load):
    """`Labels (2)` belongs to `Labels`."""
    mapping = load(f"{BASE}  Labels: {{field: Tags, join: ' '}}\nignore: ['Comm*', 'Lab*', 'Comment*']\n")
    columns = [*COLUMNS, "Labels", "Labels (2)", "Comment", "Comment (2)"]
    repeated = {"Labels": ("Labels", "Labels (2)"), "Comment": ("Comment", "Comment (2)")}
    check_columns(mapping, columns, repeated=repeated)
    found = with_ignored_patterns(mapping, columns, repeated)
    assert found.ignored_by_patterns == (("Comm*", 2), ("Lab*", 0), ("Comment*", 0))
    assert not is_ignored(found, "Labels (2)")


def test_absent_columns_of_json_do_not_count_as_misspelled(load: Load):
    """A record without a mapped member is fine if the others are covered by a pattern."""
    mapping = load(f"{BASE}ignore: ['via.*']\n")
    check_columns(mapping, ["ID", "Mail", "via.channel", "Subject"], absent=["Subject"])
