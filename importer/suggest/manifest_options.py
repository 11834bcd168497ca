"""Opens a manifest for a draft, and finds the options of `manifest:` that the file needs.

The file is opened as it is. Errors name options that may help; the header and the cells show others. An option is kept
if the file can be read only with it, or if fewer rows are wrong then.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from importer.errors import ManifestError, UsageError
from importer.leadsquared.documented_fields import SYSTEM_FIELDS
from importer.manifest.cell_values import REPAIRS, CellValues
from importer.manifest.chunks import Chunk
from importer.manifest.delimited.dialect import COPY_NOTE
from importer.manifest.manifest import Manifest, open_manifest
from importer.models import ManifestOptions
from importer.suggest import vocabulary
from importer.suggest.column_profile import ContentKind, profile_column
from importer.suggest.rule_options import OptionValue

SAMPLE_ROWS = 10_000
_PROBED_ROWS = 100
_HEADER_ROWS = 10  # the header is searched in the first rows
_MOST_STEPS = 4  # options that are found one after another
_MOST_TRIED = 5  # lists in which the rows may be
_MOST_COLUMNS, _MOST_NAMES_CHARS = 5_000, 200_000  # people read a mapping, and its size is limited
_HALF = 0.5
# Cells of these kinds are never column names.
_NO_NAMES = (
    ContentKind.EMAIL,
    ContentKind.EMAILS,
    ContentKind.PHONE,
    ContentKind.GUID,
    ContentKind.TIME,
    ContentKind.INTEGER,
    ContentKind.NUMBER,
    ContentKind.URL,
)
_SHAPES = ("too-many-cells", "too-few-cells", "header-again")
_REASONS = {
    "escape": r"`\n` in a cell is a line break then, as MySQL writes it",
    "strip": "there are blanks around quoted cells; it removes blanks around all cells",
}
_COMMENTS = ("#", "//", "--")
_ESCAPE = re.compile(r"\\[Nnrt\\]")
_WINDOWS_PATH = re.compile(r"\b[A-Za-z]:\\|\\\\\w")
# Texts that programs write for an empty cell.
_NULL = r"\N"
_EMPTY_WORDS = (_NULL, "NULL", "null", "(null)", "<null>", "N/A", "n/a", "#N/A", "NaN", "nan")
_PATH = re.compile(r"\w+(?:\.\w+)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ReadOption:
    """One key of the mapping's `manifest` section. ``why``: the reason, if it is a guess."""

    name: str
    value: OptionValue
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadManifest:
    """An open manifest. ``sample``: its first rows, with the values of their cells; ``is_whole``: it has all rows."""

    options: tuple[ReadOption, ...]
    manifest: Manifest
    sample: Chunk
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class _Failure:
    """Options with which the file can't be read."""

    options: tuple[ReadOption, ...]
    error: ManifestError


def read_for_draft(path: Path, manifest: Path, sheet: str | None) -> ReadManifest:
    """Open a manifest with the options that it needs. ``path``: its private copy; ``sheet``: of a workbook.

    Raises ManifestError if it can't be read with any of them, and UsageError if it is too wide.
    """
    first = _read(path, manifest, (ReadOption(name="sheet", value=sheet),) if sheet is not None else ())
    best = _readable(path, manifest, first, _MOST_STEPS)
    for _ in range(_MOST_STEPS):
        better = min(_tried(path, manifest, best), key=_badness, default=best)
        if isinstance(better, _Failure) or _badness(better)[:2] >= _badness(best)[:2]:
            break
        best = better
    if isinstance(best, _Failure):
        raise best.error
    if sheet is not None and best.manifest.sheet is None:
        raise UsageError(f"{manifest} has no sheets: it is {best.manifest.format.describe()}", hint="leave out --sheet")
    _check_size(best.manifest, manifest)
    return _with_cell_options(_with_facts(best))


def _readable(path: Path, manifest: Path, failed: ReadManifest | _Failure, steps: int) -> ReadManifest | _Failure:
    """Try what errors name, also several options together; return the failure itself if nothing helps."""
    if not isinstance(failed, _Failure) or not steps:
        return failed
    tried = [_readable(path, manifest, each, steps - 1) for each in _tried(path, manifest, failed)]
    best = min(tried, key=_badness, default=failed)
    return failed if isinstance(best, _Failure) else best


def _tried(path: Path, manifest: Path, read: ReadManifest | _Failure) -> list[ReadManifest | _Failure]:
    """Read the manifest with each option that may help."""
    known = {option.name for option in read.options}
    return [_read(path, manifest, (*read.options, each)) for each in _candidates(read) if each.name not in known]


