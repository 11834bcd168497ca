"""Keyed hashes of texts (BLAKE2b with the ledger's secret): they allow comparison without storing the text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

DIGEST_BYTES = 16


class KeyedHash:
    """Hashes texts with the secret of one ledger. Hashes of two ledgers can't be compared."""

    def __init__(self, secret: bytes) -> None:
        self._blank = hashlib.blake2b(key=secret, digest_size=DIGEST_BYTES)

    def __call__(self, text: str) -> bytes:
        """Return the hash of a text: 16 bytes."""
        return self.joined([text])

    def joined(self, texts: Sequence[str]) -> bytes:
        """Return the hashes of many texts in their order, 16 bytes each, joined."""
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
        """Return the hash of a text in hexadecimal; empty for an empty text, which means: not known."""
        return self(text).hex() if text else ""
