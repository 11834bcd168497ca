"""The rows of one manifest, gone through three times, chunk by chunk, so that they need not fit in memory.

judge     every row and every problem; what each row is up to goes into the plan
to_send   the rows whose turn it is, as tickets
results   every row with what became of it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from importer.errors import ResultsError
from importer.ledger import Claim, Entry, Ledger, Rejection, RunInfo
from importer.manifest import Chunk, Manifest
from importer.mapping import Mapping
from importer.models import Problem, Status
from importer.results import (
    COLUMNS,
    MAX_COLUMNS,
    MAX_ROWS,
    Comparison,
    Judged,
    Outcomes,
    ResultRow,
    data_columns,
    imports,
    project,
    read_results,
    unfit,
)
from importer.submission.line import Sendable
from importer.submission.plan import TO_SEND, Disposition, Plan, judge
from importer.validation import Checked, KeyIndex, Validator, content_hashes

_SENDING_CHUNK_ROWS = 1_000
_SHOWN_CELLS = 10
_SHOWN_CHARS = 60
_WRONG_WIDTHS = ("too-few-cells", "too-many-cells")
_OUTCOMES = (Status.FAILED, Status.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which rows the user wants sent. ``only``: the states of a rerun; ``None`` for a run.

    Of a rerun: the ``manifest`` to hold the file against, whether rows may be missing, and whether cells may be as a
    spreadsheet makes them.
    """

    only: frozenset[Status] | None = None
    resend_unknown: bool = False
    manifest: Path | None = None
    allow_missing: bool = False
    accept_edits: bool = False


class Findings(Protocol):
    """Who is told of what is wrong."""

    def problem(self, problem: Problem) -> None:
        """Take one problem of one row; they come in the manifest's order."""

    def judged(self, rows: int) -> None:
        """Take note that so many more rows are judged."""


@dataclass(kw_only=True, slots=True)
class _Fate:
    """What one row is up to, as it is judged."""

    row: int
    manifest_row: int  # the same, unless the manifest is a results file
    key: str
    disposition: Disposition
    problems: list[Problem]
    first: int = -1  # where the row stands whose key it repeats
    under_way: bool = False  # a live run may be sending it right now


