"""128-bit fingerprints of cells, computed for whole columns: equal for equal cells, different for others."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from importer.manifest.text_column import Column

Fingerprints = npt.NDArray[np.uint64]

_WORD = 8  # bytes
_MOST_WORDS = 32  # of a cell that is hashed together with others; longer cells are rare, and hashed one by one
_SEEDS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)
_MULTIPLIERS = ((0xBF58476D1CE4E5B9, 0x94D049BB133111EB), (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53))  # odd, well mixed
_HALF, _THIRD = np.uint64(32), np.uint64(29)


def fingerprints(column: Column) -> Fingerprints:
    """Return each cell's fingerprint, as an array of (2, cells)."""
    lengths = column.lengths
    # The length is part of the hash: otherwise a cell and the same cell with NULs at its end would be equal.
    sized = lengths.astype(np.uint64)
    lanes = np.stack([_mix(sized ^ np.uint64(seed), each) for seed, each in zip(_SEEDS, _MULTIPLIERS, strict=True)])
    windows = np.lib.stride_tricks.sliding_window_view(column.data, _WORD)
    by_itself = lengths > _WORD * _MOST_WORDS
    selected = np.flatnonzero(~by_itself)
    for place in range(0, int(lengths[selected].max(initial=1)), _WORD):
        selected = selected[lengths[selected] > place] if place else selected
        words = windows[column.starts[selected] + place].view("<u8")[:, 0].astype(np.uint64)
        over = np.maximum(_WORD - (lengths[selected] - place), 0).clip(max=_WORD - 1)
        words &= np.uint64(0xFFFFFFFFFFFFFFFF) >> (over * 8).astype(np.uint64)
        words[lengths[selected] <= place] = 0
        for lane, multipliers in zip(lanes, _MULTIPLIERS, strict=True):
            lane[selected] = _mix(lane[selected] ^ words, multipliers)
    for position in np.flatnonzero(by_itself & ~column.escaped).tolist():
        content = column.data[column.starts[position] : column.ends[position]].tobytes()
        lanes[:, position] = np.frombuffer(hashlib.blake2b(content, digest_size=16).digest(), dtype=np.uint64)
    escaped = np.flatnonzero(column.escaped)
    if escaped.size:
        plain = Column.from_texts(column.take(escaped).texts())
        assert plain is not None  # the texts come from bytes
        lanes[:, escaped] = fingerprints(plain)
    return lanes


def combine(columns: Sequence[Fingerprints]) -> Fingerprints:
    """Combine the fingerprints of several columns to one for each row."""
    first, *others = columns
    lanes = first.copy()
    for other in others:
        for lane, column_lane, multipliers in zip(lanes, other, _MULTIPLIERS, strict=True):
            lane[:] = _mix(_mix(lane, multipliers) ^ column_lane, multipliers)
    return lanes


def _mix(lane: npt.NDArray[np.uint64], multipliers: tuple[int, int]) -> npt.NDArray[np.uint64]:
    """Spread every bit over all others, reversibly."""
    lane = lane * np.uint64(multipliers[0])
    lane ^= lane >> _HALF
    lane *= np.uint64(multipliers[1])
    lane ^= lane >> _THIRD
    return lane
