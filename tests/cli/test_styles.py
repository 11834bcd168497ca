"""Lines as a terminal shows them."""

from __future__ import annotations

import pytest

from importer.cli.styles import wrapped
from importer.runtime.display_text import labelled


@pytest.mark.parametrize("width", [80, 120])
def test_no_word_is_broken(width: int) -> None:
    """Lines fit the terminal, break only between words, and go on below their text."""
    words = " ".join(f"word{number}" for number in range(60))
    for line, indent in (
        (words, 4), (f"    {words}", 4), (labelled("to send", words), 13), (labelled("", words), 13),
    ):  # fmt: skip
        first, *rest = wrapped(line, width)
        assert rest
        assert all(len(part) <= width for part in (first, *rest))
        assert {len(part) - len(part.lstrip()) for part in rest} == {indent}
        assert " ".join([first, *map(str.strip, rest)]) == line


def test_what_must_stay_whole_is_not_broken() -> None:
    """A short line, a path that is longer than the terminal, and lines of YAML stay as they are."""
    yaml = f"          values: {'x ' * 60}"
    path = f"/{'folder/' * 20}"
    assert wrapped("rows         3", 80) == ["rows         3"]
    assert wrapped(yaml, 80) == [yaml]
    assert wrapped(labelled("results", path), 80) == [labelled("results", path)]
    assert wrapped("", 80) == [""]
    command = labelled("", f"ticket-importer run {'a folder/' * 20}tickets.csv -m mapping.yaml")
    assert wrapped(command, 80) == [command], "it is copied"
