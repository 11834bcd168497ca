"""A signal while a file is read that takes very long: the command ends at once, and leaves nothing behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from tests.cli.shop import HEADER, Account, Shop, ended, good_row
from tests.cli.test_signals import RUN, runs, until

BLANK_ROWS = 20_000_000
MOST_CPU_S = 2.5

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")


def cpu_s_of_ended() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_s(process: subprocess.Popen[str]) -> float:
    """The processor's time that a live process has taken, which no other load makes longer."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def is_at_work(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_interruption_while_blank_rows_are_read(shop: Shop, account: Account):
    """Blank rows are not checked, and a run reads millions of them without yielding one."""
    with shop.path("tickets.csv").open("wb") as file:
        file.write("\n".join(",".join(row) for row in (HEADER, good_row(1))).encode() + b"\n")
        for _ in range(BLANK_ROWS // 1_000_000):
            file.write(b'""\n' * 1_000_000)
    before = cpu_s_of_ended()
    process = shop.start(*RUN)
    until(lambda: bool(runs(shop)))
    taken = cpu_s(process)
    process.send_signal(signal.SIGTERM)
    interrupted = ended(process)
    assert interrupted.code == 143, interrupted.err
    assert cpu_s_of_ended() - before - taken < MOST_CPU_S
    assert account.calls == 0


def test_an_interruption_while_a_workbook_is_read(shop: Shop, account: Account):
    """The process that reads it ends with the command, and no temporary file is left."""
    with xlsxwriter.Workbook(shop.path("tickets.xlsx"), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([HEADER, *map(good_row, range(1, 20_000))]):
            sheet.write_row(number, 0, row)
    shop.path("temporary").mkdir()
    shop.set(TMPDIR=str(shop.path("temporary")))
    process = shop.start("validate", "tickets.xlsx", "-m", "mapping.yaml")
    until(lambda: bool(children(process)))
    (reader,) = children(process)
    process.send_signal(signal.SIGTERM)
    interrupted = ended(process)
    assert interrupted.code == 143, interrupted.err
    assert "interrupted by SIGTERM" in interrupted.err
    until(lambda: not is_at_work(reader))
    assert list(shop.path("temporary").iterdir()) == []
    assert account.calls == 0
