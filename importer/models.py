"""The values that flow through the rooms. Pure: no I/O, no third-party imports."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Status(enum.StrEnum):
    """``import_status``: the one known state in which every row of a manifest ends."""

    CREATED = "created"  # this run made the ticket
    SKIPPED = "skipped"  # an earlier run made this ticket; its IDs are given
    REJECTED = "rejected"  # by validation; never sent
    FAILED = "failed"  # the API said no, or an attachment changed before it could be sent
    UNKNOWN = "unknown"  # sent, and no answer that tells
    PENDING = "pending"  # not reached
    UNDONE = "undone"  # moved to the trash


TITLE = "Title"
LEAD_NAMES = ("LeadDetail.EmailAddress", "LeadDetail.Phone")
TICKET_STATUSES = frozenset({Status.CREATED, Status.SKIPPED})


@dataclass(frozen=True, kw_only=True)
class ManifestOptions:
    """What the mapping's ``manifest:`` section overrides of the detection; ``None`` means: find it out.

    ``strict_end``, from the command line: a last row without a line end is a problem, and else a warning.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int = 1  # as a spreadsheet counts: the first row is 1
    strict_end: bool = False
    may_repeat: frozenset[str] | None = frozenset()  # columns that the header may have several times; None: any


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong with one row, found before anything was sent.

    ``code`` is a key of ``importer.error_codes``. ``row`` counts as a spreadsheet does: the header is row 1 (unless
    ``header_row`` says otherwise), a record with line breaks inside quotes is one row.
    """

    code: str
    row: int
    message: str
    hint: str = ""
    sheet: str | None = None
    column: str | None = None
    value: str | None = None


class FileStatus(Protocol):
    """What the system says of a file, as ``os.stat_result`` has it."""

    @property
    def st_dev(self) -> int:
        """The device."""

    @property
    def st_ino(self) -> int:
        """The file's number on it."""

    @property
    def st_mtime_ns(self) -> int:
        """When its content was changed."""

    @property
    def st_ctime_ns(self) -> int:
        """When its content or its status was changed."""


_IDENTITY = struct.Struct("=QQqq")
_64_BITS = 2**64 - 1


def file_identity(status: FileStatus) -> bytes:
    """Device, number and times of a file, packed: hundreds of thousands are kept."""
    return _IDENTITY.pack(status.st_dev & _64_BITS, status.st_ino & _64_BITS, status.st_mtime_ns, status.st_ctime_ns)


def file_state(size_bytes: int, identity: bytes) -> int:
    """A hash of a file's size and of the time of its last change, so small that those of some files can be added.

    For two looks that lie hours apart: a backup in between changes the rest of what the system says of a file.
    """
    return hash((size_bytes, _IDENTITY.unpack(identity)[2])) & 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file as it was checked: read again only if it is still the same."""

    path: Path  # absolute, links followed
    name: str  # the file name that the ticket shows
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
    """The files of all rows of a manifest, and what lies below the attachments' root and belongs to no row.

    ``unclaimed_folders`` are those in which no file is a row's, ``unclaimed_files`` lie in other folders. Both are
    ``None`` where that was not counted. ``warnings`` are for a person.
    """

    files: int = 0
    size_bytes: int = 0
    rows: int = 0
    unclaimed_files: int | None = None
    unclaimed_folders: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """What one row asks for, in the API's terms but not yet in its bytes.

    ``lead_id`` is the GUID of an existing lead; where it is ``None``, ``fields`` holds at least one of
    ``LeadDetail.EmailAddress`` and ``LeadDetail.Phone``.
    """

    fields: tuple[tuple[str, str], ...]  # (SchemaName, Value), in the mapping's order
    lead_id: str | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def title(self) -> str:
        """The title; empty without one."""
        return dict(self.fields).get(TITLE, "")

    @property
    def lead(self) -> str:
        """What names the lead: the ID, else the mail address, else the phone; without regard to case, empty if none."""
        if self.lead_id is not None:
            return self.lead_id.lower()
        fields = dict(self.fields)
        return next((fields[name].lower() for name in LEAD_NAMES if fields.get(name)), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class TicketIds:
    """How the account knows a ticket (*Create Ticket with Attachments*, success answer)."""

    number: str  # ``Id``
    ticket_id: str = ""  # ``TicketId``, a GUID; may be null there
    key: str = ""  # ``Key``, the display form


@dataclass(frozen=True, slots=True)
class Rate:
    """``calls`` per ``period_s`` seconds, counted by the account in a window."""

    calls: int
    period_s: float

    def __str__(self) -> str:
        return f"{self.calls}/{self.period_s:g}"

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``25/5`` (calls per seconds). Raises ValueError with what is wrong."""
        calls_text, slash, period_text = text.strip().partition("/")
        try:
            calls, period_s = int(calls_text), float(period_text)
        except ValueError:
            calls, period_s = 0, 0.0
        if not slash or calls < 1 or not 0 < period_s < float("inf"):
            raise ValueError(f"{text!r} is not a rate; write calls/seconds, such as 25/5")
        return cls(calls, period_s)


class Secret:
    """A key that never shows itself: not in ``str``, ``repr``, logs or errors."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the one place that puts it into a header."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('********')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)
