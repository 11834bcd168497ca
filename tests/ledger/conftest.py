from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger.store import Ledger
from tests.ledger.ledgers import new_ledger, reopened, use_server
from tests.postgres.databases import empty_ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "postgresql":
        if request.node.get_closest_marker("file"):
            pytest.skip("it is about the file of an SQLite ledger")
        use_server(tmp_path, empty_ledger())
    ledger = new_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def other(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """The same ledger, as another process has opened it."""
    other = reopened(tmp_path)
    yield other
    other.close()
