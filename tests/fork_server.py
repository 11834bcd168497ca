"""Real processes of the program without the second of imports: each is forked from one that has loaded everything.

Each test process has one server. `start` hands it the function to call, its arguments, environment, folder and standard
streams; the process that calls it is a child of the test process, so that `subprocess.Popen` kills, pauses and waits for it as usual.
Signal handlers, streams and time zone are as in a fresh process. Tests about start-up itself (locale, limits on files,
closed streams, modules loaded) start `python -m importer`.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import coverage

import importer

ROOT = Path(__file__).parent.parent
_LONGEST_REQUEST_BYTES = 1_000_000
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_IGNORABLE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ONE_AT_A_TIME = threading.Lock()


# -- in the tests ---------------------------------------------------------------------------------------------------


def start(
    *arguments: str, main: str = "importer.cli:main", terminal: bool = False, **how: Any
) -> subprocess.Popen[Any]:
    """Start a command; ``how`` as for `subprocess.Popen`.

    ``main``: the function to call, as `module:function`. ``terminal``: standard input becomes its terminal.
    """
    return _Forked(list(arguments), main=main, terminal=terminal, **how)


class _Forked(subprocess.Popen[Any]):
    """A process that is forked by the server where `subprocess.Popen` would fork and load a program."""

    def __init__(self, arguments: list[str], *, main: str, terminal: bool, **how: Any) -> None:
        self._call = {"main": main, "terminal": terminal}
        super().__init__(arguments, **how)

    def _execute_child(self, args: list[str], *how: Any) -> None:
        """Takes the place of a private method, whose arguments have been the same from Python 3.9 to 3.14."""
        folder, environment = how[4:6]
        child_in, parent_in, parent_out, child_out, parent_err, child_err = how[9:15]
        streams = [own if stream == -1 else stream for own, stream in enumerate((child_in, child_out, child_err))]
        request = {
            "arguments": args,
            "folder": str(folder or Path.cwd()),
            "environment": dict(os.environ if environment is None else environment),
            "ignored": [number for number in _IGNORABLE if signal.getsignal(number) is signal.SIG_IGN],
            **self._call,
        }
        with _ONE_AT_A_TIME:
            self.pid = _fork(request, streams)
        self._child_created = True
        self._close_pipe_fds(child_in, parent_in, parent_out, child_out, parent_err, child_err)  # type: ignore[attr-defined]


def _fork(request: dict[str, Any], streams: list[int]) -> int:
    server = _server()
    adopt = ctypes.CDLL(None).prctl
    adopt(_PR_SET_CHILD_SUBREAPER, 1)  # the new process becomes a child of this one when its parent ends
    try:
        socket.send_fds(server, [json.dumps(request).encode()], streams)
        pid = int(server.recv(20))
        assert server.recv(1), "the process that forked it has ended"
    finally:
        adopt(_PR_SET_CHILD_SUBREAPER, 0)
    return pid


@functools.cache
def _server() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # a process with threads can't be forked safely
            stdin=subprocess.DEVNULL,
        )

    @atexit.register
    def end() -> None:
        ours.close()
        process.wait(20)

    return ours


# -- in the server --------------------------------------------------------------------------------------------------


def _serve(server: socket.socket) -> dict[str, Any]:
    """Fork a process for each request until the tests end; returns in that process, with its request."""
    while True:
        data, streams, *_ = socket.recv_fds(server, _LONGEST_REQUEST_BYTES, 3)
        if not data:
            os._exit(0)
        request = json.loads(data)
        importlib.import_module(request["main"].partition(":")[0])
        if (between := os.fork()) == 0:
            if (pid := os.fork()) == 0:
                return {**request, "streams": streams}
            server.send(str(pid).encode())
            os._exit(0)
        os.waitpid(between, 0)
        server.send(b"!")
        for stream in streams:
            os.close(stream)


def _become(request: dict[str, Any]) -> None:
    """Look like a process that has just been started."""
    for own, stream in enumerate(request["streams"]):
        os.dup2(stream, own)
        os.close(stream)
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    tempfile.tempdir = os.environ.get("TMPDIR")  # as `tempfile` would find out by writing to it
    sys.argv = ["ticket-importer", *request["arguments"]]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as the interpreter opens them
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    for number in _IGNORABLE:
        default = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in request["ignored"] else default)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _IGNORABLE)


def _exit(code: Any) -> NoReturn:
    """End as the interpreter does, but without freeing memory piece by piece, which takes a quarter of a second."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = 120
    os._exit(code or 0)


def _load_everything() -> None:
    for module in pkgutil.walk_packages(importer.__path__, "importer."):
        if "__main__" not in module.name and ".revisions" not in module.name:  # Alembic loads those itself
            importlib.import_module(module.name)
    assert len(os.listdir("/proc/self/task")) == 1, "a library has started a thread"  # noqa: PTH208
    if (measured := coverage.Coverage.current()) is not None:
        measured.save()  # or each process would save what the imports have executed
    gc.freeze()


if __name__ == "__main__":
    signal.pthread_sigmask(
        signal.SIG_BLOCK, _IGNORABLE
    )  # Ctrl-C is for the tests; a new process takes none before it can
    _load_everything()
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        order = _serve(channel)
    _become(order)
    module, _, function = order["main"].partition(":")
    try:
        getattr(importlib.import_module(module), function)()
    except SystemExit as end:
        _exit(end.code)
