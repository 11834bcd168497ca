"""Errors that end the program on purpose, with their exit codes.

    ImporterError
    ├── UsageError                 2   nothing was validated, nothing was sent
    │   ├── SettingsError
    │   ├── MappingError
    │   ├── ManifestError
    │   ├── ResultsError
    │   └── LedgerError
    │       └── LedgerAway     3   its server did not answer for as long as the command may wait
    ├── Declined                   1   the user answered no
    ├── ExportStopped              1   the export looks unusual; nothing was sent, the rows are pending
    ├── CapReached                 1   ``--daily-cap`` is used up; the remaining rows are pending
    ├── StoppedEarly               3   the remaining rows are pending
    ├── HeldByAnotherRun           4
    ├── ProgramError               5   a bug of this program
    └── Interrupted      129/130/143   every row has a known state

A message says what happened and where; its ``hint`` says what to do next. One error reports all problems: the
``details`` have one line for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Characters that move a terminal's cursor, start a line or change the direction of writing, and lone surrogates.
_CONTROL = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# A file can have ten thousand wrong columns, or a name of a million characters.
_MAX_DETAILS = 200
_MAX_LINE_CHARS = 2_000


class ImporterError(Exception):
    """Base of all errors that the user sees as text, never as a traceback."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def lines(self) -> list[str]:
        """Return the lines to show: message, details, hint.

        Quoted text of a file can't control or flood the terminal: control characters become escapes, many details and
        long lines are cut.
        """
        lines = [self.message, *(f"  {detail}" for detail in self.details[:_MAX_DETAILS])]
        if len(self.details) > _MAX_DETAILS:
            lines.append(f"  … and {len(self.details) - _MAX_DETAILS:,} more")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return [visible(_cut(line)) for line in lines]


def visible(text: str) -> str:
    """Replace control and direction characters by escapes, for a terminal.

    JSON stays JSON with the same meaning.
    """
    return _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    return ascii(letter)[1:-1] if letter < " " else f"\\u{ord(letter):04x}"


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_LINE_CHARS else f"{line[:_MAX_LINE_CHARS]}… ({len(line):,} characters)"


class UsageError(ImporterError):
    """Wrong usage, settings or files: nothing was validated and nothing was sent."""

    exit_code = 2


class SettingsError(UsageError):
    """A flag, an environment variable or the ``.env`` file is missing or wrong."""


class MappingError(UsageError):
    """The mapping file can't be used, or does not match the manifest."""


class ManifestError(UsageError):
    """The manifest can't be read.

    ``remedies``: keys and values for the `manifest` section of the mapping. Any of them may help.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        details: Iterable[str] = (),
        remedies: Iterable[tuple[str, str | bool]] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.remedies = tuple(remedies)


class ResultsError(UsageError):
    """The results file can't be read or written."""


class LedgerError(UsageError):
    """The ledger is missing, damaged or can't be used; nothing was sent."""


class LedgerAway(LedgerError):
    """The ledger's server does not answer; later the same command may succeed."""

    exit_code = 3


class Declined(ImporterError):
    """The user answered no: nothing was sent, and the rows are pending."""

    exit_code = 1


class ExportStopped(ImporterError):
    """The export differs too much from earlier ones: nothing was sent, and the rows are pending."""

    exit_code = 1


class CapReached(ImporterError):
    """The calls of 24 hours that ``--daily-cap`` allows are used up; the remaining rows are pending."""

    exit_code = 1


class StoppedEarly(ImporterError):
    """Sending stopped before the end; the remaining rows are pending."""

    exit_code = 3


class HeldByAnotherRun(ImporterError):
    """Another run is sending rows of this manifest."""

    exit_code = 4


class Interrupted(ImporterError):
    """SIGHUP, SIGINT or SIGTERM; ``exit_code`` is 128 plus the signal's number."""

    def __init__(self, signal_number: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + signal_number


class ProgramError(ImporterError):
    """A bug in this program. Its traceback goes to a file, not to the screen."""

    exit_code = 5


def as_ending(error: BaseException) -> ImporterError:
    """Return the error for a run that ended while it was sending."""
    # The exit code of a UsageError would mean that nothing was sent.
    if isinstance(error, UsageError) and not isinstance(error, SettingsError):
        return StoppedEarly(error.message, hint=error.hint, details=error.details)
    if isinstance(error, ImporterError):
        return error
    problem = ProgramError(f"unexpected error ({type(error).__name__}): {error}")
    problem.__cause__ = error
    return problem
