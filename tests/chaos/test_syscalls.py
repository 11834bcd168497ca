"""The order of durable writes, in the system calls of a real run that strace has recorded.

Python can't tell whether a commit was synced.
"""

from __future__ import annotations

import asyncio
import csv
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from importer.models import Rate
from importer.sandbox import SandboxOptions, serve

ROWS = 12
PATIENCE_S = 50
MAPPING = """\
version: 1
source: traced
key: ID
columns: {ID: CustomData.LegacyId, Subject: Title, Email: LeadDetail.EmailAddress}
attachments: {columns: [Files]}
"""
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg", "sendmmsg", "sendfile", "splice"}
RECEIVES = {"read", "readv", "recvfrom", "recvmsg"}
SYNCS = {"fsync", "fdatasync"}
RENAMES = {"rename", "renameat", "renameat2"}
WHOLE = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<text>.*)")
RESUMED = re.compile(r"(?P<thread>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<text>.*)")
FILE = re.compile(r"\d+<(?P<file>[^>]*(?:->[^>]*)?)>")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One system call. ``began`` and ``ended`` are lines of the record."""

    name: str
    file: str  # the path or the connection that the descriptor stood for
    text: str
    began: int
    ended: int

    @property
    def is_of_ledger(self) -> bool:
        """Whether it is for the ledger's write-ahead log."""
        return self.file.endswith(".sqlite-wal")

    @property
    def is_of_network(self) -> bool:
        """Whether it is for a connection to the account."""
        return self.file.startswith("TCP")


def read_record(text: str) -> list[Call]:
    """Return the calls in the order in which they began."""
    calls: list[Call] = []
    open_calls: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(text.splitlines()):
        if form := RESUMED.fullmatch(line):
            began, start = open_calls.pop(form["thread"])
            calls.append(call_of(form["name"], start + form["text"], began, number))
        elif form := WHOLE.fullmatch(line):
            if form["text"].endswith("<unfinished ...>"):
                open_calls[form["thread"]] = (number, form["text"])
            else:
                calls.append(call_of(form["name"], form["text"], number, number))
    return sorted(calls, key=lambda call: call.began)


def call_of(name: str, text: str, began: int, ended: int) -> Call:
    form = FILE.match(text)
    return Call(name=name, file=form["file"] if form else "", text=text, began=began, ended=ended)


@dataclass(frozen=True)
class Record:
    """The calls of one run, and what it wrote."""

    calls: list[Call]
    results: list[dict[str, str]]
    folder: Path

    def ledger_writes(self, what: str) -> list[Call]:
        """Return the writes to the ledger that contain this text."""
        return [call for call in self.calls if call.name in WRITES and call.is_of_ledger and what in call.text]

    def is_synced(self, write: Call, before: Call) -> bool:
        """Whether the file was synced between the end of ``write`` and the begin of ``before``."""
        return any(
            call.name in SYNCS
            and call.file == write.file
            and call.text.endswith(" = 0")
            and write.ended < call.began
            and call.ended < before.began
            for call in self.calls
        )

    def first_bytes_of_requests(self) -> Iterator[tuple[str, Call]]:
        """Return the subject and the first write of each request."""
        heads: dict[str, Call] = {}
        for call in self.calls:
            if call.name not in WRITES or not call.is_of_network:
                continue
            if "POST /api/" in call.text:
                heads[call.file] = call
            for subject in re.findall(r"Ticket no\. \d+", call.text):
                yield subject, heads[call.file]


async def trace(folder: Path) -> Record:
    strace = shutil.which("strace")
    assert strace is not None, "strace is not installed: .ci/debian-packages python3 strace"
    write_input(folder)
    async with serve(SandboxOptions(rate=Rate(1000, 1), latency_s=0)) as sandbox:
        variables = {
            **os.environ,
            "LSQ_HOST": sandbox.url,
            "LSQ_TENANT_ID": sandbox.tenant_id,
            "LSQ_ACCESS_KEY": sandbox.access_key.reveal(),
            "LSQ_SECRET_KEY": sandbox.secret_key.reveal(),
            "LSQ_LEDGER": str(folder / "ledger.sqlite"),
            "LSQ_RATE": "1000/1",
        }
        importer = (sys.executable, "-m", "importer")
        names = ",".join(sorted(f"?{name}" for name in WRITES | RECEIVES | SYNCS | RENAMES))
        traced = (strace, "-f", "-yy", "-s", "9000", "--signal=none", "-e", f"trace={names}", "-o", "record")
        for command in (
            (*importer, "ledger", "init"),
            (*traced, *importer, "run", "manifest.csv", "-m", "mapping.yaml", "--yes", "-q"),
        ):
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
            assert process.returncode == 0, f"{command[0]} failed (may it ptrace here?): {errors.decode()}"
        assert len(sandbox.tickets) == ROWS
    return read(folder)


def read(folder: Path) -> Record:
    with (folder / "manifest.results.csv").open(encoding="utf-8-sig", newline="") as file:
        results = list(csv.DictReader(file))
    text = (folder / "record").read_text(encoding="utf-8", errors="replace")
    return Record(read_record(text), results, folder)


def write_input(folder: Path) -> None:
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ID", "Subject", "Email", "Files"))
        for number in range(100, 100 + ROWS):
            files = "picture.png" if number % 4 == 0 else ""
            writer.writerow((number, f"Ticket no. {number}", f"lead{number}@example.com", files))
    (folder / "picture.png").write_bytes(b"\x89PNG" + bytes(1000))
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> Record:
    return asyncio.run(trace(tmp_path_factory.mktemp("traced")))


def test_request_is_synced_to_the_ledger_before_its_first_byte(record):
    """The first byte of its headers."""
    subjects = []
    for subject, first in record.first_bytes_of_requests():
        subjects.append(subject)
        intents = [write for write in record.ledger_writes(subject) if write.ended < first.began]
        assert intents, f"{subject} went out before its intent was written"
        assert record.is_synced(intents[0], first), f"{subject} went out before its intent was synced"
    assert sorted(subjects) == [f"Ticket no. {number}" for number in range(100, 100 + ROWS)]


def test_outcome_is_synced_to_the_ledger_before_the_part_file(record):
    """The ticket ID of the answer."""
    for row in record.results:
        ticket_id = row["import_ticket_id"]
        part = next(call for call in record.calls if call.file.endswith(".csv.part") and ticket_id in call.text)
        answer = next(call for call in record.calls if call.name in RECEIVES and ticket_id in call.text)
        outcomes = [write for write in record.ledger_writes(ticket_id) if write.ended < part.began]
        assert outcomes, f"{row['ID']} counted as done before its outcome was written"
        assert answer.ended < outcomes[0].began
        assert record.is_synced(outcomes[0], part), f"{row['ID']} counted as done before its outcome was synced"


def test_results_are_synced_before_their_rename(record):
    """And the rename is synced after it."""
    (rename,) = (call for call in record.calls if call.name in RENAMES and '"manifest.results.csv"' in call.text)
    temporary = next(
        call.file for call in record.calls if re.search(r"/\.manifest\.results\.csv\.\w+\.tmp$", call.file)
    )
    assert Path(temporary).name in rename.text
    writes = [call for call in record.calls if call.file == temporary and call.name in WRITES]
    assert "Ticket no. 111" in writes[-1].text
    assert record.is_synced(writes[-1], rename)
    assert any(
        call.name in SYNCS and call.file == str(record.folder) and call.began > rename.ended for call in record.calls
    )
