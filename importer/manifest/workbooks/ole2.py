"""The container of files in it that an .xls is (OLE2, [MS-CFB]), through olefile, whatever is damaged in it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import olefile  # type: ignore[import-untyped]  # it ships no types

from importer.manifest.workbooks.sheet_facts import UnreadableSheetError


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


@contextmanager
def _opened(path: Path) -> Iterator[olefile.OleFileIO]:
    try:
        with path.open("rb") as file, olefile.OleFileIO(file) as container:
            yield container
    # Its own errors are OSErrors; the others come from bytes that it takes for sizes, places and names.
    except (OSError, struct.error, LookupError, ValueError, TypeError, EOFError, RecursionError) as error:
        raise UnreadableSheetError(str(error)) from error
