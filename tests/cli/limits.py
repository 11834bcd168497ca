"""Runs a command in a forked process with limits of the system, as `ulimit` sets them."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from typing import Any

from importer.cli import main as run_command
from tests import fork_server

_LIMITS = "LIMITS_OF_THE_COMMAND"  # an environment variable


def start_with(limits: dict[str, int], *arguments: str, **how: Any) -> subprocess.Popen[str]:
    """Start a command; ``limits`` by name, such as `RLIMIT_NOFILE`, ``how`` as for `subprocess.Popen`."""
    environment = {**os.environ, **how.pop("env", {}), _LIMITS: json.dumps(limits)}
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    main = f"{__name__}:main"
    return fork_server.start(*arguments, main=main, env=environment, encoding="utf-8", **streams, **how)


def main() -> None:
    """Set the limits in the forked process, and run the command."""
    for name, limit in json.loads(os.environ.pop(_LIMITS)).items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    run_command()
