from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shop import Shop
from tests.reports.browser import browser


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A folder with a mapping, and no account."""
    return Shop(tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def browser_address() -> Iterator[str]:
    """The address of a browser that all tests of a module use."""
    with browser() as address:
        yield address
