"""File -> rows of text: what it is, how it is encoded, and its rows in chunks; nothing of it is interpreted."""

from importer.manifest.column import Column, is_visible
from importer.manifest.detected import Detected
from importer.manifest.manifest import Manifest, open_manifest
from importer.manifest.snapshot import PrivateCopy, private_copy
from importer.manifest.table import Chunk

__all__ = [
    "Chunk",
    "Column",
    "Detected",
    "Manifest",
    "PrivateCopy",
    "is_visible",
    "open_manifest",
    "private_copy",
]
