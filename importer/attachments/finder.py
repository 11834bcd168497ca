"""Finds the files of a row: named one by one, by patterns, or by a folder for the row."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from importer.attachments.cell_values import CellValue
from importer.attachments.file_checks import Check, FileChecks
from importer.attachments.found_files import FileFault, FoundFile, NamedFiles
from importer.attachments.location import AttachmentFolder
from importer.attachments.lock import LOCK_NAME
from importer.attachments.naming import as_attachment
from importer.attachments.patterns import OutsideError, Patterns, UnlistedError, is_pattern
from importer.attachments.row_files import Found, RowFiles
from importer.attachments.unclaimed import Unclaimed, find_unclaimed
from importer.mapping import AttachmentRules
from importer.models import file_state

FAULTY = -1  # instead of a size, where a file has a fault
_REMEMBERED = 200_000

Measure = tuple[int, int, int]  # total bytes, number of files, sum of `models.file_state`
Measures = npt.NDArray[np.int64]
_NOTHING: Measure = (0, 0, 0)


class AttachmentFinder:
    """Finds the files of rows. ``root`` is absolute; nothing outside it is ever opened."""

    def __init__(self, rules: AttachmentRules, root: Path, *, remembered: int = _REMEMBERED) -> None:
        """``remembered``: how many names, folders and directory entries are cached, each."""
        self._rules = rules
        self._root = root
        self._folder = AttachmentFolder(root, remembered)
        self._checks = FileChecks(rules, self._folder, root, remembered)
        self._patterns = Patterns(self._folder, remembered)
        self._files = RowFiles(rules, root, self._patterns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that name files or are part of the folder's name."""
        return tuple(dict.fromkeys((*self.naming_columns, *self.folder_columns)))

    @property
    def naming_columns(self) -> tuple[str, ...]:
        """Columns whose cells name files."""
        return self._rules.columns

    @property
    def folder_columns(self) -> tuple[str, ...]:
        """Columns whose cells are part of the name of the row's folder."""
        return self._rules.folder.columns if self._rules.folder is not None else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warning if no row can have files: a wrong folder name would leave out all of them in silence."""
        common = _common_folder(self._rules)
        try:
            if common is None or self._patterns.holds_files(common):
                return ()
        except (OutsideError, UnlistedError):  # each row says so
            return ()
        return (f"attachments > folder: there is no file below {self._root / common}, so no row has files of its own",)

    def unclaimed(self, ours: Iterable[Path] = ()) -> Unclaimed:
        """Return the files and folders below the root that belong to none of the rows looked up so far.

        ``ours``: files that are not attachments, such as the manifest. If one of them is in the root itself, other
        files may be there too; then only the folder that all rows share is listed.
        """
        for path in (*ours, self._root / LOCK_NAME):
            self._checks.claims.add(os.path.realpath(path))
        real = self._folder.real_root
        is_shared = any(os.path.realpath(path.absolute().parent) == real.rstrip("/") for path in ours)
        common = _common_folder(self._rules) if is_shared else ""
        if os.sep != "/" or (is_shared and not common) or common is None:
            return Unclaimed(files=None, folders=None)
        return find_unclaimed(real, f"{common}/" if common else "", self._checks.claims)

    def find(self, cells: Iterable[tuple[str, str]]) -> list[NamedFiles]:
        """Look up the files of one row, given as (column, cell) pairs: named ones first, then those of its folder.

        A file that is found again by a pattern or in the folder is returned once.
        """
        row = dict(cells)
        named: list[NamedFiles] = []
        taken: set[str] = set()
        for column, path, found in self._found(row):
            if isinstance(found, FoundFile):
                if found.path in taken and (self._rules.glob or column in self.folder_columns):
                    continue
                taken.add(found.path)
            named.append(
                NamedFiles(column, path, as_attachment(path, found) if isinstance(found, FoundFile) else found)
            )
        if self._rules.required and not named:
            column = self.columns[0]
            return [NamedFiles(column, row[column], FileFault("attachment-required", "the row has no attachment"))]
        if len(named) > self._rules.max_files:
            over = named[self._rules.max_files]
            fault = FileFault(
                "attachment-too-many", f"{len(named)} attachments; at most {self._rules.max_files} are allowed"
            )
            return [*named[: self._rules.max_files], NamedFiles(over.column, over.name, fault)]
        return named

    def measure_cells(self, cells: Iterable[str]) -> list[Measure]:
        """Measure the files that each cell of a naming column names: bytes (or ``FAULTY``), number, sum of states.

        Results are not cached: callers pass each distinct cell once.
        """
        return [self._measure(cell) if cell else _NOTHING for cell in cells]

    def measure_folders(self, rows: Iterable[Sequence[str]]) -> list[Measure]:
        """Measure the files in each row's folder, given as the cells of the folder's columns."""
        columns = self.folder_columns
        return [_measured(self._in_folder(dict(zip(columns, row, strict=True)), self._checks.check)) for row in rows]

    def needs_lookup(self, size_bytes: Measures, numbers: Measures) -> npt.NDArray[np.bool_]:
        """Return which rows `find` has to look up: those with a fault, or with files that may be named twice.

        Both arrays are (parts, rows): the measures of the naming columns in their order, then those of the folder.
        """
        rules, total = self._rules, numbers.sum(axis=0)
        unclear = (size_bytes == FAULTY).any(axis=0) | (total > rules.max_files)
        if rules.required:
            unclear |= total == 0
        if rules.glob or rules.folder is not None:
            unclear |= (numbers > 0).sum(axis=0) > 1
        return np.asarray(unclear)

    def _measure(self, cell: str) -> Measure:
        rules = self._rules
        if rules.glob or rules.pattern is not None or rules.separator in cell or cell.startswith("["):
            return _measured(self._files.in_cell(cell, self._checks.check_cached))
        name = cell.strip()  # a single name, as in most cells: the fast way
        if not name:
            return _NOTHING
        _, found = self._files.named(CellValue(name), self._checks.check)
        if isinstance(found, FileFault):
            return FAULTY, 1, 0
        return found.size_bytes, 1, file_state(found.size_bytes, found.identity)

    def _found(self, row: Mapping[str, str]) -> Iterator[tuple[str, str, FoundFile | FileFault]]:
        check = self._checks.check_cached
        for column in self.naming_columns:
            if cell := row[column]:
                yield from ((column, *found) for found in self._files.in_cell(cell, check))
        if self._rules.folder is not None:
            yield from ((self.folder_columns[0], *found) for found in self._in_folder(row, check))

    def _in_folder(self, row: Mapping[str, str], check: Check) -> list[Found]:
        folder, found = self._files.in_folder(row, check)
        if folder and not found:
            self._checks.claims.miss(folder)
        return found


def _common_folder(rules: AttachmentRules) -> str | None:
    """Return the part of the folder's name that all rows share; ``None`` if it is not a plain name."""
    if rules.folder is None:
        return None
    before, _ = rules.folder.parts[0]
    common = before.replace("\\", "/").rpartition("/")[0]
    return None if before.startswith("/") or ".." in common.split("/") or is_pattern(common) else common


def _measured(found: Iterable[Found]) -> Measure:
    size_bytes = number = state = 0
    for _, file in found:
        number += 1
        if isinstance(file, FileFault):
            return FAULTY, number, 0
        size_bytes += file.size_bytes
        state += file_state(file.size_bytes, file.identity)
    return size_bytes, number, state
