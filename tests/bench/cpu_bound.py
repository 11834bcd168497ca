"""Measures CPU-bound programs one after another, the importer and the baseline in turn."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tests.bench import inputs
from tests.bench.clients import OURS, PYTHON, make_ledger, quiet_environment
from tests.bench.inputs import NESTED_MAPPING, WIDE_MAPPING
from tests.bench.measurements import Goal, Measurement
from tests.bench.processes import ProcessResult, ProcessSettings, run

MIB = 2**20
_TIMEOUT_S = 400.0
PANDAS = "import sys, pandas; pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)"
_LIGHT_TO_MAKE = (".csv", ".bodies")  # other files are made by a child process, because that takes memory
InputKind = Literal["table", "faulty", "tickets", "naming", "files", "bodies", "ledger", "nested"]


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How often something is measured: ``most`` times, but not again after ``budget_s`` seconds."""

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
    """A command and its expected exit code: a program that failed is not measured."""

    command: tuple[str, ...]
    code: int = 0


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The folder of a bench, its number of runs, and the function that shows its progress."""

    folder: Path
    repeats: Repeats
    log: Callable[[str], None]

    @property
    def place(self) -> ProcessSettings:
        """Settings of programs that need no account."""
        environment = quiet_environment() | {"LSQ_LEDGER": str(self.folder / "no-ledger.db")}
        return ProcessSettings(folder=self.folder, environment=environment, timeout_s=_TIMEOUT_S)

    def repeated(self, **changes: Any) -> Bench:
        """Return a bench with other repeats."""
        return replace(self, repeats=replace(self.repeats, **changes))

    def make(self, kind: InputKind, name: str, rows: int, *more: str) -> Path:
        """Create an input file unless it exists."""
        path = self.folder / name
        if not path.exists():
            self.log(f"making {path.name}: {rows:,} rows")
            if path.suffix in _LIGHT_TO_MAKE:
                inputs.main(kind, str(path), str(rows), *more)
            else:
                run((PYTHON, "-m", "tests.bench.inputs", kind, str(path), str(rows), *more), self.place)
        return path

    def wide_mapping(self) -> Path:
        """Write the mapping of the manifests with ten columns."""
        path = self.folder / "wide.yaml"
        path.write_text(WIDE_MAPPING, encoding="utf-8")
        return path

    def validate(self, manifest: Path, *words: str) -> Program:
        """Return the check of a manifest with ten columns; each has rejected rows."""
        return Program(command=(*OURS, "validate", str(manifest), "-m", str(self.wide_mapping()), *words), code=1)

    def validate_nested(self, manifest: Path) -> Program:
        """Return the check of a manifest of nested JSON; it has no rejected rows."""
        path = self.folder / "nested.yaml"
        path.write_text(NESTED_MAPPING, encoding="utf-8")
        return Program(command=(*OURS, "validate", str(manifest), "-m", str(path)))

    def new_ledger(self, file: Path) -> None:
        """Create an empty ledger as a copy of one that the importer created."""
        pattern = self.folder / "empty-ledger.db"
        if not pattern.exists():
            make_ledger(pattern)
        shutil.copy(pattern, file)

    def in_turn(self, what: str, *programs: Program) -> list[list[ProcessResult]]:
        """Run several programs in turn, repeatedly; return a list of results for each."""
        rounds = []
        for number in self.repeats:
            self.log(f"{what}, {number + 1}")
            rounds.append([run(each.command, self.place, expected=(each.code,)) for each in programs])
        return [list(each) for each in zip(*rounds, strict=True)]


def python(script: str, *words: str) -> Program:
    """Return a Python script as a program."""
    return Program(command=(PYTHON, "-c", script, *words))


def start_up(bench: Bench) -> Iterator[Measurement]:
    """Measure the start-up of commands that do nothing."""
    cases = {
        "--help": Program(command=(*OURS, "--help")),
        "--version": Program(command=(*OURS, "--version")),
        "a usage error": Program(command=(*OURS, "run"), code=2),
    }
    nothing, *ours = bench.in_turn("start-up", python("pass"), *cases.values())
    for name, runs in zip(cases, ours, strict=True):
        yield Measurement(
            section="Start-up, beside `python -c pass`",
            what=name,
            ours=[each.wall_s for each in runs],
            baseline=[each.wall_s for each in nothing],
            unit="s",
            goal=Goal(bound=0.25, side="most"),
        )


def validation(bench: Bench, sizes: tuple[int, int, int]) -> Iterator[Measurement]:
    """Measure time and memory of checking a manifest; the baseline only reads it."""
    small, middle, large = sizes
    runs: dict[int, list[list[ProcessResult]]] = {}
    for rows in sizes:
        manifest = bench.make("table", f"wide-{rows}.csv", rows)
        runs[rows] = bench.in_turn(f"validate {rows:,} rows", bench.validate(manifest), python(PANDAS, str(manifest)))
    section = "Validation, beside a bare pandas.read_csv(dtype=str, keep_default_na=False)"
    yield Measurement(
        section=section,
        what=f"{large:,} × 10",
        ours=[each.wall_s for each in runs[large][0]],
        baseline=[each.wall_s for each in runs[large][1]],
        unit="s",
        goal=Goal(bound=3.0, side="most", by="ratio"),
    )
    for rows in sizes:
        yield Measurement(
            section=section,
            what=f"{rows:,} × 10: peak memory",
            ours=[each.peak_bytes / MIB for each in runs[rows][0]],
            baseline=[each.peak_bytes / MIB for each in runs[rows][1]],
            unit="MiB",
            digits=0,
            goal=Goal(bound=250, side="most"),
        )
    yield Measurement(
        section=section,
        what=f"CPU of a further row from {middle:,} to {large:,}, over one from {small:,} to {middle:,}",
        ours=_growth([runs[rows][0] for rows in sizes], sizes),
        baseline=_growth([runs[rows][1] for rows in sizes], sizes),
        compared=False,
        goal=Goal(bound=1.1, side="most"),
    )
    yield Measurement(
        section=section,
        what=f"peak memory of {large:,} rows, over that of {small:,}",
        ours=[a.peak_bytes / b.peak_bytes for a, b in zip(runs[large][0], runs[small][0], strict=False)],
        baseline=[a.peak_bytes / b.peak_bytes for a, b in zip(runs[large][1], runs[small][1], strict=False)],
        compared=False,
        goal=Goal(bound=1.1, side="most"),
    )


def _growth(runs: Sequence[Sequence[ProcessResult]], sizes: tuple[int, int, int]) -> list[float]:
    """Return the marginal cost of later rows divided by that of earlier ones, for each run."""
    small, middle, large = sizes
    return [
        ((c.cpu_s - b.cpu_s) / (large - middle)) / ((b.cpu_s - a.cpu_s) / (middle - small))
        for a, b, c in zip(*runs, strict=False)
    ]
