"""Finds files and folders below the attachments' root that belong to no row, and the likely reason."""

from __future__ import annotations

import os
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

_MOST_ENTRIES = 3_000_000  # files and folders; listing a million takes about two seconds
_BATCH = 65_536
_COMPACTED_FROM = 200_000
_NAMES_KEPT = 10_000  # of unclaimed files, and of names that rows have and no file has
_EXAMPLES = 3

_Prints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Unclaimed:
    """Folders without a file of any row, and single files of no row in other folders.

    Both counts are ``None`` if not everything could be listed; ``warnings`` then say why.
    """

    files: int | None = 0
    folders: int | None = 0
    warnings: tuple[str, ...] = ()


class Claims:
    """Real paths of the files that rows name, eight bytes each, and some of the names without a file."""

    def __init__(self) -> None:
        self._prints = array("q")
        self._unique = 0
        self._missed: dict[str, None] = {}

    def add(self, path: str) -> None:
        """Add the real path of a file that a row names."""
        self._prints.append(hash(path))
        if len(self._prints) > 2 * self._unique + _COMPACTED_FROM:
            self.prints()

    def miss(self, name: str) -> None:
        """Add a path that a row names and that does not exist."""
        if len(self._missed) < _NAMES_KEPT:
            self._missed[name] = None

    @property
    def missed(self) -> Iterable[str]:
        """Paths that rows name and that do not exist, up to a limit."""
        return self._missed

    def prints(self) -> _Prints:
        """Return the sorted hashes of all paths, each once."""
        prints = np.array(self._prints, dtype=np.int64)
        prints.sort()  # much faster than numpy.unique
        prints = np.asarray(prints[np.diff(prints, prepend=prints[:1] - 1) != 0])
        self._prints = array("q", prints.tobytes())
        self._unique = len(self._prints)
        return prints


def find_unclaimed(root: str, below: str, claims: Claims) -> Unclaimed:
    """List all files in the folder ``below`` of a real root, and compare them with the claims.

    Both paths end with a slash, or are empty. Names that begin with a dot are left out; links to folders are not
    followed.
    """
    listing = _Listing(root, claims.prints())
    try:
        if not listing.walk(root + below):
            text = (
                f"attachments: more than {_MOST_ENTRIES:,} files are below {root}, so unclaimed files are not counted"
            )
            return Unclaimed(files=None, folders=None, warnings=(text,))
    except OSError as error:
        text = f"attachments: {error.filename} can't be listed ({error.strerror}), so unclaimed files are not counted"
        return Unclaimed(files=None, folders=None, warnings=(text,))
    folders, loose = listing.unclaimed_folders(), listing.loose_files()
    files = sum(loose.values())
    warnings = []
    if folders or files:
        names = listing.names(folders, loose)
        shown = ", ".join(repr(name) for name in names[:_EXAMPLES])
        warnings.append(f"attachments: no row has {shown}{' …' if len(folders) + files > _EXAMPLES else ''}")
        warnings += _reasons(sorted(claims.missed), names)
    return Unclaimed(files=files, folders=len(folders), warnings=tuple(warnings))


