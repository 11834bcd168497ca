"""Certificates for servers of a test, made when it runs; nobody else trusts them."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """Whoever signs a test's certificates."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server_context(self, *names: str) -> ssl.SSLContext:
        """What a server shows that goes by these names; by default the loopback address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """What a client in this process trusts."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    def write(self, path: Path) -> Path:
        """Write what a client of another process trusts, for SSL_CERT_FILE."""
        self._authority.cert_pem.write_to_path(str(path))
        return path
