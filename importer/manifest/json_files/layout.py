"""Finds out how a JSON file is laid out: lines, a list, objects, or a list inside an object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from importer.errors import ManifestError
from importer.manifest.json_files.decoding import ParsedObject, ValueDecoder
from importer.manifest.json_files.documents import (
    JsonStream,
    MissingListError,
    Path,
    parse_documents,
    parse_lines,
    parse_list,
    parse_results,
)
from importer.manifest.nested.column_tree import MAX_COLUMNS, MAX_LEVELS, ColumnTree, TooManyNamesError
from importer.manifest.nested.values import BrokenObjectError, JsonObject
from importer.mapping.record_paths import plain_path, shown_path
from importer.models import ManifestOptions

_SAMPLE_ROWS = 100
_MAX_SHOWN = 10
# Members beside the rows on a page of an API.
_PAGE_MEMBERS = frozenset(
    """
    count total total_count totalcount size page pages page_count per_page limit offset start next previous prev
    next_page previous_page next_cursor cursor has_more hasmore meta metadata links _links paging pagination success
    status code message error errors result_count expand startat maxresults end_of_stream after_cursor after_url
    before_cursor before_url end_time totalsize done nextrecordsurl object type
    """.split()  # noqa: SIM905 - shorter
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the rows of a JSON file are.

    ``is_lines``: one in each line. ``path``: in a list inside an object; empty: in a list, or one object after another.
    ``expression``: what finds them in each document. ``for_expressions``: whether numbers are compared or added.
    ``other_lists``: those that were not chosen.
    """

    is_lines: bool = False
    is_list: bool = False
    path: Path = ()
    expression: str | None = None
    for_expressions: bool = False
    other_lists: tuple[str, ...] = ()

    @property
    def records(self) -> str | None:
        """Return where the rows are, as it is written under `records`; None at the top."""
        return self.expression or (written_path(self.path) if self.path else None)

    @property
    def unit(self) -> str:
        """Return what is counted as a row."""
        return "line" if self.is_lines else "object"

    def rows(self, text: TextIO) -> Iterator[ParsedObject]:
        """Yield all rows; stop after something that is not JSON, except in lines. Raises MissingListError."""
        decoder = ValueDecoder(for_expressions=self.for_expressions)
        if self.is_lines:
            yield from parse_lines(text, decoder)
            return
        try:
            if self.expression is not None:
                yield from parse_results(text, decoder, _finder(self.expression), self.expression)
            elif self.is_list:
                yield from parse_list(text, decoder)
            else:
                yield from parse_documents(text, decoder, self.path)
        except BrokenObjectError as error:
            yield error


@dataclass(kw_only=True)
class _List:
    """A list in the first object of a file."""

    path: Path
    size: int = 0
    has_only_objects: bool = True
    names: ColumnTree = field(default_factory=lambda: ColumnTree(ManifestOptions()))


@dataclass(kw_only=True)
class Survey:
    """What the first object of a file has inside: its lists, and the names of its other values."""

    lists: list[_List] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)  # of the object itself that are neither lists nor objects

    @property
    def is_page(self) -> bool:
        """Whether it is a page of an API: a list of objects, and only such members beside it as pages have."""
        has_rows = any(each.has_only_objects and each.size > 1 for each in self.lists)
        return has_rows and bool(self.members) and all(name.lower() in _PAGE_MEMBERS for name in self.members)

    def candidates(self) -> list[_List]:
        """Return the lists that may be the rows; an empty list only if no other list has objects."""
        some = [each for each in self.lists if each.has_only_objects]
        return [each for each in some if each.size] or some


def survey(stream: JsonStream) -> Survey:
    """Walk through the object at the position. Raises BrokenObjectError."""
    found = Survey()
    _survey(stream, (), found)
    return found


def _survey(stream: JsonStream, path: Path, found: Survey) -> None:
    character = stream.next_character()
    if character == "{":
        if len(path) >= MAX_LEVELS:
            raise stream.broken("it is nested too deeply")
        for name in stream.members():
            _survey(stream, (*path, name), found)
    elif character == "[":
        if len(found.lists) < MAX_COLUMNS:
            found.lists.append(_survey_list(stream, path))
        else:
            stream.skip()
    else:
        stream.value()
        if len(found.names) < MAX_COLUMNS:
            found.names.add(".".join(path))
            found.members.update(path if len(path) == 1 else ())


def _survey_list(stream: JsonStream, path: Path) -> _List:
    facts = _List(path=path)
    for _ in stream.elements():
        value = stream.value()
        facts.size += 1
        if not isinstance(value, JsonObject):
            facts.has_only_objects = False
        elif facts.size <= _SAMPLE_ROWS:
            _add_names(facts.names, value)
    return facts


def _add_names(names: ColumnTree, value: JsonObject) -> None:
    try:
        names.add(value)
    except (BrokenObjectError, TooManyNamesError):
        return  # the pass over all rows reports it


