"""A manifest, whatever its format: opened once, read in as many passes as needed."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, assert_never

from importer.errors import ManifestError
from importer.manifest.archives import UnpackedFile, unpack
from importer.manifest.chunks import Batch, Chunk, RowCounter, shape
from importer.manifest.delimited.delimited_file import open_delimited
from importer.manifest.detected import Detected
from importer.manifest.file_type import FileType, detect_kind
from importer.manifest.header import Header
from importer.manifest.json_files.json_file import open_json
from importer.manifest.prefetch import prefetch
from importer.manifest.workbooks.workbook_file import open_workbook
from importer.models import ManifestOptions

_NOT_OF = {FileType.DELIMITED: ("sheet",), FileType.JSON: ("sheet", "delimiter", "header_row")}  # a workbook is no text


class _Source(Protocol):
    """What every format offers."""

    @property
    def detected(self) -> Detected: ...

    @property
    def header(self) -> Header: ...

    def batches(self, size: int) -> Iterator[Batch]: ...


class Manifest:
    """The rows of a file as text. Made by ``open_manifest``."""

    def __init__(self, source: _Source, unpacked: UnpackedFile | None, warnings: tuple[str, ...]) -> None:
        self._source = source
        self._detected = replace(source.detected, warnings=(*source.detected.warnings, *warnings))
        if unpacked is not None:
            warnings = (*self._detected.warnings, *unpacked.warnings)
            self._detected = replace(self._detected, packed=unpacked.archive, warnings=warnings)
            weakref.finalize(self, unpacked.path.unlink, missing_ok=True)
        self._counter = RowCounter()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header, exactly as written, in its order."""
        return self._source.header.columns

    @property
    def repeated(self) -> frozenset[str]:
        """The names that the header has several times; the second `Labels` is the column `Labels (2)`."""
        return self._source.header.repeated

    @property
    def copies(self) -> frozenset[str]:
        """The columns of such names but for the first of each."""
        return self._source.header.copies

    @property
    def detected(self) -> Detected:
        """How the file is read."""
        return self._detected

    @property
    def sheet(self) -> str | None:
        """The sheet of a workbook; None for text files."""
        return self._source.detected.sheet

    @property
    def blank_rows(self) -> int:
        """How many rows without content the pass begun last has met: all of them once it has ended, 0 before."""
        return self._counter.blank_rows

    def chunks(self, size: int = 10_000, *, read_ahead: bool = False) -> Iterator[Chunk]:
        """Read the rows in the file's order, at most ``size`` at a time; every call is a fresh pass over the file.

        Blank rows are left out, but they count in the numbers of the rows. Raises ManifestError if the file turns out
        to be damaged further down, such as by a quote that is never closed. With ``read_ahead`` a thread makes the next
        chunk ready while the caller works on one, for a pass that looks at every row.
        """
        if size < 1:
            raise ValueError(f"a chunk has at least one row, not {size}")
        steps = prefetch(self._pass(size)) if read_ahead else self._pass(size)
        return (chunk for chunk in steps if chunk is not None)

    def _pass(self, size: int) -> Generator[Chunk | None, None, None]:
        self._counter = counter = RowCounter()
        yield from shape(self._source.batches(size), self._source.header, counter)


def open_manifest(
    path: Path,
    options: ManifestOptions,
    expected: Collection[str] = (),
    *,
    may_lack: Collection[str] = (),
    shown_as: Path | None = None,
) -> Manifest:
    """Find out what the file is and how to read it.

    ``expected``: the column names that the mapping knows; the delimiter or sheet that yields most of them is taken.
    ``may_lack``: columns, empty ones, also of JSON in which no object has them, as it has no header to name them.
    ``shown_as``: the path that errors name, where ``path`` is a private copy; what is unpacked of it is put beside it.
    Raises ManifestError if the file can't be read as a table.
    """
    shown = str(path if shown_as is None else shown_as)
    if options.header_row < 1:
        raise ManifestError(
            f"{shown}: there is no row {options.header_row}; rows are counted from 1",
            hint="Correct `manifest: {header_row}` in the mapping.",
        )
    folder = None if shown_as is None else path.parent
    try:
        return _open(path, options, _Names(expected=expected, may_lack=may_lack), shown, folder)
    except OSError as error:
        raise ManifestError(
            f"{shown} can't be read: {error.strerror or error}",
            hint="Check the path, and that the user who runs the import may read it.",
        ) from error


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What `open_manifest` is told of columns."""

    expected: Collection[str]
    may_lack: Collection[str]


def _open(path: Path, options: ManifestOptions, names: _Names, shown: str, folder: Path | None) -> Manifest:
    unpacked = unpack(path, shown, folder=folder)
    if unpacked is None:
        return _open_unpacked(path, options, names, shown, None)
    try:
        return _open_unpacked(unpacked.path, options, names, unpacked.shown, unpacked)
    except BaseException:
        unpacked.path.unlink(missing_ok=True)
        raise


def _open_unpacked(
    path: Path, options: ManifestOptions, names: _Names, shown: str, unpacked: UnpackedFile | None
) -> Manifest:
    kind = detect_kind(path, shown, encoding=options.encoding)
    source = _open_source(path, kind, options, names, shown)
    return Manifest(source, unpacked, _passed_over(kind, options, shown))


def _open_source(path: Path, kind: FileType, options: ManifestOptions, names: _Names, shown: str) -> _Source:
    match kind:
        case FileType.DELIMITED:
            return open_delimited(path, options, names.expected, shown)
        case FileType.JSON:
            return open_json(path, options, names.may_lack, shown)
        case (
            FileType.WORKBOOK
            | FileType.MACRO_WORKBOOK
            | FileType.BINARY_WORKBOOK
            | FileType.OLD_WORKBOOK
            | FileType.OPEN_DOCUMENT
        ):
            return open_workbook(path, kind, options, names.expected, shown)
        case _:
            assert_never(kind)


def _passed_over(kind: FileType, options: ManifestOptions, shown: str) -> tuple[str, ...]:
    """What the mapping says of the manifest that such a file has not."""
    foreign = _NOT_OF.get(kind, ("encoding", "delimiter"))
    given = [name for name in foreign if getattr(options, name) != getattr(ManifestOptions(), name)]
    warning = (
        f"`manifest: {{{', '.join(given)}}}` in the mapping is passed over, because {shown} is {kind.value}; take it "
        "out of the mapping, or name the file that it was written for"
    )
    return (warning,) if given else ()
