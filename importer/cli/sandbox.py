"""`sandbox`: serves a simulated account."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options
from importer.errors import UsageError

if TYPE_CHECKING:
    from importer.sandbox import SandboxOptions


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on this machine.  [default: any free port]"
)
@click.option("--rate", type=options.RATE, default="25/5", show_default=True, help="The account's rate limit.")
@click.option(
    "--algorithm",
    type=click.Choice(["sliding", "fixed", "bucket"]),
    default="sliding",
    show_default=True,
    help="How the rate limit counts: sliding window, fixed window or token bucket.",
)
@click.option("--latency", type=options.DURATION, default="50ms", show_default=True, help="Time to create a ticket.")
@click.option(
    "--jitter", type=options.DURATION, default="0s", show_default=True, help="Longest random delay before each request."
)
@click.option("--faults", type=options.PATH, help="A YAML or JSON file that lists requests to fail, and how.")
def sandbox(port: int, faults: Path | None, **flags: Any) -> int:
    """Serve a simulated account on this machine, for tests.

    Prints the settings to use it, and runs until Ctrl-C. All calls and tickets are listed at /sandbox/record.
    """
    from importer.sandbox import FaultPlan, SandboxOptions

    sandbox_options = SandboxOptions(
        rate=flags["rate"],
        algorithm=flags["algorithm"],
        latency_s=flags["latency"],
        jitter_s=flags["jitter"],
        faults=FaultPlan.parse(_read_yaml(faults)) if faults is not None else FaultPlan(),
    )
    asyncio.run(_serve_until_interrupted(sandbox_options, port))
    return 0


async def _serve_until_interrupted(sandbox_options: SandboxOptions, port: int) -> None:
    from importer.runtime.signals import interruptions
    from importer.sandbox import RECORD_PATH, serve

    ended = asyncio.Event()
    async with serve(sandbox_options, port=port) as account:
        click.echo(f"export LSQ_HOST={account.url}")
        click.echo(f"export LSQ_TENANT_ID={account.tenant_id}")
        click.echo(f"export LSQ_ACCESS_KEY={account.access_key.reveal()}")
        click.echo(f"export LSQ_SECRET_KEY={account.secret_key.reveal()}")
        click.echo(f"# all calls and tickets: {account.url}{RECORD_PATH}; stop with Ctrl-C", err=True)
        with interruptions() as signals, signals.stopping(lambda _reason, _at_once: ended.set()):
            await ended.wait()


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"can't read the fault plan {path}: {error}", hint="write it as YAML or JSON") from error
