"""Single downloads with a real server that misbehaves: what is tried again, continued, or refused."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from importer.attachments.addresses import as_shown
from importer.attachments.lock import LockEntry, read_lock
from importer.errors import UsageError
from importer.fetch import FetchedAll, FetchJob, HostRules, Target, fetch_all
from importer.fetch.outcome import Limits
from importer.fetch.resolver import CheckedResolver, ForbiddenAddressError
from importer.fetch.retry import RetryRules
from importer.runtime.events import to_all
from tests.fetch.servers import WebServer

BODY = bytes(range(256)) * 8_000  # 2 MB: larger than what is fetched again as a whole
AT_ONCE = RetryRules(first_wait_s=0.0)


def fetch(folder: Path, *addresses: str, limits: Limits | None = None, hosts: tuple[str, ...] = ("127.0.0.1",)):
    """Download addresses into a folder, without waiting between attempts."""
    job = FetchJob(
        folder=folder,
        targets=[Target(address, as_shown(address)) for address in addresses],
        entries=read_lock(folder) if folder.exists() else {},
        whole=frozenset(),
        hosts=hosts,
        limits=limits or Limits(max_file_size_bytes=10_000_000),
        retry=AT_ONCE,
    )
    return asyncio.run(fetch_all(job, to_all()))


def only_entry(folder: Path) -> LockEntry:
    (entry,) = read_lock(folder).values()
    return entry


def error_of(fetched: FetchedAll) -> str:
    ((_, error),) = fetched.failed
    return error


class Breaking:
    """Sends a body and breaks the connection after `break_after` bytes, a number of times."""

    def __init__(self, *, breaks: int, break_after: int = 700_000, has_ranges: bool = True, etag: str = '"v1"') -> None:
        self.breaks, self.break_after, self.has_ranges, self.etag = breaks, break_after, has_ranges, etag
        self.body = BODY
        self.ranges: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        asked = request.headers.get("Range", "")
        self.ranges.append(asked)
        start = 0
        if asked and self.has_ranges and request.headers.get("If-Range") == self.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Type": "image/png", "ETag": self.etag, "Content-Length": str(len(self.body) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        answer = web.StreamResponse(status=206 if start else 200, headers=headers)
        await answer.prepare(request)
        if self.breaks:
            self.breaks -= 1
            await answer.write(self.body[start : min(start + self.break_after, len(self.body) - 1)])
            if request.transport is not None:
                request.transport.close()
            return answer
        await answer.write(self.body[start:])
        return answer


@pytest.mark.parametrize(("has_ranges", "etag"), [(True, '"v1"'), (False, '"v1"'), (True, ""), (True, 'W/"v1"')])
def test_a_broken_download_continues(server: WebServer, tmp_path: Path, etag: str, *, has_ranges: bool):
    """The rest is asked for; a server without ranges sends all again. The file is the same."""
    answer = server.answers["/a.png"] = Breaking(breaks=2, has_ranges=has_ranges, etag=etag)
    fetched = fetch(tmp_path, f"{server.url}/a.png")
    assert (fetched.files, fetched.size_bytes, fetched.failed) == (1, len(BODY), [])
    assert (tmp_path / "a.png").read_bytes() == BODY
    assert len(answer.ranges) == 3
    assert answer.ranges[0] == ""
    assert all(bool(asked) == (etag == '"v1"') for asked in answer.ranges[1:])


def test_another_run_continues_and_notices_another_version(server: WebServer, tmp_path: Path):
    """A part of an earlier run is continued only with the same ETag; never are two versions mixed."""
    answer = server.answers["/a.png"] = Breaking(breaks=5, break_after=50_000)
    assert "broke after" in error_of(fetch(tmp_path, f"{server.url}/a.png"))
    assert not (tmp_path / "a.png").exists()
    answer.body, answer.etag = BODY[::-1], '"v2"'
    assert fetch(tmp_path, f"{server.url}/a.png").files == 1
    assert (tmp_path / "a.png").read_bytes() == BODY[::-1]
    assert answer.ranges[-1].startswith("bytes=")
    assert only_entry(tmp_path).etag == '"v2"'


def test_a_part_that_is_whole_already_is_recognised(server: WebServer, tmp_path: Path):
    """A run that was killed after the last byte needs no byte again: the server answers 416 with the length."""
    answer = server.answers["/a.png"] = Breaking(breaks=5, break_after=len(BODY))
    answer.body = BODY + b"x"
    assert fetch(tmp_path, f"{server.url}/a.png").failed

    async def satisfied(request: web.Request) -> web.StreamResponse:
        assert request.headers["Range"] == f"bytes={len(BODY)}-"
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(BODY)}"})

    server.answers["/a.png"] = satisfied
    assert fetch(tmp_path, f"{server.url}/a.png").files == 1
    assert (tmp_path / "a.png").read_bytes() == BODY


def test_a_busy_server_is_asked_again(server: WebServer, tmp_path: Path):
    """After 429 and 503 the file is asked for again, up to five times."""
    statuses = [429, 503, 429]

    async def busy(_: web.Request) -> web.StreamResponse:
        if statuses:
            return web.Response(status=statuses.pop(), headers={"Retry-After": "0"})
        return web.Response(body=b"done")

    server.answers["/a.txt"] = busy
    assert fetch(tmp_path, f"{server.url}/a.txt").files == 1
    assert server.asked == {"/a.txt": 4}


def test_a_slow_drip_is_cut(server: WebServer, tmp_path: Path):
    """A server that sends hardly anything counts as broken, although it never stops."""

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "5000"})
        await answer.prepare(request)
        for _ in range(5000):
            await answer.write(b".")
            await asyncio.sleep(0.02)
        return answer

    server.answers["/a.txt"] = drip
    limits = Limits(max_file_size_bytes=10_000, answer_s=0.1)
    assert error_of(fetch(tmp_path, f"{server.url}/a.txt", limits=limits)) == "the server sends too slowly"
    assert server.asked == {"/a.txt": 5}


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", lambda data: zlib.compress(data, wbits=-15))],
)
def test_compressed_answers_are_decompressed(
    server: WebServer, tmp_path: Path, encoding: str, compress: Callable[[bytes], bytes]
):
    """A server may compress although it was asked not to: the file has the content."""
    fetch(tmp_path, server.serves("/a.txt", compress(BODY), Content_Encoding=encoding))
    assert (tmp_path / "a.txt").read_bytes() == BODY
    assert only_entry(tmp_path).size_bytes == len(BODY)


def test_damaged_and_endless_compression_is_refused(server: WebServer, tmp_path: Path):
    """A cut gzip body is no file, nor is one that grows beyond the limit; `logs.gz` stays as it is."""
    whole = gzip.compress(BODY)
    addresses = [
        server.serves("/cut.txt", whole[:-9], Content_Encoding="gzip"),
        server.serves("/bomb.txt", gzip.compress(bytes(50_000_000)), Content_Encoding="gzip"),
        server.serves("/logs.gz", whole, Content_Encoding="gzip"),
    ]
    errors = dict(fetch(tmp_path, *addresses).failed)
    assert errors == {
        addresses[0]: "the compressed answer ended early",
        addresses[1]: "the file is larger; at most 10,000,000 are allowed",
    }
    assert (tmp_path / "logs.gz").read_bytes() == whole


class _NameServer(AbstractResolver):
    """A name server that gives these addresses for every name."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET):
        common = {"hostname": host, "port": port, "family": family, "proto": 0, "flags": 0}
        return [{**common, "host": each} for each in self._addresses]

    async def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(
    ("hosts", "is_allowed"), [(("files.example.com",), False), (("files.example.com", "10.0.0.0/8"), True)]
)
def test_names_lead_to_private_addresses_only_if_those_are_listed(hosts: tuple[str, ...], *, is_allowed: bool):
    """The address that a name server gives is checked, too."""
    resolving = CheckedResolver(HostRules(hosts), _NameServer("10.0.0.5")).resolve("files.example.com")
    if is_allowed:
        assert asyncio.run(resolving)[0]["host"] == "10.0.0.5"
    else:
        with pytest.raises(ForbiddenAddressError, match=r"10\.0\.0\.5"):
            asyncio.run(resolving)


