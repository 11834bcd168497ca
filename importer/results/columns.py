"""The thirteen columns that results add to a manifest, and one row of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
INDISPENSABLE = ("import_row", "import_key", "import_status", "import_account", "import_run")
"""Without these a results file can't be run again; the others may be gone where they were empty."""
_NO_IDS = ("", "", "")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # the wide forms: Excel in Japan
_SUSPICIOUS = frozenset(("'", *_STARTS_A_FORMULA))  # all else is told by its first character


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultRow:
    """What became of one row; ``key`` is empty where the row never had one of its own."""

    row: int  # as a spreadsheet counts, in the manifest
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
    kept: tuple[str, ...] = ()  # the cells of an earlier results file that stay to the letter

    def with_key(self, key: str) -> ResultRow:
        """The same row, known by the key that it had before a spreadsheet changed that."""
        place = COLUMNS.index("import_key")
        return replace(self, key=key, kept=(*self.kept[:place], harmless(key), *self.kept[place + 1 :]))

    def cells(self) -> tuple[str, ...]:
        """The cells in the order of ``COLUMNS``; none of them starts a formula."""
        if self.kept:
            return self.kept
        ids = self.ids
        return (
            str(self.row),
            harmless(self.key),
            self.status,
            *((harmless(ids.ticket_id), harmless(ids.number), harmless(ids.key)) if ids is not None else _NO_IDS),
            self.code,
            harmless(self.error),
            harmless(self.hint),
            str(self.attempts),
            self.finished_at,
            self.account,
            self.run,
        )


def harmless(text: str) -> str:
    """Text as a spreadsheet may see it: an apostrophe keeps it from being a formula. `as_given` undoes it exactly."""
    if not text or text[0] not in _SUSPICIOUS:
        return text
    return f"'{text}" if text.lstrip("'").startswith(_STARTS_A_FORMULA) else text


def as_given(text: str) -> str:
    """Undo ``harmless``."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(_STARTS_A_FORMULA) else text
