"""Values that several folders share. Pure: no I/O, no third-party imports."""

from __future__ import annotations

import bisect
import enum
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Status(enum.StrEnum):
    """``import_status``: every row of a manifest ends in exactly one of these states."""

    CREATED = "created"  # this run created the ticket
    SKIPPED = "skipped"  # an earlier run created the ticket; the results have its IDs
    EXCLUDED = "excluded"  # the mapping's `rows` leave it out; if it is a ticket already, the results have its IDs
    REJECTED = "rejected"  # validation found problems; never sent
    FAILED = "failed"  # the API refused it, or an attachment changed before it was sent
    UNKNOWN = "unknown"  # sent, but no usable answer: there may be a ticket
    PENDING = "pending"  # not sent, or certainly not accepted
    UNDONE = "undone"  # created, and later moved to the trash


TICKET_STATUSES = frozenset({Status.CREATED, Status.SKIPPED})
RESULTS_SHEETS = RESULTS_SHEET, OPEN_ROWS_SHEET = (
    "Results",
    "Open rows",
)  # of a workbook with results: all rows, or some
DONE_STATUSES = TICKET_STATUSES | {Status.EXCLUDED}  # nothing is left to do for these rows


class FieldType(enum.StrEnum):
    """Type of a field: how the text of a cell is checked and converted."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    PHONE = "phone"
    GUID = "guid"


class LeadDetails(enum.StrEnum):
    """Where the ``LeadDetail.*`` entries of a request travel: the API's pages can be read both ways."""

    FIELDS = "fields"  # among the other fields, as *Create Tickets* shows
    LEAD_ID = "lead-id"  # as the array under ``LeadId`` that *Create Ticket with Attachments* mentions


@dataclass(frozen=True, kw_only=True)
class ManifestOptions:
    """The mapping's ``manifest:`` section: how to read the manifest. ``None`` means: detect it.

    ``strict_end`` is a flag of the command line: a last row without a line end is a problem instead of a warning.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int = 1  # as a spreadsheet counts: the first row is 1
    records: str | None = None  # where in JSON or XML the rows are
    columns: tuple[tuple[str, str], ...] = ()  # of JSON or XML: the name, and the JMESPath expression of its value
    quote: str | None = None
    escape: str | None = None
    comment: str | None = None  # how lines that are no rows begin
    dialect: str | None = None  # postgres-copy
    strip: bool = False  # blanks around headers and cells
    footer: str | None = None  # skip
    empty: tuple[str, ...] = ()  # cells with one of these texts are empty
    repair: tuple[str, ...] = ()  # kinds of damage that are undone in cells: apostrophe, formula, misread
    strict_end: bool = False
    is_results: bool = False  # the file is one of results: of a workbook, the sheet with them is read
    single_columns: frozenset[str] | None = None  # columns in which a list of JSON is a problem; None: all
    whole_columns: frozenset[str] = frozenset()  # columns in which an object of JSON is one cell
    object_columns: frozenset[str] = (
        frozenset()
    )  # their parts are columns of the mapping, so a null there makes no column

    def for_results(self) -> ManifestOptions:
        """Return the options for a results file, which has our own format and keeps the cells of the manifest."""
        return ManifestOptions(strip=self.strip, empty=self.empty, repair=self.repair, is_results=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One problem of one row, found before anything is sent.

    ``code`` is a key of ``importer.error_codes``. ``row`` is the row number of a spreadsheet: the header is row 1
    (unless ``header_row`` is set), and a record with line breaks in quotes is one row.
    """

    code: str
    row: int
    message: str
    hint: str = ""
    sheet: str | None = None
    column: str | None = None
    value: str | None = None


class FileStatus(Protocol):
    """The part of ``os.stat_result`` that identifies a file."""

    @property
    def st_dev(self) -> int:
        """The device."""

    @property
    def st_ino(self) -> int:
        """The file's number on the device."""

    @property
    def st_mtime_ns(self) -> int:
        """When its content was last changed."""

    @property
    def st_ctime_ns(self) -> int:
        """When its content or status was last changed."""


_IDENTITY = struct.Struct("=QQqq")
_64_BITS = 2**64 - 1


