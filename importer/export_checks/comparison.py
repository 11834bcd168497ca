"""Compares an export with the previous ones while its rows are checked: new, known, changed and gone keys.

The ledger has the known keys, keyed hashes of titles and leads, and the keys of the last export. ``checks`` decides
what follows from the counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from importer.export_checks.changed_keys import MOST_COMPARED, KeyMatches, KeyResemblance, may_be_alike
from importer.export_checks.checks import ExportFigures, ExportLimits, ExportStop, PreviousExport, SinceLastRun, stops
from importer.export_checks.last_run import compare_exports, export_name
from importer.ledger.previous_exports import (
    ContentHashes,
    ExportRecord,
    KeyHashes,
    KnownRow,
    are_in,
    content_hashes,
    count_other_keys,
    former_export,
    key_hashes,
    known_keys,
    known_rows,
    last_export,
    pack_keys,
    record_finished_export,
    record_unfinished_export,
    unfinished_export,
    unpack_keys,
)
from importer.ledger.records import RunInfo, utc_now
from importer.ledger.store import Ledger
from importer.manifest.chunks import Chunk
from importer.mapping import Mapping
from importer.validation import RenumberedRowCounter

_OTHER_KEYS_SHARE = 0.10


class ExportComparison:
    """Comparison of one export. Call ``look_up`` and ``count_rows`` for each chunk, then ``conclude``."""

    def __init__(self, ledger: Ledger, run: RunInfo, mapping: Mapping, names: RenumberedRowCounter) -> None:
        self._ledger = ledger
        self._run = run
        self._mapping = mapping
        self._names = names
        self._name = export_name(run.manifest)
        self._looked_up: dict[str, KnownRow] = {}
        self._parts: list[KeyHashes] = []
        self._content_parts: list[ContentHashes] = []
        self._positions: npt.NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # of the rows counted last
        self._packed = self._packed_contents = b""  # all keys, sorted, and the contents of their rows
        self._unknown: list[tuple[int, int, str]] = []  # hash, position among all, key
        self._compared_up_to = np.iinfo(np.uint64).max  # unknown keys with a greater hash are not compared
        self._known = self._new = self._comparable = self._changed = 0
        self._last: ExportRecord | None = None
        self.figures = ExportFigures(rows=0, new=0, known=0)
        self.since_last_export = SinceLastRun()

    def look_up(self, keys: Sequence[str]) -> dict[str, str]:
        """Return key -> state for the keys of a chunk that the ledger knows."""
        wanted = [key for key in keys if key]
        self._looked_up = known_rows(self._ledger, self._run.account, self._run.source, wanted)
        return {key: known.effective_state for key, known in self._looked_up.items()}

    def count_rows(self, chunk: Chunk, keys: Sequence[str], positions: npt.NDArray[np.intp]) -> None:
        """Count rows of the chunk by ``positions``; ``keys``: their keys, none of which was in an earlier row."""
        hashes = key_hashes(self._ledger.keyed_hash, keys)
        self._parts.append(hashes)
        self._positions = positions
        known = {at: each for at, key in enumerate(keys) if (each := self._looked_up.get(key)) and each.was_sent}
        is_unknown = np.ones(len(keys), dtype=bool)
        is_unknown[list(known)] = False
        self._sample(keys, hashes, is_unknown)
        self._new += len(keys) - len(known)
        self._known += len(known)
        named = [at for at, each in known.items() if each.title_hash or each.lead_hash]
        if named:
            sent = [known[at].title_hash for at in named], [known[at].lead_hash for at in named]
            found = self._names.count(chunk, positions[named], sent, self._ledger.keyed_hash.joined)
            self._comparable += found[0]
            self._changed += found[1]

    def add_contents(self, contents: Sequence[str]) -> None:
        """Add the content hashes of all rows of the chunk whose rows were counted last."""
        self._content_parts.append(content_hashes(contents)[self._positions])

    def _sample(self, keys: Sequence[str], hashes: KeyHashes, is_unknown: npt.NDArray[np.bool_]) -> None:
        """Keep unknown keys to compare with known ones; of too many, a random sample: those with the least hashes."""
        wanted = np.flatnonzero(is_unknown & (hashes <= self._compared_up_to)).tolist()
        self._unknown += [(int(hashes[at]), self._new + at, keys[at]) for at in wanted]
        if len(self._unknown) > 2 * MOST_COMPARED:
            self._unknown = sorted(self._unknown)[:MOST_COMPARED]
            self._compared_up_to = self._unknown[-1][0]

    def conclude(self, rows: int, limits: ExportLimits) -> list[ExportStop]:
        """Compute ``figures`` after all chunks, and return every reason to send nothing."""
        place = (self._ledger, self._run.account, self._run.source, self._name)
        keys = self._sorted_keys()
        self._last = last = last_export(*place)
        same = last is not None and last.content_sha256 == self._run.manifest_sha256
        other_keys = False
        if last is not None and same:
            former_keys = unpack_keys(last.keys)
            held = int(are_in(former_keys, keys).sum())
            other_keys = held < _OTHER_KEYS_SHARE * former_keys.size
        other = former_export(*place) if same else last
        gone = 0
        if other is not None:
            gone = int((~are_in(unpack_keys(other.keys), keys)).sum())
        self.figures = ExportFigures(
            rows=rows,
            new=self._new,
            known=self._known,
            comparable=self._comparable,
            changed=self._changed,
            gone=gone,
            former=None if other is None else _former(other),
            other_keys=other_keys,
            accepted=same and not other_keys,
        )
        found = stops(self.figures, self._resemblance(limits), limits)
        self._unknown = []
        self.since_last_export = compare_exports(self._packed, self._packed_contents, last)
        return found

    def remember(self) -> None:
        """Record that this content was read, with its share of known keys, in case the run is interrupted."""
        if unfinished_export(self._ledger, *self._place()) is None and not self.figures.accepted:
            record_unfinished_export(self._ledger, self._export(b"", self.figures.known_share, finished_at=""))

    def finish(self) -> None:
        """Record this export, for the comparison with the next one."""
        first = unfinished_export(self._ledger, *self._place())
        known_share = first.known_share if first is not None else self.figures.known_share
        if self.figures.accepted and self._last is not None:
            known_share = self._last.known_share
        export = self._export(self._packed, known_share, finished_at=utc_now())
        record_finished_export(self._ledger, export, self._last)

    def _place(self) -> tuple[str, str, str, str]:
        return self._run.account, self._run.source, self._name, self._run.manifest_sha256

    def _export(self, keys: bytes, known_share: float | None, *, finished_at: str) -> ExportRecord:
        former = self.figures.former
        return ExportRecord(
            account=self._run.account,
            source=self._run.source,
            manifest_name=self._name,
            content_sha256=self._run.manifest_sha256,
            run=self._run.id,
            keys=keys,
            contents=self._packed_contents if keys else None,
            rows=self.figures.rows,
            known_share=known_share,
            held_share=self.figures.held_share,
            previous_held_share=former.held_share if former is not None else None,
            finished_at=finished_at,
        )

    def _sorted_keys(self) -> KeyHashes:
        if self._parts:
            keys, contents = [np.concatenate(self._parts)], [np.concatenate(self._content_parts)]
            self._parts, self._content_parts = [], []
            self._packed, self._packed_contents = pack_keys(keys.pop(), contents.pop())  # frees them when it is sorted
        return unpack_keys(self._packed)

    def _resemblance(self, limits: ExportLimits) -> KeyResemblance | None:
        if limits.expect_new or self._mapping.key_is_row_content or not self.figures.compares_keys:
            return None
        compared = sorted(self._unknown)[:MOST_COMPARED]
        unknown = [key for _, _, key in sorted(compared, key=lambda each: each[1])]
        compound = len(self._mapping.key) > 1
        place = (self._ledger, self._run.account, self._run.source)
        elsewhere = count_other_keys(self._ledger, self._run, self._known, len(unknown))
        if not may_be_alike(unknown, elsewhere, compound=compound):
            return None
        matches = KeyMatches(unknown, compound=compound)
        for keys in known_keys(*place, matches.candidates):
            is_here = are_in(key_hashes(self._ledger.keyed_hash, keys), self._sorted_keys())
            for key in itertools.compress(keys, (~is_here).tolist()):  # the others belong to other rows
                matches.add(key)
        return matches.best()


def _former(export: ExportRecord) -> PreviousExport:
    return PreviousExport(
        keys=unpack_keys(export.keys).size,
        known_share=export.known_share,
        held_share=export.held_share,
        previous_held_share=export.previous_held_share,
    )
