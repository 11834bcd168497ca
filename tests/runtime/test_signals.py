"""Signals become exceptions where they can be cleaned up after."""

from __future__ import annotations

import signal

import pytest

from importer.errors import Interrupted
from importer.runtime.signals import raising


def test_a_held_signal_is_raised_at_its_release() -> None:
    """While something is made that can't be cleaned up yet, a signal waits; afterwards it is raised at once again."""
    with raising() as signals:
        signals.hold()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGTERM"):
            signals.release()
        with pytest.raises(Interrupted, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)
