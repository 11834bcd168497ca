"""What is measured of a program is that program's."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest

from tests.bench.processes import Place, run

MIB = 2**20


def place(folder: Path, **more: float) -> Place:
    return Place(folder=folder, environment=dict(os.environ), **more)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


def test_memory_and_time_are_the_programs_own(tmp_path: Path) -> None:
    """A program that fills a lot of memory has that at its peak, and one that does not has less; both take some time."""
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # a program begins as a copy of who starts it
    large = run(python(f"b'x' * {here + 100 * MIB}"), place(tmp_path))
    small = run(python("pass"), place(tmp_path))
    assert large.peak_bytes > here + 100 * MIB
    assert large.peak_bytes > small.peak_bytes + 50 * MIB
    assert small.cpu_s > 0
    assert small.wall_s > 0


def test_its_folder_and_output_and_code(tmp_path: Path) -> None:
    """It runs where it is told, and what it says on both streams is kept."""
    script = "import os, sys; print(os.getcwd()); sys.stdout.flush(); print('err', file=sys.stderr); sys.exit(3)"
    ended = run(python(script), place(tmp_path), expected=(3,))
    assert (ended.code, ended.output.split()) == (3, [str(tmp_path.resolve()), "err"])


def test_a_failure_is_told_with_its_output(tmp_path: Path) -> None:
    """A figure of a program that failed is none."""
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1 .*the reason"):
        run(python("raise SystemExit('the reason')"), place(tmp_path))


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    """A program that hangs does not hang the bench."""
    with pytest.raises(RuntimeError, match="ended with -9"):
        run(python("import time; time.sleep(1000)"), place(tmp_path, timeout_s=0.5))
