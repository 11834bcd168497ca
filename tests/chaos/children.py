"""Runs commands in processes forked from one that has loaded all modules, so that they start fast.

A child can kill itself, as by ``kill -9``, before its n-th step. A step is a commit, a call that sends or
receives, a sync, a write, or another change of a file in its folder. The trace has a line for each step, the last
one for the step that was not reached.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import multiprocessing.connection
import os
import re
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import importer.cli.importing
import importer.cli.run  # noqa: F401 - loaded before the fork, as is what it imports
from importer.cli import invoke
from importer.results import PartFile

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
PATIENCE_S = 40
_PROCESS_LOCK = threading.Lock()  # starting a process polls all others, and an exit code can be read only once

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


def start(command: Command) -> multiprocessing.context.ForkServerProcess:
    """Start a command. Its output is appended to ``output.txt``."""
    child = FORKS.Process(target=_do, args=(command,))
    with _PROCESS_LOCK:
        child.start()
    return child


def ended(child: multiprocessing.context.ForkServerProcess) -> int:
    """Wait for a child; return its exit code, or minus the number of the signal that ended it."""
    there = multiprocessing.connection.wait([child.sentinel], PATIENCE_S)
    with _PROCESS_LOCK:
        if not there:
            child.kill()
        child.join()
        code = child.exitcode
        child.close()
    assert there, "the command hangs"
    assert code is not None
    return code


def do(command: Command) -> int:
    """Run a command; return its exit code."""
    return ended(start(command))


async def do_beside(command: Command) -> int:
    """Run a command while the event loop continues."""
    return await asyncio.to_thread(do, command)


def _do(command: Command) -> None:
    gc.freeze()  # a collection would write to, and so copy, each page that is shared with the parent
    os.chdir(command.folder)
    for name in [name for name in os.environ if name.startswith(("LSQ_", "_TICKET"))]:
        del os.environ[name]
    temporary = command.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ.update({"TMPDIR": str(temporary), "XDG_STATE_HOME": str(command.folder / "state"), **command.variables})
    tempfile.tempdir = str(temporary)
    _redirect(command.folder / "output.txt")
    if command.trace is not None:
        _Steps(command, command.trace).watch()
    sys.exit(invoke(command.arguments))


def _redirect(output: Path) -> None:
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, output, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        opened = os.open(path, flags, 0o666)
        os.dup2(opened, descriptor)
        os.close(opened)


class _Steps:
    """Counts the steps of this process, and ends it before a given one."""

    def __init__(self, command: Command, trace: Path) -> None:
        self._folder = command.folder
        self._trace = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._stop_before = command.stop_before
        self._kinds = command.kinds
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
