"""Reads and checks HTTPS_PROXY and NO_PROXY before the first call. Pure.

No message of this module quotes the proxy's address: what can't be read may be a password.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

_ENCODE = (
    "in a user name or password, characters such as @ : / # ? % and blanks are written as % with two digits (@ is %40)"
)
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_proxy(text: str) -> str:
    """Return a proxy's address as a URL. Raises ValueError with the reason."""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "http", text.strip()
    if scheme.lower() not in ("http", "https"):
        raise ValueError("only a proxy that is reached by http:// or https:// can be used")
    authority, _, path = rest.partition("/")
    login, at, place = authority.rpartition("@")
    if path or re.search(r"[?#\\\s]", rest) or "@" in login or login.count(":") > 1:
        raise ValueError(f"the proxy's address is not http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; {_ENCODE}")
    user = unquote(login.partition(":")[0])
    if _STRAY_PERCENT.search(login) or ":" in user or not (login.isascii() and login.isprintable()):
        raise ValueError(f"the proxy's user name or password can't be read; {_ENCODE}")
    return f"{scheme.lower()}://{login}{at}{_host_and_port(place)}"


def parted(proxy: str) -> tuple[str, str, str]:
    """Split a proxy's URL into the URL without login, the user name and the password."""
    scheme, _, rest = proxy.partition("://")
    login, _, place = rest.rpartition("@")
    user, _, password = login.partition(":")
    return f"{scheme}://{place}", unquote(user), unquote(password)


def _host_and_port(place: str) -> str:
    """Check and return the host and port. A password with a slash may be in them, so errors don't show them."""
    wrong = ValueError(f"the proxy's host or port can't be read; write http://HOST:PORT ({_ENCODE})")
    try:
        url = urlsplit(f"//{place}")
        port = url.port
        host = url.hostname or ""
        if place.startswith("["):
            ipaddress.IPv6Address(host)
            host = f"[{host}]"
        elif not _HOST.fullmatch(host):
            raise wrong
    except ValueError:
        raise wrong from None
    return host if port is None else f"{host}:{port}"


def is_exempt(host: str, port: int, exceptions: str) -> bool:
    """Return whether NO_PROXY exempts a host.

    Its entries are parted by commas or blanks: a host, a domain with or without ``.`` or ``*.`` before it, an address,
    a network such as ``10.0.0.0/8``, each with or without a port, or ``*``.
    """
    return any(_covers(entry.lower(), host.lower().rstrip("."), port) for entry in re.split(r"[,\s]+", exceptions))


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, its_port = _parted(entry)
    if its_port not in ("", str(port)):
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        domain = name.removeprefix("*").strip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _parted(entry: str) -> tuple[str, str]:
    """Return an entry's host or network, and its port. An IPv6 address with a port needs brackets."""
    if bracketed := re.fullmatch(r"\[([^\]]*)\](?::([0-9]+))?", entry):
        return bracketed[1], bracketed[2] or ""
    name, colon, port = entry.partition(":")
    return (name, port) if colon and port.isdecimal() else (entry, "")
