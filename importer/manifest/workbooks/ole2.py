"""The container of files in it that an .xls is (OLE2, [MS-CFB]), through olefile, whatever is damaged in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import olefile  # type: ignore[import-untyped]  # it ships no types

from importer.manifest.workbooks.sheet_facts import UnreadableSheetError

OLE2_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def stream_names(path: Path) -> frozenset[str]:
    """Name the streams at the top of a container. Raises UnreadableSheetError if it is damaged."""
    with _opened(path) as container:
        return frozenset(names[0] for names in container.listdir() if len(names) == 1)


def read_stream(path: Path, name: str) -> bytes:
    """Read a stream as a whole. Raises UnreadableSheetError if there is none, or not all of it."""
    with _opened(path) as container:
        content: bytes = container.openstream([name]).read()
        # olefile makes do with what it finds; half a workbook would be half of its formats.
        if len(content) != container.get_size([name]):
            raise EOFError(f"{name} is cut off")
        return content


def replace_stream(file: IO[bytes], name: str, content: bytes) -> None:
    """Write a stream of the same size over one in ``file``, which stays open. Raises UnreadableSheetError."""
    with _translated(), olefile.OleFileIO(file, write_mode=True) as container:
        container.write_stream([name], content)


@contextmanager
def _opened(path: Path) -> Iterator[olefile.OleFileIO]:
    with _translated(), path.open("rb") as file, olefile.OleFileIO(file) as container:
        yield container


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    # Its own errors are OSErrors; the others come from bytes that it takes for sizes, places and names.
    except (OSError, struct.error, LookupError, ValueError, TypeError, EOFError, RecursionError) as error:
        raise UnreadableSheetError(str(error)) from error
