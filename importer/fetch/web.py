"""Downloads a file over http or https: redirects, headers, the rest of a part, and all checks of an answer."""

from __future__ import annotations

import asyncio
import mimetypes
import ssl
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from importer.fetch.answers import (
    PAGE_BYTES,
    content_range,
    ending,
    header_name,
    is_html_type,
    is_wrong_page,
    keeps_compression,
)
from importer.fetch.body import Decoder
from importer.fetch.hosts import HostRules
from importer.fetch.outcome import Downloaded, DownloadError, Limits, too_large
from importer.fetch.part_file import PartFile, Validator
from importer.fetch.resolver import CheckedResolver, ForbiddenAddressError
from importer.fetch.retry import RETRIED_STATUSES, retry_after_s

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_READ_BYTES = 131_072
_SMALL_BYTES = 1_000_000  # a later run does not continue smaller files
_SAFE = "%/:=&?~#+!$,;'@()*[]"
_TYPES = mimetypes.MimeTypes()  # Python's own table: the same on every machine


@dataclass(frozen=True, kw_only=True)
class WebOptions:
    """How to ask web servers. ``headers``: name and value, with secrets."""

    rules: HostRules
    headers: Mapping[str, str]
    limits: Limits
    connections: int
    certificates: ssl.SSLContext | None = None


class WebDownloader:
    """Downloads files with one session. Make it with `open_web`."""

    def __init__(self, session: aiohttp.ClientSession, resolver: CheckedResolver, options: WebOptions) -> None:
        self._session = session
        self._resolver = resolver
        self._rules = options.rules
        self._headers = options.headers
        self._limits = options.limits

    async def download(self, address: str, name: str, part: PartFile) -> Downloaded:
        """Complete the part of a file. ``name``: what the manifest says. Raises DownloadError and OSError of the disk.

        The part is kept for another attempt if the server can send the rest later.
        """
        if part.size_bytes and not part.validator.if_range:
            part.discard()  # nothing would tell whether the rest is of the same version
        try:
            url = as_url(address)
            headers = await self._first_headers(url)
            for _ in range(self._limits.redirects + 1):
                async with self._session.get(
                    url, headers=self._with_range(headers, part), allow_redirects=False
                ) as answer:
                    if answer.status not in _REDIRECTS:
                        return await self._read(answer, name, part)
                    url = self._redirected(url, answer.headers.get("Location", ""))
                headers = CIMultiDict()  # they were meant for the first address only
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError) as error:
            raise _as_download_error(error, part, self._limits) from error
        raise DownloadError(f"more than {self._limits.redirects} redirects")

    async def check_host(self, host: str) -> None:
        """Raise DownloadError if a host's name leads to private addresses only, and these are not listed."""
        try:
            await self._resolver.resolve(host)
        except ForbiddenAddressError as error:
            raise DownloadError(str(error.strerror)) from None
        except OSError:
            raise DownloadError("the host's name can't be resolved", is_temporary=True) from None

    async def _first_headers(self, url: URL) -> CIMultiDict[str]:
        """Check an address, and return the headers that its host may get."""
        self._check(url, "")
        host = url.raw_host or ""
        if url.scheme == "http" and self._headers and not await self._resolver.is_private(host):
            return CIMultiDict()  # anybody on the way could read them
        return CIMultiDict(self._headers)

    def _check(self, url: URL, redirected: str) -> None:
        """Raise DownloadError for an address that must not be asked."""
        host = url.host or ""
        if url.scheme not in ("http", "https") or not host:
            raise DownloadError(f"{redirected}the address is not one of a web server")
        if not (self._rules.is_listed(host) or self._rules.is_listed(url.raw_host or "")):
            raise DownloadError(f"{redirected}the host {host} is not listed under `hosts` in the mapping")

    def _redirected(self, url: URL, location: str) -> URL:
        """Return the address to which an answer leads."""
        if not location:
            raise DownloadError("a redirect without an address")
        target = url.join(as_url(location)).with_user(None)
        self._check(target, "redirected: ")
        if url.scheme == "https" and target.scheme == "http":
            raise DownloadError("redirected from https to plain http")
        return target

    def _with_range(self, headers: CIMultiDict[str], part: PartFile) -> CIMultiDict[str]:
        asked = CIMultiDict({"User-Agent": "ticket-importer", "Accept": "*/*"})
        asked.update(headers)
        asked["Accept-Encoding"] = "identity"
        if part.size_bytes:
            asked["Range"] = f"bytes={part.size_bytes}-"
            asked["If-Range"] = part.validator.if_range
        return asked

    async def _read(self, answer: aiohttp.ClientResponse, name: str, part: PartFile) -> Downloaded:
        said = header_name(answer.headers.get("Content-Disposition"))
        downloaded = Downloaded(name=said or _typed_name(name, answer), etag=answer.headers.get("ETag", ""))
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.size_bytes:
            if answer.headers.get("Content-Range", "").strip() == f"bytes */{part.size_bytes}":
                return Downloaded(name=said, etag=part.validator.etag)
            part.restart(Validator())
            raise DownloadError("the file on the server has changed", is_temporary=True)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise _status_error(answer)
        length = self._begin(answer, part)
        shown = name if ending(name) else said or name
        encoding = answer.headers.get("Content-Encoding", "").strip().lower()
        decoder = Decoder("" if keeps_compression(shown) and "gzip" in encoding else encoding)
        if decoder.is_needed and part.size_bytes:
            part.restart(Validator())
            raise DownloadError("the server sends only a part of a compressed answer", is_temporary=True)
        if decoder.is_needed:
            part.restart(Validator())  # a range would count compressed bytes
        elif length is not None and length > self._limits.max_file_size_bytes:
            raise too_large(length, self._limits)
        await self._copy(answer, decoder, part, shown)
        if length is not None and not decoder.is_needed and part.size_bytes != length:
            raise DownloadError(f"{part.size_bytes:,} of {length:,} bytes arrived", is_temporary=True)
        if not part.size_bytes:
            raise DownloadError("the server sent an empty file")
        return downloaded

    def _begin(self, answer: aiohttp.ClientResponse, part: PartFile) -> int | None:
        """Set the part to the first byte of the answer; return the length of the whole file, if it is known."""
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            span = content_range(answer.headers.get("Content-Range"))
            if span is None or span[0] != part.size_bytes or not part.size_bytes:
                part.restart(Validator())
                raise DownloadError("the server sent another part than the one asked for", is_temporary=True)
            return span[1]
        version = Validator(etag=answer.headers.get("ETag", ""), last_modified=answer.headers.get("Last-Modified", ""))
        length = answer.content_length
        has_ranges = answer.headers.get("Accept-Ranges", "").lower() != "none"
        is_small = length is not None and length < _SMALL_BYTES
        part.restart(version if has_ranges else Validator(), keeps_facts=not is_small)
        return length

    async def _copy(self, answer: aiohttp.ClientResponse, decoder: Decoder, part: PartFile, name: str) -> None:
        """Copy the body to the part, and check its beginning, size and speed."""
        loop = asyncio.get_running_loop()
        is_html = is_html_type(answer.headers.get("Content-Type", ""))
        start = None if part.size_bytes else b""  # of the file, until it has been checked
        window_at, window_bytes = loop.time(), 0
        async for data in answer.content.iter_chunked(_READ_BYTES):
            window_bytes += len(data)
            if (passed := loop.time() - window_at) >= self._limits.answer_s:
                if window_bytes < self._limits.least_bytes_per_s * passed:
                    raise DownloadError("the server sends too slowly", is_temporary=True)
                window_at, window_bytes = loop.time(), 0
            for piece in decoder.pieces(data):
                if start is not None:
                    start += piece
                    if len(start) < PAGE_BYTES:
                        continue
                    piece, start = self._checked(start, name, is_html=is_html), None  # noqa: PLW2901 - with what came before
                self._write(part, piece)
        decoder.finish()
        if start:
            self._write(part, self._checked(start, name, is_html=is_html))

    def _checked(self, start: bytes, name: str, *, is_html: bool) -> bytes:
        if is_wrong_page(name, is_html=is_html, start=start):
            what = f"instead of {name}" if name else "instead of a file"
            raise DownloadError(f"the server sent a web page {what}, such as a login page")
        return start

    def _write(self, part: PartFile, data: bytes) -> None:
        if part.size_bytes + len(data) > self._limits.max_file_size_bytes:
            raise too_large(None, self._limits)
        part.write(data)


