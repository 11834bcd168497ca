"""Reads and changes streams of an OLE2 container ([MS-CFB]), which an .xls is, with olefile."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import olefile  # type: ignore[import-untyped]  # it ships no types

from importer.manifest.workbooks.damaged_workbook import DamagedWorkbookError

OLE2_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def stream_names(path: Path) -> frozenset[str]:
    """Name the streams at the top of a container. Raises DamagedWorkbookError."""
    with _opened(path) as container:
        return frozenset(names[0] for names in container.listdir() if len(names) == 1)


def read_stream(path: Path, name: str) -> bytes:
    """Read a whole stream. Raises DamagedWorkbookError if it is missing or cut off."""
    with _opened(path) as container:
        content: bytes = container.openstream([name]).read()
        # olefile returns the part that it finds; half a workbook would have half of its formats.
        if len(content) != container.get_size([name]):
            raise EOFError(f"{name} is cut off")
        return content


def replace_stream(file: IO[bytes], name: str, content: bytes) -> None:
    """Overwrite a stream in ``file`` with content of the same size. Raises DamagedWorkbookError."""
    with _translate_errors(), olefile.OleFileIO(file, write_mode=True) as container:
        container.write_stream([name], content)


@contextmanager
def _opened(path: Path) -> Iterator[olefile.OleFileIO]:
    with _translate_errors(), path.open("rb") as file, olefile.OleFileIO(file) as container:
        yield container


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    # olefile's own errors are OSErrors; the others come from damaged sizes, offsets and names.
    except (OSError, struct.error, LookupError, ValueError, TypeError, EOFError, RecursionError) as error:
        raise DamagedWorkbookError(str(error)) from error
