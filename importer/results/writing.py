"""The results file, out: ``RESULTS.part`` grows row by row, ``RESULTS`` only ever appears whole."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

import pandas as pd

from importer.errors import ManifestError, ResultsError, StoppedEarly
from importer.ledger.records import source_of_run
from importer.manifest import open_manifest
from importer.models import ManifestOptions
from importer.results.cell_limits import ENDING
from importer.results.columns import COLUMNS, INDISPENSABLE, ResultRow
from importer.runtime.atomic_files import (
    NotOursError,
    create_anew,
    is_same,
    keep_copy,
    open_made,
    refuse_other_than_file,
    replacing,
    writing,
)

if TYPE_CHECKING:
    from importer.results.workbook import ResultsWorkbook

RESULTS_ENDINGS = (".csv", ENDING)
_LINE_END = "\r\n"
_BYTE_ORDER_MARK = "\ufeff"


class PartFile:
    """``RESULTS.part``: the rows as they are done, for whoever looks on or must rescue something."""

    def __init__(self, results: Path, columns: Sequence[str]) -> None:
        self.path = part_path(results)
        with _told(self.path):
            self._file = _marked(create_anew(self.path))
            self._writer = csv.writer(self._file, lineterminator=_LINE_END)
            self._writer.writerow([*columns, *COLUMNS])
            self._file.flush()

    def add(self, cells: Sequence[str], result: Sequence[str]) -> None:
        """Append one row. Raises StoppedEarly if the disk does not take it."""
        try:
            self._writer.writerow([*cells, *result])
            self._file.flush()
        except OSError as error:
            raise StoppedEarly(
                f"{self.path} can't be written: {error.strerror}",
                hint="make room on the disk, then run the same command again; what was sent is in the ledger",
            ) from error

    def close(self) -> None:
        """Close the file; it stays."""
        with contextlib.suppress(OSError):
            self._file.close()


def part_path(results: Path) -> Path:
    """The file that grows while rows are sent."""
    return results.with_name(f"{results.name}.part")


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Some rows of the manifest, in its order, with what became of each."""

    frame: pd.DataFrame
    results: list[ResultRow]

    def rows(self, columns: Sequence[str]) -> Iterator[Sequence[str]]:
        """Each row's cells: the manifest's own, of ``columns``, and those of its result."""
        for *own, result in zip(*(self.frame[column].tolist() for column in columns), self.results, strict=True):
            yield (*own, *result.cells())


def write_whole(results: Path, columns: Sequence[str], outcomes: Iterable[Outcomes]) -> int:
    """Write all rows, with the manifest's own ``columns`` first, beside ``results``; then put them in its place.

    What was there is kept under a number. Gives the number of rows. Raises StoppedEarly: then ``results`` is as it was.
    """
    rows = 0
    try:
        with replacing(results) as temporary:
            form: Callable[[Path, Sequence[str]], _Csv | ResultsWorkbook]
            form = _workbook if results.suffix.lower() == ENDING else _Csv
            with form(temporary, columns) as file:
                for some in outcomes:
                    file.add(some.rows(columns))
                    rows += len(some.results)
            keep_former(results)
        _sync_folder(results.parent)
    except OSError as error:
        raise StoppedEarly(
            f"the results {results} can't be written: {error.strerror or error}",
            hint="make room or choose another place with -o, then run the same command again; nothing that was sent "
            "is forgotten, and nothing is sent twice",
        ) from error
    return rows


class _Csv:
    """A CSV file that is on the disk when it is closed."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = _marked(open_made(path))
        self._writer = csv.writer(self._file, lineterminator=_LINE_END)
        self._writer.writerow([*columns, *COLUMNS])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Append rows."""
        self._writer.writerows(rows)


def _workbook(path: Path, columns: Sequence[str]) -> ResultsWorkbook:
    from importer.results.workbook import ResultsWorkbook  # noqa: PLC0415 - most results are none, and it is a library's

    return ResultsWorkbook(path, [*columns, *COLUMNS], own=len(columns))


def keep_former(results: Path) -> Path | None:
    """Keep the file that is there under the next number: ``tickets.results.csv`` as ``tickets.results.1.csv``."""
    if not results.exists():
        return None
    pattern = re.compile(rf"{re.escape(results.stem)}\.(\d+){re.escape(results.suffix)}")
    numbers = [int(form[1]) for path in results.parent.iterdir() if (form := pattern.fullmatch(path.name))]
    kept = results.with_name(f"{results.stem}.{max(numbers, default=0) + 1}{results.suffix}")
    keep_copy(results, kept)
    return kept


def check_target(
    results: Path, *, account: str, source: str, inputs: Sequence[Path], checked: Path | None = None
) -> None:
    """Refuse a place that can't be written to, or where something lies that must not be replaced.

    ``checked``: results that are known to be of this account and source. To load a large workbook again takes long.
    """
    with writing(str(results), "-o"):
        is_folder = results.is_dir()
        is_link = results.is_symlink()
    if is_folder:
        raise ResultsError(f"{results} is a folder", hint="name a file with -o")
    if not results.parent.is_dir():
        raise ResultsError(f"there is no folder {results.parent}", hint="make it, or name another file with -o")
    if results.suffix.lower() not in RESULTS_ENDINGS:
        raise ResultsError(
            f"results are written as {' or '.join(RESULTS_ENDINGS)}, not {results.suffix or 'without an ending'}",
            hint="name a file with such an ending with -o",
        )
    if any(is_same(path, results) for path in inputs):
        raise ResultsError(f"{results} is an input of this run and must not be replaced", hint="name another file")
    with _told(results):
        refuse_other_than_file(results.resolve() if is_link else results)
    with _told(part_path(results)):
        refuse_other_than_file(part_path(results), alone=True)
    with _told(results):
        descriptor, name = tempfile.mkstemp(prefix=f".{results.name}.", suffix=".tmp", dir=results.parent)
        os.close(descriptor)
        Path(name).unlink()
    is_checked = checked is not None and is_same(checked, results)
    if not is_checked and results.exists() and results.stat().st_size:
        _refuse_foreign(results, account, source)


def _refuse_foreign(results: Path, account: str, source: str) -> None:
    found = _owner(results)
    if found is not None and found != (account, source):
        raise ResultsError(
            f"{results} holds results of account {found[0]!r} and source {found[1]!r}, not of {account!r} and "
            f"{source!r}",
            hint="move it away, or name another file with -o",
        )


def _owner(results: Path) -> tuple[str, str] | None:
    """Account and source of the file's first row; ``None`` if it has none. A spreadsheet may have saved it."""
    try:
        there = open_manifest(results, ManifestOptions(), COLUMNS)
        if not set(INDISPENSABLE) <= set(there.columns):
            raise ResultsError(
                f"{results} is there and is no results file of this program, so it is not replaced",
                hint="move it away, or name another file with -o",
            )
        first = next(there.chunks(1), None)
    except ManifestError as error:
        raise ResultsError(
            f"{results} is there and can't be read as results: {error.message}",
            details=error.details,
            hint="move it away, or use another -o",
        ) from error
    if first is None:
        return None
    row = first.frame.iloc[0]
    return row["import_account"], source_of_run(row["import_run"])


def _marked(descriptor: int) -> TextIO:
    # The codec `utf-8-sig` would pass each row through Python code; a mark at the start is all there is to it.
    file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
    file.write(_BYTE_ORDER_MARK)
    return file


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "choose another place with -o, or change its rights"
        if isinstance(error, NotOursError):
            hint = "move it away, or choose another place with -o"
        raise ResultsError(f"{path} can't be written: {error.strerror}", hint=hint) from error


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
