"""A mapping as the rest of the program sees it: checked, frozen, nothing left to interpret."""

from __future__ import annotations

import collections.abc
import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from importer.mapping.templates import Template
from importer.mapping.yaml_source import Place, nearest_line
from importer.models import ManifestOptions

DEFAULT_MAX_FILE_SIZE_BYTES = 20_000_000
DEFAULT_MAX_FILES = 20


class FieldType(enum.StrEnum):
    """How the text of a cell is judged and converted before it becomes a field's value."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    PHONE = "phone"
    GUID = "guid"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How one column becomes one field. ``line`` is the one of the mapping file where the rule starts, from 1.

    The steps, in their order: ``strip``, ``html`` to text, ``case``; ``values``; ``default`` for what is empty by then,
    ``required`` or not, and never together with ``send_empty``; ``one_of``; ``type`` with what belongs to it; ``html``
    from text; ``max_length``, which counts characters.

    ``formats`` are strptime formats (types date and datetime), ``timezone`` an IANA zone (datetime) for cells that name
    no offset. ``decimal`` and ``thousands`` are single characters (number, integer), a blank standing for any.
    ``true_words`` and ``false_words`` (boolean) are casefolded and stand instead of the usual ones where there are any.
    ``region`` is an ISO 3166 code (phone). ``stored_numbers`` is set by whoever knows the manifest: cells may be
    numbers by themselves, and come with a decimal point whatever they look like.
    """

    column: str
    field: str  # SchemaName
    line: int
    type: FieldType = FieldType.TEXT
    required: bool = False
    default: str | None = None
    values: collections.abc.Mapping[str, str]
    one_of: tuple[str, ...] = ()
    max_length: int | None = None
    on_too_long: Literal["reject", "truncate"] = "reject"
    send_empty: bool = False
    strip: bool = False
    case: Literal["lower", "upper"] | None = None
    html: Literal["to_text", "from_text"] | None = None
    formats: tuple[str, ...] = ()
    timezone: str | None = None
    decimal: str = "."
    thousands: str | None = None
    true_words: tuple[str, ...] = ()
    false_words: tuple[str, ...] = ()
    region: str | None = None
    stored_numbers: bool = False


@dataclass(frozen=True, kw_only=True)
class AttachmentRules:
    """Which cells name files, where those lie, and what is too much for one ticket.

    ``glob``: a cell may hold patterns. ``folder`` is the pattern of a row's own files, to be filled with its cells.
    ``required``: a row without any file is wrong.
    """

    columns: tuple[str, ...] = ()
    separator: str = ";"
    glob: bool = False
    folder: Template | None = None
    required: bool = False
    root: Path | None = None  # as written: relative to the manifest's folder; None is that folder
    max_file_size_bytes: int = DEFAULT_MAX_FILE_SIZE_BYTES
    max_files: int = DEFAULT_MAX_FILES  # per row, over all columns
    extensions: tuple[str, ...] = ()  # lower case, without the dot; empty: any


class Use(enum.StrEnum):
    """The section of a mapping that names a column."""

    KEY = "key"
    COLUMNS = "columns"
    ATTACHMENTS = "attachments"
    FOLDER = "attachments > folder"
    TEMPLATES = "templates"
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnUse:
    """One place of the mapping file that names a column of the manifest."""

    column: str
    use: Use
    line: int


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Everything a mapping file says.

    ``key`` is empty where ``key_is_row_content`` is true. ``files`` are all that it was read from, the first of
    them ``path``; ``sha256`` is the hex digest of their bytes.
    ``rules`` and ``constants`` (SchemaName, value) keep the file's order. ``uses`` has every place that names a column.
    ``lines``: what is written in the files, and in which line.
    ``warnings`` are whole lines for a person, with file and line: allowed, and probably not meant.
    """

    path: Path
    files: tuple[Path, ...]
    sha256: str
    source: str
    key: tuple[str, ...]
    key_is_row_content: bool
    key_field: str | None
    rules: tuple[Rule, ...]
    constants: tuple[tuple[str, str], ...]
    templates: tuple[tuple[str, Template], ...] = ()
    attachments: AttachmentRules | None
    ignore: frozenset[str]
    duplicates: Literal["reject", "first"]
    manifest: ManifestOptions
    uses: tuple[ColumnUse, ...]
    lines: collections.abc.Mapping[Place, int]
    warnings: tuple[str, ...]

    def line(self, *place: str | int) -> int:
        """The line of a part, such as ``"columns", "State", "values", "new"``, or of what is written around it."""
        return nearest_line(self.lines, place)
