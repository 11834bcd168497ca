"""Measures sending to an account without a limit: cost of a ticket, large manifests, large attachments."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.account import Record, Setup, opened
from tests.bench.call_statistics import per_second
from tests.bench.clients import HERE, OURS, PYTHON, environment
from tests.bench.cpu_bound import MIB, Bench
from tests.bench.inputs import FILES_COLUMN, file_name, ticket_mapping, wrong_rows
from tests.bench.measurements import Goal, Measurement
from tests.bench.processes import ProcessResult, ProcessSettings, run

UNLIMITED = "100000/1"
_AT_ONCE = 50
_TIMEOUT_S = 400.0
_LEFT_UNSENT = 1_000
_FOLDER_MARK = "{folder}"  # in a command: the folder that is made for it


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """The run of one client, as the process and the account saw it."""

    ended: ProcessResult
    record: Record


def per_ticket(bench: Bench, sizes: tuple[int, int]) -> Iterator[Measurement]:
    """Measure the marginal cost of a ticket and the speed; the baseline is aiohttp with ready bodies."""
    few, many = sizes
    mapping = bench.folder / "tickets.yaml"
    mapping.write_text(ticket_mapping("bench"), encoding="utf-8")
    rounds: list[tuple[list[_Sent], list[_Sent]]] = []
    for number in bench.repeats:
        ours, bare = [], []
        for rows in sizes:
            bench.log(f"{rows:,} tickets at full speed, {number + 1}")
            manifest = bench.make("tickets", f"tickets-{rows}.csv", rows)
            bodies = bench.make("bodies", f"{rows}.bodies", rows)
            ours.append(_send(bench, (*_import(manifest, mapping), "--concurrency", str(_AT_ONCE)), rows))
            bare.append(_send(bench, (PYTHON, str(HERE / "bare_post.py"), str(bodies), str(_AT_ONCE)), rows))
        rounds.append((ours, bare))
    section = (
        f"A ticket at full speed, {_AT_ONCE} requests at once, durable ledger; baseline: aiohttp with ready bodies"
    )
    yield Measurement(
        section=section,
        what=f"CPU of a ticket, from {few:,} to {many:,}",
        ours=[_marginal_ms(ours, sizes) for ours, _ in rounds],
        baseline=[_marginal_ms(bare, sizes) for _, bare in rounds],
        unit="ms",
        goal=Goal(bound=2.0, side="most", by="ratio"),
    )
    yield Measurement(
        section=section,
        what=f"tickets a second, {many:,} rows",
        ours=[per_second(ours[-1].record.calls) for ours, _ in rounds],
        baseline=[per_second(bare[-1].record.calls) for _, bare in rounds],
        digits=0,
        goal=Goal(bound=400, side="least"),
    )


def large_runs(bench: Bench, rows: int, limit: int) -> Iterator[Measurement]:
    """Measure the memory of runs over a large manifest: a new one, and one that is nearly done."""
    manifest, mapping = bench.make("table", f"wide-{rows}.csv", rows), bench.wide_mapping()
    section = "A run over a large manifest"
    command = (*_import(manifest, mapping), "--skip-invalid")
    already = rows - _LEFT_UNSENT
    bench.log(f"two runs over {rows:,} rows, side by side; {already:,} are tickets already for the second")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(_send, bench, (*command, "--limit", str(limit)), limit)
        second = pool.submit(_send, bench, command, _LEFT_UNSENT - wrong_rows(already, rows), already=already)
        trial, rest = first.result(), second.result()
    yield _memory(section, f"{rows:,} rows, of which --limit {limit:,} are sent", [trial])
    yield Measurement(
        section=section,
        what="time from the plan to the first call",
        ours=[_first_call_s(trial)],
        unit="s",
        digits=1,
        goal=Goal(bound=5, side="most"),
    )
    yield _memory(section, f"{rows:,} rows, {already:,} of them in the ledger already", [rest])


def uploads(bench: Bench, count: int, size_bytes: int) -> Iterator[Measurement]:
    """Measure the memory that large attachments add when all are sent at once."""
    folder = bench.folder / "uploads"
    file = folder / file_name(0)
    file.parent.mkdir(parents=True)
    with file.open("wb") as large:
        large.truncate(size_bytes)  # a sparse file: it is read and sent, but takes no disk space
    manifest = bench.make("naming", "uploads.csv", count, "1")
    without, with_files = bench.folder / "without-uploads.yaml", bench.folder / "uploads.yaml"
    source = ticket_mapping("bench")
    without.write_text(f"{source}ignore: [{FILES_COLUMN}]\n", encoding="utf-8")
    attached = f"attachments: {{columns: [{FILES_COLUMN}], root: {folder.name}, max_file_size: 1 GB}}\n"
    with_files.write_text(f"{source}{attached}", encoding="utf-8")
    bench.log(f"{count} uploads of {size_bytes / 1e6:,.0f} MB at once")
    least, most = (_send(bench, _import(manifest, mapping), count) for mapping in (without, with_files))
    yield Measurement(
        section="Large attachments",
        what=f"{count} uploads of {size_bytes / 1e6:,.0f} MB at once: added peak memory",
        ours=[(most.ended.peak_bytes - least.ended.peak_bytes) / MIB],
        unit="MiB",
        digits=0,
        goal=Goal(bound=40e6 / MIB, side="most"),
    )


def _import(manifest: Path, mapping: Path) -> tuple[str, ...]:
    words = ("-o", f"{_FOLDER_MARK}/results.csv", "--rate", UNLIMITED, "--yes", "--no-progress")
    return (*OURS, "run", str(manifest), "-m", str(mapping), *words)


def _memory(section: str, what: str, runs: Sequence[_Sent]) -> Measurement:
    return Measurement(
        section=section,
        what=what,
        ours=[each.ended.peak_bytes / MIB for each in runs],
        unit="MiB",
        digits=0,
        goal=Goal(bound=250, side="most"),
    )


def _send(bench: Bench, command: Sequence[str], tickets: int, *, already: int = 0) -> _Sent:
    """Run a client on a new account, in a new folder with a new ledger.

    The ledger has the first ``already`` rows of a wide manifest as tickets. Raises RuntimeError unless the client
    created the given number of ``tickets``.
    """
    setup = Setup(rate=UNLIMITED, latency_s=0, first_number=already + 1)  # numbers that the ledger does not have
    with tempfile.TemporaryDirectory(dir=bench.folder) as name, opened(setup) as account:
        ledger = Path(name, "ledger.db")
        if already:
            bench.make("ledger", str(ledger), already, account.name)
        else:
            bench.new_ledger(ledger)
        place = ProcessSettings(folder=ledger.parent, environment=environment(account, ledger), timeout_s=_TIMEOUT_S)
        ended = run([word.replace(_FOLDER_MARK, name) for word in command], place, expected=(0, 1))
    if len(account.record.made_s) != tickets:
        raise RuntimeError(f"{len(account.record.made_s):,} tickets of {tickets:,} were made:\n{ended.output}")
    return _Sent(ended=ended, record=account.record)


def _first_call_s(run: _Sent) -> float:
    """Return the time from the plan to the first call; up to a second too long, because the log has whole seconds."""
    stamp = next(line.split()[0] for line in run.ended.output.splitlines() if " INFO to send: " in line)
    shown_at = dt.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    return min(at_s for at_s, _ in run.record.calls) + run.record.wall_ahead_s - shown_at


def _marginal_ms(runs: Sequence[_Sent], sizes: tuple[int, int]) -> float:
    few, many = (each.ended.cpu_s for each in runs)
    return (many - few) / (sizes[1] - sizes[0]) * 1000
