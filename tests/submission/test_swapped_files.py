"""Attachments below a root in which somebody exchanges folders for links: no file from outside is ever sent."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.attachments import AttachmentFinder
from importer.leadsquared.client import Client, Patience
from importer.leadsquared.wire import CHANGED_WHILE_SENT, Created, NotSendable, Unclear
from importer.mapping import AttachmentRules
from importer.models import Attachment, Ticket
from importer.sandbox import serve
from tests.leadsquared.peers import OpenGate, at, quick
from tests.submission.sending import LEAD_ID

INSIDE, OUTSIDE = b"inside", b"secret"


@contextmanager
def swapping(folder: Path, outside: Path) -> Iterator[None]:
    """Exchange a folder for a link to ``outside``, and back, as fast as possible."""
    over = threading.Event()
    kept = folder.with_name("kept")

    def swap() -> None:
        while not over.is_set():
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
    """300 tickets are sent meanwhile: each has the file below the root, or fails before anything is sent."""
    for folder, content in ((tmp_path / "root" / "a", INSIDE), (tmp_path / "outside", OUTSIDE)):
        folder.mkdir(parents=True)
        (folder / "in.txt").write_bytes(content)
    rules = AttachmentRules(columns=("Files",))

    async def whole() -> None:
        refused = 0
        async with (
            asyncio.timeout(120),
            serve(quick()) as sandbox,
            Client(at(sandbox), Patience(), connections=1) as client,
        ):
            while len(sandbox.tickets) < 300:
                (named,) = AttachmentFinder(rules, tmp_path / "root").find([("Files", "a/in.txt")])
                if isinstance(named.found, Attachment):
                    made = Ticket(fields=(("Title", "x"),), lead_id=LEAD_ID, attachments=(named.found,))
                    answer = await client.create_ticket(made, OpenGate())
                    assert isinstance(answer, Created | NotSendable | Unclear)
                    assert not isinstance(answer, Unclear) or answer.code == CHANGED_WHILE_SENT
                    refused += isinstance(answer, NotSendable)
            sent = {file.sha256 for ticket in sandbox.tickets for file in ticket.files}
            assert sent == {hashlib.sha256(INSIDE).hexdigest()}
            assert refused, "the files were exchanged before they were opened, at least once"

    with swapping(tmp_path / "root" / "a", tmp_path / "outside"):
        asyncio.run(whole())
