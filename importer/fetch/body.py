"""Decompresses the body of an answer, in small pieces, so that a small body can't fill the memory or the disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from importer.fetch.outcome import DownloadError

_PIECE_BYTES = 262_144
_ENCODINGS = ("gzip", "x-gzip", "deflate")


class Decoder:
    """Decodes one body. An empty encoding is no compression."""

    def __init__(self, encoding: str) -> None:
        """Raise DownloadError for an encoding that is not known."""
        self._encoding = "" if encoding == "identity" else encoding
        if self._encoding and self._encoding not in _ENCODINGS:
            raise DownloadError(f"the server compresses its answer with {encoding!r}, which is not supported")
        self._engine = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._has_begun = False

    @property
    def is_needed(self) -> bool:
        """Whether the body is compressed."""
        return bool(self._encoding)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded data. Raises DownloadError."""
        if not self._encoding:
            yield data
            return
        try:
            while data:
                if self._engine.eof:
                    if self._encoding == "deflate":
                        return
                    self._engine = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip files may follow each other
                piece = self._decode(data)
                data = self._engine.unconsumed_tail or self._engine.unused_data
                yield piece
        except zlib.error:
            raise DownloadError("the compressed answer is damaged", is_temporary=True) from None

    def _decode(self, data: bytes) -> bytes:
        try:
            piece = self._engine.decompress(data, _PIECE_BYTES)
        except zlib.error:
            if self._encoding != "deflate" or self._has_begun:
                raise
            self._engine = zlib.decompressobj(-zlib.MAX_WBITS)  # as some servers write it
            piece = self._engine.decompress(data, _PIECE_BYTES)
        self._has_begun = True
        return piece

    def finish(self) -> None:
        """Raise DownloadError if the compressed data ended early."""
        if self._encoding and not self._engine.eof:
            raise DownloadError("the compressed answer ended early", is_temporary=True)