def _read(path: Path, manifest: Path, options: tuple[ReadOption, ...]) -> ReadManifest | _Failure:
    options = tuple(option for option in options if option.name != "header_row")
    values: dict[str, Any] = {option.name: option.value for option in options}
    try:
        header_row, opened = _opened(path, manifest, ManifestOptions(**values))
        chunks = opened.chunks(SAMPLE_ROWS)
        sample = next(chunks, None)
        is_whole = next(chunks, None) is None
    except ManifestError as error:
        return _Failure(options=options, error=error)
    if sample is None:
        empty = ManifestError(f"{manifest} has a header and no rows", hint="a draft needs at least one row")
        return _Failure(options=options, error=empty)
    if header_row > 1:
        why = "the rows above look like a title"
        options = (*options, ReadOption(name="header_row", value=str(header_row), why=why))
    return ReadManifest(options=options, manifest=opened, sample=sample, is_whole=is_whole)


def _badness(read: ReadManifest | _Failure) -> tuple[int, int, int]:
    """Return how wrong the rows look: how many are misshapen, how few names a ticket has, and how few rows are there.

    A failure is worst of all.
    """
    if isinstance(read, _Failure):
        return 1 << 62, 0, 0
    wrong = len(_misshapen(read.sample))
    wrong += sum(_is_quoted(name) or name != name.strip() for name in read.manifest.columns)
    if read.manifest.format.delimiter == "\t":
        wrong += _escapes(read.sample)
    return wrong, -_likeness(read.manifest.columns), -len(read.sample.rows)


def _misshapen(sample: Chunk) -> set[int]:
    """Return the rows that have more or fewer cells than the header, or repeat it."""
    return {problem.row for problem in sample.problems if problem.code in _SHAPES}


def _likeness(columns: Iterable[str]) -> int:
    """Return how many fields of a ticket have a column, by their names."""
    names = {vocabulary.normalized(column) for column in columns}
    return sum(not names.isdisjoint(vocabulary.SURE_NAMES.get(field, ())) for field in SYSTEM_FIELDS)


def _escapes(sample: Chunk) -> int:
    texts = (text for column in sample.columns for text in sample.texts(column) if "\\" in text)
    return sum(bool(_ESCAPE.search(text)) and not _WINDOWS_PATH.search(text) for text in texts)


def _is_quoted(name: str) -> bool:
    return len(name) > 1 and name[0] == name[-1] == "'"


def _candidates(read: ReadManifest | _Failure) -> Iterator[ReadOption]:
    """Yield options that may help."""
    if isinstance(read, _Failure):
        lists = [str(value) for name, value in read.error.remedies if name == "records"]
        for name, value in read.error.remedies[:_MOST_TRIED]:
            others = ", ".join(each for each in lists if each != value)
            why = f"the file has other lists, too: {others}" if others else _REASONS.get(name, "")
            yield ReadOption(name=name, value=value, why=why)
    elif read.manifest.format.name == "CSV":
        yield from _text_candidates(read)
    elif read.manifest.format.name.startswith("JSON") and len(read.sample.rows) == 1 and read.is_whole:
        for column in read.manifest.columns:  # an object around the rows is one row with a list
            if _PATH.fullmatch(column) and read.sample.texts(column)[0].startswith("[{"):
                yield ReadOption(name="records", value=column, why="the file is one object with this list")


def _text_candidates(read: ReadManifest) -> Iterator[ReadOption]:
    names, sample = read.manifest.columns, read.sample
    if all(map(_is_quoted, names)):
        yield ReadOption(name="quote", value="'")
    if 2 * sum(name != name.strip() for name in names) >= len(names):
        yield ReadOption(name="strip", value=True, why="the names of the columns have blanks around them")
    if read.manifest.format.delimiter == "\t" and _escapes(sample):
        why = "it has escapes such as \\n and \\N"
        yield ReadOption(name="escape", value="\\", why=why)
        yield ReadOption(name="dialect", value="postgres-copy", why=why)
    wrong = _misshapen(sample)
    records = sample.records([at for at, row in enumerate(sample.rows) if row in wrong])
    for sign in _COMMENTS:
        if any(record and record[0].startswith(sign) for record in records):
            yield ReadOption(name="comment", value=sign, why="lines that begin with it are no rows")
    if records and read.is_whole and sample.rows[-1] in wrong and _looks_like_footer(records[-1]):
        yield ReadOption(name="footer", value="skip")


def _looks_like_footer(record: Sequence[str]) -> bool:
    """Return whether a record is no ticket that was cut off: it has one filled cell only."""
    return sum(bool(cell.strip()) for cell in record) <= 1


def _with_facts(read: ReadManifest) -> ReadManifest:
    """Add what is known only now: the footer's rows, and a dialect that was found by an end mark.

    A later file may lack the end mark.
    """
    options = list(read.options)
    if (footer := read.manifest.footer) is not None:
        options = [replace(each, why=footer.describe()) if each.name == "footer" else each for each in options]
    if COPY_NOTE in read.manifest.format.notes and all(each.name != "dialect" for each in options):
        options.append(ReadOption(name="dialect", value="postgres-copy"))
    return replace(read, options=tuple(options))


def _check_size(opened: Manifest, manifest: Path) -> None:
    """Raise UsageError for a manifest with more columns than people would map."""
    count, chars = len(opened.columns), sum(map(len, opened.columns))
    if count > _MOST_COLUMNS or chars > _MOST_NAMES_CHARS:
        raise UsageError(
            f"{manifest} has {count:,} columns, with {chars:,} characters in their names: too many for a draft",
            hint=f"export only some columns: at most {_MOST_COLUMNS:,}, with {_MOST_NAMES_CHARS:,} characters",
        )


