from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.manifest.reading import ForkedReader


@pytest.fixture(scope="module", autouse=True)
def forked_reader() -> Iterator[None]:
    """Read workbooks in forked processes, which start faster."""
    with ForkedReader.used():
        yield
