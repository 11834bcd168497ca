"""Makes a temporary copy of a workbook that is a ZIP archive, with some parts changed."""

from __future__ import annotations

import html
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.manifest.workbooks.ooxml import open_package


@contextmanager
def changed_copy(
    path: Path, folder: Path | None, write: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]
) -> Iterator[Path]:
    """Yield the path of a temporary copy that ``write(original, copy)`` fills.

    The copy is in ``folder``, or in the folder for temporary files. Raises DamagedWorkbookError.
    """
    with tempfile.NamedTemporaryFile(prefix="ticket-importer-", suffix=".workbook", dir=folder) as file:
        with open_package(path) as original, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            write(original, copy)
        file.flush()
        yield Path(file.name)


def quoted(value: str) -> str:
    """Return the value of an XML attribute in quotes. `xml.sax.saxutils` would load a library for the web."""
    return f'"{html.escape(value)}"'.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
