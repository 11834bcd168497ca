from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import MappingError
from importer.mapping import Mapping, load_mapping

BASE = """\
version: 1
source: old-helpdesk
key: ID
columns:
  Subject: Title
  Mail: LeadDetail.EmailAddress
"""

Load = Callable[[str], Mapping]
Problems = Callable[[str], list[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mapping.yaml"


@pytest.fixture
def load(path: Path) -> Load:
    """Write a text to a file and load it."""

    def write_and_load(text: str) -> Mapping:
        path.write_text(text, encoding="utf-8", newline="")
        return load_mapping(path)

    return write_and_load


@pytest.fixture
def problems(load: Load, path: Path) -> Problems:
    """Load a wrong mapping; return its problems as `LINE: text`, or `text` for the file as a whole."""

    def refuse(text: str) -> list[str]:
        with pytest.raises(MappingError) as caught:
            load(text)
        prefix = f"{path}:"
        assert all(detail.startswith(prefix) for detail in caught.value.details)
        return [detail.removeprefix(prefix).strip() for detail in caught.value.details]

    return refuse
