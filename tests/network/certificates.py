"""Certificates for test servers, created at run time."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """The authority that signs the certificates of a test."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server_context(self, *names: str) -> ssl.SSLContext:
        """Return the context of a server with these names; by default the loopback address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return the context of a client in this process."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def write(self, path: Path) -> Path:
        """Write the certificate that a client in another process trusts (SSL_CERT_FILE)."""
        self._authority.cert_pem.write_to_path(str(path))
        return path
