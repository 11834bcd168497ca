"""Flags, environment and `.env` to settings: which wins, what is wrong, and that no key is ever shown."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from importer.errors import SettingsError
from importer.models import Rate, Secret
from importer.settings import (
    VARIABLES,
    AccountSettings,
    Environment,
    is_loopback,
    ledger_url,
    parse_duration,
    read_account,
    read_host,
    read_rate,
    read_refusals,
)

GOOD = {
    "LSQ_HOST": "https://api.example.com",
    "LSQ_TENANT_ID": "12345",
    "LSQ_ACCESS_KEY": "access-key-of-nobody",
    "LSQ_SECRET_KEY": "secret-key-of-nobody",
}
NOWHERE = Path("/nonexistent/.env")


def environment(**changes: str) -> Environment:
    """The settings of a good account, with changes; an empty one takes a variable out."""
    values = {name: value for name, value in {**GOOD, **changes}.items() if value}
    return Environment(values, NOWHERE)


def account(**changes: str) -> AccountSettings:
    return read_account(environment(**changes))


def refusal(**changes: str) -> str:
    with pytest.raises(SettingsError) as caught:
        account(**changes)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return "\n".join(caught.value.lines())


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


# -- where a value comes from


def test_the_environment_makes_an_account() -> None:
    """Host, tenant and both keys are all that is needed."""
    found = account()
    assert (found.base_url, found.tenant_id, found.name) == ("https://api.example.com", "12345", "12345")
    assert (found.access_key.reveal(), found.secret_key.reveal()) == ("access-key-of-nobody", "secret-key-of-nobody")
    assert (found.proxy, found.certificates) == (None, None)


def test_a_dotenv_file_makes_an_account(dotenv) -> None:
    """Quotes, comments, `export`, dollar signs and a byte order mark are read as people write them."""
    dotenv.write_text(
        "LSQ_HOST=api.example.com  # the region\nexport LSQ_TENANT_ID=12345\n\n"
        "LSQ_ACCESS_KEY='with$HOME'\nLSQ_SECRET_KEY=\"b c\"\nEMPTY\n",
        encoding="utf-8-sig",
    )
    found = read_account(Environment({}, dotenv))
    assert found.base_url == "https://api.example.com"
    assert (found.access_key.reveal(), found.secret_key.reveal()) == ("with$HOME", "b c")


def test_the_environment_wins_over_the_file(dotenv) -> None:
    """Also with an empty value, which is how a container takes a variable out."""
    dotenv.write_text("LSQ_RATE=1/1\nLSQ_TENANT_ID=file\nLSQ_REFUSALS=MXFile\n", encoding="utf-8")
    found = Environment({**GOOD, "LSQ_REFUSALS": ""}, dotenv)
    assert read_account(found).tenant_id == "12345"
    assert read_refusals(None, found) == frozenset()
    assert read_rate(None, found) == Rate(1, 1)


def test_key_can_be_in_a_separate_file(tmp_path) -> None:
    """As container secrets do, with the line break that editors add and the mark that Windows adds."""
    (tmp_path / "key").write_text("from-a-file\r\n", encoding="utf-8-sig")
    for name, read in (("LSQ_ACCESS_KEY", "access_key"), ("LSQ_SECRET_KEY", "secret_key")):
        found = account(**{name: "", f"{name}_FILE": str(tmp_path / "key")})
        assert getattr(found, read).reveal() == "from-a-file"


def test_key_precedence_is_environment_then_value_then_file(tmp_path, dotenv) -> None:
    """Within one place the variable comes first; a key file of the environment still beats a key in `.env`."""
    (tmp_path / "key").write_text("from-a-file", encoding="utf-8")
    in_file = str(tmp_path / "key")
    assert account(LSQ_SECRET_KEY_FILE=in_file).secret_key.reveal() == "secret-key-of-nobody"
    dotenv.write_text("LSQ_SECRET_KEY=from-dotenv\n", encoding="utf-8")
    without = {name: value for name, value in GOOD.items() if name != "LSQ_SECRET_KEY"}
    assert read_account(Environment(without, dotenv)).secret_key.reveal() == "from-dotenv"
    layered = Environment({**without, "LSQ_SECRET_KEY_FILE": in_file}, dotenv)
    assert read_account(layered).secret_key.reveal() == "from-a-file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", "folder"])
def test_unreadable_key_file_is_reported(tmp_path, content) -> None:
    """Missing, not text, a folder: the variable and the path, not what is in it."""
    path = tmp_path / "key"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    text = refusal(LSQ_ACCESS_KEY="", LSQ_ACCESS_KEY_FILE=str(path))
    assert f"LSQ_ACCESS_KEY_FILE: {path} can't be read" in text


def test_binary_dotenv_file_is_reported(dotenv) -> None:
    """An error of the settings, with the file's path."""
    dotenv.write_bytes(b"LSQ_TENANT_ID=\xff\n")
    with pytest.raises(SettingsError, match="can't be read") as caught:
        Environment({}, dotenv)
    assert str(dotenv) in caught.value.message


