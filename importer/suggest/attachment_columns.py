"""Finds columns that name files, the folder of the files, and the separator of names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from importer.suggest.column_profile import ColumnProfile, ContentKind
from importer.suggest.decisions import FileColumns

_SEPARATORS = (";", "|", "\n", ",")
_MOST_FOLDERS = 50
_MOST_NAMES = 2_000  # looked for on the disk


def find_files(columns: Mapping[str, tuple[ColumnProfile, Sequence[str]]], folder: Path) -> FileColumns:
    """Look for the named files in the manifest's folder and its direct subfolders."""
    named = {name: cells for name, (contents, cells) in columns.items() if contents.kind is ContentKind.FILE}
    if not named:
        return FileColumns()
    separator = _separator([cell for cells in named.values() for cell in cells])
    parts = {name: _names(cells, separator) for name, cells in named.items()}
    everything = [part for its in parts.values() for part in its]
    root = max(_roots(folder), key=lambda root: _found(everything, folder / root))
    used = tuple(name for name, its in parts.items() if _found(its, folder / root))
    found = sum(_found(parts[name], folder / root) for name in used)
    all_of = sum(len(parts[name]) for name in used)
    return FileColumns(
        used=used,
        left=tuple(name for name in named if name not in used),
        root=root,
        separator=separator if separator != ";" else "",
        why=f"{all_of - found:,} of {all_of:,} named files are not there" if found < all_of else "",
    )


def _separator(cells: Sequence[str]) -> str:
    """Return the separator: the sign most often between a file ending and another name."""
    between = {
        each: sum(len(re.findall(rf"\.\w{{2,5}}\s*{re.escape(each)}\s*[^\s{re.escape(each)}]", cell)) for cell in cells)
        for each in _SEPARATORS
    }
    best = max(_SEPARATORS, key=lambda each: between[each])
    return best if between[best] else ";"


def _names(cells: Sequence[str], separator: str) -> list[str]:
    parts = (part.strip() for cell in cells for part in cell.split(separator))
    return list(dict.fromkeys(part for part in parts if part))[:_MOST_NAMES]


def _roots(folder: Path) -> Iterator[str]:
    yield ""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except OSError:  # files in a folder that can't be listed can still be opened
        return
    yield from names[:_MOST_FOLDERS]


def _found(names: Sequence[str], root: Path) -> int:
    return sum(_is_below(name) and _is_file(root / name) for name in names)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _is_below(name: str) -> bool:
    """Return whether a name stays below the root."""
    return not Path(name).is_absolute() and ".." not in re.split(r"[/\\]", name) and "\0" not in name