@dataclass
class _Listing:
    """All folders below the root, numbered in the order of listing: a folder comes before its subfolders."""

    root: str
    claimed: _Prints
    paths: list[str] = field(default_factory=list)  # of the first folders
    parents: array[int] = field(default_factory=lambda: array("q"))
    files: _Prints = field(default_factory=lambda: np.empty(0, np.int64))
    of_rows: _Prints = field(default_factory=lambda: np.empty(0, np.int64))
    kept: list[tuple[int, str]] = field(default_factory=list)  # some unclaimed files, each with its folder

    def walk(self, top: str) -> bool:
        """List everything below a folder. Return whether the list is complete. Raises OSError."""
        waiting = [(top, -1)]
        batch: list[str] = []
        folders = array("q")
        entries = 0
        while waiting:
            path, parent = waiting.pop()
            number = len(self.parents)
            self.parents.append(parent)
            if number < _NAMES_KEPT:
                self.paths.append(path)
            with os.scandir(path) as there:
                for entry in there:
                    entries += 1
                    if entry.name.startswith("."):
                        continue
                    if entry.is_file(follow_symlinks=False):  # as most are
                        batch.append(entry.path)
                        folders.append(number)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append((f"{entry.path}/", number))
                    elif entry.is_file():
                        batch.append(os.path.realpath(entry.path))
                        folders.append(number)
            if len(batch) >= _BATCH or not waiting:
                self._count(batch, folders)
                batch, folders = [], array("q")
            if entries > _MOST_ENTRIES:
                return False
        return True

    def _count(self, batch: list[str], folders: array[int]) -> None:
        """Add to the counts of files, and of files that rows name, for each folder."""
        prints = np.fromiter(map(hash, batch), dtype=np.int64, count=len(batch))
        numbers = np.frombuffer(folders, dtype=np.int64) if batch else np.empty(0, np.int64)
        at = np.searchsorted(self.claimed, prints)
        of_rows = np.zeros(len(batch), dtype=bool)
        inside = at < self.claimed.size
        of_rows[inside] = self.claimed[at[inside]] == prints[inside]
        size = len(self.parents)
        more = np.bincount(numbers, minlength=size)
        self.files = more + np.pad(self.files, (0, size - self.files.size))
        more = np.bincount(numbers[of_rows], minlength=size)
        self.of_rows = more + np.pad(self.of_rows, (0, size - self.of_rows.size))
        for index in np.flatnonzero(~of_rows)[: _NAMES_KEPT - len(self.kept)].tolist():
            self.kept.append((folders[index], batch[index]))

    def _sums(self, counts: _Prints) -> _Prints:
        """Add the counts of all subfolders to those of each folder."""
        sums = counts.tolist()
        for number in range(len(sums) - 1, 0, -1):
            sums[self.parents[number]] += sums[number]
        return np.array(sums, dtype=np.int64)

    def unclaimed_folders(self) -> dict[int, None]:
        """Return the topmost folders that have files, but none that a row names."""
        files, of_rows = self._sums(self.files), self._sums(self.of_rows)
        parents = np.frombuffer(self.parents, dtype=np.int64)
        inner = parents >= 0
        uppermost = (files > 0) & (of_rows == 0) & inner
        uppermost[inner] &= (of_rows[parents[inner]] > 0) | (parents[inner] == 0)
        return dict.fromkeys(np.flatnonzero(uppermost).tolist())

    def loose_files(self) -> dict[int, int]:
        """Count the unclaimed files in the top folder and in each folder with files of rows in or below it."""
        has_some = self._sums(self.of_rows) > 0
        has_some[0] = True
        loose = np.where(has_some, self.files - self.of_rows, 0)
        return {number: int(loose[number]) for number in np.flatnonzero(loose).tolist()}

    def names(self, folders: Iterable[int], loose: Mapping[int, int]) -> list[str]:
        """Return the paths of unclaimed folders and then files, relative to the root, up to a limit."""
        found = [self.paths[number][len(self.root) :] for number in folders if number < len(self.paths)]
        files = [path[len(self.root) :] for number, path in self.kept if number in loose]
        return sorted(found)[:_NAMES_KEPT] + sorted(files)


# -- the likely reason ----------------------------------------------------------------------------------------------


def _without_zeros(text: str) -> str:
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)


def _without_separators(text: str) -> str:
    return re.sub(r"[\s_.,;:#-]+", "", text)


_ALIKE: Mapping[str, Callable[[str], str]] = {
    "leading zeros": _without_zeros,
    "Unicode form": lambda text: unicodedata.normalize("NFKC", text),
    "upper and lower case": str.casefold,
    "separators": _without_separators,
    "more than one of zeros, case, Unicode and separators": lambda text: _without_zeros(
        _without_separators(unicodedata.normalize("NFKC", text).casefold())
    ),
}


def _reasons(missed: Iterable[str], names: Iterable[str]) -> list[str]:
    """Say in which way the names in the rows differ from the names on disk: one line, or none."""
    wanted, there = [_clean(name) for name in missed], [_clean(name) for name in names]
    for what, alike in _ALIKE.items():
        by_form = {alike(name): name for name in there}
        pairs = [(name, by_form[form]) for name in wanted if (form := alike(name)) in by_form]
        if pairs:
            name, found = pairs[0]
            count = "1 name differs" if len(pairs) == 1 else f"{len(pairs):,} names differ"
            text = f"attachments: rows look for {name!r} and there is {found!r}: {count} only in {what}; "
            return [f"{text}rename the folders or files, or change the column that names them"]
    return []


def _clean(name: str) -> str:
    return name.replace("\\", "/").removesuffix("/*").strip("/")