# -- a .env file that is a stranger's, or was written carelessly


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"]
)
def test_a_dotenv_file_sets_no_proxy_and_no_certificates(name: str, dotenv: Path) -> None:
    """It is ignored with its line: a stranger's folder could read the keys of the environment with it."""
    dotenv.write_text(f"# mine\n\n{name}=http://proxy.example.com\n", encoding="utf-8")
    found = Environment(GOOD, dotenv)
    assert found.get(name) == ""
    assert (read_account(found).proxy, read_account(found).certificates) == (None, None)
    (warning,) = found.warnings
    assert warning.startswith(f"{dotenv}, line 3: {name} is ignored")


KEYS = {name: GOOD[name] for name in ("LSQ_ACCESS_KEY", "LSQ_SECRET_KEY")}
REST = {"LSQ_TENANT_ID": "12345"}


def with_host(dotenv: Path, host: str, lines: dict[str, str], environ: dict[str, str]) -> AccountSettings:
    text = "".join(f"{name}={value}\n" for name, value in {"LSQ_HOST": host, **lines}.items())
    dotenv.write_text(text, encoding="utf-8")
    dotenv.chmod(0o600)
    return read_account(Environment({**REST, **environ}, dotenv))


@pytest.mark.parametrize("where", ["environment", "file of the environment", "file of .env", "one of them"])
def test_keys_from_elsewhere_do_not_go_to_a_host_of_a_dotenv_file(where: str, dotenv: Path) -> None:
    """A folder that names a host gets only the keys that are in the same folder."""
    key = dotenv.parent / "key"
    key.write_text("of-somebody-else", encoding="utf-8")
    key.chmod(0o600)
    files = {f"{name}_FILE": str(key) for name in KEYS}
    lines, environ = {
        "environment": ({}, KEYS),
        "file of the environment": ({}, files),
        "file of .env": (files, {}),
        "one of them": ({"LSQ_ACCESS_KEY": "mine"}, {"LSQ_SECRET_KEY": "of-the-environment"}),
    }[where]
    with pytest.raises(SettingsError, match=r"set LSQ_HOST in the environment, too") as caught:
        with_host(dotenv, "https://api.example.com", lines, environ)
    assert "https://api.example.com" in caught.value.message
    assert "LSQ_SECRET_KEY" in caught.value.message
    assert ("LSQ_ACCESS_KEY" in caught.value.message) is (where != "one of them")


