"""The order of rows: none is lost or repeated, and rows of one new lead are not sent at the same time."""

from __future__ import annotations

import math
from collections import deque
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from importer.submission.send_queue import QueuedRow, SendQueue
from tests.submission.sending import row

_LEADS = st.lists(st.sampled_from("abc"), max_size=2, unique=True)


def accept_or_park(line: SendQueue, each: QueuedRow) -> bool:
    """Do with a new row what the sender does."""
    if line.reserve_leads(each):
        return True
    line.park(each)
    return False


@given(st.lists(_LEADS, max_size=20), st.randoms())
def test_every_row_is_done_exactly_once(leads: list[list[str]], random: Random) -> None:
    """Rows are taken, put back, sent again and done in any order; no lead is created twice."""
    line, now = SendQueue(), 0.0
    new = deque(row(number, leads=tuple(each)) for number, each in enumerate(leads, start=2))
    out: list[QueuedRow] = []
    made: set[str] = set()
    done: list[int] = []
    for _ in range(2_000):
        taken = line.take(now) if random.random() < 0.7 else None
        if taken is None and new and line.accepts_new_rows:
            each = new.popleft()
            taken = each if accept_or_park(line, each) else None
        if taken is not None:
            assert not any(lead in other.leads and lead not in made for lead in taken.leads for other in out)
            out.append(taken)
        if out and random.random() < 0.6:
            each = out.pop(random.randrange(len(out)))
            match random.choice(["made", "failed", "again", "back"]):
                case "made":
                    line.finish(each, created=True)
                    made.update(each.leads)
                    done.append(each.row)
                case "failed":
                    line.finish(each, created=False)
                    done.append(each.row)
                case "again":
                    line.finish(each, created=False)
                    line.schedule(each, now + random.choice([0, 1, 5]))
                case "back":
                    line.put_back(each)
        now += random.choice([0, 1])
        assert len(line) + len(out) + len(new) + len(done) == len(leads)
        if len(done) == len(leads):
            break
    assert sorted(done) == list(range(2, len(leads) + 2))


def test_order_is_kept() -> None:
    """Except that rows whose lead is in flight are overtaken."""
    line = SendQueue()
    first, second, third = row(2, leads=("a",)), row(3, leads=("a",)), row(4)
    assert accept_or_park(line, first)
    assert not accept_or_park(line, second)
    assert accept_or_park(line, third)
    assert line.take(0) is None
    line.finish(first, created=False)
    assert line.take(0) is second


def test_known_lead_does_not_delay_rows() -> None:
    """After its first ticket, its rows are sent in parallel; a failed row changes nothing."""
    line = SendQueue()
    rows = [row(number, leads=("a",)) for number in range(2, 6)]
    assert accept_or_park(line, rows[0])
    assert not accept_or_park(line, rows[1])
    line.finish(rows[0], created=True)
    assert line.take(0) is rows[1]
    assert line.reserve_leads(rows[2])
    line.finish(rows[1], created=False)
    assert line.reserve_leads(rows[3])


def test_retried_row_waits_for_its_time() -> None:
    """Meanwhile it delays no other row, not even of its lead; then it goes first."""
    line = SendQueue()
    early, late = row(2, leads=("a",)), row(3, leads=("a",))
    assert line.reserve_leads(early)
    line.park(late)
    line.finish(early, created=False)
    line.schedule(early, 10.0)
    assert line.next_due_at() == 10.0
    assert line.take(9.9) is late
    line.finish(late, created=False)
    assert line.take(10.0) is early
    assert line.next_due_at() == math.inf


def test_number_of_parked_rows_is_limited() -> None:
    """A manifest of one lead is not read into memory."""
    line = SendQueue()
    assert line.reserve_leads(row(2, leads=("a",)))
    number = 3
    while line.accepts_new_rows:
        line.park(row(number, leads=("a",)))
        number += 1
        assert number < 2_000
    assert len(line) == number - 3
