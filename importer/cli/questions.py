"""Asks the user at a terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Mapping
from typing import Any

import click

from importer.cli.styles import for_stream, is_tty
from importer.errors import visible


def can_ask() -> bool:
    """Return whether a user sees standard error and can answer."""
    return is_tty(sys.stdin) and is_tty(sys.stderr)


def ask(question: str) -> bool:
    """Ask a yes-or-no question until it is answered. An empty line and the end of the input mean no."""
    while True:
        click.echo(f"{for_stream(f'{visible(question)} [y/N]:', sys.stderr)} ", nl=False, err=True)
        _wait_for_input()
        answer = sys.stdin.readline()
        if not answer:
            click.echo(err=True)
        match answer.strip().lower():
            case "y" | "yes":
                return True
            case "n" | "no" | "":
                return False
        click.echo("Please answer y or n.", err=True)


def _wait_for_input() -> None:
    """Wait until there is a line to read, or a signal raises.

    Python handles signals between its own steps: a signal just before a blocking read would wait for the next key.
    The wake-up file descriptor makes a signal readable, so that `select` sees both.
    """
    if os.name != "posix":  # elsewhere `select` takes only sockets
        return
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    former = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    try:
        while sys.stdin not in select.select([sys.stdin, woken], [], [])[0]:
            os.read(woken, 1)
    finally:
        signal.set_wakeup_fd(former)
        os.close(woken)
        os.close(wake)


def shows_bar(flags: Mapping[str, Any]) -> bool | None:
    """Return whether to show a progress bar (``True``), log lines (``False``) or nothing (``None``)."""
    if flags["quiet"]:
        return None
    if flags["progress"] is not None:
        return bool(flags["progress"])
    return can_ask() and flags["log_format"] == "text"
