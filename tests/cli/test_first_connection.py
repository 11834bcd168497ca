"""A first call that can't be made because of a setting: an error of the settings, at once, and no password in it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import trustme

from tests.cli.shop import Shop, ended

PASSWORD = "hunter2-of-nobody"
ASKS = (
    ("run", "tickets.csv", "-m", "mapping.yaml", "--json"),
    ("fields", "--json"),
)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.contextmanager
def listening(handle: Handler, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve in another thread for as long as the block lasts; gives the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    starting = asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(20)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def answering(answer: bytes) -> Handler:
    """A proxy that has one answer to every CONNECT."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        writer.close()

    return handle


@pytest.fixture
def set_up(shop: Shop) -> Shop:
    """An account that is set, and a manifest of two rows."""
    shop.set(
        LSQ_HOST="https://api.invalid",
        LSQ_TENANT_ID="1",
        LSQ_ACCESS_KEY="access-nobody",
        LSQ_SECRET_KEY="secret-nobody",
    )
    shop.unset("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE")
    shop.do("ledger", "init")
    shop.manifest(2)
    return shop


def assert_told_at_once(shop: Shop, arguments: tuple[str, ...], *words: str) -> None:
    """Exit 2 in the process and in JSON, the cause in both, every row pending, and no secret anywhere."""
    refused = ended(shop.start(*arguments, "--log-file", "import.log", "-v"))
    log = shop.path("import.log").read_text(encoding="utf-8") if shop.path("import.log").exists() else ""
    assert refused.code == 2, refused.err
    assert refused.summary["exit_code"] == 2
    assert "Traceback" not in refused.err
    for word in words:
        assert word in refused.err
        assert word in refused.summary["stopped"]
    assert "sending pauses" not in refused.err
    results = shop.path("tickets.results.csv")
    written = results.read_text(encoding="utf-8-sig") if results.exists() else ""
    if results.exists():
        assert shop.statuses() == {"pending": 2}
    for text in (refused.out, refused.err, log, written):
        assert PASSWORD not in text
        assert "hunter2" not in text


@pytest.mark.parametrize("arguments", ASKS, ids=lambda arguments: arguments[0])
def test_a_host_that_does_not_resolve(set_up: Shop, arguments: tuple[str, ...]):
    """The name is in the message, at once and not after 15 minutes."""
    assert_told_at_once(set_up, arguments, "api.invalid does not resolve", "LSQ_HOST")


@pytest.mark.parametrize("arguments", ASKS, ids=lambda arguments: arguments[0])
def test_a_proxy_that_asks_for_a_password(set_up: Shop, arguments: tuple[str, ...]):
    """407 is about HTTPS_PROXY, and a proxy that repeats the login in its answer does not bring it to a file."""
    answer = f"HTTP/1.1 407 No {PASSWORD}\r\nContent-Length: 0\r\n\r\n".encode()
    with listening(answering(answer)) as port:
        set_up.set(HTTPS_PROXY=f"http://ann:{PASSWORD}@127.0.0.1:{port}")
        assert_told_at_once(set_up, arguments, "HTTPS_PROXY", "407")


def test_a_proxy_that_forbids_the_host(set_up: Shop):
    """403 of the proxy is its rule, not the account's answer."""
    with listening(answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as port:
        set_up.set(HTTPS_PROXY=f"http://127.0.0.1:{port}")
        assert_told_at_once(set_up, ASKS[0], "the proxy in HTTPS_PROXY refuses", "403")


def test_a_proxy_whose_name_does_not_resolve(set_up: Shop):
    """The message names the proxy's host without its login."""
    set_up.set(HTTPS_PROXY=f"http://ann:{PASSWORD}@proxy.invalid:3128")
    assert_told_at_once(set_up, ASKS[0], "proxy.invalid does not resolve", "HTTPS_PROXY")


def test_a_password_that_is_not_percent_encoded(set_up: Shop):
    """It is found before any call, and is in no message."""
    set_up.set(HTTPS_PROXY="http://ann:hunter2#/@proxy.example.com:3128")
    assert_told_at_once(set_up, ASKS[0], "HTTPS_PROXY", "written as %")


@pytest.mark.parametrize("arguments", ASKS, ids=lambda arguments: arguments[0])
def test_a_certificate_that_does_not_verify(set_up: Shop, arguments: tuple[str, ...]):
    """A certificate of an unknown authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with listening(answering(b""), context) as port:
        set_up.set(LSQ_HOST=f"https://127.0.0.1:{port}")
        set_up.do("ledger", "init")
        assert_told_at_once(set_up, arguments, "is not valid", "SSL_CERT_FILE")


def test_a_port_that_speaks_no_tls(set_up: Shop):
    """Plain HTTP where TLS was expected is a wrong port."""

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    with listening(plain) as port:
        set_up.set(LSQ_HOST=f"https://127.0.0.1:{port}")
        assert_told_at_once(set_up, ASKS[0], "does not speak TLS", "LSQ_HOST")
