"""Finds the files of a row: named one by one, by patterns, or by a folder for the row."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from importer.attachments.addresses import is_address
from importer.attachments.cell_values import CellValue, cell_values
from importer.attachments.fetched_files import FetchedFiles
from importer.attachments.found_files import FileFault, FoundFile, NamedFiles
from importer.attachments.location import NOT_THERE, AttachmentFolder
from importer.attachments.lock import LOCK_NAME
from importer.attachments.naming import as_attachment, as_path, bad_name, ending_of, last_part
from importer.attachments.patterns import OutsideError, Patterns, UnlistedError, escaped, is_pattern
from importer.attachments.unclaimed import Claims, Unclaimed, find_unclaimed
from importer.mapping import AttachmentRules
from importer.models import file_identity, file_state

FAULTY = -1  # instead of a size, where a file has a fault
_REMEMBERED = 200_000

Measure = tuple[int, int, int]  # total bytes, number of files, sum of `models.file_state`
Measures = npt.NDArray[np.int64]
_NOTHING: Measure = (0, 0, 0)

_Found = tuple[str, FoundFile | FileFault]  # path as the manifest has it, file or fault
_Look = Callable[[str], FoundFile | FileFault]


class AttachmentFinder:
    """Finds the files of rows. ``root`` is absolute; nothing outside it is ever opened."""

    def __init__(self, rules: AttachmentRules, root: Path, *, remembered: int = _REMEMBERED) -> None:
        """``remembered``: how many names, folders and directory entries are cached, each."""
        self._rules = rules
        self._root = root
        self._remembered = remembered
        self._folder = AttachmentFolder(root, remembered)
        self._patterns = Patterns(self._folder, remembered)
        self._known: dict[str, FoundFile | FileFault] = {}
        self._claims = Claims()
        self._fetched = FetchedFiles(root) if rules.download is not None else None

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
        if self._rules.folder is None:
            return ()
        common = self._common_folder()
        if common is None:
            return ()
        try:
            if self._patterns.holds_files(common):
                return ()
        except (OutsideError, UnlistedError):  # each row says so
            return ()
        return (f"attachments > folder: there is no file below {self._root / common}, so no row has files of its own",)

    def _common_folder(self) -> str | None:
        """Return the part of the folder's name that all rows share; ``None`` if it is not a plain name."""
        if self._rules.folder is None:
            return None
        before, _ = self._rules.folder.parts[0]
        common = before.replace("\\", "/").rpartition("/")[0]
        return None if before.startswith("/") or ".." in common.split("/") or is_pattern(common) else common

    def unclaimed(self, ours: Iterable[Path] = ()) -> Unclaimed:
        """Return the files and folders below the root that belong to none of the rows looked up so far.

        ``ours``: files that are not attachments, such as the manifest. If one of them is in the root itself, other
        files may be there too; then only the folder that all rows share is listed.
        """
        for path in (*ours, self._root / LOCK_NAME):
            self._claims.add(os.path.realpath(path))
        real = self._folder.real_root
        is_shared = any(os.path.realpath(path.absolute().parent) == real.rstrip("/") for path in ours)
        common = self._common_folder() if is_shared else ""
        if os.sep != "/" or (is_shared and not common) or common is None:
            return Unclaimed(files=None, folders=None)
        return find_unclaimed(real, f"{common}/" if common else "", self._claims)

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
        return [_measured(self._in_folder(dict(zip(columns, row, strict=True)), self._check)) for row in rows]

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
        if self._may_be_several(cell):
            return _measured(self._in_cell(cell, self._look_up))
        name = cell.strip()  # a single name, as in most cells: the fast way
        if not name:
            return _NOTHING
        _, found = self._named(CellValue(name), self._check)
        if isinstance(found, FileFault):
            return FAULTY, 1, 0
        return found.size_bytes, 1, file_state(found.size_bytes, found.identity)

    def _may_be_several(self, cell: str) -> bool:
        """Return whether a cell has to be split; a pattern always does that."""
        rules = self._rules
        return rules.glob or rules.pattern is not None or rules.separator in cell or cell.startswith("[")

    def _found(self, row: Mapping[str, str]) -> Iterator[tuple[str, str, FoundFile | FileFault]]:
        for column in self.naming_columns:
            if cell := row[column]:
                yield from ((column, *found) for found in self._in_cell(cell, self._look_up))
        if self._rules.folder is not None:
            yield from ((self.folder_columns[0], *found) for found in self._in_folder(row, self._look_up))

    def _in_cell(self, cell: str, look: _Look) -> list[_Found]:
        values = cell_values(self._rules, cell)
        if not self._rules.glob:
            return [(cell, each) if isinstance(each, FileFault) else self._named(each, look) for each in values]
        names = [each for each in values if isinstance(each, CellValue)]
        found = [each for name in names for each in self._named_or_matching(name, look)]
        return list({file.path if isinstance(file, FoundFile) else path: (path, file) for path, file in found}.values())

    def _named(self, value: CellValue, look: _Look) -> _Found:
        if self._fetched is not None and is_address(value.name):
            return self._of_address(value, self._fetched, look)
        path = as_path(value.name)
        if isinstance(path, FileFault):
            return value.name, path
        found = look(path)
        return (path, found) if isinstance(found, FileFault) else _shown(value, path, found)

    def _of_address(self, value: CellValue, fetched: FetchedFiles, look: _Look) -> _Found:
        """Look up the file that was fetched from an address."""
        entry = fetched.entry(value.name)
        if isinstance(entry, FileFault):
            return value.name, entry
        found = fetched.check(entry, look(entry.file))
        return (value.name, found) if isinstance(found, FileFault) else _shown(value, entry.file, found)

    def _named_or_matching(self, value: CellValue, look: _Look) -> list[_Found]:
        """Look up a name as it is written; if there is no such file and it is a pattern, all files that match."""
        named = self._named(value, look)
        if not is_pattern(value.name) or not isinstance(named[1], FileFault) or named[1].code != "attachment-missing":
            return [named]
        pattern = named[0]
        return self._matching(pattern, look) or [
            (pattern, FileFault("attachment-missing", f"no file matches {pattern!r} in {self._root}"))
        ]

    def _in_folder(self, row: Mapping[str, str], look: _Look) -> list[_Found]:
        """Return the files in a row's folder; none if a cell of its name is blank, as it might name another row's."""
        template = self._rules.folder
        assert template is not None  # callers check this
        cells = {column: row[column] for column in template.columns}
        if not all(cell.strip() for cell in cells.values()):
            return []
        shown = template.fill(cells)
        for column, cell in cells.items():
            if "/" in cell or "\\" in cell or cell in (".", "..") or bad_name(cell):
                text = f"{cell!r} ({column}) can't be part of a file or folder name"
                return [(shown, FileFault("attachment-bad-name", text))]
        pattern = template.fill({column: escaped(cell) for column, cell in cells.items()})
        found = self._matching(pattern, look, shown=shown, whole_folders=True)
        if not found:
            self._claims.miss(shown)
        return found

    def _matching(
        self, pattern: str, look: _Look, *, shown: str | None = None, whole_folders: bool = False
    ) -> list[_Found]:
        shown = shown or pattern
        try:
            names = self._patterns.expand(pattern, whole_folders=whole_folders)
            return [(name, bad_name(name) or look(name)) for name in names]
        except OutsideError:
            return [(shown, FileFault("attachment-outside-root", f"{shown!r} leads outside {self._root}"))]
        except UnlistedError as error:
            return [(shown, FileFault("attachment-unreadable", str(error)))]

    def _look_up(self, name: str) -> FoundFile | FileFault:
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= self._remembered:
                self._known.clear()
            found = self._known[name] = self._check(name)
        return found

    def _check(self, name: str) -> FoundFile | FileFault:
        path, status = self._folder.locate(name)
        if not self._folder.contains(path):
            return FileFault("attachment-outside-root", f"{name!r} is outside {self._root}")
        if isinstance(status, OSError):
            if status.errno in NOT_THERE:
                self._claims.miss(name)
                return FileFault("attachment-missing", f"there is no file {name!r} in {self._root}")
            return FileFault("attachment-unreadable", f"{name!r} can't be accessed: {status.strerror}")
        self._claims.add(path)
        return self._check_rules(name, path, status)

    def _check_rules(self, name: str, path: str, status: os.stat_result) -> FoundFile | FileFault:
        rules = self._rules
        if not stat.S_ISREG(status.st_mode):
            return FileFault("attachment-not-a-file", f"{name!r} is not a regular file")
        if not os.access(path, os.R_OK):
            return FileFault("attachment-unreadable", f"this user may not read {name!r}")
        if status.st_size == 0:
            return FileFault("attachment-empty", f"{name!r} is empty")
        if status.st_size > rules.max_file_size_bytes:
            return FileFault(
                "attachment-too-large",
                f"{name!r} has {status.st_size:,} bytes; at most {rules.max_file_size_bytes:,} are allowed",
            )
        # A link's own ending counts, as that is the name that users see.
        if rules.extensions and ending_of(last_part(name)).lower() not in rules.extensions:
            return FileFault("attachment-type", f"{name!r} does not end in one of {', '.join(rules.extensions)}")
        return FoundFile(path, status.st_size, file_identity(status))


def _shown(value: CellValue, path: str, found: FoundFile) -> _Found:
    """Return a file under the name that the cell gives it, if there is one."""
    if not value.shown_name:
        return path, found
    shown = last_part(value.shown_name)
    return shown, bad_name(shown) or found


def _measured(found: Iterable[_Found]) -> Measure:
    size_bytes = number = state = 0
    for _, file in found:
        number += 1
        if isinstance(file, FileFault):
            return FAULTY, number, 0
        size_bytes += file.size_bytes
        state += file_state(file.size_bytes, file.identity)
    return size_bytes, number, state
