"""Chunks are freed without garbage collection, which is paused while rows are checked."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from importer.runtime.garbage_collection import paused


@pytest.mark.parametrize("options", [ManifestOptions(), ManifestOptions(empty=("NULL",))], ids=["plain", "empty"])
def test_a_chunk_that_is_used_refers_to_nothing_that_keeps_it(tmp_path: Path, options: ManifestOptions) -> None:
    """A cycle would keep all rows of a large file in memory."""
    path = tmp_path / "tickets.csv"
    path.write_text("id,text\n1,a\n2,NULL\n", encoding="utf-8")
    gc.collect()
    with paused():
        chunks = open_manifest(path, options).chunks()
        chunk = next(chunks)
        assert chunk.values.frame.shape == (2, 2)
        assert chunk.frame.shape == (2, 2)
        chunk_is_there, values_are_there = weakref.ref(chunk), weakref.ref(chunk.values)
        assert next(chunks, None) is None
        del chunk, chunks
        assert (chunk_is_there(), values_are_there()) == (None, None)