@pytest.mark.parametrize(
    ("host", "lines", "environ"),
    [
        ("https://api.example.com", KEYS, {}),
        ("https://apigw.service-in.leadsquared.com", {}, KEYS),
        ("https://LEADSQUARED.com", {}, KEYS),
        ("http://127.0.0.1:8080", {}, KEYS),
        ("https://api.example.com", {}, {**KEYS, "LSQ_HOST": "https://api.example.com"}),
    ],
)
def test_usual_places_of_host_and_keys_work(
    host: str, lines: dict[str, str], environ: dict[str, str], dotenv: Path
) -> None:
    """All in the file, all in the environment, and LeadSquared's own hosts and this machine from either."""
    assert with_host(dotenv, host, lines, environ).access_key.reveal() == "access-key-of-nobody"


@pytest.mark.parametrize("host", ["https://evilleadsquared.com", "https://leadsquared.com.example.org"])
def test_host_that_resembles_leadsquared_is_not_trusted(host: str, dotenv: Path) -> None:
    """The end of the name counts, from a dot on."""
    with pytest.raises(SettingsError, match="set LSQ_HOST in the environment"):
        with_host(dotenv, host, {}, KEYS)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604, 0o644])
def test_key_file_readable_by_others_causes_a_warning(mode: int, tmp_path: Path, dotenv: Path) -> None:
    """A `.env` file that has a key, and a key file; each once, with the command that cures it."""
    key = tmp_path / "key"
    key.write_text("of-nobody", encoding="utf-8")
    dotenv.write_text(f"LSQ_ACCESS_KEY=of-nobody\nLSQ_SECRET_KEY_FILE={key}\n", encoding="utf-8")
    for path in (key, dotenv):
        path.chmod(mode)
    found = Environment({}, dotenv)
    for _ in range(2):
        assert found.secret("LSQ_SECRET_KEY") == "of-nobody"
    loose = [f"{path} holds a key and can be read by other users (mode {mode:04o}); run: chmod 600 {path}" for path in (dotenv, key)]  # fmt: skip
    assert found.warnings == (loose if mode & 0o077 else [])


def test_dotenv_file_without_keys_may_be_readable_by_all(dotenv: Path) -> None:
    """A host is no secret."""
    dotenv.write_text("LSQ_HOST=https://api.example.com\n", encoding="utf-8")
    dotenv.chmod(0o644)
    assert Environment({}, dotenv).warnings == []


@pytest.mark.parametrize(
    ("line", "value", "warned"),
    [
        ("LSQ_SECRET_KEY=abc #def", "abc", True),
        ("LSQ_SECRET_KEY=abc # def", "abc", True),
        ("export LSQ_SECRET_KEY = abc\t#def", "abc", True),
        ("LSQ_SECRET_KEY='abc #def'", "abc #def", False),
        ('LSQ_SECRET_KEY="abc #def"  # mine', "abc #def", False),
        ("LSQ_SECRET_KEY=abc#def", "abc#def", False),
        ("LSQ_LEDGER=/data/run #1.sqlite", "/data/run", True),
        ("LSQ_RATE=25/5  # of the plan", "25/5", False),
    ],
)
def test_value_cut_by_a_comment_causes_a_warning(line: str, value: str, warned: bool, dotenv: Path) -> None:  # noqa: FBT001
    """With its line and how to quote it; of a key always, elsewhere where it does not look like a comment."""
    dotenv.write_text(f"# settings\n\n{line}\n", encoding="utf-8")
    dotenv.chmod(0o600)
    found = Environment({}, dotenv)
    name = line.removeprefix("export ").partition("=")[0].strip()
    assert found.get(name) == value
    assert [text.startswith(f"{dotenv}, line 3: the value of {name} ends before") for text in found.warnings] == (
        [True] if warned else []
    )


def test_unreadable_dotenv_line_causes_a_warning(dotenv: Path) -> None:
    """A quote that does not end, and words without a sign between."""
    dotenv.write_text("LSQ_RATE=1/1\nthis is no setting\n", encoding="utf-8")
    found = Environment({}, dotenv)
    assert found.get("LSQ_RATE") == "1/1"
    assert found.warnings == [f"{dotenv}, line 2 can't be read and is ignored; write NAME=VALUE, or NAME='VALUE'"]


