"""Manifests in a gzip or ZIP archive: the one table in it, unpacked into a file that goes away with its reader."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from importer.errors import ManifestError

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_BLOCK_BYTES = 1 << 20

# Exports shrink to a fifth or a twentieth; what unfolds to more is made to fill a disk.
_HARMLESS_BYTES = 1 << 30
_MOST_RATIO = 200

_OFFICE_FILES = frozenset(
    {"[Content_Types].xml", "mimetype", "xl/workbook.xml", "xl/workbook.bin", "word/document.xml"}
)
_TABLES = frozenset({".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
_PERHAPS_TABLES = frozenset({".txt", ".json", ".dat", ".gz", ".zip"})
_SHOWN_NAMES = 20

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, struct.error, ValueError)


@dataclass(frozen=True, kw_only=True)
class UnpackedFile:
    """A table out of an archive. ``path`` is the caller's to remove. ``shown``: what people are to be told it is."""

    path: Path
    shown: str
    archive: str
    warnings: tuple[str, ...] = ()


def unpack(
    path: Path, shown: str, *, folder: Path | None = None, free: Callable[[Path], int] | None = None
) -> UnpackedFile | None:
    """Unpack a gzip file, or the one table of a ZIP archive; None if the file is neither (a workbook is a ZIP file).

    ``folder``: where to; the folder for temporary files, if none is given. ``free``: how many bytes may still be
    written to a folder. Raises ManifestError if the archive is damaged or protected, holds no table or several, or
    unfolds to more than there is room for; then nothing is left of it.
    """
    with path.open("rb") as file:
        start = file.read(4)
    unpacking = _Unpacking(path, shown, folder or Path(tempfile.gettempdir()), free or _free_bytes)
    if start.startswith(_GZIP):
        return unpacking.gzip()
    return unpacking.zip() if start == _ZIP else None


def is_bomb(size_bytes: int, packed_bytes: int, harmless_bytes: int = _HARMLESS_BYTES) -> bool:
    """Say whether what unfolds to so much was made to fill a disk, or, with fewer ``harmless_bytes``, a memory."""
    return size_bytes > harmless_bytes and size_bytes > _MOST_RATIO * packed_bytes


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class _Content(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacking:
    def __init__(self, path: Path, shown: str, folder: Path, free: Callable[[Path], int]) -> None:
        self._path = path
        self._shown = shown
        self._folder = folder
        self._free = free
        self._size_bytes = path.stat().st_size

    def gzip(self) -> UnpackedFile:
        with self._translated(), gzip.open(self._path) as content:
            return UnpackedFile(path=self._write(content, self._shown), shown=self._shown, archive="gzip")

    def zip(self) -> UnpackedFile | None:
        with self._translated(), zipfile.ZipFile(self._path) as archive:
            files = [info for info in archive.infolist() if not _is_by_the_way(info)]
            if any(map(_is_of_office, archive.namelist())):
                return None
            info = self._choose(files)
            shown = f"{_printable(info.filename)} in {self._shown}"
            if info.flag_bits & 1:
                raise ManifestError(
                    f"{shown} is protected by a password", hint="Unpack it, and name the unpacked file instead."
                )
            self._require_harmless(info.file_size, info.compress_size, shown)
            self._require_room(info.file_size, shown)
            with archive.open(info) as content:
                unpacked = self._write(content, shown)
            warnings = self._warnings(len(files) - 1, info.filename)
            return UnpackedFile(path=unpacked, shown=shown, archive="a ZIP archive", warnings=warnings)

    def _warnings(self, others: int, name: str) -> tuple[str, ...]:
        if not others:
            return ()
        warning = (
            f"{self._shown} holds {others:,} more file{'s' if others > 1 else ''} beside {_printable(name)}; none of "
            "them is read, so attachments must be unpacked"
        )
        return (warning,)

    def _choose(self, files: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
        """The one table: by its ending, else the only file whose ending says nothing."""
        tables = files
        for endings in (_TABLES, _PERHAPS_TABLES):
            if found := [info for info in files if PurePosixPath(info.filename).suffix.lower() in endings]:
                tables = found
                break
        if len(tables) == 1:
            return tables[0]
        if not files:
            raise ManifestError(
                f"{self._shown} is a ZIP archive without a file in it", hint="Export or pack the manifest again."
            )
        names = [_printable(info.filename) for info in tables]
        more = [f"... and {len(names) - _SHOWN_NAMES:,} more"] if len(names) > _SHOWN_NAMES else []
        raise ManifestError(
            f"{self._shown} is a ZIP archive of {len(names):,} files, and which of them is the manifest can't be told:",
            details=[*names[:_SHOWN_NAMES], *more],
            hint="Unpack the one that is meant, and name it instead.",
        )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGED as error:
            raise ManifestError(
                f"{self._shown} is an archive that is cut off or damaged: it can't be unpacked",
                hint="Export or copy the file again.",
            ) from error
        except (NotImplementedError, RuntimeError) as error:
            raise ManifestError(
                f"{self._shown} is packed in a way that can't be unpacked here: {error}",
                hint="Unpack it, and name the unpacked file instead.",
            ) from error

    def _write(self, content: _Content, shown: str) -> Path:
        try:
            # mkstemp makes the file for this user alone: tickets hold what customers wrote.
            descriptor, name = tempfile.mkstemp(prefix="ticket-importer-", suffix=".unpacked", dir=self._folder)
        except OSError as error:
            raise _no_room(shown, self._folder, error.strerror) from error
        target = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._copy(content, file, shown)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target

    def _copy(self, content: _Content, file: IO[bytes], shown: str) -> None:
        size_bytes = 0
        while block := content.read(_BLOCK_BYTES):
            size_bytes += len(block)
            self._require_harmless(size_bytes, self._size_bytes, shown)
            self._require_room(len(block), shown)
            try:
                file.write(block)
            except OSError as error:
                raise _no_room(shown, self._folder, error.strerror) from error

    def _require_harmless(self, size_bytes: int, packed_bytes: int, shown: str) -> None:
        if is_bomb(size_bytes, packed_bytes):
            raise ManifestError(
                f"{shown} unfolds to more than {size_bytes / 1e9:,.1f} GB, over {_MOST_RATIO} times what it is packed",
                hint="No export is like that; if it is one, unpack it and name the unpacked file instead.",
            )

    def _require_room(self, size_bytes: int, shown: str) -> None:
        if self._free(self._folder) < size_bytes:
            raise _no_room(shown, self._folder, f"it needs {size_bytes / 1e6:,.1f} MB")


def _no_room(shown: str, folder: Path, reason: str | None) -> ManifestError:
    return ManifestError(
        f"{shown} can't be unpacked to {folder}: {reason or 'the disk does not take it'}",
        hint="Free some disk space there, or set TMPDIR to a folder on another disk.",
    )


def _is_by_the_way(info: zipfile.ZipInfo) -> bool:
    """Whether an entry is a folder, or a file that macOS and Windows pack beside those that one chooses."""
    if not info.filename:
        return True
    path = PurePosixPath(info.filename)
    hidden = path.name.startswith(".") or path.name.lower() in {"thumbs.db", "desktop.ini"}
    return info.is_dir() or hidden or "__MACOSX" in path.parts


def _is_of_office(name: str) -> bool:
    """Whether an archive with such a file in it is a document."""
    return name.replace("\\", "/") in _OFFICE_FILES or name.endswith(".iwa")


def _printable(name: str) -> str:
    """A name as an archive gives it, which may hold anything, for a terminal."""
    return name if name.isprintable() else ascii(name)
