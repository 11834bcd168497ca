"""The bytes of a request, and the files in it: streamed, checked again, built anew for each try."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import resource
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from importer.leadsquared.answers import Answer, Created, NotSendable, NotSent, Unclear
from importer.leadsquared.attachment_streams import AttachmentChanged, CheckedFile
from importer.leadsquared.ticket_request import create_request, ticket_json
from importer.models import Attachment, Ticket
from importer.sandbox import serve
from tests.leadsquared.peers import (
    ACCESS_KEY,
    SECRET_KEY,
    ClosedGate,
    OpenGate,
    at,
    attach,
    client,
    header,
    peer,
    quick,
    read_request,
    reply,
    ticket,
    to,
)


def sent_bytes(sent: Ticket) -> tuple[bytes, bytes]:
    """Send a ticket; return the head and the body that the server has received."""
    seen: list[tuple[bytes, bytes]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(reply())
        await writer.drain()

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(handle) as url, client(to(url)) as session:
            return await session.send(create_request(sent), OpenGate())

    assert isinstance(asyncio.run(whole()), Created)
    return seen[0]


def test_the_exact_bytes(tmp_path: Path) -> None:
    """First ticketDTO, without a Content-Type, then a part per file in the row's order; names as they are."""
    files = [
        attach(tmp_path / "1", b"%PDF", name="my file (1).pdf", content_type="application/pdf"),
        attach(tmp_path / "2", b"\x89PNG", name="übersicht 漢字.png", content_type="image/png"),
        attach(tmp_path / "3", b"x\r\n--y", name='say "hi" \\o.txt'),
    ]
    sent = ticket(*files)
    head, body = sent_bytes(sent)
    assert head.startswith(b"POST /api/tenants/t/tickets HTTP/1.1\r\n")
    assert header(head, "X-LSQ-ACCESS-KEY") == ACCESS_KEY
    assert header(head, "X-LSQ-SECRET-KEY") == SECRET_KEY
    kind, _, boundary = header(head, "Content-Type").partition("; boundary=")
    assert kind == "multipart/form-data"
    assert b"chunked" not in head
    expected = [
        ('Content-Disposition: form-data; name="ticketDTO"', ticket_json(sent).encode()),
        ('Content-Disposition: form-data; name="files"; filename="my file (1).pdf"\r\nContent-Type: application/pdf', b"%PDF"),
        ('Content-Disposition: form-data; name="files"; filename="übersicht 漢字.png"\r\nContent-Type: image/png', b"\x89PNG"),
        ('Content-Disposition: form-data; name="files"; filename="say \\"hi\\" \\\\o.txt"\r\nContent-Type: text/plain', b"x\r\n--y"),
    ]  # fmt: skip
    parts = [f"--{boundary}\r\n{lines}\r\n\r\n".encode() + content + b"\r\n" for lines, content in expected]
    assert body == b"".join(parts) + f"--{boundary}--\r\n".encode()


def test_the_exact_bytes_without_files() -> None:
    """One part, and the same boundary as in the head; no text can hold it, as JSON has no line breaks."""
    sent = ticket(title="a\r\n--boundary\u2028\n漢字")
    head, body = sent_bytes(sent)
    kind, _, boundary = header(head, "Content-Type").partition("; boundary=")
    assert kind == "multipart/form-data"
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="ticketDTO"\r\n\r\n{ticket_json(sent)}\r\n'
    assert body == f"{part}--{boundary}--\r\n".encode()
    assert not set(ticket_json(sent)) & set("\r\n")


def test_a_ticket_without_files_is_multipart_too(tmp_path: Path) -> None:
    """One form for all: the strict account takes it, with every character of the text."""
    text = "a\nb\t漢字 \U0001f600 “quoted”"

    async def whole() -> str | None:
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox)) as session:
            made = Ticket(fields=(("Title", "x"), ("Description", text)), lead_id=ticket().lead_id)
            assert isinstance(await session.send(create_request(made), OpenGate()), Created)
            return sandbox.tickets[0].value("Description")

    assert asyncio.run(whole()) == text


def test_the_body_is_built_anew_for_each_try(tmp_path: Path) -> None:
    """A ticket whose request failed can be sent again, files and all."""
    content = os.urandom(700_000)
    sent = ticket(attach(tmp_path / "a.bin", content), attach(tmp_path / "b.bin", content[:3]))

    async def whole() -> None:
        faults = [{"calls": 1, "fault": "503"}, {"calls": 2, "fault": "reset-before"}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox)) as session:
            answers = [await session.send(create_request(sent), OpenGate()) for _ in range(4)]
            assert [type(answer) for answer in answers] == [Unclear, Unclear, Created, Created]
            wanted = [hashlib.sha256(each).hexdigest() for each in (content, content[:3])]
            assert [[file.sha256 for file in made.files] for made in sandbox.tickets] == [wanted, wanted]

    asyncio.run(whole())


