"""The rows of one manifest, gone through three times, chunk by chunk, so that they need not fit in memory.

judge     every row and every problem; what each row is up to goes into the plan
to_send   the rows whose turn it is, as tickets
results   every row with what became of it
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from importer.errors import ResultsError
from importer.ledger.records import RunInfo
from importer.manifest import Chunk, Column, Manifest
from importer.mapping import Mapping, is_ignored
from importer.models import Problem, Status, Ticket
from importer.results import (
    COLUMNS,
    MAX_COLUMNS,
    MAX_ROWS,
    Comparison,
    JudgedRow,
    Outcomes,
    ResultRow,
    data_columns,
    harmless,
    imports,
    project,
    unfit,
)
from importer.submission.chunk_decisions import ChunkDecisions
from importer.submission.plan import TO_SEND, Disposition, Plan, disposition_of
from importer.submission.send_queue import QueuedRow
from importer.validation import (
    ConvertedRows,
    KeyIndex,
    RenumberedRowCounter,
    RowKeys,
    SharedLeads,
    SuspiciousCells,
    Validator,
    content_hashes,
    fingerprints,
)
from importer.workflows.rerun.previous_results import PreviousResults, RowSelection

if TYPE_CHECKING:  # a check without a ledger needs no database
    from importer.export_checks.comparison import ExportComparison
    from importer.ledger import Ledger

_JUDGED_CHUNK_ROWS = 100_000
_KNOWN_CHUNK_ROWS = 10_000
_SENDING_CHUNK_ROWS = 1_000
_RESULTS_CHUNK_ROWS = 2_000  # what the ledger has of them is held in memory, too
_TOLD_ROWS = 2_000
_SHOWN_CELLS = 10
_OUTCOMES = (Status.FAILED, Status.UNKNOWN)


class ProblemReceiver(Protocol):
    """Who is told of what is wrong."""

    def wrong_rows(self, rows: Sequence[int], columns: Sequence[str], cells: Callable[[], list[list[str]]]) -> None:
        """Take note of the rows whose problems come next; ``cells`` reads them as they stand in the file."""

    def problem(self, problem: Problem) -> None:
        """Take one problem of one row; they come in the manifest's order."""

    def rows_checked(self, rows: int) -> None:
        """Take note that so many more rows are judged."""