# -- what is wrong


def test_all_missing_settings_are_reported_together() -> None:
    """One error with every variable and what it is, so that nobody mends one after the other."""
    text = refusal(**dict.fromkeys(GOOD, ""))
    for name in GOOD:
        assert f"{name} is not set: {VARIABLES[name]}" in text
    assert "--sandbox" in text


def test_missing_and_wrong_are_named_together() -> None:
    """What is wrong does not hide what is missing."""
    text = refusal(LSQ_HOST="ftp://x", LSQ_TENANT_ID="a/b", LSQ_ACCESS_KEY="", LSQ_SECRET_KEY="two\nlines")
    assert "LSQ_HOST: 'ftp://x'" in text
    assert "LSQ_TENANT_ID: 'a/b'" in text
    assert "LSQ_ACCESS_KEY is not set" in text
    assert "LSQ_SECRET_KEY contains a character that keys don't have" in text
    assert "two" not in text


@pytest.mark.parametrize("key", ["two\nlines", "clé", "tab\there", "\u200binvisible", "nul\x00"])
def test_key_with_invalid_characters_is_refused_and_hidden(key) -> None:
    """A key copied with more than itself is found before the first call, and does not reach the screen."""
    text = refusal(LSQ_ACCESS_KEY=key)
    assert "LSQ_ACCESS_KEY contains a character that keys don't have" in text
    assert key not in text


@pytest.mark.parametrize("tenant", ["../x", "a b", "a?b", "12345/tickets", "ü"])
def test_a_tenant_id_can_not_change_the_url(tenant) -> None:
    """It becomes a part of the path, so it is held to the characters that need no escape there."""
    assert "is not a tenant ID" in refusal(LSQ_TENANT_ID=tenant)


