"""Attachments that others change or exchange for links: what is sent is what was checked, and nothing from outside."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from importer.attachments import AttachmentFinder
from importer.leadsquared.answers import CHANGED_WHILE_SENT, Created, NotSendable, Unclear
from importer.leadsquared.client import open_client
from importer.leadsquared.ticket_request import create_request
from importer.leadsquared.transport import Timeouts
from importer.mapping import AttachmentRules
from importer.models import Attachment, Rate, Ticket, file_identity
from importer.sandbox import serve
from importer.submission.outage import Outage
from tests.leadsquared.peers import OpenGate, at, attach, quick
from tests.submission.sending import LEAD_ID, row, sending

INSIDE, OUTSIDE = b"inside", b"secret"


@contextmanager
def swapping(folder: Path, outside: Path) -> Iterator[None]:
    """Exchange a folder for a link to ``outside``, and back, a thousand times a second."""
    over = threading.Event()
    kept = folder.with_name("kept")

    def swap() -> None:
        while not over.wait(0.001):  # for so long the folder is one: else hardly a ticket would have its file
            folder.rename(kept)
            folder.symlink_to(outside)
            folder.unlink()
            kept.rename(folder)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_no_file_from_outside_is_sent(tmp_path: Path) -> None:
    """300 rows are sent meanwhile: a ticket has the file below the root, or there is none."""
    for folder, content in ((tmp_path / "root" / "a", INSIDE), (tmp_path / "outside", OUTSIDE)):
        folder.mkdir(parents=True)
        (folder / "in.txt").write_bytes(content)
    rules = AttachmentRules(columns=("Files",))

    async def whole() -> None:
        met = 0
        async with (
            asyncio.timeout(120),
            serve(quick()) as sandbox,
            open_client(at(sandbox), Timeouts(), connections=1) as client,
        ):
            tried = 0
            while tried < 300:
                (named,) = AttachmentFinder(rules, tmp_path / "root").find([("Files", "a/in.txt")])
                if isinstance(named.found, Attachment):
                    tried += 1
                    made = Ticket(fields=(("Title", "x"),), lead_id=LEAD_ID, attachments=(named.found,))
                    answer = await client.send(create_request(made), OpenGate())
                    assert isinstance(answer, Created | NotSendable | Unclear)
                    assert not isinstance(answer, Unclear) or answer.code == CHANGED_WHILE_SENT
                    met += not isinstance(answer, Created)
                else:
                    met += 1
            sent = {file.sha256 for ticket in sandbox.tickets for file in ticket.files}
            assert sent == {hashlib.sha256(INSIDE).hexdigest()}
            assert met, "a link was met at least once"

    with swapping(tmp_path / "root" / "a", tmp_path / "outside"):
        asyncio.run(whole())


def test_a_file_that_changes_while_its_row_waits_for_a_slot(tmp_path: Path) -> None:
    """The row fails although its intent is in the ledger, as nothing has gone out; its slot is used by the next row."""

    async def whole() -> None:
        files = [attach(tmp_path / f"{name}.txt", b"content") for name in "abc"]
        many = [row(number, file) for number, file in enumerate(files, start=2)]
        async with serve(quick()) as sandbox, sending(tmp_path, sandbox, many, rate=Rate(1, 0.3), concurrency=3) as run:

            def change(_: object) -> None:
                files[1].path.write_bytes(b"other content")

            run.watcher.on_called = change
            assert await run.of(many) is None
            assert run.states() == ["created", "failed", "created"]
            failed = run.entries()["3"]
            assert (failed.error_code, failed.ids) == ("attachment-changed", None)
            assert len(sandbox.calls) == 2

    asyncio.run(whole())


def test_files_that_change_say_nothing_about_the_server() -> None:
    """However many requests are broken off because of their files, sending does not pause."""
    outage = Outage(900.0)
    for second in range(20):
        outage.record(
            Unclear(CHANGED_WHILE_SENT, "a.txt changed while it was being sent"), float(second), 0.5, probe=False
        )
    assert not outage.is_active


def unreadable() -> Attachment:
    """A file that can be opened but not read: the kernel has some."""
    for path in Path("/sys/devices").glob("**/power/autosuspend_delay_ms"):
        with path.open("rb", buffering=0) as file:
            try:
                file.read(1)
            except OSError:
                status = os.fstat(file.fileno())
                return Attachment(
                    path=path.resolve(),
                    name=path.name,
                    size_bytes=status.st_size,
                    identity=file_identity(status),
                    content_type="text/plain",
                )
    pytest.skip("this system has no such file")


def test_unreadable_file_fails_its_row_without_a_pause(tmp_path: Path) -> None:
    """An error of the disk fails the row, and is not taken for a server that can't be reached."""
    some = [row(2), row(3, unreadable()), row(4)]

    async def whole() -> None:
        async with serve(quick()) as sandbox, sending(tmp_path, sandbox, some, give_up_after_s=3.0) as run:
            assert await run.of(some) is None
            assert run.states() == ["created", "failed", "created"]
            failed = run.entries()["3"]
            assert failed.error_code == "attachment-changed"
            assert "can't be read any more" in failed.error
            assert not run.watcher.notes

    asyncio.run(whole())
