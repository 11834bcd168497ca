"""The rows of a manifest: what each pass decides, sends and writes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from importer.attachments import AttachmentFinder
from importer.errors import HeldByAnotherRun
from importer.ledger.records import Claim, Intent, Outcome, RunInfo, new_run_id
from importer.ledger.store import Ledger
from importer.manifest.manifest import open_manifest
from importer.mapping import load_mapping
from importer.models import ManifestOptions, Problem, RowNumbers, Status, TicketIds
from importer.results import COLUMNS, ResultRow, write_results
from importer.runtime.events import Event, ProblemsFound, RowsChecked
from importer.submission.plan import Disposition
from importer.submission.send_queue import QueuedRow
from importer.validation import Validator
from importer.workflows.check_pass import CheckPass
from importer.workflows.import_job import RowSelection
from importer.workflows.manifest_rows import ManifestRows
from importer.workflows.results_pass import row_results
from importer.workflows.send_pass import queued_rows
from importer.workflows.stage import Stage

MAPPING = """\
version: 1
source: old-helpdesk
key: ID
columns:
  Subject: {field: Title, required: true}
  Mail: LeadDetail.EmailAddress
attachments: {columns: [Files]}
ignore: [ID]
"""
RERUN = RowSelection(only=frozenset({Status.FAILED, Status.REJECTED, Status.PENDING}))


STAGES: list[Stage] = []


def new_stage(folder: Path) -> Stage:
    """Return a stage that is closed at the end of the test."""
    STAGES.append(Stage(folder))
    return STAGES[-1]


@dataclass
class Notes:
    problems: list[Problem] = field(default_factory=list)
    rows: int = 0

    def listen(self, event: Event) -> None:
        """Keep problems, and count rows."""
        match event:
            case ProblemsFound():
                self.problems += event.problems
            case RowsChecked(rows):
                self.rows += rows


class Bench:
    """A folder with a manifest, a mapping and a ledger, and what one run after another makes of them."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self.run = self.new_run()
        self.notes = Notes()
        self.stage = new_stage(folder)

    def new_run(self) -> RunInfo:
        """Begin a run."""
        run = RunInfo(
            id=new_run_id("old-helpdesk"),
            account="tenant",
            source="old-helpdesk",
            command="run",
            manifest="tickets.csv",
            manifest_sha256="",
            mapping_sha256="",
            key_field=None,
        )
        self.ledger.begin_run(run)
        return run

    def next_run(self) -> None:
        """End the run and begin another."""
        self.ledger.end_run(self.run.id, 0)
        self.run, self.notes = self.new_run(), Notes()

    def write(self, *rows: Sequence[str]) -> None:
        """Write the manifest."""
        lines = ["ID,Subject,Mail,Files", *(",".join(row) for row in rows)]
        (self.folder / "tickets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def rows(
        self, selection: RowSelection | None = None, duplicates: str = "reject", name: str = "tickets.csv"
    ) -> ManifestRows:
        """The rows of a file, not checked yet."""
        (self.folder / "mapping.yaml").write_text(f"{MAPPING}duplicates: {duplicates}\n", encoding="utf-8")
        mapping = load_mapping(self.folder / "mapping.yaml")
        assert mapping.attachments is not None
        manifest = open_manifest(self.folder / name, ManifestOptions(), ["ID", "Subject"])
        finder = AttachmentFinder(mapping.attachments, self.folder)
        return ManifestRows(manifest, mapping, Validator(mapping, finder, None), selection or RowSelection())

    def checked(self, selection: RowSelection | None = None, **how) -> ManifestRows:
        """The rows of a file, checked, claimed and staged."""
        rows = self.rows(selection, **how)
        self.stage = new_stage(self.folder)
        CheckPass(rows, self.ledger, self.run).check(self.notes.listen, record=True, stage=self.stage)
        return rows

    def send(self, *keys: str, state: str = "created") -> None:
        """What a run would have done with rows of these keys."""
        self.ledger.claim(self.run, [Claim(key=key, manifest_row=2) for key in keys])
        self.ledger.commit(self.run, [Intent(key=key, content="", request="{}") for key in keys])
        if state != "sending":
            ids = {key: TicketIds(number=f"{int.from_bytes(key.encode())}") for key in keys}
            made = state in ("created", "undone")
            self.ledger.commit(
                self.run,
                [Outcome(key=key, state=state, outcome="answer", ids=ids[key] if made else None) for key in keys],
            )

    def results(self, rows: ManifestRows) -> list[ResultRow]:
        """The result of each row."""
        outcomes = list(row_results(self.stage, self.ledger, self.run))
        assert sum(len(some.cells) for some in outcomes) == len(rows.plan)
        return [row for some in outcomes for row in some.results]

    def write_results(self, rows: ManifestRows) -> None:
        """Write the results file."""
        write_results(self.folder / "results.csv", rows.columns, row_results(self.stage, self.ledger, self.run))

    def to_send(self, rows: ManifestRows, limit: int | None = None) -> list[QueuedRow]:
        """The rows whose turn it is, in their order."""
        return [each for some in queued_rows(rows, self.stage, limit) for each in some]


