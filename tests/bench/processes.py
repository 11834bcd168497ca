"""Runs programs and measures their time, CPU and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024
_OUTPUT_SHOWN_CHARS = 4_000


@dataclass(frozen=True, kw_only=True)
class ProcessResult:
    """The exit code and the costs of a program, including its threads and its child processes.

    wall_s, cpu_s (user and system): seconds. peak_bytes: resident memory. Linux counts the memory that the parent had at
    the start, so the parent must stay small.
    """

    code: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    output: str  # standard output and standard error together


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """The folder, environment and timeout of a program."""

    folder: Path
    environment: Mapping[str, str]
    timeout_s: float = 300.0


def run(command: Sequence[str], place: ProcessSettings, *, expected: tuple[int, ...] = (0,)) -> ProcessResult:
    """Run a program to its end. Raises RuntimeError with its output for an unexpected exit code."""
    with tempfile.TemporaryFile() as output:
        begun_s = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=place.folder,
            env=dict(place.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # The timer can't kill another process: the ID is in use until `wait4`, and then the timer is cancelled.
        timer = threading.Timer(place.timeout_s, process.kill)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        wall_s = time.perf_counter() - begun_s
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        ended = ProcessResult(
            code=process.returncode,
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * _KIB,
            output=output.read().decode(errors="replace"),
        )
    if ended.code not in expected:
        shown = ended.output[-_OUTPUT_SHOWN_CHARS:]
        raise RuntimeError(f"{' '.join(command)} ended with {ended.code} after {wall_s:.0f} s:\n{shown}")
    return ended
