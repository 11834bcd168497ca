"""Reads a manifest file into chunks of rows of text. No cell is interpreted here.

In reading order:

    snapshot         the private copy that a run reads
    archives         unpacks a gzip or ZIP archive
    file_type        what kind of file it is, by its content; `unsupported`: kinds that are refused
    manifest         opens the file with the reader of its kind: `delimited/`, `workbooks/` or `json_files/`
    manifest_format  how the file is read (encoding, delimiter, sheet), and warnings about it
    header           the names of the columns; `title_rows`: titles above them
    records          batches of records, as each reader gives them; `text_column`: the cells of one column as bytes
    chunks           records -> chunks, without blank rows and with problems of structure; `footer`: short last rows
    prefetch         reads the next chunk in a thread
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.manifest.chunks import Chunk
    from importer.manifest.manifest import Manifest, open_manifest
    from importer.manifest.manifest_format import ManifestFormat
    from importer.manifest.snapshot import PrivateCopy, private_copy, private_folder
    from importer.manifest.text_column import Column, Mask, is_visible

__all__ = [
    "Chunk",
    "Column",
    "Manifest",
    "ManifestFormat",
    "Mask",
    "PrivateCopy",
    "is_visible",
    "open_manifest",
    "private_copy",
    "private_folder",
]

# Loaded on first use: the process that reads a workbook needs none of them, and pandas takes long to load.
_MODULES = {
    "text_column": ("Column", "Mask", "is_visible"),
    "manifest_format": ("ManifestFormat",),
    "manifest": ("Manifest", "open_manifest"),
    "snapshot": ("PrivateCopy", "private_copy", "private_folder"),
    "chunks": ("Chunk",),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
