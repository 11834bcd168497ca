"""Settings from flags, environment and ``.env``. Nothing else reads the environment."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from importer.errors import SettingsError
from importer.models import Rate, Secret
from importer.runtime import ledger_address
from importer.runtime.env_file import others_may_read, read_env_file
from importer.runtime.proxy import is_exempt, parted, read_proxy
from importer.runtime.redaction import Redactor

HOST, TENANT = "LSQ_HOST", "LSQ_TENANT_ID"
ACCESS_KEY, SECRET_KEY = "LSQ_ACCESS_KEY", "LSQ_SECRET_KEY"
LEDGER, RATE, REFUSALS = "LSQ_LEDGER", "LSQ_RATE", "LSQ_REFUSALS"
VARIABLES = {
    HOST: "the account's base URL, such as https://apigw.service-in.leadsquared.com (your account manager knows it)",
    TENANT: "the tenant ID: the account number under My Profile",
    ACCESS_KEY: f"the access key; or {ACCESS_KEY}_FILE, a file that contains it",
    SECRET_KEY: f"the secret key; or {SECRET_KEY}_FILE, a file that contains it",
    LEDGER: f"the ledger: a file or an SQLAlchemy URL; or {LEDGER}_FILE, a file that contains it",
    RATE: "the account's limit, calls/seconds (default 25/5)",
    REFUSALS: "types of application errors that mean there is no ticket, such as MXDuplicateEntryException",
    "HTTPS_PROXY": "the proxy; NO_PROXY names the hosts that need none",
    "SSL_CERT_FILE": "a PEM file with trusted certificates",
    "NO_COLOR": "any value: no colours on the terminal",
}
DEFAULT_RATE = Rate(25, 5.0)
SANDBOX_ACCOUNT = "sandbox"
_LEDGER_FILE = "ledger.sqlite"
_VENDOR_DOMAIN = "leadsquared.com"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, None: 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """Address and keys of the account."""

    base_url: str  # scheme and host, no path
    tenant_id: str
    access_key: Secret
    secret_key: Secret
    proxy: str | None = field(default=None, repr=False)  # may contain a password
    certificates: Path | None = None  # SSL_CERT_FILE

    @property
    def name(self) -> str:
        """Name of the account in the ledger: the tenant, with the host if that is a loopback host."""
        url = urlsplit(self.base_url)
        return f"{self.tenant_id}@{url.netloc}" if is_loopback(url.hostname or "") else self.tenant_id

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS settings; ``None`` for plain http, which only a loopback host may use."""
        return None if self.base_url.startswith("http://") else _ssl_context(self.certificates)


class Environment:
    """Variables of the process's environment, else of the ``.env`` file.

    ``warnings`` for the user are about the ``.env`` file and the files that contain keys.
    """

    def __init__(self, environ: Mapping[str, str], dotenv_file: Path) -> None:
        file = read_env_file(dotenv_file, _is_secret)
        self._file = dotenv_file
        self._layers = (dict(environ), file.values)
        self.warnings = list(file.warnings)

    def get(self, name: str) -> str:
        """Return the variable without outer blanks; empty if it is not set."""
        return next((layer[name].strip() for layer in self._layers if name in layer), "")

    def has(self, name: str) -> bool:
        """Return whether the variable or ``NAME_FILE`` is set, even to nothing."""
        return any({name, f"{name}_FILE"} & set(layer) for layer in self._layers)

    def secret(self, name: str) -> str:
        """Return the variable, or the content of the file in ``NAME_FILE``. Raises SettingsError."""
        for layer in self._layers:
            if value := layer.get(name, "").strip():
                return value
            if file := layer.get(f"{name}_FILE", "").strip():
                return self._content(name, file)
            if name in layer:
                break
        return ""

    def untrusted_host(self, names: Sequence[str]) -> str:
        """Return the secrets of ``names`` from outside the ``.env`` file if the host is from that file, else empty.

        A ``.env`` file of a stranger can name a host. It must not get the keys of the environment or of a file.
        """
        environ, file = self._layers
        if HOST in environ or not file.get(HOST, "").strip():
            return ""
        elsewhere = [
            name
            for name in names
            if environ.get(name) or environ.get(f"{name}_FILE") or (not file.get(name) and file.get(f"{name}_FILE"))
        ]
        return " and ".join(elsewhere)

    def redactor(self, ledger: str | None = None) -> Redactor:
        """Return a redactor of the keys and passwords that can be read. ``ledger`` is the flag."""
        secrets = list(ledger_address.secrets(ledger or ""))
        with contextlib.suppress(SettingsError):
            secrets += ledger_address.secrets(self.secret(LEDGER))
        for name in (ACCESS_KEY, SECRET_KEY):
            with contextlib.suppress(SettingsError):
                secrets.append(self.secret(name))
        with contextlib.suppress(ValueError):
            _, user, password = parted(read_proxy(self.get("HTTPS_PROXY") or self.get("https_proxy")))
            secrets += [password, f"{user}:{password}"] if password else []
        return Redactor(secrets)

    def _content(self, name: str, file: str) -> str:
        hint = f"name a text file that contains only {'the address' if name == LEDGER else 'the key'}"
        try:
            content = Path(file).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"{name}_FILE: {file} can't be read: {getattr(error, 'strerror', None) or error}",
                hint=hint,
            ) from error
        if not content:
            raise SettingsError(f"{name}_FILE: {file} is empty", hint=hint)
        if _is_secret(name, content) and (loose := others_may_read(Path(file))) and loose not in self.warnings:
            self.warnings.append(loose)
        return content


