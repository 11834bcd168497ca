"""A mapping as the rest of the program sees it: checked, frozen, nothing left to interpret."""

from __future__ import annotations

import collections.abc
import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
    """How one column becomes one field.

    ``values`` is applied first, ``one_of`` judges its outcome, ``max_length`` counts characters. ``default`` stands for
    an empty cell, ``required`` or not, and never goes together with ``send_empty``. ``format`` is a strptime format
    (types date and datetime), ``timezone`` an IANA zone (type datetime) for cells that name no offset. ``line`` is the
    line of the mapping file where the rule starts, the first being 1.
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
    format: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, kw_only=True)
class AttachmentRules:
    """Which cells name files, where those lie, and what is too much for one ticket."""

    columns: tuple[str, ...]
    separator: str = ";"
    root: Path | None = None  # as written: relative to the manifest's folder; None is that folder
    max_file_size_bytes: int = DEFAULT_MAX_FILE_SIZE_BYTES
    max_files: int = DEFAULT_MAX_FILES  # per row, over all columns
    extensions: tuple[str, ...] = ()  # lower case, without the dot; empty: any


class Use(enum.StrEnum):
    """The section of a mapping that names a column."""

    KEY = "key"
    COLUMNS = "columns"
    ATTACHMENTS = "attachments"
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

    ``key`` is empty where ``key_is_row_content`` is true. ``sha256`` is the hex digest of the file's bytes.
    ``rules`` and ``constants`` (SchemaName, value) keep the file's order. ``uses`` has every place that names a column.
    ``warnings`` are whole lines for a person, with file and line: allowed, and probably not meant.
    """

    path: Path
    sha256: str
    source: str
    key: tuple[str, ...]
    key_is_row_content: bool
    key_field: str | None
    rules: tuple[Rule, ...]
    constants: tuple[tuple[str, str], ...]
    attachments: AttachmentRules | None
    ignore: frozenset[str]
    duplicates: Literal["reject", "first"]
    manifest: ManifestOptions
    uses: tuple[ColumnUse, ...]
    warnings: tuple[str, ...]
