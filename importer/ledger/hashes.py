"""Keyed hashes: equal texts have equal ones in one ledger, and nobody finds out the text without its secret."""

from __future__ import annotations

import hashlib

DIGEST_BYTES = 16


class KeyedHash:
    """Hashes texts with the secret of one ledger."""

    def __init__(self, secret: bytes) -> None:
        self._blank = hashlib.blake2b(key=secret, digest_size=DIGEST_BYTES)

    def __call__(self, text: str) -> bytes:
        """Hash a text; 16 bytes."""
        state = self._blank.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        return state.digest()

    def hex(self, text: str) -> str:
        """Hash a text for a column of the ledger: 32 digits, and nothing for an empty text, which means: not known."""
        return self(text).hex() if text else ""