@pytest.mark.parametrize(
    ("hosts", "host", "is_listed"),
    [
        (["a.example.com"], "A.example.com.", True),
        (["a.example.com"], "b.a.example.com", False),
        (["a.example.com"], "a.example.com.evil.example", False),
        (["127.0.0.1"], "127.0.0.2", False),
        (["127.0.0.1"], "2130706433", False),
        (["127.0.0.1"], "localhost", False),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["::1"], "::1", True),
        (["127.0.0.1"], "::ffff:127.0.0.1", True),
    ],
)
def test_only_listed_hosts_are_asked(hosts: list[str], host: str, *, is_listed: bool):
    """A name covers itself, an address itself, and a network its addresses."""
    assert HostRules(hosts).is_listed(host) is is_listed


class _KilledError(BaseException):
    """Ends a run between two steps."""


@pytest.mark.parametrize("is_linked", [True, False])
def test_a_run_that_dies_before_the_lock_leaves_no_second_file(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_linked: bool
):
    """A process may end between any two steps: the next run has one whole file, and one entry for it."""
    address = server.serves("/a.png", BODY)
    link = os.link

    def die(source: Path, target: Path) -> None:
        if is_linked:
            link(source, target)
        raise _KilledError

    monkeypatch.setattr("os.link", die)
    with pytest.raises(_KilledError):
        fetch(tmp_path, address)
    monkeypatch.undo()
    assert read_lock(tmp_path) == {}
    assert fetch(tmp_path, address).files == 1
    assert (only_entry(tmp_path).file, (tmp_path / "a.png").read_bytes()) == ("a.png", BODY)
    assert sorted(each.name for each in tmp_path.rglob("*")) == [".fetch", "a.png", "attachments.lock.csv"]


