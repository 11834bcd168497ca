"""Addresses of attachments on other machines: their form in the lock, and the file name that they say. Pure.

An address may hold a secret: a password before the host, or a signature that lets everybody read the file. The lock and
messages have a hash in its place, so that two addresses that differ only in the secret stay two addresses.
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse

from importer.runtime.redaction import HIDDEN

WEB_SCHEMES = ("http", "https")
STORE_SCHEMES = ("s3", "gs", "abfs", "abfss", "sftp")

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://(.*)", re.IGNORECASE | re.DOTALL)  # two letters at least: C:// is a drive
_SECRET_NAMES = re.compile(
    r"access_?token|api_?key|auth|authorization|awsaccesskeyid|code|credential|jwt|key|pass|passwd|password|policy"
    r"|pwd|secret|session|sid|sig|signature|token|.*[-_](?:credential|signature|security-token|secret|token|key)",
    re.IGNORECASE,
)
_NAME_PARAMETERS = ("filename", "file_name", "name", "file")
_HASH_CHARS = 16


def is_address(name: str) -> bool:
    """Return whether a name is an address that `fetch` can download."""
    return scheme_of(name) in (*WEB_SCHEMES, *STORE_SCHEMES) and is_any_address(name)


def is_any_address(name: str) -> bool:
    """Return whether a name is an address of another machine, whether or not `fetch` can download it."""
    return _ADDRESS.match(name) is not None and scheme_of(name) != "file"


def scheme_of(address: str) -> str:
    """Return the scheme of an address in lower case."""
    return address.partition(":")[0].lower()


def host_of(address: str) -> str:
    """Return the host of an address, or the bucket of a store's; lower case, empty if there is none.

    Of Azure's `abfs://CONTAINER@HOST/FILE` it is the account's host.
    """
    authority = _parts(address)[1].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower().rstrip(".")


def has_password(address: str) -> bool:
    """Return whether an address holds a login that must not be there: any for the web, a password for other schemes."""
    scheme, authority, _ = _parts(address)
    login, at, _ = authority.rpartition("@")
    return bool(at) and (scheme in WEB_SCHEMES or ":" in login)


def as_shown(address: str) -> str:
    """Return an address as the lock and messages have it: without a fragment, and with a hash for each secret."""
    scheme, authority, rest = _parts(address)
    login, at, host = authority.rpartition("@")
    if at:
        login = _masked(login) if has_password(address) else login
    authority = f"{login}{at}{host.lower() if scheme in WEB_SCHEMES else host}"
    if scheme in WEB_SCHEMES:
        rest = rest.partition("#")[0]
        path, mark, query = rest.partition("?")
        if query:
            rest = path + mark + "&".join(map(_without_secret, query.split("&")))
    return f"{scheme}://{authority}{rest}"


def said_name(address: str) -> str:
    """Return the file name that an address says; empty if it says none."""
    scheme, _, rest = _parts(address)
    if scheme not in WEB_SCHEMES:
        return rest.rstrip("/").rpartition("/")[2]
    path, _, query = rest.partition("#")[0].partition("?")
    name = urllib.parse.unquote(path.rstrip("/").rpartition("/")[2], errors="replace")
    if "." in name.strip("."):
        return name
    given = {each.lower(): value for each, value in urllib.parse.parse_qsl(query, errors="replace")}
    return next((given[each] for each in _NAME_PARAMETERS if "." in given.get(each, "").strip(".")), name)


def _parts(address: str) -> tuple[str, str, str]:
    """Return scheme, authority and the rest, which begins with a slash or is empty."""
    found = _ADDRESS.match(address.strip())
    assert found is not None  # callers check this
    scheme, rest = found[1].lower(), found[2]
    ends = "/?#" if scheme in WEB_SCHEMES else "/"
    end = min((at for mark in ends if (at := rest.find(mark)) >= 0), default=len(rest))
    return scheme, rest[:end], rest[end:]


def _without_secret(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    is_secret = bool(value) and _SECRET_NAMES.fullmatch(urllib.parse.unquote(name, errors="replace"))
    return f"{name}{equals}{_masked(value)}" if is_secret else parameter


def _masked(secret: str) -> str:
    return f"{HIDDEN}{hashlib.sha256(secret.encode(errors='surrogatepass')).hexdigest()[:_HASH_CHARS]}"
