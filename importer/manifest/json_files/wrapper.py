"""Refuses a JSON object with the rows in a list inside, and objects over several lines."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, TextIO

from importer.errors import ManifestError

_MAX_CHARS = 1 << 24  # of a file that is one object; larger files are not checked
_START_CHARS = 1 << 12
_MAX_DEPTH = 3
_MAX_NAMES_SHOWN = 5
_PLAIN_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# Members beside the rows on a page of an API.
_PAGE_MEMBERS = frozenset(
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
    """Raise ManifestError for one object around the rows, or for objects over several lines.

    ``expected``: the mapping's columns, which tell a row from an object around rows.
    """
    first = text.readline(_MAX_CHARS)
    try:
        value, is_line = json.loads(first), True
    except (ValueError, RecursionError):
        value, is_line = None, False
    if is_line:
        if isinstance(value, dict) and not text.read(_START_CHARS).strip():
            _refuse_object_around_rows(value, expected, shown)
        return
    rest = text.read(_MAX_CHARS - len(first))
    try:
        value, end = json.JSONDecoder().raw_decode((first + rest).lstrip())
    except (ValueError, RecursionError):
        return
    behind = (first + rest).lstrip()[end:].lstrip()
    if not behind:
        _refuse_object_around_rows(value, expected, shown)
        raise ManifestError(
            f"{shown} is one JSON object over several lines, but each row must be one line",
            hint="Write it on one line, for example with `jq -c . FILE`, or put it in a list: [{...}].",
        )
    if behind.startswith("{"):
        raise ManifestError(
            f"{shown} contains JSON objects over several lines each, but each row must be one line",
            hint="Write each object on one line: `jq -c . FILE > rows.jsonl`.",
        )


def _refuse_object_around_rows(outer: dict[str, Any], expected: Collection[str], shown: str) -> None:
    """Raise ManifestError if an object has the rows in a list inside it."""
    found = list(_lists(outer, ""))
    if not found:
        return
    names = frozenset(expected)
    best = max(found, key=lambda each: (len(names & _names(each[1])), len(each[1])))
    if expected:
        is_wrapper = len(names & _names(best[1])) > len(names.intersection(outer))
    else:
        is_wrapper = all(
            isinstance(value, list | dict) or name.lower() in _PAGE_MEMBERS for name, value in outer.items()
        )
    if not is_wrapper:
        return
    path, rows = best
    others = [repr(name) for name, _ in found if name != path][:_MAX_NAMES_SHOWN]
    more = f" (other lists: {', '.join(others)})" if others else ""
    raise ManifestError(
        f"{shown} is one JSON object, and its rows are in the list {path!r} ({len(rows):,} "
        f"object{'s' if len(rows) > 1 else ''}){more}; a manifest must be the list itself, or JSON Lines",
        hint=f"Write that list to a new file{_by_jq(path)}, and use that file. If the object names a next page, "
        "fetch all pages.",
    )


def _by_jq(path: str) -> str:
    """Return how to do it with `jq`, for names that need no quotes."""
    return f", such as with `jq .{path} FILE > rows.json`" if _PLAIN_PATH.fullmatch(path) else ""


def _lists(outer: dict[str, Any], above: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name, value in outer.items():
        path = f"{above}{name}"
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            yield path, value
        elif isinstance(value, dict) and path.count(".") < _MAX_DEPTH - 1:
            yield from _lists(value, f"{path}.")


def _names(rows: list[dict[str, Any]]) -> frozenset[str]:
    return frozenset(name for row in rows[:100] for name in row)