def test_a_cut_line_of_the_lock_counts_as_absent(server: WebServer, tmp_path: Path):
    """A crash of the machine may cut the last line, and somebody may write nonsense: such lines are ignored."""
    addresses = [server.serves("/a.png", BODY), server.serves("/b.png", BODY)]
    fetch(tmp_path, *addresses)
    lock = tmp_path / "attachments.lock.csv"
    text = lock.read_text()
    lock.write_text(text[:-5])
    assert len(read_lock(tmp_path)) == 1
    lock.write_text(text.replace(",a.png,", ",../a.png,").replace(",b.png,", ",/etc/b.png,"))
    assert read_lock(tmp_path) == {}
    lock.write_text("name,size\n")
    with pytest.raises(UsageError, match="is not a list of fetched files"):
        read_lock(tmp_path)


@pytest.mark.parametrize("scheme", ["http", "https", "sftp"])
def test_a_name_that_leads_into_the_private_network_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
):
    """A listed name is no reason to connect to a private address, over any scheme."""
    private = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", 443))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [private])
    error = error_of(fetch(tmp_path, f"{scheme}://files.example.com/a.png", hosts=("files.example.com",)))
    assert error.startswith("files.example.com is at the private address 10.0.0.5")


@pytest.mark.parametrize(("addresses", "is_private"), [(["10.0.0.5"], True), (["10.0.0.5", "93.184.215.14"], False)])
def test_headers_are_for_private_hosts_only_without_tls(addresses: list[str], *, is_private: bool):
    """Over plain http, only a host with private addresses alone gets the headers."""
    resolver = CheckedResolver(HostRules(["files.example.com", "10.0.0.5"]), _NameServer(*addresses))
    assert asyncio.run(resolver.is_private("files.example.com")) is is_private
