"""Finds the files of a cell: named one by one or by patterns; and the files in the folder of a row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from importer.attachments.addresses import is_address
from importer.attachments.cell_values import CellValue, cell_values
from importer.attachments.fetched_files import FetchedFiles
from importer.attachments.file_checks import Check
from importer.attachments.found_files import FileFault, FoundFile
from importer.attachments.naming import as_path, bad_name, last_part
from importer.attachments.patterns import OutsideError, Patterns, UnlistedError, escaped, is_pattern
from importer.mapping import AttachmentRules

Found = tuple[str, FoundFile | FileFault]  # path as the manifest has it, file or fault


class RowFiles:
    """Finds the files of cells and of rows. Each file is checked with the function that the caller gives."""

    def __init__(self, rules: AttachmentRules, root: Path, patterns: Patterns) -> None:
        self._rules = rules
        self._root = root
        self._patterns = patterns
        self._fetched = FetchedFiles(root) if rules.download is not None else None

    def in_cell(self, cell: str, check: Check) -> list[Found]:
        """Return the files that a cell names. A file that several patterns match is returned once."""
        values = cell_values(self._rules, cell)
        if not self._rules.glob:
            return [(cell, each) if isinstance(each, FileFault) else self.named(each, check) for each in values]
        names = [each for each in values if isinstance(each, CellValue)]
        found = [each for name in names for each in self._named_or_matching(name, check)]
        return list({file.path if isinstance(file, FoundFile) else path: (path, file) for path, file in found}.values())

    def named(self, value: CellValue, check: Check) -> Found:
        """Return the file of a name or of an address that was fetched."""
        if self._fetched is not None and is_address(value.name):
            entry = self._fetched.entry(value.name)
            if isinstance(entry, FileFault):
                return value.name, entry
            path, found = entry.file, self._fetched.check(entry, check(entry.file))
            return (value.name, found) if isinstance(found, FileFault) else _renamed(value, path, found)
        named = as_path(value.name)
        if isinstance(named, FileFault):
            return value.name, named
        found = check(named)
        return (named, found) if isinstance(found, FileFault) else _renamed(value, named, found)

    def in_folder(self, row: Mapping[str, str], check: Check) -> tuple[str, list[Found]]:
        """Return the name of a row's folder, and the files in it.

        Both are empty if a cell of the name is blank, as the name might be that of another row's folder.
        """
        template = self._rules.folder
        assert template is not None  # callers check this
        cells = {column: row[column] for column in template.columns}
        if not all(cell.strip() for cell in cells.values()):
            return "", []
        folder = template.fill(cells)
        for column, cell in cells.items():
            if "/" in cell or "\\" in cell or cell in (".", "..") or bad_name(cell):
                text = f"{cell!r} ({column}) can't be part of a file or folder name"
                return folder, [(folder, FileFault("attachment-bad-name", text))]
        pattern = template.fill({column: escaped(cell) for column, cell in cells.items()})
        return folder, self._matching(pattern, check, name=folder, whole_folders=True)

    def _named_or_matching(self, value: CellValue, check: Check) -> list[Found]:
        """Look up a name as it is written; if there is no such file and it is a pattern, all files that match."""
        named = self.named(value, check)
        if not is_pattern(value.name) or not isinstance(named[1], FileFault) or named[1].code != "attachment-missing":
            return [named]
        pattern = named[0]
        return self._matching(pattern, check, name=pattern) or [
            (pattern, FileFault("attachment-missing", f"no file matches {pattern!r} in {self._root}"))
        ]

    def _matching(self, pattern: str, check: Check, *, name: str, whole_folders: bool = False) -> list[Found]:
        """Return all files that match. ``name``: the pattern as messages show it."""
        try:
            paths = self._patterns.expand(pattern, whole_folders=whole_folders)
            return [(path, bad_name(path) or check(path)) for path in paths]
        except OutsideError:
            return [(name, FileFault("attachment-outside-root", f"{name!r} leads outside {self._root}"))]
        except UnlistedError as error:
            return [(name, FileFault("attachment-unreadable", str(error)))]


def _renamed(value: CellValue, path: str, found: FoundFile) -> Found:
    """Return a file under the name that the cell gives it, if there is one."""
    if not value.shown_name:
        return path, found
    name = last_part(value.shown_name)
    return name, bad_name(name) or found
