"""Finds the manifest of a results file, and compares the file with it or else with the ledger.

The manifest shows every change that a spreadsheet made to the file. Without it, the ledger still knows the number of
rows and their keys. Without either, a warning says that changes are not noticed.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ManifestError, ResultsError
from importer.ledger.records import RunInfo
from importer.ledger.results_runs import ResultsRun, runs_of_source, unknown_keys
from importer.ledger.store import Ledger
from importer.manifest.manifest import open_manifest
from importer.manifest.snapshot import PrivateCopy, private_copy
from importer.mapping import Mapping
from importer.results import ManifestComparison, ResultsContent, compare_with_manifest
from importer.runtime.events import Emit, Warned
from importer.validation import RowKeyReader
from importer.workflows.import_job import ImportJob

_SHOWN = 10
_MANIFESTS_TRIED = 3  # nightly manifests may have a new name each night
_HINT_MISSING = "use the complete file as the import wrote it; --allow-missing goes on without these rows"
_HINT_KEYS = (
    "use the file as the import wrote it, and edit it as a workbook: -o RESULTS.xlsx writes one whose cells are text"
)


@dataclass(frozen=True, kw_only=True)
class OriginalManifest:
    """The manifest of a results file.

    ``path``: attachments are relative to its folder. ``comparison`` is ``None`` if the manifest was not found.
    ``stored_types``: as what its cells are, or may be, stored besides text: 1.234 may be a number, and not 1,234.
    """

    path: Path
    comparison: ManifestComparison | None = None
    stored_types: frozenset[str] = frozenset({"number", "date"})


@dataclass(frozen=True)
class ManifestSearch:
    """Finds the manifest from which a results file was made."""

    content: ResultsContent
    job: ImportJob
    mapping: Mapping
    info: RunInfo
    ledger: Ledger | None

    def find(self, folder: Path, emit: Emit) -> OriginalManifest:
        """Compare the file with its manifest, or else with the ledger.

        ``folder``: for private copies. Raises ResultsError if rows are missing or a column that must not change was
        changed, and ManifestError if ``--manifest`` can't be read.
        """
        for path, copy in self._manifests(folder):
            original = self._compared(path, copy)
            if original is not None:
                comparison = original.comparison
                if comparison is not None and comparison.missing and not self.job.selection.allow_missing:
                    raise ResultsError(
                        f"{self.job.manifest} is incomplete: {_listed(comparison.missing)} missing of those in {path}",
                        hint=_HINT_MISSING,
                    )
                return original
        if self.job.selection.restore:
            raise ResultsError(
                f"--restore can't be used: the manifest of {self.job.manifest} is not found, or has changed",
                hint="name the manifest, or a copy of it as it was, with --manifest",
            )
        self._check_by_ledger()
        emit(
            Warned(
                f"{self.job.manifest} can't be compared with its manifest, so changes by a spreadsheet are not "
                "noticed; name the manifest with --manifest"
            )
        )
        if gaps := list(_gaps(sorted(self.content.positions))):
            emit(Warned(f"{_listed(gaps)} not in {self.job.manifest}: blank in the manifest, or lost since"))
        return OriginalManifest(path=self._probable_path())

    # -- the manifest -----------------------------------------------------------------------------------------------

    def _manifests(self, folder: Path) -> Iterator[tuple[Path, PrivateCopy]]:
        """Yield ``--manifest``, or the manifests of the ledger's runs that have not changed, each with a copy."""
        if self.job.selection.manifest is not None:
            yield self.job.selection.manifest, private_copy(self.job.selection.manifest, folder)
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
        """Return the runs that may have written the file; the runs that it names come first."""
        if self.ledger is None:
            return []
        known = runs_of_source(self.ledger, self.info.account, self.info.source)
        named = set(self.content.runs)
        return [origin for origin in known if origin.run in named] + [
            origin for origin in known if origin.run not in named
        ]

    def _compared(self, path: Path, copy: PrivateCopy) -> OriginalManifest | None:
        """Compare with a manifest. Return ``None`` if it is another one; raise ResultsError if the user named it."""
        expected = self.mapping.mentioned_columns
        manifest = open_manifest(copy.path, self.mapping.manifest, expected, may_lack=expected, original=path)
        key_columns = () if self.mapping.key_is_row_content else self.mapping.key
        wrong = ""
        if absent := [column for column in key_columns if column not in manifest.columns]:
            wrong = f"it has no column {', '.join(absent)}"
        else:
            reader = RowKeyReader(self.mapping)
            comparison = compare_with_manifest(
                self.content, manifest, lambda chunk: reader.of_chunk(chunk, manifest.columns)
            )
            if comparison.surplus:
                wrong = f"it has no {_numbered(comparison.surplus)}"
            elif len(comparison.other_keys) > comparison.same_keys + len(comparison.keys):
                verb = "has" if len(comparison.other_keys) == 1 else "have"
                wrong = f"{_numbered(comparison.other_keys)} {verb} other keys there"
            else:
                if not self._may_be_original(copy.sha256):
                    return OriginalManifest(path=path, comparison=comparison)
                return OriginalManifest(path=path, comparison=comparison, stored_types=manifest.format.stored_types)
        if self.job.selection.manifest is None:
            return None
        raise ResultsError(
            f"{path} is not the manifest of {self.job.manifest}: {wrong}",
            hint="name the manifest from which these results were made",
        )

    def _may_be_original(self, sha256: str) -> bool:
        """Return whether the results may have been made from this content.

        A workbook that was saved as CSV later has the same keys, but other numbers.
        """
        read = {origin.manifest_sha256 for origin in self._first_runs()}
        return not read or sha256 in read

    def _first_runs(self) -> list[ResultsRun]:
        """Return the runs that read the manifest. After several reruns no row of the file names one of them."""
        named, known = set(self.content.runs), self._runs()
        if not any(origin.run in named for origin in known):
            return []  # results of another ledger
        runs = [origin for origin in known if origin.command == "run"]
        return [origin for origin in runs if origin.run in named] or runs

    def _probable_path(self) -> Path:
        """Return the manifest's path if all possible runs have the same folder, otherwise the file's own path."""
        paths = [Path(origin.manifest) for origin in self._first_runs()]
        one_folder = len({path.parent for path in paths}) == 1 and paths[0].parent.is_dir()
        return paths[0] if one_folder else self.job.manifest

    # -- the ledger -------------------------------------------------------------------------------------------------

    def _check_by_ledger(self) -> None:
        named = set(self.content.runs)
        known = [origin for origin in self._runs() if origin.run in named]
        if self.ledger is None or not known:
            return
        last, rows = known[0], len(self.content.keys)
        if last.rows is not None and rows < last.rows and not self.job.selection.allow_missing:
            raise ResultsError(
                f"{self.job.manifest} is incomplete: it has {rows:,} rows, and run {last.run} had {last.rows:,}",
                hint=_HINT_MISSING,
            )
        self._check_keys(self.ledger, {origin.run for origin in known})

    def _check_keys(self, ledger: Ledger, runs: set[str]) -> None:
        """Raise ResultsError for changed keys: the ledger knows their runs, but not the keys."""
        content = self.content
        rows = {
            key: row
            for row, index in content.positions.items()
            if (key := content.keys[index]) and content.runs[index] in runs and row not in content.rejected
        }
        if strange := unknown_keys(ledger, self.info.account, self.info.source, rows):
            raise ResultsError(
                f"{self.job.manifest}: import_key was changed: the ledger knows the runs, but not these keys",
                details=[f"import_row {rows[key]}: {key!r}" for key in strange[:_SHOWN]],
                hint=_HINT_KEYS,
            )


def _gaps(numbers: Sequence[int]) -> Iterator[int]:
    for number, following in itertools.pairwise(numbers):
        yield from range(number + 1, min(following, number + _SHOWN + 2))


def _listed(rows: Sequence[int]) -> str:
    """Return `row 7 is`, `rows 7, 8 are` or `rows 7, 8, … (120 in all) are`."""
    return f"{_numbered(rows)} {'is' if len(rows) == 1 else 'are'}"


def _numbered(rows: Sequence[int]) -> str:
    if len(rows) == 1:
        return f"row {rows[0]}"
    more = f", … ({len(rows):,} in all)" if len(rows) > _SHOWN else ""
    return f"rows {', '.join(map(str, rows[:_SHOWN]))}{more}"
