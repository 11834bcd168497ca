"""`sandbox`: serves a simulated account."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import yaml

from importer.cli.ending import Ending
from importer.errors import UsageError
from importer.mapping.document import UnreadableError
from importer.mapping.mapping_files import read_text_file
from importer.runtime.signals import interruptions
from importer.sandbox import RECORD_PATH, FaultPlan, SandboxOptions, serve


def sandbox(port: int, faults: Path | None, **flags: Any) -> Ending:
    """Serve a simulated account on this machine, for tests."""
    sandbox_options = SandboxOptions(
        rate=flags["rate"],
        algorithm=flags["algorithm"],
        latency_s=flags["latency"],
        jitter_s=flags["jitter"],
        faults=FaultPlan.parse(_read_yaml(faults)) if faults is not None else FaultPlan(),
    )
    asyncio.run(_serve_until_interrupted(sandbox_options, port))
    return Ending()


async def _serve_until_interrupted(sandbox_options: SandboxOptions, port: int) -> None:
    ended = asyncio.Event()
    async with serve(sandbox_options, port=port) as account:
        click.echo(f"export LSQ_HOST={account.url}")
        click.echo(f"export LSQ_TENANT_ID={account.tenant_id}")
        click.echo(f"export LSQ_ACCESS_KEY={account.access_key.reveal()}")
        click.echo(f"export LSQ_SECRET_KEY={account.secret_key.reveal()}")
        click.echo("# next: paste these lines into another terminal and run commands there; stop with Ctrl-C", err=True)
        click.echo(f"# all calls and tickets: {account.url}{RECORD_PATH}", err=True)
        with interruptions() as signals, signals.stopping(lambda _reason, _at_once: ended.set()):
            await ended.wait()


def _read_yaml(path: Path) -> Any:
    hint = "`ticket-importer sandbox --help` shows how a fault plan is written"
    try:
        data = yaml.safe_load(read_text_file(path))
    except UnreadableError as error:
        raise UsageError(f"the fault plan {path} can't be used: {error}", hint=hint) from None
    except yaml.YAMLError as error:
        raise UsageError(f"the fault plan {path} is not YAML or JSON: {error}", hint=hint) from error
    if data is None:
        raise UsageError(f"the fault plan {path} is empty", hint=hint)
    return data
