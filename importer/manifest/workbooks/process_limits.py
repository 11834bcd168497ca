"""Limits of memory and time for reading a workbook."""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path

from importer.manifest.workbooks.process_messages import ProcessLimits

# calamine takes up to 10 bytes of memory for each byte of an unpacked sheet whose cells hold values, and 24 bytes for
# each empty cell between the first and the last.
_LEAST_MEMORY_BYTES = 2 << 30
_MEMORY_PER_BYTE = 20
_SHARE_OF_MACHINE = 0.5
_LEAST_CPU_S = 60
_CPU_S_PER_BYTE = 2e-6  # ten times what a slow processor needs
_MAX_DEFLATE_RATIO = 1032  # whatever size an archive declares
_CONTAINER_MEMORY_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limits_for(path: Path) -> ProcessLimits:
    """Return the limits for a workbook; they grow with its size, up to half of the memory."""
    size_bytes = _unpacked_bytes(path)
    memory_bytes = max(_LEAST_MEMORY_BYTES, _MEMORY_PER_BYTE * size_bytes)
    machine_bytes = _machine_bytes()
    if machine_bytes is not None:
        memory_bytes = min(memory_bytes, int(_SHARE_OF_MACHINE * machine_bytes))
    return ProcessLimits(memory_bytes=memory_bytes, cpu_s=_LEAST_CPU_S + int(_CPU_S_PER_BYTE * size_bytes))


def _unpacked_bytes(path: Path) -> int:
    """Return the declared size of all parts, or the largest possible size if that is less."""
    packed_bytes = path.stat().st_size
    with contextlib.suppress(zipfile.BadZipFile, RuntimeError, ValueError), zipfile.ZipFile(path) as archive:
        declared_bytes = sum(part.file_size for part in archive.infolist())
        return min(max(declared_bytes, packed_bytes), _MAX_DEFLATE_RATIO * packed_bytes)
    return packed_bytes


def _machine_bytes() -> int | None:
    """Return the memory of the machine or its container; None if it is not known."""
    known: list[int] = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in _CONTAINER_MEMORY_FILES:
        with contextlib.suppress(OSError, ValueError):
            known.append(int(Path(name).read_text("ascii")))  # "max" is not a number: no limit
    return min(known, default=None)
