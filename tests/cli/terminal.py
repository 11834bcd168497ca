"""A terminal with a command in it: its screen and its keyboard."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import termios
import time
from typing import Self

from tests import fork_server
from tests.cli.shop import PATIENCE_S

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs one command."""

    def __init__(self, *arguments: str, columns: int = 100) -> None:
        self._screen, keyboard = os.openpty()
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self._process = fork_server.start(*arguments, stdin=keyboard, stdout=keyboard, stderr=keyboard, terminal=True)
        os.close(keyboard)
        self._raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._screen)

    @property
    def seen(self) -> str:
        """All that has come to the screen so far, without escape sequences."""
        return _ESCAPES.sub("", self.raw)

    @property
    def raw(self) -> str:
        """All that has come to the screen so far, with escape sequences."""
        return self._raw.decode("utf-8", "replace")

    def until(self, text: str) -> None:
        """Read the screen until it has shown a text."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            assert self._read(deadline), f"{text!r} did not come; the screen has\n{self.seen}"

    def type(self, text: str) -> None:
        """Type a text; the character 3 is Ctrl-C."""
        os.write(self._screen, text.encode())

    def interrupt(self, number: signal.Signals) -> None:
        """Interrupt the command, by Ctrl-C where that is the signal."""
        if number is signal.SIGINT:
            self.type("\x03")
        else:
            self._process.send_signal(number)

    def end(self) -> int:
        """Read the screen until the command has ended; give its exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return self._process.wait(PATIENCE_S)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._screen], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            block = os.read(self._screen, 65536)
        except OSError:  # the other end has closed
            return False
        self._raw += block
        return bool(block)