def find_layout(text: TextIO, start: str, expected: Collection[str], file_name: str) -> Layout:
    """Return the layout of a file that begins with an object.

    ``start``: its beginning. ``expected``: the mapping's columns, which tell a row from an object around rows. Raises
    ManifestError if it is not clear which of several lists has the rows.
    """
    stream = JsonStream(text, ValueDecoder())
    first_line = stream.line
    try:
        stream.next_character()
        first_line = stream.line
        found = survey(stream)
        last_line = stream.line
        follower = stream.next_character()
        goes_on = follower == "{" and stream.line == last_line  # pages that were joined without a line end
    except BrokenObjectError:
        return Layout(is_lines=stream.line == first_line or _begins_with_lines(start))
    is_alone = not follower
    is_line = first_line == last_line and not goes_on
    if (is_alone or not is_line or expected or found.is_page) and _is_around_rows(found, expected):
        return _in_list(found, expected, file_name)
    if is_alone and expected and not found.lists and not _fits(found.names, expected):
        raise ManifestError(
            f"{file_name} is one JSON object without a list of objects, and it has none of the mapping's columns",
            hint="Look into the file: it may be an error message. Export it again.",
        )
    return Layout(is_lines=is_line)


def _fits(names: Collection[str], expected: Collection[str]) -> int:
    return len(frozenset(expected).intersection(names))


def _is_around_rows(found: Survey, expected: Collection[str]) -> bool:
    """Return whether an object is not a row itself, but has the rows in a list."""
    candidates = found.candidates()
    if not candidates:
        return False
    if not expected:
        return all(name.lower() in _PAGE_MEMBERS for name in found.members)
    best = max(_fits(_names(each), expected) for each in candidates)
    in_object = _fits(found.names.union(".".join(each.path) for each in found.lists), expected)
    return best > in_object or (not in_object and all(name.lower() in _PAGE_MEMBERS for name in found.members))


def _names(rows: _List) -> tuple[str, ...]:
    try:
        return rows.names.columns("")
    except ManifestError:
        return ()


def _in_list(found: Survey, expected: Collection[str], file_name: str) -> Layout:
    """Return the layout of rows in the only list, or in the one that is clearly the mapping's.

    It has at least half of the mapping's columns, and more than twice as many as any other list.
    """
    candidates = sorted(found.candidates(), key=lambda each: -_fits(_names(each), expected))
    best, *others = candidates
    fit = _fits(_names(best), expected)
    if not others:
        return Layout(path=best.path)
    if 2 * fit >= len(expected) > 0 and fit > 2 * _fits(_names(others[0]), expected):
        return Layout(path=best.path, other_lists=tuple(written_path(each.path) for each in others))
    raise several_lists_error(candidates, expected, file_name, "has its rows in a list inside it, and several lists:")


def several_lists_error(candidates: list[_List], expected: Collection[str], file_name: str, what: str) -> ManifestError:
    """Return the error that names the lists, the likeliest one first."""
    ordered = sorted(candidates, key=lambda each: (-_fits(_names(each), expected), -each.size))
    details = [
        f"`records: {written_path(each.path)}`: {each.size:,} object{'' if each.size == 1 else 's'}"
        + (f", with {', '.join(map(repr, _names(each)[:5]))}" if _names(each) else "")
        for each in ordered[:_MAX_SHOWN]
    ]
    return ManifestError(
        f"{file_name} {what}",
        details=details,
        hint="Write the right one under `manifest` in the mapping, such as "
        f"`manifest: {{records: {written_path(ordered[0].path)}}}`.",
        remedies=[("records", shown_path(each.path)) for each in ordered[:_MAX_SHOWN]],
    )


def written_path(path: Path) -> str:
    """Return a path as it is written in YAML."""
    text = shown_path(path)
    return f"'{text}'" if '"' in text else text


def missing_list_error(
    text: TextIO, records: str, reason: str, expected: Collection[str], file_name: str
) -> ManifestError:
    """Return the error for ``records`` that leads to no list; it names the lists of the file."""
    what = f"has no list of objects at `records: {records}`"
    stream = JsonStream(text, ValueDecoder())
    try:
        found = survey(stream) if stream.next_character() == "{" else Survey()
    except BrokenObjectError:
        found = Survey()
    if candidates := [each for each in found.candidates() if each.path]:
        return several_lists_error(candidates, expected, file_name, f"{what} ({reason}); it has these lists:")
    return ManifestError(
        f"{file_name} {what}: {reason}",
        hint="Correct `manifest: {records}` in the mapping, or remove it if the file is a list, or JSON Lines.",
    )


def chosen_layout(records: str, file_name: str) -> Layout:
    """Return the layout of a file for which the mapping sets ``records``. Raises ManifestError."""
    if (path := plain_path(records)) is not None:
        return Layout(path=path)
    from importer.mapping.record_expressions import expression_error  # noqa: PLC0415 - loading it takes time

    if (wrong := expression_error(records)) is not None:
        raise ManifestError(
            f"{file_name} is JSON, and `records: {records}` is no JMESPath expression: it {wrong}",
            hint="Write names with dots between them, such as `manifest: {records: data.tickets}`.",
        )
    return Layout(expression=records, for_expressions=True)


def _finder(expression: str) -> Callable[[Any], Any]:
    """Return what evaluates an expression. It raises MissingListError where that is impossible."""
    from importer.manifest.nested.expression_columns import value_maker  # noqa: PLC0415 - loading it takes time
    from importer.mapping.record_expressions import EVALUATION_ERRORS  # noqa: PLC0415 - the same

    make = value_maker(expression)

    def find(document: Any) -> Any:
        try:
            return make(document)
        except EVALUATION_ERRORS as error:
            raise MissingListError(f"the expression can't be evaluated: {error}") from None

    return find


def _begins_with_lines(start: str) -> bool:
    """Return whether a second line begins an object, too."""
    lines = [line for line in start.splitlines() if line.strip()][:2]
    return len(lines) > 1 and lines[1].startswith("{") and lines[1].strip() != "{"