def test_files_are_streamed(tmp_path: Path) -> None:
    """A file is read in pieces as the socket takes them; memory doesn't grow with it."""
    large = attach(tmp_path / "large.bin", bytes(40_000_000))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        left = int(header(head, "Content-Length"))
        while left:
            left -= len(await reader.read(65_536))
        writer.write(reply())
        await writer.drain()

    async def whole() -> Answer:
        async with asyncio.timeout(50), peer(handle) as url, client(to(url)) as session:
            return await session.send(create_request(ticket(large)), OpenGate())

    tracemalloc.start()
    try:
        assert isinstance(asyncio.run(whole()), Created)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def _shrink(file: Attachment) -> None:
    file.path.write_bytes(b"x")


def _grow(file: Attachment) -> None:
    with file.path.open("ab") as opened:
        opened.write(b"more")


def _vanish(file: Attachment) -> None:
    file.path.unlink()


def _touch(file: Attachment) -> None:
    os.utime(file.path, ns=(1, 1))


def _become_a_folder(file: Attachment) -> None:
    file.path.unlink()
    file.path.mkdir()


def _become_a_pipe(file: Attachment) -> None:
    file.path.unlink()
    os.mkfifo(file.path)


def _become_a_link_outside(file: Attachment) -> None:
    secret = file.path.parent.parent / "secret.txt"
    secret.write_bytes(file.path.read_bytes())
    os.utime(secret, ns=(file.modified_ns, file.modified_ns))
    file.path.unlink()
    file.path.symlink_to(secret)


def _have_a_folder_that_leads_outside(file: Attachment) -> None:
    folder, elsewhere = file.path.parent, file.path.parent.parent / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


@pytest.mark.parametrize(
    "change",
    [
        _shrink,
        _grow,
        _vanish,
        _touch,
        _become_a_folder,
        _become_a_pipe,
        _become_a_link_outside,
        _have_a_folder_that_leads_outside,
    ],
)
def test_changed_file_is_not_sent(change: Callable[[Attachment], None], tmp_path: Path) -> None:
    """Its row fails before anything is sent, and before a slot is used; never a ticket without it or with another."""
    (tmp_path / "root").mkdir()
    good = attach(tmp_path / "root" / "good.txt", b"content")
    file = attach(tmp_path / "root" / "a.txt", b"content")
    change(file)

    async def whole() -> tuple[Answer, bool]:
        gate = OpenGate()
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox)) as session:
            answer = await session.send(create_request(ticket(good, file)), gate)
            assert sandbox.calls == ()
        return answer, gate.left

    answer, left = asyncio.run(whole())
    assert isinstance(answer, NotSendable)
    assert answer.code == "attachment-changed"
    assert str(tmp_path / "root") in answer.reason
    assert not left


@pytest.mark.parametrize("change", [_shrink, _grow, _touch, _vanish, _become_a_link_outside])
def test_a_file_that_changes_while_it_waits_for_its_slot(change: Callable[[Attachment], None], tmp_path: Path) -> None:
    """Not one byte has gone out, so the row fails, and nothing is sent."""
    (tmp_path / "root").mkdir()
    file = attach(tmp_path / "root" / "a.bin", os.urandom(600_000))

    async def whole() -> None:
        gate = ClosedGate()
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox)) as session:
            asking = asyncio.create_task(session.send(create_request(ticket(file)), gate))
            await gate.reached.wait()
            change(file)
            gate.opened.set()
            answer = await asking
            assert isinstance(answer, NotSendable)
            assert answer.code == "attachment-changed"
            assert not gate.left
            assert sandbox.calls == ()

    asyncio.run(whole())


