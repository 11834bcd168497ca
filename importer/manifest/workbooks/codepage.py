"""An .xls that names a code page although its texts are Unicode: Perl's WriteExcel and PEAR's writer make such files.

In Excel 97 to 2003 a text is UTF-16, or the lower half of it, whatever the code page is ([MS-XLS], CodePage).
calamine decodes by the code page instead, and puts a NUL behind each letter.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import IO

from importer.manifest.workbooks.ole2 import OLE2_SIGNATURE, read_stream, replace_stream
from importer.manifest.workbooks.sheet_facts import UnreadableSheetError

_STREAM = "Workbook"
_CODE_PAGE, _END = 0x0042, 0x000A
_UNICODE = struct.pack("<H", 1200)


def copy_in_unicode(path: Path) -> IO[bytes] | None:
    """Make a copy of an .xls that names UTF-16 as its code page; None for a workbook that needs none.

    The copy is the caller's to close. What can't be read is left to the reader, which says so.
    """
    with path.open("rb") as file:
        if file.read(len(OLE2_SIGNATURE)) != OLE2_SIGNATURE:
            return None
    try:
        stream = read_stream(path, _STREAM)
        places = [at for at in _code_pages(stream) if stream[at : at + 2] != _UNICODE]
        if not places:
            return None
        content = bytearray(stream)
        for at in places:
            content[at : at + 2] = _UNICODE
        return _copy(path, bytes(content))
    except UnreadableSheetError:
        return None


def _code_pages(stream: bytes) -> list[int]:
    """The places of the code pages in the part of the stream that speaks of the whole workbook."""
    places = []
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind == _END:
            break
        if kind == _CODE_PAGE and size >= len(_UNICODE):
            places.append(at + 4)
        at += 4 + size
    return places


def _copy(path: Path, stream: bytes) -> IO[bytes]:
    copy = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it is the caller's to close
    try:
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy)
        replace_stream(copy, _STREAM, stream)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy
