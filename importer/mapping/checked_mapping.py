"""A checked mapping, as the rest of the program uses it. All values are frozen."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from importer.mapping.cell_pattern import CellPattern
from importer.mapping.document import KeyPath, nearest_line
from importer.mapping.templates import Join, Template
from importer.models import FieldType, LeadDetails, ManifestOptions

CellsByColumn = collections.abc.Mapping[str, tuple[str, ...]]

DEFAULT_MAX_FILE_SIZE_BYTES = 20_000_000
DEFAULT_MAX_FILES = 20

# Words for yes and no where a rule names none. Upper and lower case are the same.
TRUE_WORDS = frozenset({"true", "yes", "y", "1", "on"})
FALSE_WORDS = frozenset({"false", "no", "n", "0", "off"})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How one column fills one field: the keys of `document_models.RuleModel`, with a value for each.

    `rule_steps` of validation applies them, in a fixed order.
    """

    column: str
    line: int  # of the mapping file, from 1
    field: str = ""  # SchemaName; empty if the rule only makes a value that a template joins
    place: KeyPath = ()  # in the mapping file, such as ("columns", "Subject")
    type: FieldType = FieldType.TEXT
    required: bool = False
    default: str | None = None
    values: collections.abc.Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    values_from: str | None = None  # its pairs are among ``values``
    one_of: tuple[str, ...] = ()
    max_length: int | None = None  # characters
    on_too_long: Literal["reject", "truncate"] = "reject"
    send_empty: bool = False  # never together with `required` or `default`
    strip: bool = False
    lower: bool = False
    upper: bool = False
    html: Literal["to_text", "from_text"] | None = None
    format: tuple[str, ...] = ()  # of strptime, `epoch` or `epoch-ms`; for dates and datetimes
    locale: str | None = None  # of the names of months and days in the cells
    timezone: str | None = None  # IANA; for datetimes without an offset
    decimal: str = "."
    thousands: str | None = None  # a blank means any kind of blank
    true_words: tuple[str, ...] = ()  # casefolded; empty: TRUE_WORDS
    false_words: tuple[str, ...] = ()  # casefolded; empty: FALSE_WORDS
    region: str | None = None  # ISO 3166; for phone numbers without a country code
    extract: str | None = None  # `email`, or a regular expression whose first group is the value
    join: str | None = None  # between the values of a list column
    pick: Literal["first", "last"] | None = None  # of the values of a list column
    repeated: tuple[str, ...] = ()  # set for a manifest: its columns, if it has several of this name
    separator: str | None = None  # set by a template that joins: between the values of a list column
    stored_types: frozenset[str] = frozenset()  # set for a manifest: `number`, `date`, if cells may be such, not texts

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the manifest's columns whose cells fill the field."""
        return self.repeated or (self.column,)

    @property
    def list_separator(self) -> str | None:
        """Return the text between all values of a list; ``None`` if only one of them is sent."""
        return self.separator if self.join is None and self.pick is None else self.join

    @property
    def takes_list(self) -> bool:
        """Return whether a cell may be a list of values."""
        return self.list_separator is not None or self.pick is not None


@dataclass(frozen=True, kw_only=True)
class DownloadRules:
    """Where `fetch` puts files, and what it may ask."""

    folder: Path  # as written: relative to the manifest's folder
    hosts: tuple[str, ...]  # lower case; names of hosts or buckets, or IP addresses
    headers: tuple[tuple[str, str], ...] = ()  # name, environment variable with the value


@dataclass(frozen=True, kw_only=True)
class AttachmentRules:
    """Which cells name files, where the files are, and the limits for one ticket."""

    columns: tuple[str, ...] = ()
    separator: str = ";"  # empty: a cell is one value
    pattern: CellPattern | None = None  # what a cell holds besides a name or address
    download: DownloadRules | None = None  # its folder is ``root``, too
    glob: bool = False  # cells may hold patterns
    folder: Template | None = None  # pattern of the files of one row
    required: bool = False  # a row without any file is an error
    root: Path | None = None  # as written: relative to the manifest's folder; None is that folder
    max_file_size_bytes: int = DEFAULT_MAX_FILE_SIZE_BYTES
    max_files: int = DEFAULT_MAX_FILES  # per row, over all columns
    extensions: tuple[str, ...] = ()  # lower case, without the dot; empty: any


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """Which rows take part: column -> cells. All columns of ``only`` must have one of them, none of ``skip`` may."""

    only: CellsByColumn = dataclasses.field(default_factory=dict)
    skip: CellsByColumn = dataclasses.field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that decide."""
        return tuple(dict.fromkeys((*self.only, *self.skip)))


class Section(enum.StrEnum):
    """Section of a mapping that can name columns."""

    KEY = "key"
    COLUMNS = "columns"
    ATTACHMENTS = "attachments"
    FOLDER = "attachments > folder"
    TEMPLATES = "templates"
    ROWS = "rows"
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnMention:
    """One place of a mapping file that names a column of the manifest."""

    column: str
    section: Section
    line: int


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """What a mapping with errors lacks, so that later checks don't report it as further errors.

    ``rules``: columns whose rules are wrong; ``fields``: a wrong part may fill a field; ``columns``: one may name a
    column; ``manifest``: one may say how to read the manifest.
    """

    rules: frozenset[str] = frozenset()
    fields: bool = False
    columns: bool = False
    manifest: bool = False


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Content of one mapping file and of the files that it includes. Lists keep the order of the file."""

    path: Path
    files: tuple[Path, ...]  # all that were read, ``path`` first
    sha256: str  # hex, over all files
    source: str
    key: tuple[str, ...]  # empty if ``key_is_row_content``
    key_is_row_content: bool
    key_field: str | None
    rules: tuple[Rule, ...]
    constants: tuple[tuple[str, str], ...]  # SchemaName, value
    templates: tuple[tuple[str, Template | Join], ...] = ()  # SchemaName, template
    attachments: AttachmentRules | None
    ignore: frozenset[str]  # names of columns
    ignore_patterns: tuple[str, ...] = ()  # with ``*``
    ignored_by_patterns: tuple[tuple[str, int], ...] = ()  # set for a manifest: how many columns each pattern covers
    rows: RowRules = RowRules()
    duplicates: Literal["reject", "first"]
    lead_details: LeadDetails
    manifest: ManifestOptions
    mentions: tuple[ColumnMention, ...]
    lines: collections.abc.Mapping[KeyPath, int]
    warnings: tuple[str, ...]  # each a whole line with file and line number
    gaps: Gaps = Gaps()

    @property
    def mentioned_columns(self) -> set[str]:
        """All columns that the mapping names in any section."""
        return {mention.column for mention in self.mentions}

    @property
    def used_columns(self) -> set[str]:
        """All columns whose cells have an effect; of a repeated name, all its columns."""
        columns = self.mentioned_columns - self.ignore
        sources = [rule.columns for rule in self.rules] + [template.columns for _, template in self.templates]
        if self.attachments is not None:
            sources.append(self.attachments.columns)
        return columns.union(*sources)

    def line(self, *key_path: str | int) -> int:
        """Return the line of a part such as ``"columns", "State", "values"``, or of what encloses it."""
        return nearest_line(self.lines, key_path)
