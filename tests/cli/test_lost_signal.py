"""A signal during a finalizer, where Python drops exceptions, still stops the run before it sends."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import signal, sys
from importer.errors import Interrupted
from importer.runtime.signals import interruptions, raise_lost, raising

class Finalized:
    def __del__(self):
        signal.raise_signal(int(sys.argv[1]))

with raising():
    if sys.argv[2] == "in a finalizer":
        Finalized()
    print("judged")
    try:
        if sys.argv[2] == "in a finalizer, before the next rows":
            Finalized()
            raise_lost()
            print("more")
        with interruptions():
            print("sent")
    except Interrupted as interrupted:
        print(interrupted.exit_code)
"""


@pytest.mark.parametrize(
    ("where", "then"),
    [
        ("in a finalizer", ["judged", "143"]),
        ("in a finalizer, before the next rows", ["judged", "143"]),
        ("nowhere", ["judged", "sent"]),
    ],
    ids=["lost", "lost-between-rows", "none"],
)
def test_a_lost_signal_is_noticed_before_the_first_call(where: str, then: list[str]):
    """With the next rows to check, or at the latest before a row is sent; the exit code is that of the signal."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, "15", where], check=True, capture_output=True, text=True)
    assert done.stdout.split() == then