def _with_cell_options(read: ReadManifest) -> ReadManifest:
    """Add the options for damaged cells and for words that stand for an empty cell."""
    texts = {column: read.sample.texts(column) for column in read.sample.columns}
    options = []
    repair = {kind: why for kind in REPAIRS if (why := _damage(kind, texts))}
    if repair:
        options.append(ReadOption(name="repair", value=tuple(repair), why="; ".join(repair.values())))
    values = CellValues(empty=frozenset(), repair=tuple(repair))
    if repair:
        texts = {column: [values.value(text) for text in some] for column, some in texts.items()}
    if words := _empty_words(texts):
        why = ", ".join(f"{word!r} in {count:,} cell{'s' if count > 1 else ''}" for word, count in words.items())
        options.append(ReadOption(name="empty", value=tuple(words), why=why))
    if not options:
        return read
    values = replace(values, empty=frozenset(words))
    sample = replace(read.sample, cell_values=values).values
    return replace(read, options=(*read.options, *options), sample=sample)


def _damage(kind: str, texts: dict[str, list[str]]) -> str:
    """Return which cells have a kind of damage; empty if none has it, or if it may be meant so."""
    changed = {column: [cell for cell in cells if REPAIRS[kind](cell) != cell] for column, cells in texts.items()}
    changed = {column: cells for column, cells in changed.items() if cells}
    # An apostrophe may belong to a text, unless most cells have one; misread letters never do.
    if kind != "misread" and not any(
        len(cells) >= _HALF * sum(bool(cell.strip()) for cell in texts[column]) for column, cells in changed.items()
    ):
        return ""
    columns = ", ".join(f"column {column!r} ({len(cells):,})" for column, cells in changed.items())
    example = next((cells[0][:40] for cells in changed.values()), "")
    return f"cells such as {example!r} in {columns}" if changed else ""


def _empty_words(texts: dict[str, list[str]]) -> dict[str, int]:
    """Return the words that stand for an empty cell, with the number of their cells.

    They are in several columns, or in one whose other cells are no texts.
    """
    counts = {column: Counter(cells) for column, cells in texts.items()}
    found: dict[str, int] = {}
    for word in _EMPTY_WORDS:
        columns = [column for column, some in counts.items() if some[word]]
        if word == _NULL or len(columns) > 1 or any(_is_typed(counts[column], word) for column in columns):
            found |= {word: sum(counts[column][word] for column in columns)} if columns else {}
    return found


def _is_typed(cells: Counter[str], word: str) -> bool:
    others = [text for text in cells.elements() if text != word]
    return profile_column(others).kind not in (ContentKind.TEXT, ContentKind.EMPTY)


def _opened(path: Path, manifest: Path, options: ManifestOptions) -> tuple[int, Manifest]:
    """Open the manifest; its header is the first row, or a later one below a title.

    Raises ManifestError if no header is found. A row of the table is never used as the header, because its ticket would
    be lost in silence.
    """
    first: Manifest | ManifestError | None = None
    for header_row in range(1, _HEADER_ROWS + 1):
        try:
            opened = open_manifest(path, replace(options, header_row=header_row), (), original=manifest)
            if not opened.format.header_row:  # JSON and XML have none
                return 1, opened
            sample = next(opened.chunks(_PROBED_ROWS), None)
        except ManifestError as error:
            if any(name == "records" for name, _ in error.remedies):  # no header in another row helps
                raise
            first = first or error
            continue
        is_first = first is None
        first = first or opened
        if sample is None:
            break
        # With a title of one cell as the header, every row would fit a table of one column.
        if len(opened.columns) > 1 and 2 * len(sample.problems) < len(sample.rows):
            if is_first or _are_names(sample):
                # Blank rows above the header are skipped anyway.
                return (1 if is_first else opened.format.header_row), opened
            if isinstance(first, Manifest) and len(first.columns) < len(opened.columns):
                first = _too_few_names(manifest, first, opened)
            break  # this row is part of the table
    if isinstance(first, ManifestError):
        raise first
    assert first is not None
    return 1, first


def _too_few_names(manifest: Path, first: Manifest, table: Manifest) -> ManifestError:
    return ManifestError(
        f"{manifest}, row {first.format.header_row}: the header can't be used, because the rows below it have more "
        f"cells ({len(table.columns):,}) than it has names",
        hint="Name every column in the header; if it is a title, remove it.",
        remedies=[("quote", "'")] if all(map(_is_quoted, first.columns)) else (),
    )


def _are_names(sample: Chunk) -> bool:
    """Return whether the header has names, unlike the cells below it; else it may be a row."""
    below = {name: sample.texts(name) for name in sample.columns}
    if any(profile_column([name]).kind in _NO_NAMES or name in cells for name, cells in below.items()):
        return False
    return any(profile_column(cells).kind in _NO_NAMES for cells in below.values())
