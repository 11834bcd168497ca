"""The result of looking up a name: a usable file, or the reason why it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from importer.models import Attachment


@dataclass(frozen=True, slots=True)
class FileFault:
    """Reason why a file can't be attached. ``code`` is one of ``error_codes``."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """One file of a row, named by a cell of ``column`` or found in the row's folder."""

    column: str
    name: str
    found: Attachment | FileFault


class FoundFile(NamedTuple):
    """A usable file. A tuple, to save memory: there may be as many as rows."""

    path: str
    size_bytes: int
    identity: bytes  # see `models.file_identity`
