"""Runs that take the processor: one after another, alone on the machine, ours and the other one in turn."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tests.bench import inputs
from tests.bench.clients import OURS, PYTHON, make_ledger, quiet_environment
from tests.bench.inputs import WIDE_MAPPING
from tests.bench.lines import Goal, Line
from tests.bench.processes import Ended, Place, run

MIB = 2**20
_TIMEOUT_S = 400.0
PANDAS = "import sys, pandas; pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)"
_LIGHT_TO_MAKE = (".csv", ".bodies")  # all else by a child, as it takes memory: what measures stays small
Kind = Literal["table", "faulty", "tickets", "naming", "files", "bodies", "ledger"]


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How often something is measured: ``most`` times, or fewer where ``budget_s`` seconds are over before."""

    most: int
    budget_s: float

    def __iter__(self) -> Iterator[int]:
        begun_s = time.monotonic()
        for number in range(self.most):
            yield number
            if time.monotonic() - begun_s > self.budget_s:
                return


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is run, and the exit code that it has to have: a figure of a program that failed is none."""

    command: tuple[str, ...]
    code: int = 0


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a bench works, how often it repeats, and to whom it tells how far it is."""

    folder: Path
    repeats: Repeats
    tell: Callable[[str], None]

    @property
    def place(self) -> Place:
        """For programs that need no account."""
        environment = quiet_environment() | {"LSQ_LEDGER": str(self.folder / "no-ledger.db")}
        return Place(folder=self.folder, environment=environment, timeout_s=_TIMEOUT_S)

    def repeated(self, **changes: Any) -> Bench:
        """The same, with other repeats."""
        return replace(self, repeats=replace(self.repeats, **changes))

    def make(self, kind: Kind, name: str, rows: int, *more: str) -> Path:
        """Make an input file, unless it is there."""
        path = self.folder / name
        if not path.exists():
            self.tell(f"making {path.name}: {rows:,} rows")
            if path.suffix in _LIGHT_TO_MAKE:
                inputs.main(kind, str(path), str(rows), *more)
            else:
                run((PYTHON, "-m", "tests.bench.inputs", kind, str(path), str(rows), *more), self.place)
        return path

    def wide_mapping(self) -> Path:
        """The mapping of the manifests of ten columns."""
        path = self.folder / "wide.yaml"
        path.write_text(WIDE_MAPPING, encoding="utf-8")
        return path

    def validate(self, manifest: Path, *words: str) -> Program:
        """The check of a manifest of ten columns; something is wrong in each."""
        return Program(command=(*OURS, "validate", str(manifest), "-m", str(self.wide_mapping()), *words), code=1)

    def new_ledger(self, file: Path) -> None:
        """Make an empty ledger: a copy of one that the importer made."""
        pattern = self.folder / "empty-ledger.db"
        if not pattern.exists():
            make_ledger(pattern)
        shutil.copy(pattern, file)

    def in_turn(self, what: str, *programs: Program) -> list[list[Ended]]:
        """Run several programs in turn, as often as there is time for; a list of runs for each."""
        rounds = []
        for number in self.repeats:
            self.tell(f"{what}, {number + 1}")
            rounds.append([run(each.command, self.place, expected=(each.code,)) for each in programs])
        return [list(each) for each in zip(*rounds, strict=True)]


def python(script: str, *words: str) -> Program:
    """A script in a few words, as one would write it otherwise."""
    return Program(command=(PYTHON, "-c", script, *words))


def start_up(bench: Bench) -> Iterator[Line]:
    """How long one waits for a program that has nothing to do."""
    cases = {
        "--help": Program(command=(*OURS, "--help")),
        "--version": Program(command=(*OURS, "--version")),
        "a usage error": Program(command=(*OURS, "run"), code=2),
    }
    nothing, *ours = bench.in_turn("start-up", python("pass"), *cases.values())
    for name, runs in zip(cases, ours, strict=True):
        yield Line(
            section="Start-up, beside `python -c pass`",
            what=name,
            ours=[each.wall_s for each in runs],
            otherwise=[each.wall_s for each in nothing],
            unit="s",
            goal=Goal(bound=0.25, side="most"),
        )


def validation(bench: Bench, sizes: tuple[int, int, int]) -> Iterator[Line]:
    """What checking a manifest takes, and how it grows, beside reading it and nothing else."""
    small, middle, large = sizes
    runs: dict[int, list[list[Ended]]] = {}
    for rows in sizes:
        manifest = bench.make("table", f"wide-{rows}.csv", rows)
        runs[rows] = bench.in_turn(f"validate {rows:,} rows", bench.validate(manifest), python(PANDAS, str(manifest)))
    section = "Validation, beside a bare pandas.read_csv(dtype=str, keep_default_na=False)"
    yield Line(
        section=section,
        what=f"{large:,} × 10",
        ours=[each.wall_s for each in runs[large][0]],
        otherwise=[each.wall_s for each in runs[large][1]],
        unit="s",
        goal=Goal(bound=3.0, side="most", by="ratio"),
    )
    for rows in sizes:
        yield Line(
            section=section,
            what=f"{rows:,} × 10: peak memory",
            ours=[each.peak_bytes / MIB for each in runs[rows][0]],
            otherwise=[each.peak_bytes / MIB for each in runs[rows][1]],
            unit="MiB",
            digits=0,
            goal=Goal(bound=250, side="most"),
        )
    yield Line(
        section=section,
        what=f"CPU of a further row from {middle:,} to {large:,}, over one from {small:,} to {middle:,}",
        ours=_growth([runs[rows][0] for rows in sizes], sizes),
        otherwise=_growth([runs[rows][1] for rows in sizes], sizes),
        compared=False,
        goal=Goal(bound=1.1, side="most"),
    )
    yield Line(
        section=section,
        what=f"peak memory of {large:,} rows, over that of {small:,}",
        ours=[a.peak_bytes / b.peak_bytes for a, b in zip(runs[large][0], runs[small][0], strict=False)],
        otherwise=[a.peak_bytes / b.peak_bytes for a, b in zip(runs[large][1], runs[small][1], strict=False)],
        compared=False,
        goal=Goal(bound=1.1, side="most"),
    )


def _growth(runs: Sequence[Sequence[Ended]], sizes: tuple[int, int, int]) -> list[float]:
    """The marginal cost of the later rows over that of the earlier ones, run by run."""
    small, middle, large = sizes
    return [
        ((c.cpu_s - b.cpu_s) / (large - middle)) / ((b.cpu_s - a.cpu_s) / (middle - small))
        for a, b, c in zip(*runs, strict=False)
    ]
