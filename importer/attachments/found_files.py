"""What becomes of a name: a file that is fine, or a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from importer.models import Attachment


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a named file can't be attached. ``code`` is one of the catalogue's."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """One file that a row names, by a cell of ``column`` or by its folder, and what it stands for."""

    column: str
    name: str
    found: Attachment | FileFault


class FoundFile(NamedTuple):
    """A file that is fine, in little room: there may be as many as rows."""

    path: str
    size_bytes: int
    identity: bytes  # see `models.file_identity`
