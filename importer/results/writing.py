"""The results file, out: ``RESULTS.part`` grows row by row, ``RESULTS`` only ever appears whole."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from importer.errors import ResultsError, StoppedEarly
from importer.ledger.records import source_of_run
from importer.results.columns import COLUMNS, ResultRow

_LINE_END = "\r\n"


class PartFile:
    """``RESULTS.part``: the rows as they are done, for whoever looks on or must rescue something."""

    def __init__(self, results: Path, columns: Sequence[str]) -> None:
        self.path = results.with_name(f"{results.name}.part")
        with _told(self.path):
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
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

    def remove(self) -> None:
        """Close and delete the file: the whole results are there."""
        self.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Some rows of the manifest, in its order, with what became of each."""

    frame: pd.DataFrame
    results: list[ResultRow]


def write_whole(results: Path, columns: Sequence[str], outcomes: Iterable[Outcomes]) -> int:
    """Write all rows, with the manifest's own ``columns`` first, beside ``results``; then put them in its place.

    What was there is kept under a number. Gives the number of rows. Raises StoppedEarly: then ``results`` is as it was.
    """
    rows = 0
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{results.name}.", suffix=".tmp", dir=results.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
                csv.writer(file, lineterminator=_LINE_END).writerow([*columns, *COLUMNS])
                for some in outcomes:
                    cells = pd.DataFrame([each.cells() for each in some.results], columns=list(COLUMNS), dtype=object)
                    frame = pd.concat([some.frame[list(columns)], cells], axis=1)
                    frame.to_csv(file, index=False, header=False, lineterminator=_LINE_END)
                    rows += len(frame)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o666 & ~_umask())
            keep_former(results)
            temporary.replace(results)
            _sync_folder(results.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoppedEarly(
            f"the results {results} can't be written: {error.strerror or error}",
            hint="make room or choose another place with -o, then run the same command again; nothing that was sent "
            "is forgotten, and nothing is sent twice",
        ) from error
    return rows


def keep_former(results: Path) -> Path | None:
    """Keep the file that is there under the next number: ``tickets.results.csv`` as ``tickets.results.1.csv``."""
    if not results.exists():
        return None
    pattern = re.compile(rf"{re.escape(results.stem)}\.(\d+){re.escape(results.suffix)}")
    numbers = [int(form[1]) for path in results.parent.iterdir() if (form := pattern.fullmatch(path.name))]
    kept = results.with_name(f"{results.stem}.{max(numbers, default=0) + 1}{results.suffix}")
    kept.hardlink_to(results)  # the results are never missing, not even for a moment
    return kept


def check_target(results: Path, *, account: str, source: str, inputs: Sequence[Path]) -> None:
    """Refuse a place that can't be written to, or where something lies that must not be replaced."""
    if results.is_dir():
        raise ResultsError(f"{results} is a folder", hint="name a file with -o")
    if not results.parent.is_dir():
        raise ResultsError(f"there is no folder {results.parent}", hint="make it, or name another file with -o")
    if results.suffix.lower() != ".csv":
        raise ResultsError(f"results are written as CSV, not {results.suffix or 'without an ending'}", hint="use .csv")
    if any(path.exists() and results.exists() and path.samefile(results) for path in inputs):
        raise ResultsError(f"{results} is an input of this run and must not be replaced", hint="name another file")
    with _told(results):
        descriptor, name = tempfile.mkstemp(prefix=f".{results.name}.", suffix=".tmp", dir=results.parent)
        os.close(descriptor)
        Path(name).unlink()
    if results.exists() and results.stat().st_size:
        _refuse_foreign(results, account, source)


def _refuse_foreign(results: Path, account: str, source: str) -> None:
    for row in _first_rows(results):
        found_account, found_source = row["import_account"], source_of_run(row["import_run"])
        if (found_account, found_source) != (account, source):
            raise ResultsError(
                f"{results} holds results of account {found_account!r} and source {found_source!r}, not of "
                f"{account!r} and {source!r}",
                hint="move it away, or name another file with -o",
            )


def _first_rows(results: Path) -> Iterator[dict[str, str]]:
    try:
        with results.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"import_account", "import_run"} <= set(reader.fieldnames or ()):
                raise ResultsError(
                    f"{results} is there and is no results file of this program, so it is not replaced",
                    hint="move it away, or name another file with -o",
                )
            for row in reader:
                yield row
                return
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ResultsError(
            f"{results} is there and can't be read as results: {error}", hint="move it away, or use another -o"
        ) from error


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResultsError(
            f"{path} can't be written: {error.strerror}", hint="choose another place with -o, or mend its rights"
        ) from error


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, where the system lets a folder be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
