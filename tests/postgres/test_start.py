"""Faults of the server when a command starts: what waiting can't mend ends the command at once."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from importer.errors import LedgerAway, LedgerError
from importer.ledger.store import Ledger
from tests.cli.shop import Account, Shop, quick
from tests.postgres.databases import shared_server

_FAULTS = (
    "create role locked login password 'hush'",
    "create role silent nologin",
    "create role plain login",
    "create role busy login connection limit 0",
    "create database closed allow_connections false",
    "create database private",
    "revoke connect on database private from public",
)
_REPAIRS = (
    *("drop database closed", "drop database private"),
    *("drop role locked", "drop role silent", "drop role plain", "drop role busy"),
)
LONG_S = 600.0  # a test that waits for it runs into its timeout


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """The folder of a server with users and databases that nobody can use."""
    server = shared_server()
    with server.connect() as db:
        for statement in _FAULTS:
            db.execute(statement)
        yield str(server.folder)
        for statement in _REPAIRS:
            db.execute(statement)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("locked:wrong@/postgres?host={}", "it refuses the user or the password"),
        ("locked@/postgres?host={}", "it asks for a password"),
        ("nobody@/postgres?host={}", "it refuses the user or the password"),
        ("silent@/postgres?host={}", "it refuses the user or the password"),
        ("barred@/postgres?host={}", "it does not admit this user from this machine"),
        ("owner@/missing?host={}", "it has no database of this name"),
        ("owner@/closed?host={}", "its database accepts no connections"),
        ("plain@/private?host={}", "this user lacks a right in the database"),
        ("owner@/postgres?host={}&sslmode=always", "an option in its address"),
        ("owner@/postgres?host={}&connect_timeout=long", "an option in its address"),
        ("owner@/postgres?host={}&colour=red", "an option in its address"),
        ("owner@/postgres?host={}&options=-ccolour%3Dred", "an option in its address"),
        ("owner@/postgres?host={}&service=unknown", "an option in its address"),
        ("owner@127.0.0.1:99999/postgres", "an option in its address"),
        ("owner@db..example.com/postgres", "is not a valid ledger address"),
        ("owner@/postgres?host=db..example.com", "is not a valid ledger address"),
    ],
)
def test_a_mistake_in_the_address_is_an_error_at_once(place: str, address: str, reason: str) -> None:
    """It does not get better by waiting, so nothing is waited for, however long a command may wait."""
    with pytest.raises(LedgerError) as caught:
        Ledger.exists(f"postgresql://{address.format(place)}", LONG_S)
    assert reason in caught.value.message
    assert caught.value.hint
    assert (caught.value.exit_code, "wrong" in str(caught.value.lines())) == (2, False)


@pytest.mark.parametrize("mode", ["prefer", "disable"])
def test_another_program_at_the_address_is_an_error_at_once(mode: str) -> None:
    """Such as a web server, with a wrong port; with and without encryption it answers something else."""
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer() -> None:
            connection, _ = web.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(LedgerError, match="another program than PostgreSQL") as caught:
            Ledger.exists(f"postgresql://owner@127.0.0.1:{web.getsockname()[1]}/x?sslmode={mode}", LONG_S)
        thread.join()
    assert caught.value.exit_code == 2


def test_what_may_get_better_is_waited_for(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """The message says what is waited for, and until when."""
    with caplog.at_level(logging.WARNING), pytest.raises(LedgerAway):
        Ledger.exists(f"postgresql://busy@/postgres?host={place}", 0.1)
    (said,) = caplog.messages
    assert "does not answer (it has too many connections); waiting up to 0 s for it, until 20" in said


@pytest.mark.parametrize(
    ("code", "words", "exit_code"),
    [
        (socket.EAI_NONAME, "Name or service not known", 2),
        (socket.EAI_AGAIN, "Temporary failure in name resolution", 3),
    ],
)
def test_a_host_name_that_nobody_knows_is_an_error_soon(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, code: int, words: str, exit_code: int
) -> None:
    """It is mistyped, or its container has not started yet. If no name server answers, one may answer later."""

    def fail(*_: object, **_named: object) -> None:
        raise socket.gaierror(code, words)

    monkeypatch.setattr("importer.ledger.opening._NAME_PATIENCE_S", 0.1)
    shop.manifest(1)
    with Account(quick()) as account:
        shop.set(**account.variables, LSQ_LEDGER="postgresql://importer@mistyped.example.com/tickets")
        with monkeypatch.context() as patched:
            patched.setattr("psycopg._conninfo_attempts.socket.getaddrinfo", fail)
            ended = shop.run("--give-up-after", "600" if exit_code == 2 else "1")
    assert ended.code == exit_code, ended.err
    assert ("no host of this name is known" in ended.err) is (exit_code == 2)
    assert "its host name can't be resolved" in ended.err
