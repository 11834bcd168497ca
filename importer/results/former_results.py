"""Results of former runs, which have a number in their names: `tickets.results.1.csv`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from importer.runtime.atomic_files import keep_copy


def next_number(files: Iterable[Path]) -> int:
    """Return the next number for former results: the same for files that belong together."""
    return max((number for path in files for number in _numbered(path)), default=0) + 1


def keep_previous(results: Path, number: int) -> None:
    """Give an existing file a second name with this number: ``tickets.results.csv`` and ``tickets.results.1.csv``."""
    if results.exists():
        keep_copy(results, results.with_name(f"{results.stem}.{number}{results.suffix}"))


def removable(results: Path, keep: int, is_as_written: Callable[[str], bool]) -> Iterator[Path]:
    """Yield the former results beyond the newest ``keep`` that nobody has edited or has open, the oldest first.

    ``is_as_written`` gets the SHA-256 of a file's content. Raises OSError for files that can't be read.
    """
    former = [path for _, path in sorted(_numbered(results).items())]
    for path in former[: max(0, len(former) - keep)]:
        is_plain = path.is_file() and not path.is_symlink()
        if is_plain and not is_open_elsewhere(path) and is_as_written(sha256_of(path)):
            yield path


def is_open_elsewhere(path: Path) -> bool:
    """Return whether LibreOffice or Excel has the file open: both put a file beside it as a sign."""
    return any(path.with_name(name).exists() for name in (f".~lock.{path.name}#", f"~${path.name}"))


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _numbered(results: Path) -> dict[int, Path]:
    """Return the files with the name of the results and a number."""
    pattern = re.compile(rf"{re.escape(results.stem)}\.(\d+){re.escape(results.suffix)}")
    names = ((pattern.fullmatch(path.name), path) for path in results.parent.iterdir())
    return {int(form[1]): path for form, path in names if form is not None}