@pytest.fixture(autouse=True)
def _closed_stages() -> Iterator[None]:
    yield
    while STAGES:
        STAGES.pop().close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with contextlib.closing(Ledger.create(f"sqlite:///{tmp_path}/ledger.sqlite")) as ledger:
        yield Bench(tmp_path, ledger)


def good(key: str, subject: str = "Broken", files: str = "", mail: str = "") -> list[str]:
    return [key, subject, mail or f"{key or 'x'}@example.com".lower().replace(" ", ""), files]


def dispositions(rows: ManifestRows) -> list[Disposition]:
    return [Disposition(each) for each in rows.plan.dispositions]


# -- what each row is up to


@pytest.mark.parametrize(
    ("state", "disposition", "with_retry"),
    [
        (None, Disposition.SEND, Disposition.SEND),
        ("pending", Disposition.SEND, Disposition.SEND),
        ("created", Disposition.SKIP, Disposition.SKIP),
        ("failed", Disposition.RESEND, Disposition.RESEND),
        ("unknown", Disposition.HOLD, Disposition.RESEND),
        ("sending", Disposition.HOLD, Disposition.RESEND),  # its run ended while the row was in flight
    ],
)
def test_the_ledgers_state_decides_whether_a_row_is_sent(bench, state, disposition, with_retry) -> None:
    """A ticket is skipped, an unknown row waits unless the user says otherwise, the rest goes."""
    bench.write(good("A"))
    if state is not None:
        bench.send("A", state=state)
    bench.next_run()
    assert dispositions(bench.checked()) == [disposition]
    assert dispositions(bench.checked(RowSelection(resend_unknown=True))) == [with_retry]


def test_rows_that_are_tickets_are_not_checked(bench) -> None:
    """A row that is a ticket, or may be one, is not checked again after the mapping has changed."""
    bench.write(good("made", subject=""), good("unknown", subject=""), good("new", subject=""))
    bench.send("made")
    bench.send("unknown", state="unknown")
    bench.next_run()
    assert dispositions(bench.checked()) == [Disposition.SKIP, Disposition.HOLD, Disposition.REJECT]
    assert [(each.row, each.code) for each in bench.notes.problems] == [(4, "missing-value")]


def test_problems_are_reported_in_the_manifests_order(bench) -> None:
    """Rows without a key, of the wrong width, of a repeated key, with a bad cell: each in its place."""
    bench.write(good(""), good("A", subject=""), [*good("B"), "more"], good("A"), good("C", files="none"), good("D"))
    bench.checked()
    assert [(each.row, each.code) for each in bench.notes.problems] == [
        (2, "missing-key"),
        (3, "missing-value"),
        (4, "too-many-cells"),
        (5, "duplicate-key"),
        (6, "attachment-missing"),
    ]
    assert bench.notes.rows == 6


