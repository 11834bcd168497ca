from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger.store import Ledger
from tests.cli.shop import Shop
from tests.postgres.databases import empty_ledger, new_database, shared_server
from tests.postgres.server import PostgresServer


@pytest.fixture
def server() -> PostgresServer:
    return shared_server()


@pytest.fixture
def database() -> str:
    """A new empty database."""
    return new_database()


@pytest.fixture
def url() -> str:
    """A ledger without rows."""
    return empty_ledger()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    ledger = Ledger.open(url)
    yield ledger
    ledger.close()


@pytest.fixture
def other(ledger: Ledger, url: str) -> Iterator[Ledger]:
    """The same ledger, as another host has opened it."""
    other = Ledger.open(url)
    yield other
    other.close()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A folder with a mapping, and no account."""
    return Shop(tmp_path, monkeypatch, capsys)