class RowPasses:
    """``ledger`` and ``run`` are absent where nothing is to be recorded (`validate`, ``--dry-run``)."""

    def __init__(self, manifest: Manifest, mapping: Mapping, validator: Validator, choice: RowSelection) -> None:
        self._manifest = manifest
        self._mapping = mapping
        self._validator = validator
        self._choice = choice
        self._columns = list(data_columns(manifest.columns)) if choice.only is not None else list(manifest.columns)
        self._keys = KeyIndex()
        self._leads = SharedLeads()
        self._earlier = PreviousResults(mapping, validator, choice)
        self._oddities = SuspiciousCells(mapping, has_escapes=manifest.format.delimiter == "\t")
        self.plan = Plan()
        self.comparison: ExportComparison | None = None  # of a run's export with those before it

    def hold_against(self, comparison: Comparison | None) -> None:
        """Take the rows for those of a manifest with which their results file was compared."""
        self._earlier.comparison = comparison

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person would want to know of the cells that are to be sent; complete once the rows are judged."""
        return self._oddities.warnings

    @property
    def columns(self) -> list[str]:
        """The manifest's own columns."""
        return self._columns

    def names(self) -> RenumberedRowCounter:
        """What makes title and lead of the rows."""
        return RenumberedRowCounter(self._validator.mapping, self._manifest.sheet)

    def check_fit(self, results: Path) -> None:
        """Raise ResultsError with the cells that no workbook can hold, or if it can't hold so many."""
        rows = 1
        too_many = ""
        cells: list[str] = []
        for chunk in self._manifest.chunks():
            rows += len(chunk.rows)
            keys = list(map(harmless, self._keys_of(chunk, self._earlier.rows(chunk))))
            found = list(unfit(chunk.rows, "import_key", keys))
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

    def judge(self, ledger: Ledger | None, run: RunInfo, findings: ProblemReceiver, *, record: bool) -> None:
        """Judge every row. With ``record``, rejections and claims go into the ledger.

        Raises HeldByAnotherRun if a live run holds one of the rows.
        """
        # What the ledger knows of a chunk's rows is held in memory, so they are fewer where there is one.
        size = _JUDGED_CHUNK_ROWS if ledger is None else _KNOWN_CHUNK_ROWS
        for chunk in self._manifest.chunks(size, read_ahead=True):
            prior = self._earlier.rows(chunk)
            if ledger is not None and record and prior is not None:
                ledger.add_from_results(run, imports(prior))
            fates = self._judge_chunk(chunk, prior, ledger, run)
            _tell(findings, chunk, fates.problems)
            findings.rows_checked(len(fates.rows))
            if ledger is not None and record:
                ledger.reject(run.id, fates.rejections())
                # What another run has sent while these rows were judged is found out when they are ours.
                fates.apply_states(ledger.claim(run, fates.claims()), resend_unknown=self._choice.resend_unknown)
                self._leads.add(self._validator.lead_identifiers(chunk, np.flatnonzero(fates.send_mask())))
            self.plan.extend(fates.rows, fates.dispositions.tobytes())
        self._keys = KeyIndex()  # not needed any more: a million keys are 16 MB

    def _judge_chunk(
        self, chunk: Chunk, prior: list[ResultRow] | None, ledger: Ledger | None, run: RunInfo
    ) -> ChunkDecisions:
        misshapen = self._misshapen(chunk, prior)
        whole = ~np.isin(np.array(chunk.rows), list(misshapen))
        keys, states = self._keys_and_states(chunk, prior, ledger, run)
        firsts = self._keys.add(keys.fingerprints, keys.has_key & whole, start=len(self.plan))
        if self.comparison is not None:
            counted = np.flatnonzero(keys.has_key & whole & (firsts < 0))
            self.comparison.take(chunk, [keys.text(at) for at in counted.tolist()], counted)
        fates = ChunkDecisions(
            rows=chunk.rows,
            manifest_rows=chunk.rows if prior is None else [each.row for each in prior],
            keys=keys,
            dispositions=np.full(len(chunk.rows), Disposition.SEND, dtype=np.uint8),
            problems={},
            first_positions=firsts,
            in_flight=set(),
        )
        kept = self._earlier.kept(len(chunk.rows), prior)
        fates.dispositions[kept] = Disposition.KEEP
        for position in np.flatnonzero(~kept & ~whole).tolist():
            fates.add_problems(position, *misshapen[chunk.rows[position]])
        for position in np.flatnonzero(~kept & whole & ~keys.has_key).tolist():
            fates.add_problems(position, self._validator.missing_key(chunk.rows[position]))
        repeated = ~kept & whole & keys.has_key & (firsts >= 0)
        fates.dispositions[repeated] = Disposition.REJECT
        for position in states.keys() & set(np.flatnonzero(fates.send_mask()).tolist()):
            fates.dispositions[position] = disposition_of(states[position], resend_unknown=self._choice.resend_unknown)
            if states[position] == "sending":
                fates.in_flight.add(position)
        self._earlier.reject_spoiled(chunk, fates)
        self._check(chunk, fates)
        for position in np.flatnonzero(repeated).tolist():
            self._judge_twin(position, fates)
        self._oddities.check(chunk, fates.send_mask())
        return fates

    def _keys_and_states(
        self, chunk: Chunk, prior: list[ResultRow] | None, ledger: Ledger | None, run: RunInfo
    ) -> tuple[RowKeys, dict[int, str]]:
        """The rows' keys, and what the ledger knows of them; without one, no key is made text that nobody reads."""
        if ledger is None and prior is None:
            prints, there = self._validator.row_keys.fingerprints(chunk, self._columns)
            return RowKeys(
                fingerprints=prints,
                has_key=there,
                text=lambda at: self._validator.row_keys.at(chunk, at, self._columns),
            ), {}
        keys = self._keys_of(chunk, prior)
        known = _states(ledger, run, keys) if self.comparison is None else self.comparison.look_up(keys)
        there = np.array(list(map(bool, keys)), dtype=bool)
        states = {at: known[key] for at, key in enumerate(keys) if key in known} if known else {}
        return RowKeys(
            fingerprints=fingerprints(Column.from_any_texts(keys)), has_key=there, text=keys.__getitem__
        ), states

    def _misshapen(self, chunk: Chunk, prior: list[ResultRow] | None) -> dict[int, list[Problem]]:
        """The rows that are not whole, and those of a results file that were rejected for it and are not mended."""
        found: dict[int, list[Problem]] = {}
        for problem in chunk.problems:
            # Spreadsheets leave out empty cells at a row's end. What an import adds was found whole.
            if not (problem.column is not None and is_ignored(self._mapping, problem.column)) and (
                prior is None or problem.code != "too-few-cells"
            ):
                found.setdefault(problem.row, []).append(problem)
        for problem in () if prior is None else self._earlier.not_mended(chunk, prior):
            found.setdefault(problem.row, [problem])
        return found

    def _judge_twin(self, position: int, fates: ChunkDecisions) -> None:
        """Judge a row that has the key of an earlier one, whose own fate is settled."""
        known, first = len(self.plan), int(fates.first_positions[position])
        if first < known:
            first_row, first_is = self.plan.row(first), self.plan.dispositions[first]
        else:
            first_row, first_is = fates.rows[first - known], int(fates.dispositions[first - known])
        if self._mapping.duplicates == "first" and first_is != Disposition.REJECT:
            fates.dispositions[position] = Disposition.DUPLICATE
            return
        key = fates.keys.text(position)
        message = f"row {first_row} has the same key, {key!r}"
        if self._mapping.duplicates == "first":
            message += ", and is rejected"
        columns = ", ".join(self._mapping.key) or None
        row = fates.rows[position]
        fates.add_problems(position, self._validator.problem("duplicate-key", row, message, column=columns, value=key))

    def _check(self, chunk: Chunk, fates: ChunkDecisions) -> None:
        """Hold the rows that would be sent against the mapping."""
        wanted = fates.send_mask()
        judged = self._validator.find_problems(chunk, wanted)
        for position in fates.problems.keys() | judged.problems.keys():
            if wanted[position]:
                fates.add_problems(position, *fates.problems.pop(position, ()), *judged.problems.get(position, ()))
        self.plan.attachment_bytes += judged.attachment_bytes
        files, size_bytes, rows = (of_all + here for of_all, here in zip(self.plan.files, judged.files, strict=True))
        self.plan.files = files, size_bytes, rows
        if judged.file_states is not None:
            self.plan.file_states.frombytes(judged.file_states.tobytes())

    def _check_positions(self, chunk: Chunk, positions: Sequence[int]) -> ConvertedRows:
        return self._validator.convert_rows(
            chunk.part(positions)[self._columns], np.array(chunk.rows, dtype=np.int64)[list(positions)]
        )

    # -- then: send -------------------------------------------------------------------------------------------------

    def to_send(self, ledger: Ledger | None, run: RunInfo, limit: int | None) -> Iterator[list[QueuedRow]]:
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
                    yield self._sendables(chunk, start, positions, ledger, run)
                if not left:
                    break
                start = end

    def _sendables(
        self, chunk: Chunk, start: int, positions: list[int], ledger: Ledger | None, run: RunInfo
    ) -> list[QueuedRow]:
        local = [position - start for position in positions]
        checked = self._check_positions(chunk, local)
        frame = chunk.part(local)
        prior = self._earlier.rows(chunk)
        keys = self._keys_of(chunk, prior)
        states = _states(ledger, run, [keys[at] for at in local])
        contents = content_hashes(frame[self._columns])
        cells = list(zip(*(frame[column] for column in self._columns), strict=True))
        emails, phones = checked.lead_identifiers()
        sendables = []
        for index, at in enumerate(local):
            problems, ticket = checked.problems.get(index), checked.ticket(index)
            leads = self._leads.shared((emails[index], phones[index]))
            sendables.append(
                QueuedRow(
                    row=prior[at].row if prior is not None else chunk.rows[at],
                    key=keys[at],
                    cells=cells[index],
                    content=contents[index],
                    ticket=ticket,
                    leads=tuple(sorted(leads)),
                    failed_before=self.plan.dispositions[positions[index]] == Disposition.RESEND,
                    prior_status=_prior_state(states.get(keys[at])),
                    unsendable_reason=problems[0].message if problems else self._file_change(positions[index], ticket),
                )
            )
        return sendables

    def _file_change(self, position: int, ticket: Ticket) -> str:
        """Say that the files of a row are no longer those that the plan counted; nothing if they are."""
        state = sum(file.state for file in ticket.attachments)
        if not self.plan.file_states or self.plan.file_states[position] == state:
            return ""
        names = ", ".join(file.name for file in ticket.attachments)
        return f"the row's attachments changed after they had been checked: {names or 'there are none now'}"

    # -- at last: results -------------------------------------------------------------------------------------------

    def results(self, ledger: Ledger, run: RunInfo) -> Iterator[Outcomes]:
        """Yield every row of the manifest with what became of it."""
        start = 0
        for chunk in self._manifest.chunks(_RESULTS_CHUNK_ROWS):
            prior = self._earlier.rows(chunk)
            keys = self._keys_of(chunk, prior)
            entries = ledger.look_up(run.account, run.source, [key for key in keys if key])
            contents = content_hashes(chunk.frame[self._columns])
            numbers = chunk.rows if prior is None else [before.row for before in prior]
            rejections = ledger.rejections(run.id, (min(numbers), max(numbers)))
            results: list[ResultRow] = []
            for position, key in enumerate(keys):
                if prior is not None and self.plan.dispositions[start + position] == Disposition.KEEP:
                    results.append(prior[position])
                    continue
                judged = JudgedRow(
                    row=numbers[position],
                    key=key,
                    content=contents[position],
                    entry=entries.get(key),
                    rejection=rejections.get(numbers[position]),
                )
                results.append(project(judged, account=run.account, run=run.id))
            start += len(chunk.rows)
            yield Outcomes(frame=chunk.frame, results=results)

    # -- a row's key ------------------------------------------------------------------------------------------------

    def _keys_of(self, chunk: Chunk, prior: list[ResultRow] | None) -> list[str]:
        """A rerun knows its rows by ``import_key``, whatever was edited; a row that never had one, by its cells."""
        keys = self._validator.row_keys.of_chunk(chunk, self._columns)
        if prior is None:
            return keys
        return [before.key or key for before, key in zip(prior, keys, strict=True)]


def _states(ledger: Ledger | None, run: RunInfo, keys: Sequence[str]) -> dict[str, str]:
    """What the ledger knows of the rows with these keys."""
    return {} if ledger is None else ledger.states(run.account, run.source, [key for key in keys if key])


def _tell(findings: ProblemReceiver, chunk: Chunk, problems: dict[int, list[Problem]]) -> None:
    """Tell all problems of a chunk in its order, of some rows at a time: whoever wants their cells holds no more."""
    wrong = sorted(problems)
    for start in range(0, len(wrong), _TOLD_ROWS):
        some = wrong[start : start + _TOLD_ROWS]
        rows = [chunk.rows[position] for position in some]
        findings.wrong_rows(rows, chunk.columns, functools.partial(chunk.records, some))
        for position in some:
            for problem in problems[position]:
                findings.problem(problem)


def _prior_state(state: str | None) -> Status:
    """What the row is while this run has not sent it."""
    return Status(state) if state in _OUTCOMES else Status.PENDING
