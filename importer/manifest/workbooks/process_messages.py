"""Messages to and from the process that reads a workbook: pickled objects, each after its length.

The process answers a request with the format and the header of the sheet, batches of its rows, and None at the end.
Instead of any of these it may answer with an exception, which ends the reading.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from importer.manifest.file_type import FileType
from importer.models import ManifestOptions

_LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, kw_only=True)
class ProcessLimits:
    """How much memory and processor time the process may use before the system stops it."""

    memory_bytes: int
    cpu_s: int


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """The request to read one sheet; the fields are the parameters of ``open_workbook``."""

    path: Path
    kind: FileType
    options: ManifestOptions
    expected: Collection[str]
    file_name: str
    limits: ProcessLimits


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message."""
    content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read a message, still packed; None if the stream ends before the message does."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def unpack(content: bytes) -> Any:
    """Unpack a message."""
    return pickle.loads(content)  # noqa: S301 - both ends are this program, and nothing else can write to the pipe
