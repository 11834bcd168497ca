"""What an error of the network means, where not one byte of a request has gone out."""

from __future__ import annotations

import ssl
from http import HTTPStatus

import aiohttp

from importer.error_codes import ERROR_CODES
from importer.errors import SettingsError

_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


def describe_error(error: BaseException) -> str:
    """The error as a text for people."""
    if isinstance(error, aiohttp.ClientResponseError):  # its own text names the URL
        return f"{type(error).__name__}: {error.status} {error.message}"
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def suspected_setting(error: BaseException) -> str:  # noqa: PLR0911 - a case for each cause
    """Which setting is the likely cause of a connection that can't be made; empty where it may be the network."""
    match error:
        case aiohttp.ClientHttpProxyError(status=407):
            return "the proxy asks for a user name and password, or refuses those of HTTPS_PROXY"
        case aiohttp.ClientHttpProxyError(status=status) if 400 <= status < 500 and status not in _PASSING:  # noqa: PLR2004
            return "the proxy of HTTPS_PROXY refuses to connect to this host"
        case aiohttp.ClientConnectorDNSError(host=host):
            return f"the host name {host} does not resolve; see LSQ_HOST (or HTTPS_PROXY) and the name server"
        case aiohttp.ClientConnectorCertificateError(host=host):
            return f"the certificate of {host} does not verify; see LSQ_HOST, the clock, and SSL_CERT_FILE"
        case aiohttp.ClientConnectorSSLError(host=host) if not _broken_off(error):
            return f"{host} does not speak TLS as expected; see the port in LSQ_HOST, and HTTPS_PROXY"
        case aiohttp.InvalidURL() | UnicodeError():
            return "the address can't be used; see LSQ_HOST and HTTPS_PROXY"
        case _:
            return ""


def _broken_off(error: aiohttp.ClientConnectorSSLError) -> bool:
    """Whether the other side only went away during the handshake, as a server that restarts does."""
    return isinstance(error.os_error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionError)


def connection_error(reason: str) -> SettingsError:
    """Return the error of a command whose first call can't be made because of a setting."""
    return SettingsError(f"no connection: {reason}", hint=ERROR_CODES["not-connected"].advice)
