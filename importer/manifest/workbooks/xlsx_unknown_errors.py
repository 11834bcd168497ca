"""Replaces errors that calamine does not know, such as #SPILL! or LibreOffice's Err:502.

calamine rejects a whole sheet for one such error.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.manifest.workbooks.xlsx_scan import sheet_part
from importer.manifest.workbooks.xlsx_text_scan import row_blocks
from importer.manifest.workbooks.zip_copy import changed_copy

_UNKNOWN_ERROR = re.compile(
    rb"(<c [^<>]*?\bt\s*=\s*[\"']e[\"'][^<>]*+>(?:<f(?:[ /][^<>]*+)?>(?:[^<]*+</f>)?)?<v>)"
    rb"(?!(?:#DIV/0!|#N/A|#NAME\?|#NULL!|#NUM!|#REF!|#VALUE!)<)[^<]++(?=</v>)"
)


@contextmanager
def without_unknown_errors(path: Path, folder: Path | None, sheet: str) -> Iterator[Path]:
    """Yield the path of a temporary copy in which unknown errors of ``sheet`` are #N/A.

    To calamine every error is an empty cell, so no text is lost: the scan reads the error from the workbook itself.
    Raises DamagedWorkbookError if there is no such sheet, or if it has no such errors.
    """

    def write(original: zipfile.ZipFile, copy: zipfile.ZipFile) -> None:
        count = 0
        part = original.getinfo(sheet_part(original, sheet)).filename
        for name in original.namelist():
            with copy.open(name, "w", force_zip64=True) as target:
                if name != part:
                    target.write(original.read(name))
                    continue
                for block in row_blocks(original, part):
                    changed, replaced = _UNKNOWN_ERROR.subn(rb"\1#N/A", block)
                    target.write(changed)
                    count += replaced
        if not count:
            raise LookupError(f"sheet {sheet!r} has no unknown errors")

    with changed_copy(path, folder, write) as copy:
        yield copy
