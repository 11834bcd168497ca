"""``--on-failure``: runs a shell command that gets the summary of a command that failed."""

from __future__ import annotations

import os
import signal
import subprocess

from importer.cli.output import log
from importer.errors import Interrupted
from importer.runtime.signals import raising

_TIMEOUT_S = 60.0


def run_on_failure(command: str, summary: str, timeout_s: float = _TIMEOUT_S) -> None:
    """Run a shell command with ``summary``, a JSON text, on its standard input, and wait for its end.

    Whatever it does, the outcome of the failed command stays the same: if it can't start, fails, takes too long or is
    interrupted, that is a warning.
    """
    output = _stderr()
    try:
        with raising() as signals:
            signals.hold()
            process = subprocess.Popen(  # noqa: S602 - the user's own command, with pipes and quotes
                command, shell=True, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
            )
            with process:
                try:
                    signals.release()
                    process.communicate(summary.encode("utf-8", "backslashreplace"), timeout=timeout_s)
                except BaseException:
                    _kill(process)
                    raise
            if process.returncode:
                log.warning("the command of --on-failure ended with exit code %s", process.returncode)
    except subprocess.TimeoutExpired:
        log.warning("the command of --on-failure was stopped, as it had not ended after %g s", timeout_s)
    except Interrupted as interruption:
        log.warning("the command of --on-failure was stopped: %s", interruption.message)
    except OSError as error:
        log.warning("the command of --on-failure can't be run: %s", error.strerror)


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
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
