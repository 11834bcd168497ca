"""File -> rows of text: what it is, how it is encoded, and its rows in chunks; nothing of it is interpreted.

    snapshot    the private copy that a run reads
    packed      a gzip or ZIP archive -> the file in it     detect     what kind of file that is, by its content
    foreign     files that are no manifest, each with its name and the way out
    manifest    the room's story: unpack, detect, open with the room of that kind, read in passes
    text        CSV and its kin     workbooks     .xlsx .xlsm .xls .xlsb .ods     objects     JSON Lines, JSON
    detected    what all three say of a file: how it is read, and what a person should know of it
    header      the names of the columns and where they stand     title   a title above them
    records     records as each kind has them at hand, and     column     the cells of a column as bytes
    footer      what short rows at the very end are
    table       records -> chunks: blank rows, rows of the wrong width
    ahead       the next chunk is made ready while one is worked on

``manifest`` opens a file with one of the three rooms, which gives batches of records; ``table`` makes chunks of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.manifest.chunks import Chunk
    from importer.manifest.detected import Detected
    from importer.manifest.manifest import Manifest, open_manifest
    from importer.manifest.snapshot import PrivateCopy, private_copy, private_folder
    from importer.manifest.text_column import Column, is_visible

__all__ = [
    "Chunk",
    "Column",
    "Detected",
    "Manifest",
    "PrivateCopy",
    "is_visible",
    "open_manifest",
    "private_copy",
    "private_folder",
]

# Loaded when they are asked for: the process that reads a workbook needs none of them, and pandas takes long to load.
_MODULES = {
    "text_column": ("Column", "is_visible"),
    "detected": ("Detected",),
    "manifest": ("Manifest", "open_manifest"),
    "snapshot": ("PrivateCopy", "private_copy", "private_folder"),
    "chunks": ("Chunk",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
