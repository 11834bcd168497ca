"""The `manifest` section: where the rows are, and columns by expressions."""

from __future__ import annotations

import pytest

from importer.errors import MappingError
from tests.mapping.conftest import BASE, Load


def test_wrong_expressions_are_errors_of_the_mapping(load: Load) -> None:
    """All at once, each with its line and the place in it."""
    text = f"{BASE}manifest:\n  records: a[\n  columns:\n    x: foo(a)\n    y: b.#\n    z: join(a)\n    ok: a.b[0]\n"
    with pytest.raises(MappingError) as caught:
        load(text)
    lines = "\n".join(caught.value.details)
    start = BASE.count("\n")
    assert f":{start + 2}: manifest > records: 'a[' is not a JMESPath expression: it ends too early" in lines
    assert (
        f":{start + 4}: manifest > columns > x: 'foo(a)' is not a JMESPath expression: it calls the unknown function foo()"
        in lines
    )
    assert (
        f":{start + 5}: manifest > columns > y: 'b.#' is not a JMESPath expression: it has an error at character 3"
        in lines
    )
    assert (
        f":{start + 6}: manifest > columns > z: 'join(a)' is not a JMESPath expression: it calls join() with 1 argument; it takes 2"
        in lines
    )
    assert len(caught.value.details) == 4
    mapping = load(f"{BASE}manifest:\n  records: tickets/ticket\n  columns: {{x: a.b, y: \"c[?d=='e'] | [0]\"}}\n")
    assert mapping.manifest.records == "tickets/ticket"
    assert mapping.manifest.columns == (("x", "a.b"), ("y", "c[?d=='e'] | [0]"))