def test_rejections_and_claims_are_recorded_only_where_asked(bench) -> None:
    """`validate` and a dry run leave nothing in the ledger."""
    bench.write(good("A"), good("B", subject=""))
    CheckPass(bench.rows(), bench.ledger, bench.run).check(bench.notes.listen, record=False)
    assert bench.ledger.look_up("tenant", "old-helpdesk", ["A", "B"]) == {}
    assert bench.ledger.rejections(bench.run.id, (1, 9)) == {}
    bench.checked()
    assert list(bench.ledger.look_up("tenant", "old-helpdesk", ["A", "B"])) == ["A"]
    assert list(bench.ledger.rejections(bench.run.id, (1, 9))) == [3]


@pytest.mark.parametrize("state", ["sending", "pending"])
def test_a_row_claimed_by_a_live_run_ends_the_check(bench, state) -> None:
    """Queued or in flight there: two runs never send one row."""
    bench.write(good("A"))
    bench.checked()
    if state == "sending":
        bench.send("A", state="sending")
    with contextlib.closing(Ledger.open(f"sqlite:///{bench.folder}/ledger.sqlite")) as ledger:
        other = Bench(bench.folder, ledger)
        with pytest.raises(HeldByAnotherRun):
            other.checked()


def test_rows_that_a_live_run_has_claimed_can_be_left_out(bench) -> None:
    """Two runs can share a manifest, each with rows of its own."""
    bench.write(good("A"), good("B"), good("C"))
    bench.checked(RowSelection(rows=RowNumbers("2")))
    with contextlib.closing(Ledger.open(f"sqlite:///{bench.folder}/ledger.sqlite")) as ledger:
        other = Bench(bench.folder, ledger)
        rows = other.checked(RowSelection(rows=RowNumbers("3-4")))
        assert dispositions(rows) == [Disposition.KEEP, Disposition.SEND, Disposition.SEND]
        assert [(each.status, each.code) for each in other.results(rows)] == [
            (Status.PENDING, "not-selected"),
            (Status.PENDING, "not-reached"),
            (Status.PENDING, "not-reached"),
        ]


@pytest.mark.parametrize(
    ("before", "after", "retry", "disposition"),
    [
        ("pending", "unknown", False, Disposition.HOLD),
        ("pending", "unknown", True, Disposition.RESEND),
        ("pending", "created", False, Disposition.SKIP),
        ("pending", "failed", False, Disposition.RESEND),
        ("failed", "created", True, Disposition.SKIP),
        ("failed", "unknown", False, Disposition.HOLD),
        ("sending", "created", True, Disposition.SKIP),
    ],
)
def test_a_state_that_changed_during_the_check_decides(bench, before, after, retry, disposition) -> None:
    """A row that was free when it was looked up, and is not when it is claimed, is not sent."""
    bench.write(good("A"), good("B"))
    bench.send("A", state=before)
    with contextlib.closing(Ledger.open(f"sqlite:///{bench.folder}/ledger.sqlite")) as ledger:
        other = Bench(bench.folder, ledger)

        def meanwhile(event: Event) -> None:
            """The run that holds the row sends it, writes down what came of it, and ends."""
            if isinstance(event, RowsChecked):
                if before == "sending":
                    ids = TicketIds(number="157")
                    bench.ledger.commit(bench.run, [Outcome(key="A", state=after, outcome="answer", ids=ids)])
                else:
                    bench.send("A", state=after)
                bench.ledger.end_run(bench.run.id, 1)

        rows = other.rows(RowSelection(resend_unknown=retry))
        CheckPass(rows, ledger, other.run).check(meanwhile, record=True)
        assert dispositions(rows) == [disposition, Disposition.SEND]


# -- two rows with one key


