"""Writes the results file: ``RESULTS.part`` grows row by row, ``RESULTS`` is complete whenever it exists."""

from __future__ import annotations

import contextlib
import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from importer.error_codes import ERROR_CODES
from importer.errors import ManifestError, ResultsError, StoppedEarly
from importer.ledger.records import source_of_run, utc_now
from importer.manifest.manifest import open_manifest
from importer.models import ManifestOptions
from importer.results.cell_limits import ENDING
from importer.results.columns import COLUMNS, REQUIRED_COLUMNS, CellChoices, ResultRow, RowResults
from importer.results.former_results import keep_previous, next_number
from importer.results.open_rows import all_rows_path
from importer.runtime.atomic_files import (
    NotOursError,
    create_anew,
    is_same,
    open_made,
    refuse_other_than_file,
    replacing,
    sync_folder,
    writing,
)
from importer.runtime.events import Event, RowSettled

if TYPE_CHECKING:
    from importer.results.workbook import ResultsWorkbook

RESULTS_ENDINGS = (".csv", ENDING)
_LINE_END = "\r\n"
_BYTE_ORDER_MARK = "\ufeff"


class PartFile:
    """The file ``RESULTS.part`` with the rows that are finished, to watch a run or to recover from a crash."""

    def __init__(self, results: Path, columns: Sequence[str], *, account: str, run: str) -> None:
        self.path = part_path(results)
        self._account = account
        self._run = run
        with _write_errors(self.path):
            self._file = _open_with_byte_order_mark(create_anew(self.path))
            self._writer = csv.writer(self._file, lineterminator=_LINE_END)
            self._writer.writerow([*columns, *COLUMNS])
            self._file.flush()

    def listen(self, event: Event) -> None:
        """Append a row that is settled."""
        if isinstance(event, RowSettled):
            result = ResultRow(
                row=event.row,
                key=event.key,
                status=event.status,
                ids=event.ids,
                code=event.code,
                error=event.error,
                hint=ERROR_CODES[event.code].advice if event.code else "",
                attempts=event.attempts,
                finished_at=utc_now(),
                account=self._account,
                run=self._run,
            )
            self.add(event.cells, result)

    def add(self, cells: Sequence[str], result: ResultRow) -> None:
        """Append one row. Raises StoppedEarly if the disk does not take it."""
        try:
            self._writer.writerow([*cells, *result.cells()])
            self._file.flush()
        except OSError as error:
            raise StoppedEarly(
                f"{self.path} can't be written: {error.strerror}",
                hint="free disk space, then run the same command again: the ledger knows all rows that were sent",
            ) from error

    def close(self) -> None:
        """Close the file without deleting it."""
        with contextlib.suppress(OSError):
            self._file.close()


def part_path(results: Path) -> Path:
    """Return the path of the file that grows while rows are sent."""
    return results.with_name(f"{results.name}.part")


def write_results(
    results: Path,
    columns: Sequence[str],
    outcomes: Iterable[RowResults],
    *,
    choices: CellChoices | None = None,
    open_only: bool = False,
) -> int:
    """Write all rows to a temporary file, with the manifest's ``columns``, and rename it to ``results``.

    ``choices``: for columns of a workbook by their index, the values that their cells may have. ``open_only``: the
    workbook has only the rows to work on, and a CSV file beside it has all rows. Previous files get a number in their
    names. Returns the number of rows. Raises StoppedEarly; then ``results`` is unchanged.
    """
    all_rows = all_rows_path(results) if open_only else None
    # One number for both files, also if a run was killed when it had replaced only one of them.
    number = cache(lambda: next_number([results, *([all_rows] if all_rows else [])]))
    rows = 0
    try:
        with contextlib.ExitStack() as stack:
            # The file that is opened last is complete first: the one with all rows.
            files: list[_Csv | ResultsWorkbook] = []
            if results.suffix.lower() == ENDING:
                make = partial(_workbook, choices=choices or {}, all_rows=all_rows.name if all_rows else None)
                files.append(stack.enter_context(_replaced(results, columns, make, number)))
            if all_rows is not None or not files:
                files.append(stack.enter_context(_replaced(all_rows or results, columns, _Csv, number)))
            for some in outcomes:
                for file in files:
                    file.add(some)
                rows += len(some.results)
        sync_folder(results.parent)
    except OSError as error:
        raise StoppedEarly(
            f"the results {results} can't be written: {error.strerror or error}",
            hint="free disk space or name another file with -o, then run the same command again: nothing that was "
            "sent is forgotten, and nothing is sent twice",
        ) from error
    return rows


