"""``--on-failure``: runs a shell command that gets the summary of a command that failed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from importer.cli.output import log
from importer.runtime.signals import recorded_signals

_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.1


def run_on_failure(command: str, summary: str, timeout_s: float = _TIMEOUT_S) -> None:
    """Run a shell command with ``summary``, a JSON text, on its standard input, and wait for its end.

    Whatever it does, the outcome of the failed command stays the same: if it can't start, fails, takes too long or is
    interrupted, that is a warning.
    """
    output = _stderr()
    try:
        # A signal must not raise here: the process would be lost while it starts.
        with (
            recorded_signals() as signals,
            subprocess.Popen(  # noqa: S602 - the user's own command, with pipes and quotes
                command, shell=True, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
            ) as process,
        ):
            _wait(process, summary.encode("utf-8", "backslashreplace"), signals, timeout_s)
    except OSError as error:
        log.warning("the command of --on-failure can't be run: %s", error.strerror)


def _wait(process: subprocess.Popen[bytes], text: bytes, signals: list[int], timeout_s: float) -> None:
    """Wait until the command has ended; kill it after the timeout or a signal."""
    until = time.monotonic() + timeout_s
    rest: bytes | None = text
    while not signals and time.monotonic() < until:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(rest, timeout=_LOOK_EVERY_S)
            if process.returncode:
                log.warning("the command of --on-failure ended with exit code %s", process.returncode)
            return
        rest = None  # the rest of the text is written by the next call
    _kill(process)
    why = f"at {signal.Signals(signals[0]).name}" if signals else f"as it had not ended after {timeout_s:g} s"
    log.warning("the command of --on-failure was stopped, %s", why)


def _stderr() -> int:
    """Return where the command's output goes: standard error, as standard output is for the JSON object."""
    try:
        os.fstat(2)
    except OSError:  # a daemon has closed it
        return subprocess.DEVNULL
    return 2


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the command and the processes that it has started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
