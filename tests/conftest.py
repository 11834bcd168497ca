from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.manifest.reading import ForkedReader


@pytest.fixture(scope="module", autouse=True)
def forked_reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Read workbooks in forked processes, except where the process itself is tested."""
    if request.module.__name__.endswith("test_hostile"):
        yield
        return
    with ForkedReader.used():
        yield
