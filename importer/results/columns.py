"""The thirteen columns that results add to a manifest, and one row of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from importer.manifest.manifest import Manifest
from importer.models import Status, TicketIds

COLUMNS = (
    "import_row",
    "import_key",
    "import_status",
    "import_ticket_id",
    "import_ticket_number",
    "import_ticket_key",
    "import_error_code",
    "import_error",
    "import_hint",
    "import_attempts",
    "import_finished_at",
    "import_account",
    "import_run",
)
REQUIRED_COLUMNS = ("import_row", "import_key", "import_status", "import_account", "import_run")
"""The columns that `rerun` needs. A user may have deleted others that were empty."""
_NO_IDS = ("", "", "")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # wide forms: Excel in Japan
_SUSPICIOUS = frozenset(("'", *_STARTS_A_FORMULA))  # first characters that need a closer look


def data_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the manifest: all but the thirteen that results add."""
    return tuple(column for column in columns if column not in COLUMNS)


def data_header(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of these columns as the header has them: repeated ones without numbers."""
    names = zip(manifest.columns, manifest.columns_as_written, strict=True)
    return tuple(written for column, written in names if column not in COLUMNS)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultRow:
    """The result of one row; ``key`` is empty if the row has none."""

    row: int  # of the manifest, as a spreadsheet counts
    key: str
    status: Status
    ids: TicketIds | None = None
    code: str = ""
    error: str = ""
    hint: str = ""
    attempts: int = 0
    finished_at: str = ""
    account: str = ""
    run: str = ""
    kept: tuple[str, ...] = ()  # cells of a previous results file, which stay unchanged
    acknowledged: bool = False  # known to be bad: it does not decide the exit code

    def with_key(self, key: str) -> ResultRow:
        """Return the row with the key that it had before a spreadsheet changed it."""
        index = COLUMNS.index("import_key")
        return replace(self, key=key, kept=(*self.kept[:index], escape_formula(key), *self.kept[index + 1 :]))

    def cells(self) -> tuple[str, ...]:
        """Return the cells in the order of ``COLUMNS``; none of them is a formula."""
        if self.kept:
            return self.kept
        ids = self.ids
        return (
            str(self.row),
            escape_formula(self.key),
            self.status,
            *(
                (escape_formula(ids.ticket_id), escape_formula(ids.number), escape_formula(ids.key))
                if ids is not None
                else _NO_IDS
            ),
            self.code,
            escape_formula(self.error),
            escape_formula(self.hint),
            str(self.attempts),
            self.finished_at,
            self.account,
            self.run,
        )


CellProblem = tuple[int, str]
"""The index of a column of the manifest, and what is wrong with its cell."""

CellChoices = Mapping[int, Sequence[str]]
"""For the index of a column of the manifest, the values that its cells may have."""


@dataclass(frozen=True, kw_only=True)
class RowResults:
    """Rows of the manifest, in its order: their cells, their results, and the problems of their cells, if known."""

    cells: Sequence[Sequence[str]]
    results: list[ResultRow]
    problems: Sequence[Sequence[CellProblem]] = ()

    def rows(self) -> Iterator[Sequence[str]]:
        """Yield the cells of each row: those of the manifest, and those of its result."""
        for own, result in zip(self.cells, self.results, strict=True):
            yield (*own, *result.cells())


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would read as a formula."""
    if not text or text[0] not in _SUSPICIOUS:
        return text
    return f"'{text}" if text.lstrip("'").startswith(_STARTS_A_FORMULA) else text


def unescape_formula(text: str) -> str:
    """Undo ``escape_formula`` exactly."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_STARTS_A_FORMULA) else text
