"""Number of examples for each property: few in the suite, FUZZ_EXAMPLES in `make fuzz`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.manifest.reading import ForkedReader

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))

# A deadline of wall time would fail on a busy machine; `tests.fuzz.answers` limits the CPU time.
settings.register_profile(
    "fuzz", max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)


@pytest.fixture(scope="module", autouse=True)
def read_here() -> Iterator[None]:
    """Read workbooks in forked processes: `tests/manifest/workbooks/test_hostile.py` tests real ones."""
    with ForkedReader.used():
        yield