# -- the host


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("api.example.com", "https://api.example.com"),
        ("api.example.com:8443", "https://api.example.com:8443"),
        ("HTTPS://api.example.com", "https://api.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_host_is_read_in_all_common_forms(text, base_url) -> None:
    """With or without scheme, port and last slash; plain http for this machine only."""
    assert read_host(text) == base_url


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://api.example.com", "plain http would send the keys unencrypted"),
        ("http://127.0.0.1.example.com", "plain http would send the keys unencrypted"),
        ("https://api.example.com/api/tenants/1", "has a path; write only https://api.example.com"),
        ("https://api.example.com?x=1", "has a path"),
        ("https://api.example.com#x", "has a path"),
        ("ftp://api.example.com", "is not a base URL"),
        ("https://", "is not a base URL"),
        ("https://a b", "is not a base URL"),
        ("https://api.example.com:https", "host or its port"),
        ("https://[::1", "host or its port"),
        ("https://user:hunter2@api.example.com", "contains a user name"),
        ("https://@api.example.com", "contains a user name"),
    ],
)
def test_invalid_host_is_refused(text, reason) -> None:
    """With what is wrong about it, and never with a password that stood in it."""
    with pytest.raises(ValueError, match=reason) as caught:
        read_host(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_this_machine(host) -> None:
    """All of 127/8, and IPv6."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example.com", "10.0.0.1", "0.0.0.0", "", "::2"])
def test_everything_else_is_another_machine(host) -> None:
    """A name that only begins like loopback is not."""
    assert not is_loopback(host)


def test_loopback_host_is_a_separate_account() -> None:
    """Tickets of a stand-in must not look like those of the tenant."""
    assert account(LSQ_HOST="http://127.0.0.1:8080").name == "12345@127.0.0.1:8080"


# -- proxy and certificates


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy.example.com:3128"}, "http://proxy.example.com:3128"),
        ({"https_proxy": "proxy.example.com:3128"}, "http://proxy.example.com:3128"),
        (
            {"HTTPS_PROXY": "http://p.example.com", "NO_PROXY": "other.example.com, .example.org"},
            "http://p.example.com",
        ),
        ({"HTTPS_PROXY": "http://p.example.com", "NO_PROXY": "le.com"}, "http://p.example.com"),
        ({"HTTPS_PROXY": "http://p.example.com", "NO_PROXY": "x, api.example.com"}, None),
        ({"HTTPS_PROXY": "http://p.example.com", "NO_PROXY": ".example.com"}, None),
        ({"HTTPS_PROXY": "http://p.example.com", "no_proxy": "EXAMPLE.com"}, None),
        ({"HTTPS_PROXY": "http://p.example.com", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://p.example.com", "LSQ_HOST": "https://127.0.0.1"}, None),
        ({"HTTPS_PROXY": "http://p.example.com", "LSQ_HOST": "http://localhost:1"}, None),
    ],
)
def test_proxy_variables_are_respected(variables, proxy) -> None:
    """HTTPS_PROXY but for the hosts of NO_PROXY, and never for this machine."""
    assert account(**variables).proxy == proxy


def test_invalid_proxy_is_refused_before_sending() -> None:
    """Found with the settings, not at the first call, and without its password."""
    text = refusal(HTTPS_PROXY="socks5://user:hunter2@p.example.com")
    assert "HTTPS_PROXY: only a proxy that is reached by http" in text
    assert "hunter2" not in text


def test_certificates_verify_the_server_unless_it_is_plain_http(tmp_path) -> None:
    """TLS is always verified, by the system's certificates or by those of SSL_CERT_FILE."""
    pem = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(pem)
    for context in (account().ssl_context(), account(SSL_CERT_FILE=str(pem)).ssl_context()):
        assert context is not None
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    assert account(LSQ_HOST="http://localhost:1").ssl_context() is None


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_certificates_that_can_not_be_read_are_named(tmp_path, content) -> None:
    """A missing or damaged SSL_CERT_FILE is an error of the settings."""
    pem = tmp_path / "ca.pem"
    if content is not None:
        pem.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match="SSL_CERT_FILE") as caught:
        account(SSL_CERT_FILE=str(pem)).ssl_context()
    assert str(pem) in caught.value.message


# -- ledger, rate, durations


def test_the_ledgers_place_comes_from_flag_environment_or_the_state_folder(tmp_path, monkeypatch) -> None:
    """A plain path becomes an absolute URL, a URL stays as it is, and nothing at all is the user's state folder."""
    monkeypatch.chdir(tmp_path)
    from_variable = environment(LSQ_LEDGER="postgresql+psycopg://host/db")
    assert ledger_url("x.sqlite", from_variable) == f"sqlite:///{tmp_path}/x.sqlite"
    assert ledger_url(None, from_variable) == "postgresql+psycopg://host/db"
    assert ledger_url(None, environment(LSQ_LEDGER="~/x")) == f"sqlite:///{Path('~/x').expanduser()}"
    assert ledger_url(None, environment()).endswith("/lsq-ticket-importer/ledger.sqlite")


def test_the_ledgers_place_may_be_in_a_file(tmp_path, dotenv) -> None:
    """As container secrets are; a file that others can read matters if there is a password in it."""
    file = tmp_path / "address"
    for address, warned in (("postgresql://importer@db/x", False), ("postgresql://importer:p%40ss@db/x", True)):
        file.write_text(f"{address}\n", encoding="utf-8")
        file.chmod(0o644)
        found = environment(LSQ_LEDGER_FILE=str(file))
        assert ledger_url(None, found) == address
        assert [str(file) in warning for warning in found.warnings] == [True] * warned
    dotenv.write_text("LSQ_LEDGER=postgresql://importer:p%40ss@db/x\n", encoding="utf-8")
    dotenv.chmod(0o644)
    assert len(Environment({}, dotenv).warnings) == 1


