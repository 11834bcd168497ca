"""Calls the ledger, which blocks, from the event loop: in one thread, one call after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from importer.errors import ImporterError, LedgerError, ProgramError, StoppedEarly

_Result = TypeVar("_Result")


class LedgerThread:
    """The thread of one run."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def call(self, function: Callable[..., _Result], *arguments: object) -> _Result:
        """Call a function of the ledger. Raises StoppedEarly instead of LedgerError: rows may have been sent."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._executor, function, *arguments)
        except LedgerError as error:
            raise StoppedEarly(error.message, hint=error.hint) from error
        except ImporterError:
            raise
        except Exception as error:  # a bug must end the run, not leave callers waiting for ever
            raise ProgramError(f"unexpected error ({type(error).__name__}) in the ledger: {error}") from error

    def close(self) -> None:
        """Wait for the last call, and end the thread."""
        self._executor.shutdown()
