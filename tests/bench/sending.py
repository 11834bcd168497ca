"""What a ticket costs at full speed, and what a million rows cost: against an account without a limit."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.account import Record, Setup, opened
from tests.bench.clients import HERE, OURS, PYTHON, environment
from tests.bench.costs import MIB, Bench
from tests.bench.inputs import FILES_COLUMN, file_name, ticket_mapping, wrong_rows
from tests.bench.lines import Goal, Line
from tests.bench.measure import per_second
from tests.bench.processes import Ended, Place, run

UNLIMITED = "100000/1"
_AT_ONCE = 50
_TIMEOUT_S = 400.0
_LEFT_UNSENT = 1_000
_FOLDER = "{folder}"  # in a command: the folder that is made for it


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """One client's run, from both ends."""

    ended: Ended
    record: Record


def per_ticket(bench: Bench, sizes: tuple[int, int]) -> Iterator[Line]:
    """The marginal cost of a ticket and the speed, beside aiohttp with ready bodies and nothing else."""
    few, many = sizes
    mapping = bench.folder / "tickets.yaml"
    mapping.write_text(ticket_mapping("bench"), encoding="utf-8")
    rounds: list[tuple[list[_Sent], list[_Sent]]] = []
    for number in bench.repeats:
        ours, bare = [], []
        for rows in sizes:
            bench.tell(f"{rows:,} tickets at full speed, {number + 1}")
            manifest = bench.make("tickets", f"tickets-{rows}.csv", rows)
            bodies = bench.make("bodies", f"{rows}.bodies", rows)
            ours.append(_send(bench, (*_import(manifest, mapping), "--concurrency", str(_AT_ONCE)), rows))
            bare.append(_send(bench, (PYTHON, str(HERE / "bare_post.py"), str(bodies), str(_AT_ONCE)), rows))
        rounds.append((ours, bare))
    section = f"A ticket at full speed, {_AT_ONCE} under way, the ledger durable; beside aiohttp with ready bodies"
    yield Line(
        section=section,
        what=f"CPU of a ticket, from {few:,} to {many:,}",
        ours=[_marginal_ms(ours, sizes) for ours, _ in rounds],
        otherwise=[_marginal_ms(bare, sizes) for _, bare in rounds],
        unit="ms",
        goal=Goal(bound=2.0, side="most", by="ratio"),
    )
    yield Line(
        section=section,
        what=f"tickets a second, {many:,} rows",
        ours=[per_second(ours[-1].record.calls) for ours, _ in rounds],
        otherwise=[per_second(bare[-1].record.calls) for _, bare in rounds],
        digits=0,
        goal=Goal(bound=400, side="least"),
    )


def large_runs(bench: Bench, rows: int, limit: int) -> Iterator[Line]:
    """The memory of a run over a large manifest: one whose tickets are all to be made, and one that is nearly done."""
    manifest, mapping = bench.make("table", f"wide-{rows}.csv", rows), bench.wide_mapping()
    section = "A run over a large manifest"
    command = (*_import(manifest, mapping), "--skip-invalid")
    already = rows - _LEFT_UNSENT
    bench.tell(f"two runs over {rows:,} rows, side by side; {already:,} are tickets already for the second")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(_send, bench, (*command, "--limit", str(limit)), limit)
        second = pool.submit(_send, bench, command, _LEFT_UNSENT - wrong_rows(already, rows), already=already)
        trial, rest = first.result(), second.result()
    yield _memory(section, f"{rows:,} rows, of which --limit {limit:,} are sent", [trial])
    yield Line(
        section=section,
        what="its first call, after the plan was shown",
        ours=[_first_call_s(trial)],
        unit="s",
        digits=1,
        goal=Goal(bound=5, side="most"),
    )
    yield _memory(section, f"{rows:,} rows, {already:,} of them in the ledger already", [rest])


def uploads(bench: Bench, count: int, size_bytes: int) -> Iterator[Line]:
    """The memory that large attachments take, all of them under way at once, beyond that of the same rows without."""
    folder = bench.folder / "uploads"
    file = folder / file_name(0)
    file.parent.mkdir(parents=True)
    with file.open("wb") as large:
        large.truncate(size_bytes)  # all of it is read and sent, and takes no place on the disk
    manifest = bench.make("naming", "uploads.csv", count, "1")
    without, with_files = bench.folder / "without-uploads.yaml", bench.folder / "uploads.yaml"
    source = ticket_mapping("bench")
    without.write_text(f"{source}ignore: [{FILES_COLUMN}]\n", encoding="utf-8")
    attached = f"attachments: {{columns: [{FILES_COLUMN}], root: {folder.name}, max_file_size: 1 GB}}\n"
    with_files.write_text(f"{source}{attached}", encoding="utf-8")
    bench.tell(f"{count} uploads of {size_bytes / 1e6:,.0f} MB at once")
    least, most = (_send(bench, _import(manifest, mapping), count) for mapping in (without, with_files))
    yield Line(
        section="Large attachments, beside the same rows without",
        what=f"{count} uploads of {size_bytes / 1e6:,.0f} MB at once: peak memory beyond it",
        ours=[(most.ended.peak_bytes - least.ended.peak_bytes) / MIB],
        unit="MiB",
        digits=0,
        goal=Goal(bound=40e6 / MIB, side="most"),
    )


def _import(manifest: Path, mapping: Path) -> tuple[str, ...]:
    words = ("-o", f"{_FOLDER}/results.csv", "--rate", UNLIMITED, "--yes", "--no-progress")
    return (*OURS, "run", str(manifest), "-m", str(mapping), *words)


def _memory(section: str, what: str, runs: Sequence[_Sent]) -> Line:
    return Line(
        section=section,
        what=what,
        ours=[each.ended.peak_bytes / MIB for each in runs],
        unit="MiB",
        digits=0,
        goal=Goal(bound=250, side="most"),
    )


def _send(bench: Bench, command: Sequence[str], tickets: int, *, already: int = 0) -> _Sent:
    """Run a client on a new account, in a folder of its own with a new ledger.

    The ledger knows the first ``already`` rows of a wide manifest as tickets. Raises RuntimeError unless the client
    has made so many ``tickets``: a figure of one that failed is none.
    """
    setup = Setup(rate=UNLIMITED, latency_s=0, first_number=already + 1)  # no number that the ledger has already
    with tempfile.TemporaryDirectory(dir=bench.folder) as name, opened(setup) as account:
        ledger = Path(name, "ledger.db")
        if already:
            bench.make("ledger", str(ledger), already, account.name)
        else:
            bench.new_ledger(ledger)
        place = Place(folder=ledger.parent, environment=environment(account, ledger), timeout_s=_TIMEOUT_S)
        ended = run([word.replace(_FOLDER, name) for word in command], place, expected=(0, 1))
    if len(account.record.made_s) != tickets:
        raise RuntimeError(f"{len(account.record.made_s):,} tickets of {tickets:,} were made:\n{ended.output}")
    return _Sent(ended=ended, record=account.record)


def _first_call_s(run: _Sent) -> float:
    """How long after the plan the first call arrived; as the log has whole seconds, less than a second too long."""
    stamp = next(line.split()[0] for line in run.ended.output.splitlines() if " INFO to send " in line)
    shown_at = dt.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    return min(at_s for at_s, _ in run.record.calls) + run.record.wall_ahead_s - shown_at


def _marginal_ms(runs: Sequence[_Sent], sizes: tuple[int, int]) -> float:
    few, many = (each.ended.cpu_s for each in runs)
    return (many - few) / (sizes[1] - sizes[0]) * 1000
