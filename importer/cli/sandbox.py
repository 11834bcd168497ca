"""The stand-in account as a server of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import yaml

from importer.errors import UsageError
from importer.models import Rate
from importer.runtime.signals import interruptions
from importer.sandbox import RECORD_PATH, FaultPlan, SandboxOptions, serve


def serve_until_interrupted(port: int, faults: Path | None, *, rate: Rate, algorithm: Any, **waits: float) -> int:
    """Serve until SIGINT or SIGTERM; that is how it ends, so the exit code is 0."""
    options = SandboxOptions(
        rate=rate,
        algorithm=algorithm,
        latency_s=waits["latency"],
        jitter_s=waits["jitter"],
        faults=FaultPlan.parse(_read(faults)) if faults is not None else FaultPlan(),
    )
    asyncio.run(_serve(options, port))
    return 0


async def _serve(options: SandboxOptions, port: int) -> None:
    ended = asyncio.Event()
    async with serve(options, port=port) as sandbox:
        click.echo(f"export LSQ_HOST={sandbox.url}")
        click.echo(f"export LSQ_TENANT_ID={sandbox.tenant_id}")
        click.echo(f"export LSQ_ACCESS_KEY={sandbox.access_key.reveal()}")
        click.echo(f"export LSQ_SECRET_KEY={sandbox.secret_key.reveal()}")
        click.echo(f"# the record of all calls and tickets: {sandbox.url}{RECORD_PATH}; end it with Ctrl-C", err=True)
        with interruptions() as signals, signals.stopping(lambda _reason, _at_once: ended.set()):
            await ended.wait()


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"the fault plan {path} can't be read: {error}", hint="write it as YAML or JSON") from error