@pytest.mark.parametrize(
    ("duplicates", "disposition"), [("reject", Disposition.REJECT), ("first", Disposition.DUPLICATE)]
)
def test_a_repeated_key_is_found_within_and_across_chunks(bench, duplicates, disposition) -> None:
    """A manifest of more rows than a chunk: the second row is rejected or takes the first's state, near or far."""
    count = 10_050
    bench.write(*(good(f"K{number}") for number in range(count)), good("K10049"), good("K3"), good("k3"), good(" K3"))
    rows = bench.checked(duplicates=duplicates)
    assert dispositions(rows)[:count] == [Disposition.SEND] * count
    assert dispositions(rows)[count:] == [disposition, disposition, Disposition.SEND, Disposition.SEND]
    if duplicates == "reject":
        assert [each.message for each in bench.notes.problems] == [
            "row 10051 has the same key, 'K10049'",
            "row 5 has the same key, 'K3'",
        ]


def test_a_duplicate_gets_the_ticket_of_the_first_row(bench) -> None:
    """Same state, same IDs, and one request."""
    bench.write(good("A"), good("A", subject="Other"), good("B"))
    rows = bench.checked(duplicates="first")
    assert [each.row for each in bench.to_send(rows)] == [2, 4]
    bench.send("A")
    first, twin, other = bench.results(rows)
    assert (first.status, twin.status, other.status) == (Status.CREATED, Status.CREATED, Status.PENDING)
    assert (first.ids, first.row, twin.row) == (twin.ids, 2, 3)


def test_the_duplicate_of_a_rejected_row_is_rejected(bench) -> None:
    """It may not jump in: which of two rows is the ticket does not depend on a mistake in one of them."""
    bench.write(good("A", subject=""), good("A"))
    rows = bench.checked(duplicates="first")
    assert dispositions(rows) == [Disposition.REJECT, Disposition.REJECT]
    assert bench.notes.problems[1].message == "row 2 has the same key, 'A', and is rejected"
    assert [each.key for each in bench.results(rows)] == ["A", ""], "a repeated key is the first row's alone"


# -- in which order they go


def test_new_rows_go_first_and_failed_ones_last(bench) -> None:
    """In the manifest's order each; `--limit` counts over both."""
    bench.write(*(good(key) for key in "ABCDE"))
    bench.send("A", "C", state="failed")
    bench.next_run()
    rows = bench.checked()
    assert [(each.key, each.failed_before) for each in bench.to_send(rows)] == [
        ("B", False),
        ("D", False),
        ("E", False),
        ("A", True),
        ("C", True),
    ]
    assert [each.prior_status for each in bench.to_send(rows)] == [Status.PENDING] * 3 + [Status.FAILED] * 2
    for limit in range(7):
        assert "".join(each.key for each in bench.to_send(rows, limit)) == "BDEAC"[:limit]


def test_a_limit_reaches_across_chunks(bench) -> None:
    """The first N unsent rows, wherever they stand, and not one more."""
    bench.write(*(good(f"K{number}") for number in range(2_500)))
    bench.send(*(f"K{number}" for number in range(995)))
    bench.next_run()
    rows = bench.checked()
    assert [each.key for each in bench.to_send(rows, 1_010)] == [f"K{number}" for number in range(995, 2_005)]
    assert len(bench.to_send(rows)) == rows.plan.to_send() == 1_505


def test_rows_name_their_leads(bench) -> None:
    """An address is the same lead however it is written."""
    bench.write(good("A", mail="one@example.com"), good("B", mail="ONE@example.com"), good("C", mail="two@example.com"))
    leads = [(each.key, each.leads) for each in bench.to_send(bench.checked())]
    assert leads == [("A", ("one@example.com",)), ("B", ("one@example.com",)), ("C", ("two@example.com",))]


def test_a_row_is_not_sent_if_its_file_was_deleted_after_the_check(bench) -> None:
    """Never a ticket without its attachment: the row says why it can't be sent, and the others go."""
    for name in ("a.txt", "b.txt"):
        (bench.folder / name).write_text("content")
    bench.write(good("A", files="a.txt"), good("B", files="b.txt"))
    checked = bench.checked()
    assert checked.plan.attachment_bytes == 14
    (bench.folder / "a.txt").unlink()
    rows = bench.rows()  # which remember nothing of the files
    rows.plan = checked.plan
    spoiled, fine = bench.to_send(rows)
    assert "there is no file 'a.txt'" in spoiled.unsendable_reason
    assert spoiled.request.attachments == ()
    assert (fine.unsendable_reason, len(fine.request.attachments)) == ("", 1)