def file_identity(status: FileStatus) -> bytes:
    """Pack device, number and times of a file; small, as a run keeps hundreds of thousands of them."""
    return _IDENTITY.pack(status.st_dev & _64_BITS, status.st_ino & _64_BITS, status.st_mtime_ns, status.st_ctime_ns)


def file_state(size_bytes: int, identity: bytes) -> int:
    """Hash a file's size and modification time to 32 bits, so that the hashes of several files can be added.

    Comparing them finds changes over hours. The other times and numbers are left out, as a backup changes them.
    """
    return hash((size_bytes, _IDENTITY.unpack(identity)[2])) & 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A checked file. It is sent only if it is still the same."""

    path: Path  # absolute, links resolved
    name: str  # the file name in the ticket
    size_bytes: int
    identity: bytes  # see `file_identity`
    content_type: str

    @property
    def modified_ns(self) -> int:
        """When the content was last changed, in nanoseconds."""
        return int(_IDENTITY.unpack(self.identity)[2])

    @property
    def state(self) -> int:
        """See `file_state`."""
        return file_state(self.size_bytes, self.identity)


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachmentCounts:
    """Counts of the attachments of all rows, and of the files below the root that belong to no row.

    ``unclaimed_folders`` have no file of any row; ``unclaimed_files`` are in the other folders. Both are ``None`` if
    they were not counted. ``warnings`` are for the user.
    """

    files: int = 0
    size_bytes: int = 0
    rows: int = 0
    unclaimed_files: int | None = None
    unclaimed_folders: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """The ticket of one row.

    ``lead_id`` is the GUID of an existing lead. If it is ``None``, ``fields`` identify the lead.
    """

    fields: tuple[tuple[str, str], ...]  # (SchemaName, Value), in the mapping's order
    lead_id: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketIds:
    """IDs of a ticket in the account (*Create Ticket with Attachments*, success answer)."""

    number: str  # ``Id``
    ticket_id: str = ""  # ``TicketId``, a GUID; can be null
    key: str = ""  # ``Key``, shown to users


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of ``calls`` in any window of ``period_s`` seconds."""

    calls: int
    period_s: float

    def __str__(self) -> str:
        return f"{self.calls}/{self.period_s:g}"

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``25/5`` (calls/seconds). Raises ValueError."""
        calls_text, slash, period_text = text.strip().partition("/")
        try:
            calls, period_s = int(calls_text), float(period_text)
        except ValueError:
            calls, period_s = 0, 0.0
        if not slash or calls < 1 or not 0 < period_s < float("inf"):
            raise ValueError(f"{text!r} is not a rate; write CALLS/SECONDS, such as 25/5")
        return cls(calls, period_s)


class RowNumbers:
    """A set of row numbers, as ``import_row`` counts them, such as ``2-11,40``. Its text is as it was written."""

    def __init__(self, text: str) -> None:
        """Parse comma-separated numbers and ranges. Raises ValueError that names the wrong part."""
        self._text = text
        ranges = sorted(_row_range(part.strip()) for part in text.split(","))
        self._firsts = [first for first, _ in ranges]
        self._lasts = list(itertools.accumulate((last for _, last in ranges), max))

    def __contains__(self, row: int) -> bool:
        """Return whether a row is named, alone or in a range."""
        at = bisect.bisect_right(self._firsts, row) - 1
        return at >= 0 and row <= self._lasts[at]

    def __str__(self) -> str:
        """Return the text that was parsed."""
        return self._text

    @property
    def last(self) -> int:
        """The highest row number."""
        return self._lasts[-1]


def _row_range(text: str) -> tuple[int, int]:
    first_text, dash, last_text = text.partition("-")
    words = [first_text.strip(), last_text.strip()] if dash else [text]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError(f"{text!r} is not a row number or a range of rows; write them as 2-11,40")
    first, last = int(words[0]), int(words[-1])
    if first > last:
        raise ValueError(f"the range {text!r} ends before it begins; write the lower number first")
    return first, last


class Secret:
    """A key that ``str``, ``repr``, logs and errors never show."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key, for a request's header."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('********')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)
