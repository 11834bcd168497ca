"""A manifest of any format: opened once, read in as many passes as needed."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, assert_never

from importer.errors import ManifestError
from importer.manifest.archives import UnpackedFile, unpack
from importer.manifest.cell_values import CellValues
from importer.manifest.chunks import Chunk, RowCounter, RowOptions, make_chunks
from importer.manifest.delimited.delimited_file import open_delimited
from importer.manifest.delimited.dialect import BLANKS_NOTE
from importer.manifest.file_type import FileType, detect_file_type
from importer.manifest.footer import Footer
from importer.manifest.header import Header, RepeatedColumns, strip_header
from importer.manifest.json_files.json_file import open_json
from importer.manifest.manifest_format import ManifestFormat
from importer.manifest.markup.html_tables import open_html
from importer.manifest.markup.xml_file import open_xml
from importer.manifest.markup.xml_workbook import open_xml_workbook
from importer.manifest.prefetch import prefetch
from importer.manifest.records import Batch
from importer.manifest.skipped_footer import without_footer
from importer.manifest.workbooks.workbook_file import open_workbook
from importer.models import ManifestOptions

# The options that do not apply to a format.
_DIALECT = ("quote", "escape", "comment", "dialect")
_UNUSED_OPTIONS = {
    FileType.DELIMITED: ("sheet", "records", "columns"),
    FileType.JSON: ("sheet", "delimiter", "header_row", "footer", *_DIALECT),
    FileType.XML: ("sheet", "delimiter", "header_row", "footer", *_DIALECT),
    FileType.XML_WORKBOOK: ("delimiter", "records", "columns", *_DIALECT),
    FileType.HTML: ("delimiter", "records", "columns", *_DIALECT),
}
_UNUSED_BY_WORKBOOKS = ("encoding", "delimiter", "records", "columns", "footer", *_DIALECT)


class _Source(Protocol):
    """What the reader of each format offers."""

    @property
    def format(self) -> ManifestFormat: ...

    @property
    def header(self) -> Header: ...

    def batches(self, size: int) -> Iterator[Batch]: ...


class Manifest:
    """The rows of an open manifest as text. ``open_manifest`` creates it."""

    def __init__(
        self, source: _Source, unpacked: UnpackedFile | None, warnings: tuple[str, ...], options: ManifestOptions
    ) -> None:
        self._source = source
        self._header = source.header
        self._options = options
        values = CellValues(empty=frozenset(options.empty), repair=options.repair)
        self._row_options = RowOptions(
            strips=options.strip, cell_values=values if options.empty or options.repair else None
        )
        self._format = replace(source.format, warnings=(*source.format.warnings, *warnings))
        if options.strip:
            notes = tuple(note for note in self._format.notes if note != BLANKS_NOTE)
            self._format = replace(self._format, notes=(*notes, "blanks around cells removed"))
            self._header = strip_header(self._header)
        if unpacked is not None:
            warnings = (*self._format.warnings, *unpacked.warnings)
            self._format = replace(self._format, archive=unpacked.archive, warnings=warnings)
            weakref.finalize(self, unpacked.path.unlink, missing_ok=True)
        self._counter = RowCounter()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns in the header's order; all but the first of a repeated name have a number."""
        return self._header.columns

    @property
    def repeated(self) -> RepeatedColumns:
        """Return each name that the header has several times, with its columns: the second `Labels` is `Labels (2)`."""
        return self._header.repeated

    @property
    def columns_as_written(self) -> tuple[str, ...]:
        """Return the names of the columns as the header has them: repeated ones without numbers."""
        return self._header.written

    @property
    def format(self) -> ManifestFormat:
        """Return how the file is read."""
        return self._format

    @property
    def sheet(self) -> str | None:
        """Return the sheet of a workbook; None for text files."""
        return self._source.format.sheet

    @property
    def blank_rows(self) -> int:
        """Return how many blank rows the latest pass has skipped so far."""
        return self._counter.blank_rows

    @property
    def comments(self) -> int:
        """Return how many comments the latest pass has skipped so far, below the header."""
        return self._counter.comments

    @property
    def skipped(self) -> tuple[str, ...]:
        """Return warnings about the comments and the footer that the latest pass has skipped."""
        comments = f"{self.comments:,} comment{'s are' if self.comments > 1 else ' is'} skipped"
        return (
            *([comments] if self.comments else []),
            *([self.footer.describe()] if self.footer is not None else []),
        )

    @property
    def footer(self) -> Footer | None:
        """Return the footer that the latest pass has skipped."""
        return self._counter.footer

    def chunks(self, size: int = 10_000, *, read_ahead: bool = False) -> Iterator[Chunk]:
        """Read the rows in order, at most ``size`` at a time. Each call is a new pass over the file.

        Blank rows are skipped, but count in the row numbers. ``read_ahead`` reads the next chunk in a thread, for a
        pass over all rows. Raises ManifestError for damage further down, such as a quote that is never closed.
        """
        if size < 1:
            raise ValueError(f"a chunk has at least one row, not {size}")
        steps = prefetch(self._pass(size)) if read_ahead else self._pass(size)
        return (chunk for chunk in steps if chunk is not None)

    def _pass(self, size: int) -> Generator[Chunk | None, None, None]:
        self._counter = counter = RowCounter()
        chunks = make_chunks(self._source.batches(size), self._header, counter, self._row_options)
        if self._options.footer is not None:
            chunks = without_footer(chunks, counter, may_be_cut_off=self.format.lacks_line_end)
        yield from chunks


