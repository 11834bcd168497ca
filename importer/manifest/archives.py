"""Unpacks a manifest from a gzip or ZIP archive into a temporary file."""

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

# Exports shrink to a fifth or a twentieth; an archive with a much higher ratio was made to fill a disk.
_HARMLESS_BYTES = 1 << 30
_MAX_RATIO = 200

_OFFICE_FILES = frozenset(
    {"[Content_Types].xml", "mimetype", "xl/workbook.xml", "xl/workbook.bin", "word/document.xml"}
)
_TABLES = frozenset({".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
_POSSIBLE_TABLES = frozenset({".txt", ".json", ".dat", ".gz", ".zip", ".xml", ".htm", ".html"})
_MAX_NAMES_SHOWN = 20

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, struct.error, ValueError)


@dataclass(frozen=True, kw_only=True)
class UnpackedFile:
    """A table from an archive. The caller removes ``path``; messages call it ``file_name``."""

    path: Path
    file_name: str
    archive: str
    warnings: tuple[str, ...] = ()


def unpack(
    path: Path, file_name: str, *, folder: Path | None = None, free: Callable[[Path], int] | None = None
) -> UnpackedFile | None:
    """Unpack a gzip file, or the one table of a ZIP archive; None for other files.

    A workbook is such another file. ``folder``: the target, by default the folder for temporary files. ``free``:
    returns how many bytes can still be written to a folder. Raises ManifestError if the archive is damaged or
    protected, contains no table or several ones, or expands to more than the disk can take; then no file is left.
    """
    with path.open("rb") as file:
        start = file.read(4)
    unpacking = _Unpacking(path, file_name, folder or Path(tempfile.gettempdir()), free or _free_bytes)
    if start.startswith(_GZIP):
        return unpacking.gzip()
    return unpacking.zip() if start == _ZIP else None


def is_bomb(size_bytes: int, packed_bytes: int, harmless_bytes: int = _HARMLESS_BYTES) -> bool:
    """Return whether a file expands so much that it was made to fill a disk (or the memory)."""
    return size_bytes > harmless_bytes and size_bytes > _MAX_RATIO * packed_bytes


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


class _Content(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacking:
    def __init__(self, path: Path, file_name: str, folder: Path, free: Callable[[Path], int]) -> None:
        self._path = path
        self._file_name = file_name
        self._folder = folder
        self._free = free
        self._size_bytes = path.stat().st_size

    def gzip(self) -> UnpackedFile:
        with self._translated(), gzip.open(self._path) as content:
            return UnpackedFile(path=self._write(content, self._file_name), file_name=self._file_name, archive="gzip")

    def zip(self) -> UnpackedFile | None:
        with self._translated(), zipfile.ZipFile(self._path) as archive:
            files = [info for info in archive.infolist() if not _is_hidden(info)]
            if any(map(_is_office_part, archive.namelist())):
                return None
            info = self._choose(files)
            file_name = f"{_printable(info.filename)} in {self._file_name}"
            if info.flag_bits & 1:
                raise ManifestError(
                    f"{file_name} is protected by a password", hint="Unpack it, and use the unpacked file instead."
                )
            self._require_harmless(info.file_size, info.compress_size, file_name)
            self._require_space(info.file_size, file_name)
            with archive.open(info) as content:
                unpacked = self._write(content, file_name)
            warnings = self._warnings(len(files) - 1, info.filename)
            return UnpackedFile(path=unpacked, file_name=file_name, archive="a ZIP archive", warnings=warnings)

    def _warnings(self, others: int, name: str) -> tuple[str, ...]:
        if not others:
            return ()
        warning = (
            f"{self._file_name} contains {others:,} more file{'s' if others > 1 else ''} beside {_printable(name)}, "
            "which are not read; unpack the archive if they are attachments"
        )
        return (warning,)

    def _choose(self, files: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
        """Return the one table: by its ending, else the only file with an ambiguous ending."""
        tables = files
        for endings in (_TABLES, _POSSIBLE_TABLES):
            if found := [info for info in files if PurePosixPath(info.filename).suffix.lower() in endings]:
                tables = found
                break
        if len(tables) == 1:
            return tables[0]
        if not files:
            raise ManifestError(f"{self._file_name} is an empty ZIP archive", hint="Export or pack the manifest again.")
        names = [_printable(info.filename) for info in tables]
        more = [f"... and {len(names) - _MAX_NAMES_SHOWN:,} more"] if len(names) > _MAX_NAMES_SHOWN else []
        raise ManifestError(
            f"{self._file_name} is a ZIP archive of {len(names):,} files, and it is not clear which one is the "
            "manifest:",
            details=[*names[:_MAX_NAMES_SHOWN], *more],
            hint="Unpack the manifest, and use the unpacked file instead.",
        )

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGED as error:
            raise ManifestError(
                f"{self._file_name} can't be unpacked: the archive is cut off or damaged",
                hint="Export or copy the file again.",
            ) from error
        except (NotImplementedError, RuntimeError) as error:
            raise ManifestError(
                f"{self._file_name} is packed by a method that is not supported: {error}",
                hint="Unpack it, and use the unpacked file instead.",
            ) from error

    def _write(self, content: _Content, file_name: str) -> Path:
        try:
            # mkstemp creates the file for this user only: tickets hold customers' data.
            descriptor, name = tempfile.mkstemp(prefix="ticket-importer-", suffix=".unpacked", dir=self._folder)
        except OSError as error:
            raise _no_space(file_name, self._folder, error.strerror) from error
        target = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._copy(content, file, file_name)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target

    def _copy(self, content: _Content, file: IO[bytes], file_name: str) -> None:
        size_bytes = 0
        while block := content.read(_BLOCK_BYTES):
            size_bytes += len(block)
            self._require_harmless(size_bytes, self._size_bytes, file_name)
            self._require_space(len(block), file_name)
            try:
                file.write(block)
            except OSError as error:
                raise _no_space(file_name, self._folder, error.strerror) from error

    def _require_harmless(self, size_bytes: int, packed_bytes: int, file_name: str) -> None:
        if is_bomb(size_bytes, packed_bytes):
            raise ManifestError(
                f"{file_name} expands to more than {size_bytes / 1e9:,.1f} GB, over {_MAX_RATIO} times its packed size",
                hint="Exports do not shrink so much; if it really is one, unpack it and use the unpacked file instead.",
            )

    def _require_space(self, size_bytes: int, file_name: str) -> None:
        if self._free(self._folder) < size_bytes:
            raise _no_space(file_name, self._folder, f"it needs {size_bytes / 1e6:,.1f} MB")


def _no_space(file_name: str, folder: Path, reason: str | None) -> ManifestError:
    return ManifestError(
        f"{file_name} can't be unpacked to {folder}: {reason or 'the disk refuses it'}",
        hint="Free some disk space there, or set TMPDIR to a folder on another disk.",
    )


def _is_hidden(info: zipfile.ZipInfo) -> bool:
    """Return whether an entry is a folder, or a file that macOS or Windows adds by itself."""
    if not info.filename:
        return True
    path = PurePosixPath(info.filename)
    hidden = path.name.startswith(".") or path.name.lower() in {"thumbs.db", "desktop.ini"}
    return info.is_dir() or hidden or "__MACOSX" in path.parts


def _is_office_part(name: str) -> bool:
    """Return whether an archive with such a file is an office document."""
    return name.replace("\\", "/") in _OFFICE_FILES or name.endswith(".iwa")


def _printable(name: str) -> str:
    """Return a name from an archive in a form that is safe for a terminal."""
    return name if name.isprintable() else ascii(name)
