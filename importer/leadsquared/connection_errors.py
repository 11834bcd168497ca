"""Texts and probable causes of network errors."""

from __future__ import annotations

import ssl
from http import HTTPStatus

import aiohttp

from importer.error_codes import ERROR_CODES
from importer.errors import SettingsError

_TEMPORARY = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


def describe_error(error: BaseException) -> str:
    """Return the error as a text for the user."""
    if isinstance(error, aiohttp.ClientResponseError):  # its own text names the URL
        return f"{type(error).__name__}: {error.status} {error.message}"
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def suspected_setting(error: BaseException) -> str:  # noqa: PLR0911 - a case for each cause
    """Return which setting probably prevents a connection; empty if it may be the network."""
    match error:
        case aiohttp.ClientHttpProxyError(status=407):
            return "the proxy requires a user name and password, or refuses those in HTTPS_PROXY"
        case aiohttp.ClientHttpProxyError(status=status) if 400 <= status < 500 and status not in _TEMPORARY:  # noqa: PLR2004
            return "the proxy in HTTPS_PROXY refuses to connect to this host"
        case aiohttp.ClientConnectorDNSError(host=host):
            return f"the host name {host} does not resolve; check LSQ_HOST (or HTTPS_PROXY) and the name server"
        case aiohttp.ClientConnectorCertificateError(host=host):
            return f"the certificate of {host} is not valid; check LSQ_HOST, the clock, and SSL_CERT_FILE"
        case aiohttp.ClientConnectorSSLError(host=host) if not _is_closed_handshake(error):
            return f"{host} does not speak TLS as expected; check the port in LSQ_HOST, and HTTPS_PROXY"
        case aiohttp.InvalidURL() | UnicodeError():
            return "the address can't be used; check LSQ_HOST and HTTPS_PROXY"
        case _:
            return ""


def _is_closed_handshake(error: aiohttp.ClientConnectorSSLError) -> bool:
    """Return whether the server closed the connection during the handshake, such as when it restarts."""
    return isinstance(error.os_error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError)


def connection_error(reason: str) -> SettingsError:
    """Return the error of a command whose first call is prevented by a setting."""
    return SettingsError(f"no connection: {reason}", hint=ERROR_CODES["not-connected"].advice)
