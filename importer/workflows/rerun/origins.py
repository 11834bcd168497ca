"""What a results file that is run again is held against: the manifest it came from, and the ledger that knows its runs.

With the manifest at hand, nothing that a spreadsheet did to the file goes unseen. Without it the ledger still knows how
many rows there were, and their keys. Without either, what the file says of itself has to do, and that is said.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ManifestError, ResultsError
from importer.ledger import Ledger, RunInfo
from importer.ledger.results_runs import ResultsRun, runs_of_source, unknown_keys
from importer.manifest import Manifest, PrivateCopy, open_manifest, private_copy
from importer.mapping import Mapping
from importer.models import Status
from importer.results import Comparison, compare, read_results
from importer.validation import RowKeyReader
from importer.workflows.import_job import RowSelection

_SHOWN = 10
_MANIFESTS_TRIED = 3  # where every night's has a name of its own, there are many
_HINT_MISSING = "take the whole file as the import wrote it; --allow-missing goes on without these rows"
_HINT_KEYS = (
    "take the file as the import wrote it, and edit it as a workbook: -o RESULTS.xlsx writes one whose cells are text"
)


@dataclass(frozen=True, kw_only=True)
class OriginalManifest:
    """The manifest of a results file, as far as it was found.

    ``path``: relative to its folder the attachments lie. ``comparison`` is ``None`` where the manifest itself was not
    found. ``stores_numbers``: its cells are, or may be, numbers and not texts, so that 1.234 may not be 1,234.
    """

    path: Path
    comparison: Comparison | None = None
    stores_numbers: bool = True


@dataclass(frozen=True)
class Origins:
    """Finds out where a results file came from, and holds it against that."""

    results: Manifest
    shown: Path
    mapping: Mapping
    selection: RowSelection
    info: RunInfo
    ledger: Ledger | None

    def settle(self, folder: Path, note: Callable[[str], None]) -> OriginalManifest:
        """Hold the file against its manifest, or else against what the ledger knows.

        ``folder``: where private copies may lie. Raises ResultsError if rows are missing or what must not change was
        changed; ManifestError if the manifest that was named can't be read.
        """
        for path, copy in self._manifests(folder):
            original = self._compared(path, copy)
            if original is not None:
                comparison = original.comparison
                if comparison is not None and comparison.missing and not self.selection.allow_missing:
                    raise ResultsError(
                        f"{self.shown} is not whole: {_listed(comparison.missing)} missing of those in {path}",
                        hint=_HINT_MISSING,
                    )
                return original
        self._check_by_ledger()
        note(
            f"{self.shown} can't be held against its manifest, so what a spreadsheet changed in it is not noticed; "
            "name the manifest with --manifest"
        )
        if gaps := list(_gaps(self._numbers())):
            note(f"the manifest's {_listed(gaps)} not in {self.shown}: blank there, or lost since")
        return OriginalManifest(path=self._probable_path())

    # -- the manifest -----------------------------------------------------------------------------------------------

    def _manifests(self, folder: Path) -> Iterator[tuple[Path, PrivateCopy]]:
        """The manifest that was named, or those of the ledger that are still the same, each with a copy of it."""
        if self.selection.manifest is not None:
            yield self.selection.manifest, private_copy(self.selection.manifest, folder)
            return
        hashes: dict[str, set[str]] = {}
        for origin in self._runs():
            if origin.command == "run":
                hashes.setdefault(origin.manifest, set()).add(origin.manifest_sha256)
        for name in list(hashes)[:_MANIFESTS_TRIED]:
            with contextlib.suppress(ManifestError):
                copy = private_copy(Path(name), folder)
                if copy.sha256 in hashes[name]:
                    yield Path(name), copy
                copy.path.unlink()

    def _runs(self) -> list[ResultsRun]:
        """The runs that may have written the file, those that it names first."""
        if self.ledger is None:
            return []
        known = runs_of_source(self.ledger, self.info.account, self.info.source)
        named = self._named_runs()
        return [origin for origin in known if origin.run in named] + [
            origin for origin in known if origin.run not in named
        ]

    def _named_runs(self) -> set[str]:
        return {run for chunk in self.results.chunks() for run in chunk.frame["import_run"]}

    def _compared(self, path: Path, copy: PrivateCopy) -> OriginalManifest | None:
        """Compare; ``None`` if it can't be the manifest, which is an error if it was named."""
        expected = {use.column for use in self.mapping.uses}
        manifest = open_manifest(copy.path, self.mapping.manifest, expected, may_lack=expected, shown_as=path)
        key_columns = () if self.mapping.key_is_row_content else self.mapping.key
        wrong = ""
        if absent := [column for column in key_columns if column not in manifest.columns]:
            wrong = f"it has no column {', '.join(absent)}"
        else:
            comparison = compare(self.results, manifest, RowKeyReader(self.mapping).of_frame)
            if comparison.surplus:
                wrong = f"it has no {_listed(comparison.surplus).removesuffix(' is').removesuffix(' are')}"
            elif len(comparison.strangers) > comparison.known + len(comparison.keys):
                wrong = f"{_listed(comparison.strangers)} of other keys there"
            else:
                stores_numbers = manifest.format.stores_numbers or not self._may_be_read(copy.sha256)
                return OriginalManifest(path=path, comparison=comparison, stores_numbers=stores_numbers)
        if self.selection.manifest is None:
            return None
        raise ResultsError(
            f"{path} is not the manifest of {self.shown}: {wrong}",
            hint="name the manifest as it was when these results were written",
        )

    def _may_be_read(self, sha256: str) -> bool:
        """Say whether this is the content that the results were made of, as far as the ledger knows their runs.

        A workbook that was saved as CSV since has the same keys, and other numbers.
        """
        read = {origin.manifest_sha256 for origin in self._first_runs()}
        return not read or sha256 in read

    def _first_runs(self) -> list[ResultsRun]:
        """The runs that read the manifest itself; after several reruns no row of the file names one of them."""
        named, known = self._named_runs(), self._runs()
        if not any(origin.run in named for origin in known):
            return []  # another ledger's results
        runs = [origin for origin in known if origin.command == "run"]
        return [origin for origin in runs if origin.run in named] or runs

    def _probable_path(self) -> Path:
        """The manifest's path where all runs that may have read it agree on its folder, else the file's own path."""
        paths = [Path(origin.manifest) for origin in self._first_runs()]
        one_folder = len({path.parent for path in paths}) == 1 and paths[0].parent.is_dir()
        return paths[0] if one_folder else self.shown

    # -- the ledger -------------------------------------------------------------------------------------------------

    def _check_by_ledger(self) -> None:
        named = self._named_runs()
        known = [origin for origin in self._runs() if origin.run in named]
        if self.ledger is None or not known:
            return
        last, rows = known[0], sum(len(chunk.rows) for chunk in self.results.chunks())
        if last.rows is not None and rows < last.rows and not self.selection.allow_missing:
            raise ResultsError(
                f"{self.shown} is not whole: it has {rows:,} rows, and run {last.run} had {last.rows:,}",
                hint=_HINT_MISSING,
            )
        self._check_keys(self.ledger, {origin.run for origin in known})

    def _check_keys(self, ledger: Ledger, runs: set[str]) -> None:
        """A run of this ledger has all its keys there: one that is not was changed in the file."""
        for chunk in self.results.chunks():
            rows = {
                result.key: result.row
                for result in read_results(chunk.frame)
                if result.key and result.run in runs and result.status is not Status.REJECTED
            }
            if strange := unknown_keys(ledger, self.info.account, self.info.source, rows):
                raise ResultsError(
                    f"{self.shown}: import_key was changed; the ledger knows the runs, and not these keys",
                    details=[f"import_row {rows[key]}: {key!r}" for key in strange[:_SHOWN]],
                    hint=_HINT_KEYS,
                )

    def _numbers(self) -> list[int]:
        return sorted(int(number) for chunk in self.results.chunks() for number in chunk.frame["import_row"])


def _gaps(numbers: Sequence[int]) -> Iterator[int]:
    for number, following in itertools.pairwise(numbers):
        yield from range(number + 1, min(following, number + _SHOWN + 2))


def _listed(rows: Sequence[int]) -> str:
    """`row 7 is`, `rows 7, 8 are`, `rows 7, 8, … (120) are`."""
    if len(rows) == 1:
        return f"row {rows[0]} is"
    more = f", … ({len(rows):,} in all)" if len(rows) > _SHOWN else ""
    return f"rows {', '.join(map(str, rows[:_SHOWN]))}{more} are"