def read_environment(settings: Mapping[str, str] | None = None) -> Environment:
    """Return the variables of the process and of ``.env`` in this folder; ``settings`` override both."""
    return Environment({**os.environ, **(settings or {})}, Path(".env"))


def _is_secret(name: str, value: str) -> bool:
    return name in (ACCESS_KEY, SECRET_KEY) or (name == LEDGER and ledger_address.has_password(value))


def read_account(environment: Environment) -> AccountSettings:
    """Read the account's settings. Raises one SettingsError for all missing and wrong ones."""
    values: dict[str, str] = {}
    wrong: list[str] = []
    for name in (HOST, TENANT, ACCESS_KEY, SECRET_KEY):
        try:
            values[name] = environment.secret(name) if name in (ACCESS_KEY, SECRET_KEY) else environment.get(name)
        except SettingsError as error:
            wrong.append(error.message)
            continue
        if not values[name]:
            wrong.append(f"{name} is not set: {VARIABLES[name]}")
    base_url = ""
    if values.get(HOST):
        try:
            base_url = read_host(values[HOST])
        except ValueError as error:
            wrong.append(f"{HOST}: {error}")
    host = urlsplit(base_url).hostname or ""
    if base_url and not _is_known(host) and (elsewhere := environment.untrusted_host((ACCESS_KEY, SECRET_KEY))):
        wrong.append(
            f"{HOST} ({base_url}) is set in .env of this folder, but {elsewhere} elsewhere: keys from elsewhere are "
            f"not sent to a host from .env. If the host is right, set {HOST} in the environment, too"
        )
    proxy = None
    try:
        proxy = _proxy(environment, base_url)
    except ValueError as error:
        wrong.append(f"HTTPS_PROXY: {error}")
    if values.get(TENANT) and not re.fullmatch(r"[A-Za-z0-9._~-]+", values[TENANT]):
        wrong.append(f"{TENANT}: {values[TENANT]!r} is not a tenant ID (letters, digits, . _ ~ -)")
    wrong += [
        f"{name} contains a character that keys don't have; copy only the key"
        for name in (ACCESS_KEY, SECRET_KEY)
        if not (values.get(name, "").isprintable() and values.get(name, "").isascii())
    ]
    if wrong:
        raise _wrong_settings(wrong)
    return AccountSettings(
        base_url=base_url,
        tenant_id=values[TENANT],
        access_key=Secret(values[ACCESS_KEY]),
        secret_key=Secret(values[SECRET_KEY]),
        proxy=proxy,
        certificates=_certificates(environment),
    )


def read_connection(
    environment: Environment, rate: Rate | None, *, sandbox: bool
) -> tuple[AccountSettings | None, Rate]:
    """Read the account (``None`` for the embedded sandbox) and its limit, which ``rate`` overrides.

    Raises one SettingsError for all missing and wrong settings, including certificates that can't be used.
    """
    account = None
    wrong: list[str] = []
    try:
        account = None if sandbox else read_account(environment)
    except SettingsError as error:
        wrong += error.details or (error.message,)
    try:
        rate = rate or read_rate(None, environment)
    except SettingsError as error:
        wrong.append(error.message)
    if not sandbox and not environment.get(HOST).startswith("http://"):
        try:
            _ssl_context(_certificates(environment))
        except SettingsError as error:
            wrong.append(error.message)
    if wrong or rate is None:
        raise _wrong_settings(wrong)
    return account, rate


def _wrong_settings(wrong: Sequence[str]) -> SettingsError:
    return SettingsError(
        "settings of the account are missing or wrong" if len(wrong) > 1 else wrong[0],
        details=wrong if len(wrong) > 1 else (),
        hint="set them in the environment or in a file named .env in this folder, or try --sandbox without an account",
    )


def read_certificates(environment: Environment) -> ssl.SSLContext:
    """Return the TLS settings for hosts other than the account's. Raises SettingsError."""
    return _ssl_context(_certificates(environment))


def _certificates(environment: Environment) -> Path | None:
    return Path(file) if (file := environment.get("SSL_CERT_FILE")) else None


def _ssl_context(certificates: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=certificates)
    except OSError as error:
        raise SettingsError(
            f"SSL_CERT_FILE: {certificates} can't be used: {error}", hint="name a PEM file with certificates"
        ) from error


