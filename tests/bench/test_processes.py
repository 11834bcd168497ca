"""Time, memory, output and exit code of a program are measured."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pytest

from tests.bench.processes import ProcessSettings, run

MIB = 2**20


def place(folder: Path, **more: float) -> ProcessSettings:
    return ProcessSettings(folder=folder, environment=dict(os.environ), **more)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


def test_memory_and_time_are_the_programs_own(tmp_path: Path) -> None:
    """A program that uses much memory has a higher peak than one that does not; both take time."""
    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # a program begins as a copy of this process
    large = run(python(f"b'x' * {here + 100 * MIB}"), place(tmp_path))
    small = run(python("pass"), place(tmp_path))
    assert large.peak_bytes > here + 100 * MIB
    assert large.peak_bytes > small.peak_bytes + 50 * MIB
    assert small.cpu_s > 0
    assert small.wall_s > 0


def test_folder_output_and_exit_code(tmp_path: Path) -> None:
    """A program runs in the given folder; the output of both streams is kept."""
    script = "import os, sys; print(os.getcwd()); sys.stdout.flush(); print('err', file=sys.stderr); sys.exit(3)"
    ended = run(python(script), place(tmp_path), expected=(3,))
    assert (ended.code, ended.output.split()) == (3, [str(tmp_path.resolve()), "err"])


def test_a_failure_is_an_error_with_the_output(tmp_path: Path) -> None:
    """A program that failed is not measured."""
    with pytest.raises(RuntimeError, match=r"(?s)ended with 1 .*the reason"):
        run(python("raise SystemExit('the reason')"), place(tmp_path))


def test_a_program_that_hangs_is_killed(tmp_path: Path) -> None:
    """The bench does not wait longer than the timeout."""
    with pytest.raises(RuntimeError, match="ended with -9"):
        run(python("import time; time.sleep(1000)"), place(tmp_path, timeout_s=0.5))