@pytest.mark.parametrize(
    ("flag", "variables"),
    [
        ("", {"LSQ_LEDGER": "x.sqlite"}),
        (None, {"LSQ_LEDGER": " "}),
        (None, {"LSQ_LEDGER_FILE": ""}),
        (None, {"LSQ_LEDGER": "", "LSQ_LEDGER_FILE": "empty"}),
    ],
)
def test_an_empty_place_of_the_ledger_is_an_error(flag, variables, tmp_path, monkeypatch, dotenv) -> None:
    """It is probably a variable that was not filled: with the local file instead, all tickets would be made again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    if "LSQ_LEDGER" in variables:
        dotenv.write_text("LSQ_LEDGER=other.sqlite\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="is empty"):
        ledger_url(flag, Environment(variables, dotenv))


@pytest.mark.parametrize("name", ["LSQ_LEDGER", "LSQ_SECRET_KEY"])
def test_an_empty_file_of_a_setting_is_named(name, tmp_path, dotenv) -> None:
    """The variable is set, so "not set" or "empty" of the variable would send the user to the wrong place."""
    (tmp_path / "secret").write_text("\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"{name}_FILE: .*secret is empty"):
        Environment({f"{name}_FILE": str(tmp_path / "secret")}, dotenv).secret(name)


def test_a_wrong_place_of_the_ledger_names_its_flag_or_variable() -> None:
    """Its password is not shown."""
    text = "host=db.example.com password=hunter2"
    for flag, name in ((text, "--ledger"), (None, "LSQ_LEDGER")):
        with pytest.raises(SettingsError, match=f"{name}: this form .* postgresql.psycopg://USER@HOST/NAME") as caught:
            ledger_url(flag, environment(LSQ_LEDGER=text))
        assert "hunter2" not in caught.value.message


def test_the_rate_comes_from_flag_environment_or_the_documented_limit() -> None:
    """The flag wins; 25 calls in 5 s is what most accounts have."""
    assert read_rate("10/1", environment(LSQ_RATE="2/5")) == Rate(10, 1)
    assert read_rate(None, environment(LSQ_RATE=" 2/5 ")) == Rate(2, 5)
    assert read_rate(None, environment()) == Rate(25, 5)


@pytest.mark.parametrize("text", ["25", "0/5", "25/0", "-1/5", "25/inf", "25/nan", "x/5", "2.5/5", "25/5/1"])
def test_invalid_rate_names_its_flag_or_variable(text) -> None:
    """Nothing is guessed about the account's limit."""
    with pytest.raises(SettingsError, match="--rate"):
        read_rate(text, environment())
    with pytest.raises(SettingsError, match="LSQ_RATE"):
        read_rate(None, environment(LSQ_RATE=text))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20", 20), ("20s", 20), ("15m", 900), ("1.5h", 5400), ("250ms", 0.25), ("1d", 86400), (" 2 m ", 120), ("0", 0)],
)
def test_durations(text, seconds) -> None:
    """A number with a unit, or plain seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1s", "1w", "1m30s", "1e3", "inf", "nan", "1,5h"])
def test_invalid_durations_are_refused(text) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(ValueError, match="write 20s, 15m, 1h or 90d"):
        parse_duration(text)


# -- secrets


def test_no_key_is_ever_shown() -> None:
    """Neither the account nor a key has a form for people that holds the key, or the proxy's password."""
    found = account(HTTPS_PROXY="http://user:hunter2@p.example.com")
    for text in (repr(found), str(found), f"{found.access_key}", f"{found.secret_key!r}", str([found.secret_key])):
        assert "of-nobody" not in text
        assert "hunter2" not in text
    assert found.proxy == "http://user:hunter2@p.example.com"


def test_empty_secret_is_false() -> None:
    """An empty key is none."""
    assert Secret("x")
    assert not Secret("")
    assert not hasattr(Secret("x"), "__dict__")
