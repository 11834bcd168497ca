"""Reads the files of one mapping, and hashes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from importer.mapping.document import UnreadableError, decode

MAX_FILES = 100
_MAX_TEXT_BYTES = 16_000_000


@dataclass
class MappingFiles:
    """The files that were read for one mapping, in the order of reading."""

    paths: list[Path] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)

    def read(self, path: Path, max_bytes: int) -> bytes:
        """Return at most ``max_bytes`` + 1 bytes of a file. Raises UnreadableError if it can't be read."""
        if len(self.paths) >= MAX_FILES:
            raise UnreadableError(f"the mapping includes more than {MAX_FILES} files, the limit; merge some of them")
        try:
            if path.exists() and not path.is_file():  # opening a FIFO would wait for ever
                raise UnreadableError("this is not a regular file; check its name")
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
        except FileNotFoundError:
            raise UnreadableError("there is no such file; check its name and folder") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreadableError(f"the file can't be read: {reason}") from None
        self.paths.append(path)
        self.digests.append(hashlib.sha256(content).digest())
        return content

    @property
    def sha256(self) -> str:
        """Hex digest of the only file, or of the digests of all files in the order of reading."""
        if len(self.digests) == 1:
            return self.digests[0].hex()
        return hashlib.sha256(b"".join(self.digests)).hexdigest()


def read_text_file(path: Path) -> str:
    """Return the text of another file that is written by hand, such as a list of jobs. Raises UnreadableError."""
    return decode(MappingFiles().read(path, _MAX_TEXT_BYTES), _MAX_TEXT_BYTES)