def test_a_row_is_not_sent_if_its_file_changed_after_the_check(bench) -> None:
    """What is sent is what the plan counted: a file that grew, or became another, is not sent hours later."""
    for name in "abcd":
        (bench.folder / f"{name}.txt").write_text("content")
    bench.write(*(good(name, files=f"{name}.txt; d.txt") for name in "abc"))
    checked = bench.checked()
    with (bench.folder / "a.txt").open("a") as file:
        file.write("more")
    os.utime(bench.folder / "b.txt", ns=(1, 1))
    (bench.folder / "c.txt").chmod(0o400)  # not a change of what is sent
    rows = bench.rows()
    rows.plan = checked.plan
    grown, touched, same = bench.to_send(rows)
    assert "the row's attachments changed after they had been checked: a.txt, d.txt" in grown.unsendable_reason
    assert "b.txt, d.txt" in touched.unsendable_reason
    assert same.unsendable_reason == ""


# -- a rerun


def test_a_rerun_knows_its_rows_by_their_import_key(bench) -> None:
    """Edited cells, the key's too, change nothing of who a row is; a rejected row without a key has that of its cells."""
    bench.write(good("A", subject=""), good(""), good("C"))
    rows = bench.checked()
    bench.send("C")
    bench.write_results(rows)
    path = bench.folder / "results.csv"
    text = (
        path.read_text(encoding="utf-8-sig").replace("A,,a@", "EDITED,Mended,a@").replace("\n,Broken,", "\nNEW,Broken,")
    )
    path.write_text(text, encoding="utf-8")
    bench.next_run()
    rows = bench.checked(RERUN, name="results.csv")
    assert dispositions(rows) == [Disposition.SEND, Disposition.SEND, Disposition.KEEP]
    assert [(each.row, each.key) for each in bench.to_send(rows)] == [(2, "A"), (3, "NEW")]
    assert rows.columns == ["ID", "Subject", "Mail", "Files"]
    bench.send("A", "NEW")
    results = bench.results(rows)
    assert [each.status for each in results] == [Status.CREATED] * 3
    assert [each.row for each in results] == [2, 3, 4]
    assert results[2].kept[: len(COLUMNS)] == results[2].cells()


def test_a_rerun_with_another_ledger_creates_nothing_twice(bench, tmp_path_factory) -> None:
    """Created and unknown rows of the file are tickets, or may be, for the new ledger; a later `run` knows it, too."""
    bench.write(*(good(key) for key in "ABC"))
    rows = bench.checked()
    bench.send("A")
    bench.send("B", state="unknown")
    bench.write_results(rows)
    url = f"sqlite:///{tmp_path_factory.mktemp('elsewhere')}/ledger.sqlite"
    with contextlib.closing(Ledger.create(url)) as ledger:
        other = Bench(bench.folder, ledger)
        rows = other.checked(RERUN, name="results.csv")
        assert [each.key for each in other.to_send(rows)] == ["C"]
        other.next_run()
        assert dispositions(other.checked()) == [Disposition.SKIP, Disposition.HOLD, Disposition.SEND]


def test_a_stale_results_file_does_not_make_a_ticket_twice(bench) -> None:
    """The file says failed, the ledger knows of the ticket that came later: it is skipped, with its IDs."""
    bench.write(good("A"))
    rows = bench.checked()
    bench.send("A", state="failed")
    bench.write_results(rows)
    bench.send("A")
    bench.next_run()
    rows = bench.checked(RERUN, name="results.csv")
    assert bench.to_send(rows) == []
    (result,) = bench.results(rows)
    assert (result.status, result.ids) == (Status.SKIPPED, TicketIds(number=str(ord("A"))))