@asynccontextmanager
async def open_web(options: WebOptions) -> AsyncIterator[WebDownloader]:
    """Yield a downloader."""
    resolver = CheckedResolver(options.rules)
    connector = aiohttp.TCPConnector(
        limit=options.connections, resolver=resolver, ssl=options.certificates or True, ttl_dns_cache=300
    )
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=options.limits.connect_s, sock_read=options.limits.answer_s
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=2 * _READ_BYTES,
    ) as session:
        yield WebDownloader(session, resolver, options)


def as_url(address: str) -> URL:
    """Return an address as it goes over the wire: what is percent-encoded stays, the rest is encoded.

    Raises DownloadError.
    """
    text = address.strip().partition("#")[0]
    try:
        return URL(urllib.parse.quote(text, safe=_SAFE), encoded=True) if text.isascii() else URL(text)
    except ValueError:
        raise DownloadError("the address can't be read") from None


def _typed_name(name: str, answer: aiohttp.ClientResponse) -> str:
    """Return the name with the ending of the answer's type, if the name has none; else empty."""
    content_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not name or ending(name) or content_type in ("", "application/octet-stream"):
        return ""
    return name + (_TYPES.guess_extension(content_type) or "")


def _status_error(answer: aiohttp.ClientResponse) -> DownloadError:
    status = answer.status
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    text = f"the server answered {status} {phrase}".rstrip()
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        text += "; set `headers` under `download` in the mapping, or check their values"
    wait_s = retry_after_s(answer.headers.get("Retry-After"), datetime.now(UTC))
    return DownloadError(text, is_temporary=status in RETRIED_STATUSES, retry_after_s=wait_s)


def _as_download_error(error: Exception, part: PartFile, limits: Limits) -> DownloadError:
    """Say in words of the user what failed; no text of the server is in it."""
    cause = getattr(error, "os_error", None)
    is_temporary, is_unreachable = True, False
    match error:
        case aiohttp.ClientConnectorError() if isinstance(cause, ForbiddenAddressError):
            text, is_temporary = str(cause.strerror), False
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            text, is_temporary = "the certificate of the host is not trusted, or the host does not use TLS", False
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            text, is_temporary = "the address can't be read", False
        case aiohttp.ClientConnectorDNSError():
            text, is_unreachable = "the host's name can't be resolved", True
        case aiohttp.ClientConnectorError():
            text, is_unreachable = "the host can't be reached", True
        case TimeoutError():
            text = f"no data for {limits.answer_s:g} s"
        case _:
            text = f"the connection broke after {part.size_bytes:,} bytes"
    return DownloadError(text, is_temporary=is_temporary, is_unreachable=is_unreachable)