def _rewrite_and_hide_it(file: Attachment) -> None:
    """Write other content of the same size into the file, and put its time back."""
    with file.path.open("r+b") as opened:
        opened.seek(file.size_bytes // 2)
        opened.write(b"other content")
    os.utime(file.path, ns=(file.modified_ns, file.modified_ns))


def _replace(file: Attachment) -> None:
    """Put another file of the same size and time in its place, as a synchronising program does."""
    other = file.path.with_name("other")
    other.write_bytes(bytes(file.size_bytes))
    os.utime(other, ns=(file.modified_ns, file.modified_ns))
    other.replace(file.path)


def _change_rights(file: Attachment) -> None:
    file.path.chmod(0o400)


def _link_again(file: Attachment) -> None:
    file.path.with_name("backup").hardlink_to(file.path)


def _send_and_change(
    file: Attachment, change: Callable[[Attachment], None], *, age_s: float = 10.0
) -> tuple[Answer, bytes]:
    """Send one file, which changes when the server has some of it; give the answer and what the server got."""
    got = bytearray()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(header(head, "Content-Length"))
        got.extend(await reader.readexactly(1_000))
        change(file)
        while len(got) < size and (some := await reader.read(65_536)):
            got.extend(some)
        if len(got) == size:
            writer.write(reply())
            await writer.drain()

    async def whole() -> Answer:
        async with asyncio.timeout(20), peer(handle) as url, client(to(url)) as session:
            return await session.send(create_request(ticket(file)), OpenGate())

    return asyncio.run(whole()), bytes(got)


@pytest.mark.parametrize(
    "change", [_shrink, _grow, _touch, _vanish, _replace, _rewrite_and_hide_it, _become_a_link_outside]
)
def test_a_file_that_changes_while_it_is_sent(change: Callable[[Attachment], None], tmp_path: Path) -> None:
    """Bytes have gone out, so the row is unknown; the request is broken off, and no server can take it for whole."""
    (tmp_path / "root").mkdir()
    file = attach(tmp_path / "root" / "a.bin", os.urandom(16_000_000))
    answer, got = _send_and_change(file, change)
    assert isinstance(answer, Unclear)
    assert answer.code == "attachment-changed-while-sent"
    assert str(file.path) in answer.reason
    assert len(got) < file.size_bytes


def _read_and_change(file: Attachment, change: Callable[[Attachment], None]) -> bytes:
    """Read one file as a request does, while it changes after the first block."""
    with CheckedFile(file) as checked:
        got = checked.read_block()
        change(file)
        while block := checked.read_block():
            got += block
    return got


@pytest.mark.parametrize("change", [_change_rights, _link_again])
def test_new_rights_or_links_do_not_count_as_a_change(change: Callable[[Attachment], None], tmp_path: Path) -> None:
    """A backup by hard links changes the status of a file that is being sent; its hash shows that the content stays."""
    content = os.urandom(600_000)
    assert _read_and_change(attach(tmp_path / "a.bin", content), change) == content


def test_a_small_file_that_is_rewritten_within_a_tick_of_the_clock(tmp_path: Path) -> None:
    """Two changes in a moment leave a file's size and times as they are; the hash shows the second one."""
    path = tmp_path / "a.bin"

    def rewrite(_: Attachment) -> None:
        with path.open("r+b", buffering=0) as opened:
            opened.seek(200_000)
            opened.write(b"other content")

    for _ in range(100):
        with pytest.raises(AttachmentChanged, match="changed while it was being sent"):
            _read_and_change(attach(path, bytes(300_000)), rewrite)


@contextmanager
def no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_open_files_does_not_fail_the_row(tmp_path: Path) -> None:
    """Where this process may open no more files, the row goes again; its attachment has not changed."""
    file = attach(tmp_path / "a.txt", b"content")

    async def whole() -> None:
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox)) as session:
            assert isinstance(
                await session.send(create_request(ticket()), OpenGate()), Created
            )  # what is needed is there
            for _ in range(20):  # rounds of the event loop, until both sides have closed the connection
                await asyncio.sleep(0)
            with no_more_files():
                answer = await session.send(create_request(ticket(file)), OpenGate())
            assert isinstance(answer, NotSent)
            assert "Too many open files" in answer.reason
            assert isinstance(await session.send(create_request(ticket(file)), OpenGate()), Created)

    asyncio.run(whole())


def test_no_file_stays_open(tmp_path: Path) -> None:
    """After an answer, a failure or a cancelled wait, every attachment is closed again."""
    files = [attach(tmp_path / f"{number}.txt", b"content") for number in range(3)]

    wanted = {file.path.stat().st_ino for file in files}

    def open_ones() -> int:
        count = 0
        for number in range(256):
            with contextlib.suppress(OSError):
                count += os.fstat(number).st_ino in wanted
        return count

    async def whole() -> None:
        faults = [{"calls": 2, "fault": "reset-before"}]
        async with asyncio.timeout(20), serve(quick(faults)) as sandbox, client(at(sandbox)) as session:
            for _ in range(2):
                await session.send(create_request(ticket(*files)), OpenGate())
            assert open_ones() == 0
            gate = ClosedGate()
            asking = asyncio.create_task(session.send(create_request(ticket(*files)), gate))
            await gate.reached.wait()
            assert open_ones() == 3
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            assert open_ones() == 0

    asyncio.run(whole())


def test_cancelled_while_files_are_opened(tmp_path: Path) -> None:
    """The thread that opens them can't be called back; what it opens is closed all the same."""
    files = [attach(tmp_path / f"{number}.txt", b"content") for number in range(50)]

    async def whole() -> None:
        async with asyncio.timeout(20), serve(quick()) as sandbox, client(at(sandbox)) as session:
            for _ in range(10):
                asking = asyncio.create_task(session.send(create_request(ticket(*files)), OpenGate()))
                await asyncio.sleep(0)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
            assert sandbox.calls == ()

    asyncio.run(whole())  # files left open would be ResourceWarnings, and those are errors


def test_ticket_dto_is_valid_json(tmp_path: Path) -> None:
    """The part is UTF-8 JSON, whatever the machine's locale is."""
    assert json.loads(ticket_json(ticket(title="漢字")).encode())["Fields"][0]["Value"] == "漢字"
