"""Requirements for every answer of the importer: correct or a clear error, and soon."""

from __future__ import annotations

import contextlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unicodedata import category

from importer.errors import ImporterError

_SOON_S = 20.0  # of CPU time, so that a busy machine causes no failure


class HungError(BaseException):
    """One example took too long. A BaseException, so that no ``except Exception`` of the tested code catches it."""


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """Interrupt an example that computes for too long; pytest-timeout interrupts one that only waits."""

    def fire(_signal: int, _frame: object) -> None:
        raise HungError(f"no answer after {_SOON_S} s of work")

    former = signal.signal(signal.SIGVTALRM, fire)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SOON_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


@contextlib.contextmanager
def as_file(content: bytes, name: str) -> Iterator[Path]:
    """Give a file with these bytes while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        yield path


@contextlib.contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Allow only errors that name the file and say what to do next; they end the block."""
    refusal: ImporterError | None = None
    try:
        with soon():
            yield
    except ImporterError as error:
        refusal = error
    if refusal is not None:
        text = "\n".join(refusal.lines())
        assert name in refusal.message, text
        assert refusal.hint, text
        # No content of the file can control the terminal.
        assert not [character for character in text if category(character) == "Cc" and character not in "\n\t"], text
