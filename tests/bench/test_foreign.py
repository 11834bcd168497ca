"""The foreign traffic works, rests, and is irregular; the seed decides its times."""

from __future__ import annotations

import itertools

from tests.bench.foreign import Traffic, times_s


def until(traffic: Traffic, end_s: float) -> list[float]:
    return list(itertools.takewhile(lambda at_s: at_s < end_s, times_s(traffic)))


def test_it_rests_works_and_rests() -> None:
    """It works for 60 to 120 s at 2 calls per second on average, and rests for 30 to 60 s."""
    calls = until(Traffic(seed=1), 100_000)
    assert calls == sorted(calls)
    assert 30 <= calls[0] <= 70
    spells = [[calls[0]]]
    for before, call in itertools.pairwise(calls):
        if call - before >= 29:
            spells.append([])
        spells[-1].append(call)
    lengths = [spell[-1] - spell[0] for spell in spells[:-1]]
    assert 50 < min(lengths) <= max(lengths) <= 120
    assert 1.9 < sum(map(len, spells[:-1])) / sum(lengths) < 2.1


def test_it_is_irregular() -> None:
    """The gaps between calls are exponential: many are short, some are long."""
    gaps = [
        after - before for before, after in itertools.pairwise(until(Traffic(seed=2), 20_000)) if after - before < 20
    ]
    assert 0.35 < sum(gap > 0.5 for gap in gaps) / len(gaps) < 0.39  # 1/e


def test_the_seed_decides() -> None:
    """Equal seeds give equal traffic, other seeds other traffic."""
    assert until(Traffic(seed=3), 500) == until(Traffic(seed=3), 500) != until(Traffic(seed=4), 500)
