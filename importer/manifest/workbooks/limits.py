"""How much memory and time the reading of a workbook may take."""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path

from importer.manifest.workbooks.messages import ReaderLimits

# calamine takes up to 10 bytes of memory for each byte of an unpacked sheet whose cells hold values, and 24 bytes for
# each empty cell between the first and the last.
_LEAST_MEMORY_BYTES = 2 << 30
_MEMORY_PER_BYTE = 20
_SHARE_OF_MACHINE = 0.5
_LEAST_CPU_S = 60
_CPU_S_PER_BYTE = 2e-6  # a slow processor takes a tenth of that
_MOST_PACKED = 1032  # what deflate can make of a byte, whatever an archive declares
_CONTROL_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limits_for(path: Path) -> ReaderLimits:
    """Say what reading a workbook may take at most: more for a larger one, never more than half of the machine."""
    size_bytes = unpacked_bytes(path)
    memory_bytes = max(_LEAST_MEMORY_BYTES, _MEMORY_PER_BYTE * size_bytes)
    machine_bytes = _machine_bytes()
    if machine_bytes is not None:
        memory_bytes = min(memory_bytes, int(_SHARE_OF_MACHINE * machine_bytes))
    return ReaderLimits(memory_bytes=memory_bytes, cpu_s=_LEAST_CPU_S + int(_CPU_S_PER_BYTE * size_bytes))


def unpacked_bytes(path: Path) -> int:
    """How many bytes the parts of a workbook have, as far as they can have what the archive declares."""
    packed_bytes = path.stat().st_size
    with contextlib.suppress(zipfile.BadZipFile, RuntimeError, ValueError), zipfile.ZipFile(path) as archive:
        declared_bytes = sum(part.file_size for part in archive.infolist())
        return min(max(declared_bytes, packed_bytes), _MOST_PACKED * packed_bytes)
    return packed_bytes


def _machine_bytes() -> int | None:
    """How much memory the machine or its container has; ``None`` if the system doesn't say."""
    known: list[int] = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in _CONTROL_GROUPS:
        with contextlib.suppress(OSError, ValueError):
            known.append(int(Path(name).read_text("ascii")))  # "max" is no number, and no limit
    return min(known, default=None)