def open_manifest(
    path: Path,
    options: ManifestOptions,
    expected: Collection[str] = (),
    *,
    may_lack: Collection[str] = (),
    original: Path | None = None,
) -> Manifest:
    """Detect the file's type and format, and open it. Raises ManifestError if it can't be read as a table.

    ``expected``: the columns of the mapping; the delimiter or sheet with most of them is chosen.
    ``may_lack``: columns that JSON gets as empty ones if no object has them, because JSON has no header.
    ``original``: the file that errors name if ``path`` is a private copy of it; an archive is unpacked beside the copy.
    """
    file_name = str(path if original is None else original)
    if options.header_row < 1:
        raise ManifestError(
            f"{file_name}: there is no row {options.header_row}; rows are counted from 1",
            hint="Correct `manifest: {header_row}` in the mapping.",
        )
    folder = None if original is None else path.parent
    try:
        return _open(path, options, _KnownColumns(expected=expected, may_lack=may_lack), file_name, folder)
    except OSError as error:
        raise ManifestError(
            f"{file_name} can't be read: {error.strerror or error}",
            hint="Check the path, and whether the user who runs the import may read the file.",
        ) from error


@dataclass(frozen=True, kw_only=True)
class _KnownColumns:
    """The columns that the caller of ``open_manifest`` knows."""

    expected: Collection[str]
    may_lack: Collection[str]


def _open(
    path: Path, options: ManifestOptions, known_columns: _KnownColumns, file_name: str, folder: Path | None
) -> Manifest:
    unpacked = unpack(path, file_name, folder=folder)
    if unpacked is not None:
        path, file_name = unpacked.path, unpacked.file_name
    try:
        kind = detect_file_type(path, file_name, encoding=options.encoding)
        source = _open_source(path, kind, options, known_columns, file_name)
        return Manifest(source, unpacked, _unused_option_warning(kind, options, file_name), options)
    except BaseException:
        if unpacked is not None:
            unpacked.path.unlink(missing_ok=True)
        raise


def _open_source(
    path: Path, kind: FileType, options: ManifestOptions, known_columns: _KnownColumns, file_name: str
) -> _Source:
    match kind:
        case FileType.DELIMITED:
            return open_delimited(path, options, known_columns.expected, file_name)
        case FileType.JSON:
            return open_json(path, options, known_columns.may_lack, file_name)
        case FileType.HTML:
            return open_html(path, options, known_columns.expected, file_name)
        case FileType.XML_WORKBOOK:
            return open_xml_workbook(path, options, known_columns.expected, file_name)
        case FileType.XML:
            return open_xml(path, options, known_columns.may_lack, file_name)
        case (
            FileType.WORKBOOK
            | FileType.MACRO_WORKBOOK
            | FileType.BINARY_WORKBOOK
            | FileType.OLD_WORKBOOK
            | FileType.OPEN_DOCUMENT
        ):
            return open_workbook(path, kind, options, known_columns.expected, file_name)
        case _:
            assert_never(kind)


def _unused_option_warning(kind: FileType, options: ManifestOptions, file_name: str) -> tuple[str, ...]:
    """Warn of options in the mapping that do not apply to this kind of file."""
    unused = _UNUSED_OPTIONS.get(kind, _UNUSED_BY_WORKBOOKS)
    unused_set = [name for name in unused if getattr(options, name) != getattr(ManifestOptions(), name)]
    warning = (
        f"`manifest: {{{', '.join(unused_set)}}}` in the mapping is ignored, because {file_name} is {kind.value}; "
        "remove it from the mapping, or use the file that the mapping was written for"
    )
    return (warning,) if unused_set else ()
