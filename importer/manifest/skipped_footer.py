"""Skips the footer of a report: short rows at the very end, as `footer: skip` of the mapping wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from importer.manifest.chunks import Chunk, RowCounter
from importer.manifest.footer import MAX_ROWS, SHORT, Footer


def without_footer(
    chunks: Iterable[Chunk | None], counter: RowCounter, *, may_be_cut_off: bool
) -> Iterator[Chunk | None]:
    """Yield the chunks without the short rows at the end, if these are few.

    ``may_be_cut_off``: the last row has no line end. If it is the only short one, it is not a footer.
    """
    held: list[Chunk] = []  # they end with short rows
    short_rows = 0
    for chunk in chunks:
        if chunk is None:
            yield None
            continue
        at_end = _short_rows_at_end(chunk)
        if at_end < len(chunk.rows):
            yield from held
            held, short_rows = [], 0
        held.append(chunk)
        short_rows += at_end
        if not at_end or short_rows > MAX_ROWS:
            yield from held
            held, short_rows = [], short_rows if at_end else 0
    if short_rows > MAX_ROWS or short_rows <= int(may_be_cut_off):
        yield from held
        return
    footer = [row for chunk in held for row in chunk.rows][-short_rows:]
    texts = [" ".join(filter(None, each)) for chunk in held for each in _last_records(chunk)]
    counter.footer = Footer(rows=tuple(footer), first_text=texts[0])
    yield from filter(None, map(_without_short_rows, held))


def _short_rows_at_end(chunk: Chunk) -> int:
    short = {problem.row for problem in chunk.problems if problem.code == SHORT}
    return next((at for at, row in enumerate(reversed(chunk.rows)) if row not in short), len(chunk.rows))


def _last_records(chunk: Chunk) -> Sequence[list[str]]:
    count = _short_rows_at_end(chunk)
    return chunk.records(range(len(chunk.rows) - count, len(chunk.rows)))


def _without_short_rows(chunk: Chunk) -> Chunk | None:
    kept = len(chunk.rows) - _short_rows_at_end(chunk)
    if not kept:
        return None
    rows = chunk.rows[:kept]
    return replace(
        chunk,
        rows=rows,
        source=chunk.source.take(np.arange(kept)),
        problems=tuple(problem for problem in chunk.problems if problem.row <= rows[-1]),
    )