@contextlib.contextmanager
def _replaced(
    path: Path,
    columns: Sequence[str],
    make: Callable[[Path, Sequence[str]], _Csv | ResultsWorkbook],
    number: Callable[[], int],
) -> Iterator[_Csv | ResultsWorkbook]:
    """Yield a new file, which replaces ``path`` when it is complete; the previous file gets ``number`` in its name."""
    with replacing(path) as temporary:
        with make(temporary, columns) as file:
            yield file
        keep_previous(path, number())


class _Csv:
    """A CSV file that is synced to the disk when it is closed."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = _open_with_byte_order_mark(open_made(path))
        self._writer = csv.writer(self._file, lineterminator=_LINE_END)
        self._writer.writerow([*columns, *COLUMNS])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    def add(self, some: RowResults) -> None:
        """Append rows."""
        self._writer.writerows(some.rows())


def _workbook(path: Path, columns: Sequence[str], choices: CellChoices, all_rows: str | None) -> ResultsWorkbook:
    # Only needed for .xlsx, and xlsxwriter takes time to load.
    from importer.results.workbook import ResultsWorkbook, WorkbookOptions  # noqa: PLC0415

    return ResultsWorkbook(path, columns, WorkbookOptions(choices=choices, all_rows=all_rows))


def check_results_path(
    results: Path, *, account: str, source: str, inputs: Sequence[Path], checked: Path | None = None
) -> None:
    """Check that the results can be written, and replace no input and no foreign file. Raises ResultsError.

    ``checked``: a results file that is already known to belong to this account and source, and is not read again.
    """
    with writing(str(results), "-o"):
        is_folder = results.is_dir()
        is_link = results.is_symlink()
    if is_folder:
        raise ResultsError(f"{results} is a folder", hint="name a file with -o")
    if not results.parent.is_dir():
        raise ResultsError(f"there is no folder {results.parent}", hint="create it, or name another file with -o")
    if results.suffix.lower() not in RESULTS_ENDINGS:
        raise ResultsError(
            f"results are written as {' or '.join(RESULTS_ENDINGS)}, not as {results.suffix or 'a file without one'}",
            hint="name a file with one of these endings with -o",
        )
    if any(is_same(path, results) for path in inputs):
        raise ResultsError(f"{results} is an input of this run and must not be replaced", hint="name another file")
    with _write_errors(results):
        refuse_other_than_file(results.resolve() if is_link else results)
    with _write_errors(part_path(results)):
        refuse_other_than_file(part_path(results), alone=True)
    with _write_errors(results):
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
    """Return the account and source of the first row of a results file; None if it has no rows."""
    try:
        there = open_manifest(results, ManifestOptions().for_results(), COLUMNS)
        if not set(REQUIRED_COLUMNS) <= set(there.columns):
            raise ResultsError(
                f"{results} exists and is not a results file of this program, so it is not replaced",
                hint="move it away, or name another file with -o",
            )
        first = next(there.chunks(1), None)
    except ManifestError as error:
        raise ResultsError(
            f"{results} exists and can't be read as results: {error.message}",
            details=error.details,
            hint="move it away, or name another file with -o",
        ) from error
    if first is None:
        return None
    row = first.frame.iloc[0]
    return row["import_account"], source_of_run(row["import_run"])


def _open_with_byte_order_mark(descriptor: int) -> TextIO:
    # The codec `utf-8-sig` is slow: it passes each row through Python code.
    file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
    file.write(_BYTE_ORDER_MARK)
    return file


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "name another file with -o, or change the permissions"
        if isinstance(error, NotOursError):
            hint = "move it away, or name another file with -o"
        raise ResultsError(f"{path} can't be written: {error.strerror}", hint=hint) from error
