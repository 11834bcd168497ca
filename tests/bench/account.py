"""A sandbox account in its own process: `python -m tests.bench.account SETUP`, where SETUP is a JSON object.

It writes its environment variables as a line of JSON, serves until its standard input ends, and writes the calls that
it received as another line. So the calls are timed by a process that does nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from importer.models import Rate
from importer.sandbox import Sandbox, SandboxOptions, serve
from importer.sandbox.limiter import Algorithm
from tests.bench.foreign import FOREIGN_TITLE, ForeignIntegration, Traffic
from tests.network.certificates import Authority
from tests.network.wire import Wire, delaying

ROOT = Path(__file__).parent.parent.parent
_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The options of an account. With a ``wire`` it uses TLS and is reached through that wire only.

    certificates: the file for the certificate of the authority (SSL_CERT_FILE); needed with a wire.
    """

    rate: str = "25/5"
    algorithm: Algorithm = "sliding"
    latency_s: float = 0.05
    jitter_s: float = 0.0
    keepalive_s: float = 75.0
    seed: int = 0
    first_number: int = 1
    wire: Wire | None = None
    foreign: Traffic | None = None
    certificates: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of `json.dumps(asdict(setup))`."""
        values: dict[str, Any] = json.loads(text)
        if values["wire"] is not None:
            values["wire"] = Wire(**values["wire"])
        if values["foreign"] is not None:
            spans = {name: tuple(values["foreign"][name]) for name in ("work_s", "rest_s")}
            values["foreign"] = Traffic(**{**values["foreign"], **spans})
        return cls(**values)

    def options(self) -> SandboxOptions:
        """Return the options of the sandbox."""
        return SandboxOptions(
            rate=Rate.parse(self.rate),
            algorithm=self.algorithm,
            latency_s=self.latency_s,
            jitter_s=self.jitter_s,
            keepalive_s=self.keepalive_s,
            seed=self.seed,
            first_number=self.first_number,
        )


@dataclass(frozen=True, kw_only=True)
class Record:
    """The calls an account received, as (arrival of the headers in seconds, status; 0 if not answered)."""

    calls: tuple[tuple[float, int], ...] = ()  # of all clients
    foreign: tuple[tuple[float, int], ...] = ()  # those of the foreign traffic
    made_s: tuple[float, ...] = ()  # arrivals of the calls that created tickets of the measured client
    wall_ahead_s: float = 0.0  # wall clock (seconds since 1970) minus the clock of the calls


@dataclass(kw_only=True)
class Account:
    """A running account in another process; ``record`` is set when it has been closed."""

    environment: Mapping[str, str]
    record: Record = field(default_factory=Record)

    @property
    def name(self) -> str:
        """The name of the account in the ledger."""
        return f"{self.environment['LSQ_TENANT_ID']}@{self.environment['LSQ_HOST'].partition('://')[2]}"


@contextlib.contextmanager
def opened(setup: Setup) -> Iterator[Account]:
    """Run an account during the block. Raises RuntimeError if it does not start."""
    command = [sys.executable, "-m", "tests.bench.account", json.dumps(asdict(setup))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if not (line := process.stdout.readline()):
                raise RuntimeError("the account did not start; its output is above")
            account = Account(environment=json.loads(line))
            yield account
            process.stdin.close()
            record = json.loads(process.stdout.readline())
            account.record = Record(
                calls=tuple((at_s, status) for at_s, status in record["calls"]),
                foreign=tuple((at_s, status) for at_s, status in record["foreign"]),
                made_s=tuple(record["made_s"]),
                wall_ahead_s=record["wall_ahead_s"],
            )
            process.wait(_TIMEOUT_S)
        finally:
            process.kill()


async def serve_until_input_ends(setup: Setup) -> None:
    """Serve the account until standard input ends."""
    authority = Authority() if setup.wire is not None else None
    async with contextlib.AsyncExitStack() as stack:
        context = authority.server_context() if authority is not None else None
        sandbox = await stack.enter_async_context(serve(setup.options(), ssl_context=context))
        url = sandbox.url
        if setup.wire is not None:
            port = await stack.enter_async_context(delaying(setup.wire, int(url.rpartition(":")[2])))
            url = f"https://127.0.0.1:{port}"
        _write_json(_variables(setup, sandbox, url, authority))
        integration = ForeignIntegration(setup.foreign, sandbox) if setup.foreign is not None else None
        working = asyncio.create_task(integration.work()) if integration is not None else None
        await asyncio.to_thread(sys.stdin.read)
        if working is not None:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        _write_json(
            {
                "calls": [(call.arrived_s, call.status or 0) for call in sandbox.calls],
                "foreign": integration.calls if integration is not None else [],
                "made_s": _made_s(sandbox),
                "wall_ahead_s": time.time() - asyncio.get_running_loop().time(),
            }
        )


def _variables(setup: Setup, sandbox: Sandbox, url: str, authority: Authority | None) -> dict[str, str]:
    variables = {
        "LSQ_HOST": url,
        "LSQ_TENANT_ID": sandbox.tenant_id,
        "LSQ_ACCESS_KEY": sandbox.access_key.reveal(),
        "LSQ_SECRET_KEY": sandbox.secret_key.reveal(),
    }
    if authority is not None:
        assert setup.certificates is not None
        variables["SSL_CERT_FILE"] = str(authority.write(Path(setup.certificates)))
    return variables


def _made_s(sandbox: Sandbox) -> list[float]:
    arrived_s = {call.ordinal: call.arrived_s for call in sandbox.calls}
    return [arrived_s[ticket.call] for ticket in sandbox.tickets if ticket.value("Title") != FOREIGN_TITLE]


def _write_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve_until_input_ends(Setup.parse(sys.argv[1])))
