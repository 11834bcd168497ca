"""Errors that calamine does not know, such as #SPILL! or LibreOffice's Err:502: for one it refuses the whole sheet."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from importer.manifest.workbooks.ooxml import open_package
from importer.manifest.workbooks.sheet_facts import UnreadableSheetError
from importer.manifest.workbooks.xlsx import row_blocks, sheet_part

_FOREIGN = re.compile(
    rb"(<c [^<>]*?\bt\s*=\s*[\"']e[\"'][^<>]*+>(?:<f(?:[ /][^<>]*+)?>(?:[^<]*+</f>)?)?<v>)"
    rb"(?!(?:#DIV/0!|#N/A|#NAME\?|#NULL!|#NUM!|#REF!|#VALUE!)<)[^<]++(?=</v>)"
)


def without_foreign_errors(path: Path, sheet: str) -> IO[bytes] | None:
    """Make a copy of an .xlsx whose ``sheet`` has #N/A for them; None if it has none, or is no such workbook.

    To calamine an error is an empty cell in any case; what it shows, the scan tells from the workbook itself.
    """
    copy = tempfile.TemporaryFile(prefix="ticket-importer-")  # noqa: SIM115 - it is the caller's to close
    try:
        if _copied(path, sheet, copy):
            copy.seek(0)
            return copy
    except UnreadableSheetError:
        pass
    except BaseException:
        copy.close()
        raise
    copy.close()
    return None


def _copied(path: Path, sheet: str, copy: IO[bytes]) -> int:
    """Write the copy, and say how many errors it has others for."""
    found = 0
    with open_package(path) as archive, zipfile.ZipFile(copy, "w") as new:
        part = archive.getinfo(sheet_part(archive, sheet)).filename
        for name in archive.namelist():
            with new.open(name, "w", force_zip64=True) as target:
                if name != part:
                    target.write(archive.read(name))
                    continue
                for block in row_blocks(archive, part):
                    changed, count = _FOREIGN.subn(rb"\1#N/A", block)
                    target.write(changed)
                    found += count
    return found
