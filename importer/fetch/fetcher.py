"""Downloads all addresses of a manifest, some at the same time, and enters each in the lock when its file is whole."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from importer.attachments.addresses import has_password, host_of, is_address, said_name, scheme_of
from importer.attachments.lock import LockEntry, LockWriter
from importer.errors import StoppedEarly
from importer.fetch import stores
from importer.fetch.answers import ending
from importer.fetch.file_names import safe_name
from importer.fetch.hosts import HostRules
from importer.fetch.outcome import Downloaded, DownloadError, Limits
from importer.fetch.part_file import PARTS_FOLDER, PartFile, Places, delete_unrecorded
from importer.fetch.retry import RetryRules
from importer.fetch.web import WebDownloader, WebOptions, open_web
from importer.runtime.atomic_files import sync_folder
from importer.runtime.events import AddressFetched, BytesFetched, Emit
from importer.runtime.redaction import Redactor

_HASH_CHARS = 32
_MOST_OUTAGES = 10  # addresses in a row without a usable answer: then the server is down


@dataclass(frozen=True, slots=True)
class Target:
    """One address to download. ``shown``: without secrets, as in the lock. ``name``: of the file, if a cell says it."""

    address: str
    shown: str
    name: str = ""

    @property
    def said_name(self) -> str:
        """The file name that the manifest says, in the cell or in the address."""
        return self.name or said_name(self.address)


@dataclass(frozen=True, kw_only=True)
class FetchJob:
    """What to download, and how. ``entries``: the lock so far. ``whole``: its addresses with an unchanged file."""

    folder: Path
    targets: Sequence[Target]
    entries: Mapping[str, LockEntry]
    whole: AbstractSet[str]
    hosts: tuple[str, ...]
    limits: Limits
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    redactor: Redactor = field(default_factory=Redactor)
    concurrency: int = 8
    retry: RetryRules = field(default_factory=RetryRules)
    certificates: ssl.SSLContext | None = None


@dataclass(kw_only=True)
class FetchedAll:
    """What was downloaded. ``failed``: shown addresses and their errors. ``stopped``: why `fetch` gave up."""

    files: int = 0
    size_bytes: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    stopped: StoppedEarly | None = None


async def fetch_all(job: FetchJob, emit: Emit) -> FetchedAll:
    """Download all targets. Raises OSError if the folder can't be written."""
    parts = job.folder / PARTS_FOLDER
    # Each download may have a thread that writes, and one of a store.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * job.concurrency))
    former_parts = await asyncio.to_thread(_prepare, job, parts)
    options = WebOptions(
        rules=HostRules(job.hosts),
        headers=job.headers,
        limits=job.limits,
        connections=job.concurrency,
        certificates=job.certificates,
    )
    async with open_web(options) as web:
        with LockWriter(job.folder, job.entries.values()) as lock:
            fetcher = _Fetcher(job, web, lock, emit, former_parts)
            await fetcher.run()
            sync_folder(job.folder)
    return fetcher.result


def _prepare(job: FetchJob, parts: Path) -> frozenset[str]:
    """Return the names of the parts that an earlier run left."""
    parts.mkdir(parents=True, exist_ok=True)
    delete_unrecorded(job.folder, {entry.file for entry in job.entries.values()})
    return frozenset(path.stem for path in parts.glob("*.part"))