class Rows:
    """``ledger`` and ``run`` are absent where nothing is to be recorded (`validate`, ``--dry-run``)."""

    def __init__(self, manifest: Manifest, mapping: Mapping, validator: Validator, choice: Choice) -> None:
        self._manifest = manifest
        self._mapping = mapping
        self._validator = validator
        self._choice = choice
        self._columns = list(data_columns(manifest.columns)) if choice.only is not None else list(manifest.columns)
        self._keys = KeyIndex()
        self._leads = KeyIndex()
        self._shared_leads: set[str] = set()
        self.plan = Plan()
        self.comparison: Comparison | None = None  # of a results file with its manifest

    @property
    def columns(self) -> list[str]:
        """The manifest's own columns."""
        return self._columns

    def check_fit(self, results: Path) -> None:
        """Raise ResultsError with the cells that no workbook can hold, or if it can't hold so many."""
        rows = 1
        too_many = ""
        cells: list[str] = []
        for chunk in self._manifest.chunks():
            rows += len(chunk.rows)
            found = list(unfit(chunk.rows, "import_key", self._keys_of(chunk, self._prior(chunk))))
            for column in self._columns:
                found += unfit(chunk.rows, column, chunk.frame[column].tolist())
            cells += [text for _, text in sorted(found)]
        width = len(self._columns) + len(COLUMNS)
        if rows > MAX_ROWS or width > MAX_COLUMNS:
            too_many = f"{rows:,} rows of {width:,} cells, and a workbook holds {MAX_ROWS:,} of {MAX_COLUMNS:,}"
        if too_many or cells:
            more = [f"… and {len(cells) - _SHOWN_CELLS:,} more"] if len(cells) > _SHOWN_CELLS else []
            raise ResultsError(
                f"{results} can't hold these results{': ' if too_many else ''}{too_many}",
                details=[*cells[:_SHOWN_CELLS], *more],
                hint="write them as CSV: name a file that ends in .csv with -o",
            )

    # -- first: judge -----------------------------------------------------------------------------------------------

    def judge(self, ledger: Ledger | None, run: RunInfo, findings: Findings, *, record: bool) -> None:
        """Judge every row. With ``record``, rejections and claims go into the ledger.

        Raises HeldByAnotherRun if a live run holds one of the rows.
        """
        for chunk in self._manifest.chunks():
            prior = self._prior(chunk)
            if ledger is not None and record and prior is not None:
                ledger.enter(run, imports(prior))
            fates = self._judge_chunk(chunk, prior, ledger, run)
            for fate in fates:
                self.plan.add(fate.row, fate.disposition)
                for problem in fate.problems:
                    findings.problem(problem)
            findings.judged(len(fates))
            if ledger is not None and record:
                ledger.reject(run.id, [_rejection(fate) for fate in fates if fate.problems])
                wanted = [fate for fate in fates if fate.disposition in TO_SEND or fate.under_way]
                ledger.claim(run, [Claim(key=fate.key, manifest_row=fate.manifest_row) for fate in wanted])

    def _judge_chunk(
        self, chunk: Chunk, prior: list[ResultRow] | None, ledger: Ledger | None, run: RunInfo
    ) -> list[_Fate]:
        keys = self._keys_of(chunk, prior)
        entries = self._look_up(ledger, run, keys)
        misshapen = self._misshapen(chunk, prior)
        own = ["" if row in misshapen else key for row, key in zip(chunk.rows, keys, strict=True)]
        firsts = self._keys.add(own, start=len(self.plan))
        fates: list[_Fate] = []
        for position, (row, key) in enumerate(zip(chunk.rows, keys, strict=True)):
            manifest_row = prior[position].row if prior is not None else row
            fate = _Fate(row=row, manifest_row=manifest_row, key=key, disposition=Disposition.REJECT, problems=[])
            fates.append(fate)
            if prior is not None and self._is_kept(prior[position]):
                fate.disposition = Disposition.KEEP
            elif row in misshapen:
                fate.problems.append(misshapen[row])
            elif not key:
                fate.problems.append(self._validator.missing_key(row))
            elif firsts[position] >= 0:
                fate.first = int(firsts[position])
            else:
                state = entries[key].state if key in entries else None
                fate.under_way = state == "sending"
                fate.disposition = judge(state, resend_unknown=self._choice.resend_unknown)
        self._hold_against_manifest(chunk, fates)
        self._check(chunk, fates)
        for fate in fates:
            if fate.first >= 0:
                self._judge_twin(fate, fates)
        return fates

    def _misshapen(self, chunk: Chunk, prior: list[ResultRow] | None) -> dict[int, Problem]:
        """The rows of the wrong width, and those of a results file that were rejected for it and are not mended."""
        if prior is None:
            return {problem.row: problem for problem in chunk.problems}
        # Spreadsheets leave out empty cells at a row's end. What an import adds was found whole.
        found = {problem.row: problem for problem in chunk.problems if problem.code != "too-few-cells"}
        for row, before in zip(chunk.rows, prior, strict=True):
            if before.code in _WRONG_WIDTHS and not self._choice.accept_edits and row not in found:
                if self.comparison is None:
                    message = f"{before.error} Whether it is mended can be told with --manifest only"
                elif before.row in self.comparison.misshapen and before.row not in self.comparison.cells:
                    message = before.error
                else:
                    continue
                found[row] = self._validator.problem(before.code, row, message)
        return found

    def _hold_against_manifest(self, chunk: Chunk, fates: list[_Fate]) -> None:
        """Reject the rows of a results file that a spreadsheet has changed, as far as the mapping uses their cells."""
        if self.comparison is None or self._choice.accept_edits:
            return
        used = {use.column for use in self._mapping.uses} - set(self._mapping.ignore)
        for position, fate in enumerate(fates):
            if fate.disposition not in TO_SEND:
                continue
            for column in self.comparison.cells.get(fate.manifest_row, ()):
                cell = chunk.frame[column].iloc[position]
                spoiled = self.comparison.spoiled(fate.manifest_row, column, cell)
                if spoiled is not None and column in used:
                    original, reason = spoiled
                    message = f"{column} is {_short(cell)} here and {_short(original)} in the manifest: {reason}"
                    fate.problems.append(
                        self._validator.problem("spreadsheet-changed", fate.row, message, column=column, value=cell)
                    )
        # They are still held against the mapping: all that is wrong with a row is told at once.

    def _judge_twin(self, fate: _Fate, fates: list[_Fate]) -> None:
        """Judge a row that has the key of an earlier one, whose own fate is settled."""
        known = len(self.plan)
        if fate.first < known:
            first_row, first_is = self.plan.rows[fate.first], self.plan.dispositions[fate.first]
        else:
            first_row, first_is = fates[fate.first - known].row, fates[fate.first - known].disposition
        if self._mapping.duplicates == "first" and first_is != Disposition.REJECT:
            fate.disposition = Disposition.TWIN
            return
        message = f"row {first_row} has the same key, {fate.key!r}"
        if self._mapping.duplicates == "first":
            message += ", and is rejected"
        columns = ", ".join(self._mapping.key) or None
        fate.problems.append(
            self._validator.problem("duplicate-key", fate.row, message, column=columns, value=fate.key)
        )

    def _check(self, chunk: Chunk, fates: list[_Fate]) -> None:
        """Hold the rows that would be sent against the mapping."""
        wanted = [position for position, fate in enumerate(fates) if fate.disposition in TO_SEND]
        if not wanted:
            return
        checked = self._check_positions(chunk, wanted)
        for index, position in enumerate(wanted):
            fates[position].problems += checked.problems.get(index, ())
            if fates[position].problems:
                fates[position].disposition = Disposition.REJECT
        self.plan.attachment_bytes += checked.attachment_bytes()
        for identifiers in checked.lead_identifiers():
            for index in np.flatnonzero(self._leads.add(identifiers, start=0) >= 0).tolist():
                self._shared_leads.add(identifiers[index])

    def _check_positions(self, chunk: Chunk, positions: Sequence[int]) -> Checked:
        frame = chunk.frame[self._columns].iloc[list(positions)]
        return self._validator.check(frame, np.array(chunk.rows, dtype=np.int64)[list(positions)])

    # -- then: send -------------------------------------------------------------------------------------------------

    def to_send(self, ledger: Ledger | None, run: RunInfo, limit: int | None) -> Iterator[list[Sendable]]:
        """Yield the first ``limit`` rows to be sent, chunk by chunk: new ones first, those that failed before last."""
        left = self.plan.to_send(limit)
        for disposition in TO_SEND:
            start = 0
            chunks = self._manifest.chunks(_SENDING_CHUNK_ROWS) if left and disposition in self.plan.counts() else ()
            for chunk in chunks:
                end = start + len(chunk.rows)
                positions = [at for at in range(start, end) if self.plan.dispositions[at] == disposition][:left]
                if positions:
                    left -= len(positions)
                    yield self._sendables(
                        chunk, start, positions, self._look_up(ledger, run, self._keys_of(chunk, self._prior(chunk)))
                    )
                if not left:
                    break
                start = end

    def _sendables(self, chunk: Chunk, start: int, positions: list[int], entries: dict[str, Entry]) -> list[Sendable]:
        local = [position - start for position in positions]
        checked = self._check_positions(chunk, local)
        frame = chunk.frame.iloc[local]
        prior = self._prior(chunk)
        keys = self._keys_of(chunk, prior)
        contents = content_hashes(frame[self._columns])
        cells = list(zip(*(frame[column] for column in self._columns), strict=True))
        emails, phones = checked.lead_identifiers()
        sendables = []
        for index, at in enumerate(local):
            problems = checked.problems.get(index)
            leads = {emails[index], phones[index]} & self._shared_leads
            sendables.append(
                Sendable(
                    row=prior[at].row if prior is not None else chunk.rows[at],
                    key=keys[at],
                    cells=cells[index],
                    content=contents[index],
                    ticket=checked.ticket(index),
                    leads=tuple(sorted(leads)),
                    repeated=self.plan.dispositions[positions[index]] == Disposition.RESEND,
                    prior=_prior_state(entries.get(keys[at])),
                    spoiled=problems[0].message if problems else "",
                )
            )
        return sendables

    # -- at last: results -------------------------------------------------------------------------------------------

    def results(self, ledger: Ledger, run: RunInfo) -> Iterator[Outcomes]:
        """Yield every row of the manifest with what became of it."""
        start = 0
        for chunk in self._manifest.chunks():
            prior = self._prior(chunk)
            keys = self._keys_of(chunk, prior)
            entries = self._look_up(ledger, run, keys)
            contents = content_hashes(chunk.frame[self._columns])
            numbers = chunk.rows if prior is None else [before.row for before in prior]
            rejections = ledger.rejections(run.id, (min(numbers), max(numbers)))
            results: list[ResultRow] = []
            for position, key in enumerate(keys):
                if prior is not None and self.plan.dispositions[start + position] == Disposition.KEEP:
                    results.append(prior[position])
                    continue
                judged = Judged(
                    row=numbers[position],
                    key=key,
                    content=contents[position],
                    entry=entries.get(key),
                    rejection=rejections.get(numbers[position]),
                )
                results.append(project(judged, account=run.account, run=run.id))
            start += len(chunk.rows)
            yield Outcomes(frame=chunk.frame, results=results)

    # -- a row's key and past ---------------------------------------------------------------------------------------

    def _prior(self, chunk: Chunk) -> list[ResultRow] | None:
        """What a results file says of each row, by the keys that the manifest has; ``None`` for a manifest."""
        if self._choice.only is None:
            return None
        keys = self.comparison.keys if self.comparison is not None else {}
        return [each.with_key(keys[each.row]) if each.row in keys else each for each in read_results(chunk.frame)]

    def _is_kept(self, prior: ResultRow) -> bool:
        return self._choice.only is not None and prior.status not in self._choice.only

    def _keys_of(self, chunk: Chunk, prior: list[ResultRow] | None) -> list[str]:
        """A rerun knows its rows by ``import_key``, whatever was edited; a row that never had one, by its cells."""
        keys = self._validator.keys(chunk.frame[self._columns])
        if prior is None:
            return keys
        return [before.key or key for before, key in zip(prior, keys, strict=True)]

    def _look_up(self, ledger: Ledger | None, run: RunInfo, keys: Sequence[str]) -> dict[str, Entry]:
        if ledger is None:
            return {}
        return ledger.look_up(run.account, run.source, [key for key in keys if key])


def _prior_state(entry: Entry | None) -> Status:
    """What the row is while this run has not sent it."""
    return Status(entry.state) if entry is not None and entry.state in _OUTCOMES else Status.PENDING


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= _SHOWN_CHARS else f"{cell[:_SHOWN_CHARS]}…")


def _rejection(fate: _Fate) -> Rejection:
    first = fate.problems[0]
    # A row whose key is missing or another row's has none of its own: mended, it is known by its cells.
    keyless = first.code in ("missing-key", "duplicate-key", *_WRONG_WIDTHS)
    return Rejection(
        manifest_row=fate.manifest_row,
        key="" if keyless else fate.key,
        code=first.code,
        error="; ".join(problem.message for problem in fate.problems),
        hint=" ".join(dict.fromkeys(problem.hint for problem in fate.problems)),
    )
