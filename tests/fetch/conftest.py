from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shop import Shop
from tests.fetch.servers import WebServer


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A folder for a manifest and a mapping, and no account."""
    return Shop(tmp_path, monkeypatch, capsys)


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A web server without any file."""
    with WebServer() as serving:
        yield serving
