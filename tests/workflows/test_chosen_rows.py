"""The rows that `--rows`, `--where` and `--sample` choose, as laws."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from importer.manifest.manifest import Manifest, open_manifest
from importer.models import ManifestOptions, RowNumbers
from importer.workflows.chosen_rows import ChosenRows
from importer.workflows.import_job import RowSelection

ROWS = 30


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A table of 30 rows with their own numbers; every third is `odd`."""
    lines = [f"{row},{'odd' if row % 3 == 0 else 'even'}" for row in range(2, ROWS + 2)]
    (tmp_path / "tickets.csv").write_text("\n".join(["ID,Kind", *lines]) + "\n", encoding="utf-8")
    return open_manifest(tmp_path / "tickets.csv", ManifestOptions(), ["ID"])


def chosen(manifest: Manifest, selection: RowSelection, *, size: int = 100) -> list[int]:
    """Return the row numbers that are chosen, of chunks of a size."""
    rows = ChosenRows(selection, manifest)
    if rows.draws_sample:
        rows.draw(manifest.chunks(size), lambda _, positions: np.ones(positions.size, dtype=bool))
    return [chunk.rows[at] for chunk in manifest.chunks(size) for at in np.flatnonzero(rows.mask(chunk)).tolist()]


def test_a_sample_does_not_depend_on_chunks(manifest: Manifest) -> None:
    """It has as many rows as asked for, all of them different, or all rows that fit."""
    for size in (1, 7, 100):
        for sample in (1, 5, ROWS, 2 * ROWS):
            drawn = chosen(manifest, RowSelection(sample=sample, seed=sample), size=size)
            assert len(set(drawn)) == len(drawn) == min(sample, ROWS)
            assert drawn == chosen(manifest, RowSelection(sample=sample, seed=sample), size=3)
    narrow = RowSelection(rows=RowNumbers("3-20"), where=("Kind=odd",), sample=4, seed=1)
    assert set(chosen(manifest, narrow)) <= {3, 6, 9, 12, 15, 18}
    assert chosen(manifest, RowSelection(rows=RowNumbers("3-20"), where=("Kind=odd",))) == [3, 6, 9, 12, 15, 18]


def test_every_row_is_drawn_as_often_as_the_others(manifest: Manifest) -> None:
    """Over 200 seeds, each of 30 rows is in about 33 samples of five, neighbours as often as others."""
    samples = [chosen(manifest, RowSelection(sample=5, seed=seed)) for seed in range(200)]
    counts = Counter(row for sample in samples for row in sample)
    assert len(counts) == ROWS
    assert all(6 < count < 60 for count in counts.values()), counts  # five standard deviations
    neighbours = sum(later - row == 1 for sample in samples for row, later in itertools.pairwise(sample))
    assert 80 < neighbours < 190  # 133 on average: 5 * 4 / 30 of each sample


def test_all_rows_are_chosen_without_flags(manifest: Manifest) -> None:
    """And no warning, nor an error for a table without rows."""
    rows = ChosenRows(RowSelection(), manifest)
    assert all(rows.mask(chunk).all() for chunk in manifest.chunks())
    rows.require_any()
    assert rows.warnings == ()
