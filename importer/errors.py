"""Every error that ends the program on purpose, each with its exit code.

    ImporterError
    ├── UsageError                 2   nothing was judged, nothing was sent
    │   ├── SettingsError
    │   ├── MappingError
    │   ├── ManifestError
    │   ├── ResultsError
    │   └── LedgerError
    ├── Declined                   1   the question was answered with no
    ├── ExportStopped              1   the export is unlike the ones before it; nothing was sent, rows are pending
    ├── CapReached                 1   the account has had all calls of its day; the rest of the rows is pending
    ├── StoppedEarly               3   the rest of the rows is pending
    ├── HeldByAnotherRun           4
    ├── ProgramError               5   a bug of this program
    └── Interrupted          130/143   everything is accounted for

A message says where, what, and (as ``hint``) what to do next. One error carries all that is wrong: the further
findings are its ``details``, a line each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# What moves a terminal's cursor, starts a new line, switches the direction of writing, or is no character at all.
_STEERING = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# A file of ten thousand columns may have something wrong with each, and a name of a million characters.
_MOST_DETAILS = 200
_LINE_CHARS = 2_000


class ImporterError(Exception):
    """The root: whatever is raised on purpose and reaches a user as text, never as a traceback."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)
        self.facts: dict[str, object] = {}  # what is known by then, for --json

    def lines(self) -> list[str]:
        """The error as lines for a person: what happened, every detail, what to do.

        What a file has in it can't steer the terminal on which it is quoted, or flood it: control characters are shown
        as escapes, and of very many details and very long lines there is the beginning.
        """
        lines = [self.message, *(f"  {detail}" for detail in self.details[:_MOST_DETAILS])]
        if len(self.details) > _MOST_DETAILS:
            lines.append(f"  … and {len(self.details) - _MOST_DETAILS:,} more")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return [visible(_cut(line)) for line in lines]


def visible(text: str) -> str:
    """One line of text as a terminal may have it: control and direction characters are shown as escapes.

    Text that is JSON stays JSON, and means the same.
    """
    return _STEERING.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    return ascii(letter)[1:-1] if letter < " " else f"\\u{ord(letter):04x}"


def _cut(line: str) -> str:
    return line if len(line) <= _LINE_CHARS else f"{line[:_LINE_CHARS]}… ({len(line):,} characters)"


class UsageError(ImporterError):
    """Wrong usage, settings or files: no row was judged and nothing was sent."""

    exit_code = 2


class SettingsError(UsageError):
    """A flag, an environment variable or the ``.env`` file is missing or wrong."""


class MappingError(UsageError):
    """The mapping file can't be used, or does not fit the manifest."""


class ManifestError(UsageError):
    """The manifest can't be read."""


class ResultsError(UsageError):
    """The results file can't be read or written."""


class LedgerError(UsageError):
    """The ledger is missing, damaged or can't be used; nothing was sent."""


class Declined(ImporterError):
    """The user was asked and said no: rows were judged, nothing was sent, and they are pending."""

    exit_code = 1


class ExportStopped(ImporterError):
    """The export is unlike the ones before it: rows were judged, nothing was sent, and they are pending."""

    exit_code = 1


class CapReached(ImporterError):
    """The account has had as many calls in 24 hours as ``--daily-cap`` allows; the rows not reached are pending."""

    exit_code = 1


class StoppedEarly(ImporterError):
    """Sending stopped before the end; the rows not reached are pending."""

    exit_code = 3


class HeldByAnotherRun(ImporterError):
    """Another live run holds rows of this manifest."""

    exit_code = 4


class Interrupted(ImporterError):
    """SIGINT or SIGTERM; ``exit_code`` is 128 plus the signal's number."""

    def __init__(self, signal_number: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number


class ProgramError(ImporterError):
    """A bug of this program. Its cause is written to a file, not to the screen."""

    exit_code = 5


def as_ending(error: BaseException) -> ImporterError:
    """The error of a run that ended for a reason found on the way."""
    # The exit code of the others would say that nothing was sent.
    if isinstance(error, UsageError) and not isinstance(error, SettingsError):
        return StoppedEarly(error.message, hint=error.hint, details=error.details)
    return error if isinstance(error, ImporterError) else _unforeseen(error)


def _unforeseen(error: BaseException) -> ProgramError:
    problem = ProgramError(f"an unforeseen {type(error).__name__}: {error}")
    problem.__cause__ = error
    return problem
