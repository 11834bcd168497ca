"""Number of examples for each property: few in the suite, FUZZ_EXAMPLES in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))

# A deadline of wall time would fail on a busy machine; `tests.fuzz.answers` limits the CPU time.
settings.register_profile(
    "fuzz", max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
