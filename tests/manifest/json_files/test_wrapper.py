"""A file that is one JSON object, as a page of an API is, is one clear error that names where the rows stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.manifest.reading import read_bytes, refusal_of_bytes

ROWS = [{"Id": 1, "Subject": "Help"}, {"Id": 2, "Subject": "More"}]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("expected", [(), ("Id", "Subject")])
@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"tickets": ROWS, "count": 2, "next_page": None}, "tickets"),
        ({"data": ROWS, "meta": {"pages": 1}}, "data"),
        ({"result": {"items": ROWS}}, "result.items"),
        ({"users": [{"name": "a"}], "tickets": ROWS}, "tickets"),
    ],
)
def test_the_list_that_holds_the_rows_is_named(
    tmp_path: Path, content: dict[str, Any], path: str, expected: tuple[str, ...], indent: int | None
) -> None:
    """One error of two lines, whether the page is on one line or on many."""
    text = refusal_of_bytes(tmp_path, json.dumps(content, indent=indent).encode(), expected)
    assert f"its rows are in the list {path!r} (2 objects)" in text
    assert f"jq .{path} FILE" in text
    assert "Extra data" not in text
    assert len(text.splitlines()) == 2


def test_a_name_with_signs_of_a_terminal_is_shown_escaped(tmp_path: Path) -> None:
    """No command is made of it."""
    text = refusal_of_bytes(tmp_path, json.dumps({"a\x1b[2J": ROWS}, ensure_ascii=False).encode())
    assert "\x1b" not in text
    assert "jq" not in text


def read_json(folder: Path, content: str, expected: tuple[str, ...] = ()) -> list[str]:
    return read_bytes(folder, content.encode(), expected).columns


def test_a_row_with_a_list_of_its_own_is_a_row(tmp_path: Path) -> None:
    """A night may bring one ticket, and that may have comments."""
    row = json.dumps({"Id": 1, "Subject": "Help", "comments": [{"Id": 5}]})
    assert read_json(tmp_path, row, ("Id", "Subject")) == ["Id", "Subject", "comments"]
    assert read_json(tmp_path, row) == ["Id", "Subject", "comments"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(ROWS[0], indent=2), "is one JSON object over several lines"),
        ("\n".join(json.dumps(row, indent=2) for row in ROWS), "contains JSON objects over several lines each"),
    ],
)
def test_rows_over_several_lines(tmp_path: Path, content: str, said: str) -> None:
    """The output of `jq .` is no list of broken lines."""
    text = refusal_of_bytes(tmp_path, content.encode())
    assert said in text
    assert "jq -c" in text
    assert len(text.splitlines()) == 2


def test_broken_lines_are_still_listed(tmp_path: Path) -> None:
    """Broken lines are no object over many lines."""
    text = refusal_of_bytes(tmp_path, b'{"Id": 1\n{"Id": 2}\n{"Id": }\n')
    assert "line 1:" in text
    assert "line 3:" in text
