"""Time to find the files that a manifest names; the baseline looks up each name by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.clients import OURS
from tests.bench.cpu_bound import Bench, Program, python
from tests.bench.inputs import FILES_COLUMN, ticket_mapping
from tests.bench.measurements import Goal, Measurement

_ONE_BY_ONE = """
import csv, os, sys, time
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    names = [row[-1] for row in csv.reader(file)][1:]
begun = time.perf_counter()
for name in names:
    assert os.path.exists(os.path.join(sys.argv[2], name))
print(time.perf_counter() - begun)
"""


def attachments(bench: Bench, names: int, files: int) -> Iterator[Measurement]:
    """Measure the time that ``names`` of ``files`` add to the check of a manifest."""
    folder = bench.make("files", "attachments", files)
    manifest = bench.make("naming", f"naming-{names}.csv", names, str(files))
    source = ticket_mapping("bench")
    named = f"attachments: {{columns: [{FILES_COLUMN}], root: {folder.name}}}\n"
    without, with_files, one_by_one = bench.in_turn(
        f"validate {names:,} names",
        _validate(manifest, bench.folder / "unnamed.yaml", f"{source}ignore: [{FILES_COLUMN}]\n"),
        _validate(manifest, bench.folder / "named.yaml", f"{source}{named}"),
        python(_ONE_BY_ONE, str(manifest), str(folder)),
    )
    yield Measurement(
        section="Attachments, beside os.path.exists for each name",
        what=f"{names:,} names of {files:,} files: what they add to `validate`",
        ours=[more.wall_s - less.wall_s for more, less in zip(with_files, without, strict=True)],
        baseline=[float(each.output) for each in one_by_one],
        unit="s",
        goal=Goal(bound=1.0, side="most"),
    )


def _validate(manifest: Path, mapping: Path, text: str) -> Program:
    mapping.write_text(text, encoding="utf-8")
    return Program(command=(*OURS, "validate", str(manifest), "-m", str(mapping)))
