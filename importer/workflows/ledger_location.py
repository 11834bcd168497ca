"""Which ledger a command uses: the account's own, or a temporary one for the sandbox."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator

from importer.errors import LedgerError
from importer.ledger.database import safe_url
from importer.ledger.store import Ledger
from importer.manifest.snapshot import private_folder
from importer.reports.summary import Confirm, NewLedger
from importer.runtime.ledger_address import without_password
from importer.settings import AccountSettings, Environment, ledger_url
from importer.workflows.options import Options


@contextlib.contextmanager
def ledger_for_import(
    account: AccountSettings | None, environment: Environment, options: Options, confirm: Confirm | None
) -> Iterator[str | LedgerError]:
    """Yield the URL of the ledger of an import; for a dry run without a ledger, the error that a run would raise.

    ``account`` is ``None`` for the sandbox, and ``confirm`` for a dry run. Raises LedgerError if the ledger is
    missing and is not to be created, or if its server does not answer.
    """
    if account is None:
        with sandbox_ledger() as url:
            yield url
        return
    if confirm is not None:
        yield require_ledger(environment, options, confirm)
        return
    url = ledger_url(options.ledger, environment)
    yield url if Ledger.exists(url, options.give_up_after_s) else _no_ledger(url, options.ledger)


def require_ledger(environment: Environment, options: Options, confirm: Confirm) -> str:
    """Return the URL of the ledger, which is created if ``confirm`` says so.

    Raises LedgerError if it is missing, or if its server does not answer.
    """
    url = ledger_url(options.ledger, environment)
    if not Ledger.exists(url, options.give_up_after_s):
        if not confirm(NewLedger(safe_url(url))):
            raise _no_ledger(url, options.ledger)
        Ledger.create(url).close()
    return url


def _no_ledger(url: str, flag: str | None) -> LedgerError:
    shown = without_password(flag or "", parameters=True)
    command = ["ticket-importer", "ledger", "init", *(["--ledger", shown] if flag else [])]
    return LedgerError(
        f"no ledger found at {safe_url(url)}",
        hint=f"for the first import into this account, create it with `{shlex.join(command)}`; otherwise find the "
        "ledger of the earlier imports and name it with --ledger: without it, tickets would be created twice",
    )


@contextlib.contextmanager
def sandbox_ledger() -> Iterator[str]:
    """Create a ledger in a temporary folder and yield its URL."""
    with private_folder() as folder:
        url = f"sqlite:///{folder}/ledger.sqlite"
        Ledger.create(url).close()
        yield url
