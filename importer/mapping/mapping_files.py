"""The files that a mapping is made of: read here and nowhere else, and told apart by what they hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from importer.mapping.yaml_source import UnreadableError

MAX_FILES = 100


@dataclass
class Files:
    """Reads files and remembers what they held."""

    digests: list[bytes] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)

    def read(self, path: Path, max_bytes: int) -> bytes:
        """The bytes of a file, or the first ``max_bytes`` and one more. Raises UnreadableError that says why not."""
        if len(self.paths) >= MAX_FILES:
            raise UnreadableError(f"the mapping is made of more than {MAX_FILES} files")
        try:
            if path.exists() and not path.is_file():
                # Opening a FIFO would wait for a writer that may never come.
                raise UnreadableError("this is not a file")
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
        except FileNotFoundError:
            raise UnreadableError("there is no such file") from None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreadableError(f"the file can't be read: {reason}") from None
        self.paths.append(path)
        self.digests.append(hashlib.sha256(content).digest())
        return content

    @property
    def sha256(self) -> str:
        """Hex digest of the one file's bytes; of several, that of their digests in the order of reading."""
        if len(self.digests) == 1:
            return self.digests[0].hex()
        return hashlib.sha256(b"".join(self.digests)).hexdigest()