class _Fetcher:
    def __init__(
        self, job: FetchJob, web: WebDownloader, lock: LockWriter, emit: Emit, former_parts: frozenset[str]
    ) -> None:
        self._job = job
        self._web = web
        self._lock = lock
        self._emit = emit
        self._former_parts = former_parts
        self._rules = HostRules(job.hosts)
        self._targets = iter(job.targets)
        self._outages = 0  # temporary errors in a row
        self._unreachable = 0
        self._is_stopped = False
        self._not_before: defaultdict[str, float] = defaultdict(
            float
        )  # host -> time of the loop at which it wants to be asked again
        self._places: Places = defaultdict(lambda: 1)
        self.result = FetchedAll()

    async def run(self) -> None:
        """Download all targets."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._job.concurrency, len(self._job.targets))):
                    group.create_task(self._work())
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._is_stopped = True  # for downloads in threads
        is_any_file_there = self.result.files or self._job.whole
        if self._unreachable == len(self._job.targets) > 0 and not is_any_file_there and self.result.stopped is None:
            self._give_up()

    async def _work(self) -> None:
        for target in self._targets:
            if self._is_stopped:
                return
            await self._fetch(target)

    async def _fetch(self, target: Target) -> None:
        try:
            entry = await self._downloaded(target)
        except DownloadError as error:
            self._failed(target, error)
            return
        self._outages = 0
        self.result.files += 1
        self.result.size_bytes += entry.size_bytes
        self._emit(AddressFetched(target.shown, ""))

    def _failed(self, target: Target, error: DownloadError) -> None:
        """Enter an error in the lock. An unchanged file of an earlier run stays there, too."""
        text = self._job.redactor.text(error.message)
        if target.shown in self._job.whole:
            self._lock.add(replace(self._job.entries[target.shown], error=text))
        else:
            self._lock.add(LockEntry(url=target.shown, fetched_at=_now(), error=text))
        self.result.failed.append((target.shown, text))
        self._emit(AddressFetched(target.shown, text))
        self._unreachable += error.is_unreachable
        self._outages = self._outages + 1 if error.is_temporary else 0
        if self._outages >= _MOST_OUTAGES:
            self._is_stopped = True
            self._give_up()

    def _give_up(self) -> None:
        self.result.stopped = StoppedEarly(
            f"no usable answer for {self._outages} addresses in a row: {self.result.failed[-1][1]}",
            hint="run the same command again later; files that were fetched are not asked for again",
        )

    async def _downloaded(self, target: Target) -> LockEntry:
        """Return the entry of a whole file. Raises DownloadError after the last attempt."""
        await self._check(target)
        part_name = hashlib.sha256(target.shown.encode(errors="surrogatepass")).hexdigest()[:_HASH_CHARS]
        loop = asyncio.get_running_loop()  # a store's download is in another thread
        part = PartFile(
            self._job.folder, part_name, lambda size: loop.call_soon_threadsafe(self._emit, BytesFetched(size))
        )
        if part_name in self._former_parts:
            await asyncio.to_thread(part.open)
        try:
            downloaded = await self._with_retries(target, part)
            name = self._file_name(target, downloaded)
            return await asyncio.to_thread(self._finish, target, part, name, downloaded.etag)
        except DownloadError as error:
            if not error.is_temporary:
                part.discard()
            raise
        finally:
            part.close()

    def _finish(self, target: Target, part: PartFile, name: str, etag: str) -> LockEntry:
        """Make the part a whole file and enter it in the lock."""
        etag = etag if self._job.redactor.text(etag) == etag else ""
        former = self._job.entries.get(target.shown)
        entry = LockEntry(target.shown, "", part.size_bytes, part.sha256, etag)

        def record(file: str) -> None:
            nonlocal entry
            entry = replace(entry, file=file, fetched_at=_now())
            self._lock.add(entry)

        part.finish(name, former.file if former is not None else "", self._places, record)
        return entry

    async def _check(self, target: Target) -> None:
        """Raise DownloadError for an address that must not be asked. `WebDownloader` checks those of web servers."""
        if not is_address(target.address):
            raise DownloadError(f"addresses with {scheme_of(target.address)}: can't be fetched")
        if has_password(target.address):
            raise DownloadError("the address has a login; remove it, and set `headers` under `download` in the mapping")
        host = host_of(target.address)
        if stores.is_store(target.address) and not self._rules.is_listed(host):
            raise DownloadError(f"the host or bucket {host} is not listed under `hosts` in the mapping")
        if scheme_of(target.address) == "sftp":
            await self._web.check_host(host)

    async def _with_retries(self, target: Target, part: PartFile) -> Downloaded:
        host, loop = host_of(target.address), asyncio.get_running_loop()
        failures = 0
        while True:
            if (wait_s := self._not_before[host] - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            before = part.size_bytes
            try:
                return await self._attempt(target, part)
            except DownloadError as error:
                # An attempt that brought more of a large file is not a failure of the next one.
                failures = failures + 1 if part.size_bytes <= before + self._job.limits.least_bytes_per_s * 1_000 else 1
                if not error.is_temporary or failures >= self._job.retry.attempts or self._is_stopped:
                    raise
                wait_s = self._job.retry.wait_s(failures, error.retry_after_s)
                if error.retry_after_s is not None:
                    self._not_before[host] = max(self._not_before[host], loop.time() + wait_s)
                else:
                    await asyncio.sleep(wait_s)

    async def _attempt(self, target: Target, part: PartFile) -> Downloaded:
        if stores.is_store(target.address):
            return await asyncio.to_thread(
                stores.download, target.address, part, self._job.limits, lambda: self._is_stopped
            )
        return await self._web.download(target.address, target.said_name, part)

    def _file_name(self, target: Target, downloaded: Downloaded) -> str:
        """Return the name of the file on the disk: that of the cell, else of the address, else of the answer."""
        said = target.said_name
        server = self._job.redactor.text(downloaded.name)
        chosen = said if target.name or ending(said) or not server else server
        return safe_name(chosen, "file")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def whole_files(folder: Path, entries: Iterable[LockEntry]) -> Iterator[LockEntry]:
    """Yield the entries whose files are there and unchanged."""
    for entry in entries:
        if entry.file:
            with contextlib.suppress(OSError):
                if entry.is_intact(str(folder / entry.file)):
                    yield entry
