"""One JSON object that holds the rows in a list, as the pages of an API do, and objects written over several lines."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, TextIO

from importer.errors import ManifestError

_MOST_CHARS = 1 << 24  # of a file that is one object; a larger one is an export of another kind
_START_CHARS = 1 << 12
_MOST_DEPTH = 3
_MOST_NAMED = 5
_PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# What stands beside the rows on a page of an API.
_OF_PAGES = frozenset(
    {
        "count",
        "total",
        "total_count",
        "totalcount",
        "size",
        "page",
        "pages",
        "page_count",
        "per_page",
        "limit",
        "offset",
        "start",
        "next",
        "previous",
        "prev",
        "next_page",
        "previous_page",
        "next_cursor",
        "cursor",
        "has_more",
        "hasmore",
        "meta",
        "metadata",
        "links",
        "_links",
        "paging",
        "pagination",
        "success",
        "status",
        "code",
        "message",
        "error",
        "errors",
        "result_count",
        "expand",
        "startat",
        "maxresults",
        "end_of_stream",
        "after_cursor",
        "after_url",
        "before_cursor",
        "before_url",
        "totalsize",
        "done",
        "nextrecordsurl",
        "object",
        "type",
    }
)


def refuse_wrapper(text: TextIO, expected: Collection[str], shown: str) -> None:
    """Raise ManifestError if a text that begins with an object is no JSON Lines, but one object or several over lines.

    ``expected``: the columns that the mapping knows, which tell a row from an object that holds rows.
    """
    first = text.readline(_MOST_CHARS)
    try:
        value, is_line = json.loads(first), True
    except (ValueError, RecursionError):
        value, is_line = None, False
    if is_line:
        if isinstance(value, dict) and not text.read(_START_CHARS).strip():
            _check_members(value, expected, shown)
        return
    rest = text.read(_MOST_CHARS - len(first))
    try:
        value, end = json.JSONDecoder().raw_decode((first + rest).lstrip())
    except (ValueError, RecursionError):
        return
    behind = (first + rest).lstrip()[end:].lstrip()
    if not behind:
        _check_members(value, expected, shown)
        raise ManifestError(
            f"{shown} is one JSON object over several lines, and a row is one line",
            hint="Write it on one line, such as with `jq -c . FILE`, or put it in a list: [{...}].",
        )
    if behind.startswith("{"):
        raise ManifestError(
            f"{shown} holds JSON objects over several lines each, and a row is one line",
            hint="Write each on one line: `jq -c . FILE > rows.jsonl`.",
        )


def _check_members(outer: dict[str, Any], expected: Collection[str], shown: str) -> None:
    """Raise ManifestError if an object's rows are in a list within it."""
    found = list(_lists(outer, ""))
    if not found:
        return
    names = frozenset(expected)
    best = max(found, key=lambda each: (len(names & _names(each[1])), len(each[1])))
    if expected:
        is_wrapper = len(names & _names(best[1])) > len(names.intersection(outer))
    else:
        is_wrapper = all(isinstance(value, list | dict) or name.lower() in _OF_PAGES for name, value in outer.items())
    if not is_wrapper:
        return
    path, rows = best
    others = [repr(name) for name, _ in found if name != path][:_MOST_NAMED]
    more = f" (other lists: {', '.join(others)})" if others else ""
    raise ManifestError(
        f"{shown} is one JSON object, and its rows are in the list {path!r} ({len(rows):,} "
        f"object{'s' if len(rows) > 1 else ''}){more}; a manifest is such a list alone, or JSON Lines",
        hint=f"Write that list to a new file{_by_jq(path)}, and name that. If the object names a next page, "
        "get all pages.",
    )


def _by_jq(path: str) -> str:
    """How `jq` does it, for names that need no quotes."""
    return f", such as with `jq .{path} FILE > rows.json`" if _PLAIN_PATH.fullmatch(path) else ""


def _lists(outer: dict[str, Any], above: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name, value in outer.items():
        path = f"{above}{name}"
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            yield path, value
        elif isinstance(value, dict) and path.count(".") < _MOST_DEPTH - 1:
            yield from _lists(value, f"{path}.")


def _names(rows: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(name for row in rows[:100] for name in row)