def read_host(text: str) -> str:
    """Read a base URL. Raises ValueError."""
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        _ = url.port
    except ValueError:
        raise ValueError("the host or its port can't be read; write https://HOST or https://HOST:PORT") from None
    if "@" in url.netloc:
        raise ValueError("the base URL contains a user name; write only https://HOST")
    if url.scheme not in ("http", "https") or not url.hostname or re.search(r"\s", text):
        raise ValueError(f"{text!r} is not a base URL; write https://HOST")
    if url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError(f"{text!r} has a path; write only https://{url.netloc}")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ValueError("plain http would send the keys unencrypted; write https:// (http is for loopback hosts only)")
    return f"{url.scheme}://{url.netloc}"


def _is_known(host: str) -> bool:
    """Return whether a host is LeadSquared's or this machine: a ``.env`` file may send keys there."""
    return is_loopback(host) or f".{host.lower()}".endswith(f".{_VENDOR_DOMAIN}")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def ledger_url(flag: str | None, environment: Environment) -> str:
    """Return the ledger's SQLAlchemy URL: flag, environment, or a file in the user's state folder.

    Raises SettingsError if it is empty or no address, or if there is none of these, such as in a container whose user
    has no home folder.
    """
    name, text = (LEDGER, environment.secret(LEDGER)) if flag is None else ("--ledger", flag.strip())
    if not text and (flag is not None or environment.has(LEDGER)):
        raise SettingsError(
            f"{name} is empty, so it is not known which ledger is meant",
            hint="name a file or an address; or remove it, to use the file in the user's state folder",
        )
    if problem := ledger_address.find_problem(text):
        raise SettingsError(f"{name}: {problem}", hint="see Location in importer/ledger/README.md")
    if ledger_address.is_address(text):
        return text
    try:
        path = Path(text).expanduser() if text else platformdirs.user_state_path("lsq-ticket-importer") / _LEDGER_FILE
    except RuntimeError:
        path = Path("~")
    if "~" in path.parts[:1] or not (text or path.is_absolute()):
        raise SettingsError(
            "no place for the ledger: this user has no home folder, and HOME is not set",
            hint=f"set {LEDGER} (or --ledger) to a file on a permanent disk, such as /data/ledger.sqlite, or set HOME",
        )
    return f"sqlite:///{path.absolute()}"


def notes_folder() -> Path | None:
    """Return the folder where this host notes what it has sent; ``None`` without a home folder, as in a container."""
    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_state_path("lsq-ticket-importer") / "sent"
        if folder.is_absolute():
            return folder
    return None


def fields_folder(ledger: str | None, environment: Environment) -> Path | None:
    """Return the folder for the fields of accounts: in the user's cache, else next to the ledger, else ``None``.

    ``ledger`` is the flag.
    """
    with contextlib.suppress(RuntimeError):
        folder = platformdirs.user_cache_path("lsq-ticket-importer") / "fields"
        if folder.is_absolute():
            return folder
    with contextlib.suppress(SettingsError):
        if (url := ledger_url(ledger, environment)).startswith("sqlite:///"):
            return Path(url.removeprefix("sqlite:///")).parent / "fields"
    return None


def read_rate(flag: str | None, environment: Environment) -> Rate:
    """Read the account's limit. Raises SettingsError."""
    text = (flag or environment.get(RATE)).strip()
    try:
        return Rate.parse(text) if text else DEFAULT_RATE
    except ValueError as error:
        raise SettingsError(
            f"{'--rate' if flag else RATE}: {error}", hint="your LeadSquared plan says which limit the account has"
        ) from None


def read_refusals(flag: frozenset[str] | None, environment: Environment) -> frozenset[str]:
    """Read the error types that are refusals, of the flag or the environment.

    Raises SettingsError.
    """
    if flag is not None:
        return flag
    text = environment.get(REFUSALS)
    try:
        return parse_refusals(text) if text else frozenset()
    except ValueError as error:
        raise SettingsError(
            f"{REFUSALS}: {error}", hint="copy the types from import_error of the unknown rows"
        ) from None


def parse_refusals(text: str) -> frozenset[str]:
    """Read ``MXFirstException,MXSecondException``. Raises one ValueError for all wrong ones."""
    types = [part.strip() for part in text.split(",")]
    if wrong := [each for each in types if not re.fullmatch(r"MX[0-9A-Za-z_.]+", each)]:
        raise ValueError(
            f"{', '.join(map(repr, wrong))}: not a type of an application error, which begins with MX; "
            "write MXDuplicateEntryException, and separate several with commas"
        )
    return frozenset(types)


def parse_duration(text: str) -> float:
    """Read ``15m``, ``120s``, ``1.5h`` or plain seconds, as seconds. Raises ValueError."""
    form = _DURATION.fullmatch(text.strip())
    if form is None:
        raise ValueError(f"{text!r} is not a duration; write 20s, 15m, 1h or 90d")
    return float(form[1]) * _UNIT_S[form[2]]


def _proxy(environment: Environment, base_url: str) -> str | None:
    url = urlsplit(base_url)
    proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy")
    if not proxy or url.scheme != "https" or is_loopback(url.hostname or ""):
        return None
    exceptions = environment.get("NO_PROXY") or environment.get("no_proxy")
    if is_exempt(url.hostname or "", url.port or 443, exceptions):
        return None
    return read_proxy(proxy)
