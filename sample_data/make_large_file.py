"""Create the two large attachments of the sample data, which are not in git: ``python sample_data/make_large_file.py``.

The content is always the same. A complete file is not written again.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The mapping allows 6 MB: the first file belongs to a ticket of tickets.csv, the second to a mistake in broken.csv.
SIZES_BYTES = {"diagnostics.log": 5_000_000, "diagnostics-full.log": 7_000_000}

_LINE = "2024-03-08T10:36:{second:02d}Z gateway request={number:08d} status=200 bytes=512\n"


def make_large_files(folder: Path) -> list[Path]:
    """Create the missing files in ``folder``, which must exist. Return the new files."""
    made = []
    for name, size_bytes in SIZES_BYTES.items():
        path = folder / name
        if path.is_file() and path.stat().st_size == size_bytes:
            continue
        # Renamed when complete: an interrupted run leaves no short file with the final name.
        part = path.with_name(f"{name}.part")
        part.write_bytes(_content(size_bytes))
        part.replace(path)
        made.append(path)
    return made


def _content(size_bytes: int) -> bytes:
    line_bytes = len(_LINE.format(second=0, number=0))
    lines = (_LINE.format(second=number % 60, number=number) for number in range(size_bytes // line_bytes + 1))
    return "".join(lines).encode("ascii")[:size_bytes]


if __name__ == "__main__":
    for file in make_large_files(Path(__file__).parent / "attachments"):
        sys.stderr.write(f"made {file.name} ({file.stat().st_size:,} bytes)\n")
