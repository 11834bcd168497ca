"""Keyed hashes: equal texts have equal ones in one ledger, and nobody finds out the text without its secret."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

DIGEST_BYTES = 16


class KeyedHash:
    """Hashes texts with the secret of one ledger."""

    def __init__(self, secret: bytes) -> None:
        self._blank = hashlib.blake2b(key=secret, digest_size=DIGEST_BYTES)

    def __call__(self, text: str) -> bytes:
        """Hash a text; 16 bytes."""
        return self.joined([text])

    def joined(self, texts: Sequence[str]) -> bytes:
        """Hash many texts; 16 bytes for each, in their order."""
        try:
            encoded = [text.encode() for text in texts]
        except UnicodeEncodeError:  # half a surrogate pair
            encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        blank = self._blank.copy
        digests = []
        for content in encoded:
            state = blank()
            state.update(content)
            digests.append(state.digest())
        return b"".join(digests)

    def hex(self, text: str) -> str:
        """Hash a text for a column of the ledger: 32 digits, and nothing for an empty text, which means: not known."""
        return self(text).hex() if text else ""
