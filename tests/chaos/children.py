"""Runs commands in forked processes (see `tests/fork_server.py`).

A child can kill itself, as by ``kill -9``, before its n-th step. A step is a commit, a call that sends or
receives, a sync, a write, or another change of a file in its folder. The trace has a line for each step, the last
one for the step that was not reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import importer.cli
from importer.results import PartFile
from tests import fork_server

PATIENCE_S = 40
_STEPS = "STEPS_OF_THE_COMMAND"  # an environment variable

# Python's own audit events that change something which outlives the process. What is not named here, and not known to
# be harmless, becomes a kind of step under its own name, so that a new one can't come in unseen.
_HARMLESS = re.compile(
    r"os\.(listdir|scandir|walk|fwalk|chdir|putenv|unsetenv|getxattr|listxattr|fork|forkpty|register_at_fork|kill)"
)
_WATCHED = re.compile(r"(os|shutil|socket|fcntl|subprocess)\..+|open")
_SOCKET_HARMLESS = re.compile(r"socket\.(__new__|gethost.*|getaddrinfo|getnameinfo|getservby.*|bind)")
_SENDS = ("send", "sendall", "sendto", "sendmsg", "sendfile")
_RECEIVES = ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into")
_RANDOM = (
    (re.compile(r"\.[0-9a-f]{6}\.lock$"), ".RUN.lock"),
    (re.compile(r"\.[a-z0-9_]{8}\.tmp$"), ".RANDOM.tmp"),
    (re.compile(r"%3A\d+\.jsonl$"), ".jsonl"),  # the account's port
    (re.compile(r"^(ticket-importer-run|manifest)-[a-z0-9_]{8}"), r"\1-RANDOM"),
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """One call of the command line in ``folder``.

    ``stop_before``: the step that is not reached, counted from 1. ``kinds``: the kinds of steps to count, if not all.
    """

    folder: Path
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    trace: Path | None = None
    stop_before: int | None = None
    kinds: frozenset[str] = frozenset()


def start(command: Command) -> subprocess.Popen[bytes]:
    """Start a command. Its output is appended to ``output.txt``."""
    temporary = command.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LSQ_", "_TICKET"))}
    environment |= {"TMPDIR": str(temporary), "XDG_STATE_HOME": str(command.folder / "state"), **command.variables}
    if command.trace is not None:
        environment[_STEPS] = json.dumps([str(command.trace), command.stop_before, *command.kinds])
    with (command.folder / "output.txt").open("ab") as output:
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        main = f"{__name__}:main"
        return fork_server.start(*command.arguments, main=main, cwd=command.folder, env=environment, **streams)


def main() -> None:
    """Run the command in the forked process."""
    if (steps := os.environ.pop(_STEPS, None)) is not None:
        trace, stop_before, *kinds = json.loads(steps)
        _Steps(Path.cwd(), trace, stop_before, frozenset(kinds)).watch()
    importer.cli.main()


def ended(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child; return its exit code, or minus the number of the signal that ended it."""
    try:
        return child.wait(PATIENCE_S)
    finally:
        child.kill()


def do(command: Command) -> int:
    """Run a command; return its exit code."""
    return ended(start(command))


async def do_beside(command: Command) -> int:
    """Run a command while the event loop continues."""
    return await asyncio.to_thread(do, command)


class _Steps:
    """Counts the steps of this process, and ends it before a given one."""

    def __init__(self, folder: Path, trace: str, stop_before: int | None, kinds: frozenset[str]) -> None:
        self._folder = folder
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._stop_before = stop_before
        self._kinds = kinds
        self._count = 0
        self._lock = threading.RLock()
        self._write = os.write

    def step(self, kind: str) -> None:
        """Record a step, and end the process if it is the one to stop before."""
        if self._kinds and kind not in self._kinds:
            return
        with self._lock:
            self._count += 1
            self._write(self._trace, f"{kind}\n".encode())
            if self._count == self._stop_before:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()  # the signal has come when `kill` returns, but not before in every thread

    def watch(self) -> None:
        """Record every step from now on."""
        sa.event.listen(sa.Engine, "commit", lambda _connection: self.step("commit"))
        for names, kind in ((_SENDS, "send"), (_RECEIVES, "receive")):
            for name in names:
                self._wrap(socket.socket, name, lambda own, *_, kind=kind: self._of_network(own, kind))
        for name in ("fsync", "fdatasync", "sync"):
            self._wrap(os, name, lambda *descriptor: f"sync {self._described(*descriptor)}")
        for name in ("write", "writev", "pwrite", "pwritev", "sendfile", "copy_file_range", "posix_fallocate"):
            if hasattr(os, name):
                self._wrap(os, name, lambda descriptor, *_: f"write {self._described(descriptor)}")
        self._wrap(PartFile, "add", lambda *_: "write a row of the part file")
        sys.addaudithook(self._audit)

    def _wrap(self, owner: Any, name: str, kind_of: Callable[..., str | None]) -> None:
        original = getattr(owner, name)

        def stepping(*arguments: Any, **options: Any) -> Any:
            kind = kind_of(*arguments)
            if kind is not None:
                self.step(kind)
            return original(*arguments, **options)

        setattr(owner, name, stepping)

    @staticmethod
    def _of_network(own: socket.socket, kind: str) -> str | None:
        return kind if own.family in (socket.AF_INET, socket.AF_INET6) else None  # not the event loop's own pair

    def _described(self, descriptor: int | None = None) -> str:
        if descriptor is None:
            return "everything"
        return self._named(f"/proc/self/fd/{descriptor}") or "what is not ours"

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not _WATCHED.fullmatch(event) or _HARMLESS.fullmatch(event) or _SOCKET_HARMLESS.fullmatch(event):
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
            arguments = (path,)
        if event.startswith("socket."):
            if arguments[0].family in (socket.AF_INET, socket.AF_INET6):
                self.step(event.removeprefix("socket."))
            return
        if event.startswith("fcntl.") and isinstance(arguments[0], int):
            arguments = (f"/proc/self/fd/{arguments[0]}",)
        names = [self._named(argument) for argument in arguments if isinstance(argument, str | bytes | os.PathLike)]
        if any(names) or not names:
            self.step(" ".join([event.removeprefix("os."), *(name or "elsewhere" for name in names)]))

    def _named(self, name: Any) -> str:
        """Return the path of a file without its random parts; empty for a file outside the folder."""
        path = Path(os.fsdecode(name))
        if path.is_relative_to("/proc/self/fd"):
            path = path.readlink()
        path = Path.cwd() / path
        if not path.is_relative_to(self._folder):
            return ""
        parts = path.relative_to(self._folder).parts
        for pattern, plain in _RANDOM:
            parts = tuple(pattern.sub(plain, part) for part in parts)
        return "/".join(parts) or "the folder"
