"""Corrects the code page of .xls files by Perl's and PEAR's writers (texts are Unicode).

In Excel 97 to 2003 a text is UTF-16, or the lower half of it, whatever the code page is ([MS-XLS], CodePage).
calamine decodes with the code page instead, and puts a NUL after each letter.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import IO

from importer.manifest.workbooks.damaged_workbook import DamagedWorkbookError
from importer.manifest.workbooks.ole2 import OLE2_SIGNATURE, read_stream, replace_stream

_STREAM = "Workbook"
_CODE_PAGE, _END = 0x0042, 0x000A
_UNICODE = struct.pack("<H", 1200)


def copy_with_unicode_code_page(path: Path) -> IO[bytes] | None:
    """Copy an .xls, with UTF-16 as its code page, to a temporary file that the caller closes.

    Return None if the workbook needs no copy, or cannot be read: calamine then says why.
    """
    with path.open("rb") as file:
        if file.read(len(OLE2_SIGNATURE)) != OLE2_SIGNATURE:
            return None
    try:
        stream = read_stream(path, _STREAM)
        offsets = [offset for offset in _code_page_offsets(stream) if stream[offset : offset + 2] != _UNICODE]
        if not offsets:
            return None
        content = bytearray(stream)
        for offset in offsets:
            content[offset : offset + 2] = _UNICODE
        return _copy(path, bytes(content))
    except DamagedWorkbookError:
        return None


def _code_page_offsets(stream: bytes) -> list[int]:
    """Find the code pages in the first part of the stream, which is about the whole workbook."""
    offsets = []
    offset = 0
    while offset + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, offset)
        if kind == _END:
            break
        if kind == _CODE_PAGE and size >= len(_UNICODE):
            offsets.append(offset + 4)
        offset += 4 + size
    return offsets


def _copy(path: Path, stream: bytes) -> IO[bytes]:
    copy = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - the caller closes it
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy)
        replace_stream(copy, _STREAM, stream)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy
