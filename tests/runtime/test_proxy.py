"""Proxies as people write them: which are used, which are refused, and that no password is shown."""

from __future__ import annotations

import pytest

from importer.runtime.proxy import is_exempt, parted, read_proxy


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("HTTP://proxy.example.com:3128/", "http://proxy.example.com:3128"),
        ("https://proxy_1.example.com", "https://proxy_1.example.com"),
        ("http://[::1]:3128", "http://[::1]:3128"),
        ("http://ann:hush%40%23%2F@10.0.0.1:3128", "http://ann:hush%40%23%2F@10.0.0.1:3128"),
        ("ann:hush!$&'()*+,;=@proxy", "http://ann:hush!$&'()*+,;=@proxy"),
    ],
)
def test_a_proxy_is_read_as_people_write_it(text: str, url: str) -> None:
    """With or without scheme, port, login and last slash."""
    assert read_proxy(text) == url


def test_a_login_is_parted_from_the_address() -> None:
    """User name and password are decoded; the address alone is what errors may name."""
    assert parted("http://ann:hush%40%23%C3%BC@proxy:3128") == ("http://proxy:3128", "ann", "hush@#ü")
    assert parted("http://proxy:3128") == ("http://proxy:3128", "", "")


@pytest.mark.parametrize("sign", ["#", "/", "?", "@", "%", "%4", "%zz", " ", "\\", ":", "[", "ü", "\t", "\x00", "//"])
@pytest.mark.parametrize("form", ["http://ann:hun{}ter2@proxy.example.com:3128", "ann:hun{}ter2@proxy.example.com"])
def test_a_password_that_is_not_percent_encoded_is_refused_and_not_shown(sign: str, form: str) -> None:
    """The message says how to write such a character, and quotes no part of the address."""
    text = form.format(sign)
    if sign == "[":  # means nothing behind a user name
        assert read_proxy(text)
        return
    with pytest.raises(ValueError, match="written as % with two digits") as caught:
        read_proxy(text)
    assert "ter2" not in str(caught.value)
    assert "hun" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["socks5://ann:hunter2@proxy", "http://", "http://ann:hunter2@", "http://a..b", "proxy:port", "http://proxy:99999", "http://[::1", "http://[proxy]", "an%3An:hunter2@proxy"],
)  # fmt: skip
def test_a_proxy_that_is_none_is_refused(text: str) -> None:
    """A scheme, a host or a port that can't be used, again without the password."""
    with pytest.raises(ValueError, match="proxy") as caught:
        read_proxy(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "exceptions",
    [
        "*",
        "example.com",
        ".example.com",
        "*.example.com",
        "API.Example.COM",
        "api.example.com:443",
        "*.example.com:443",
        "x, ,api.example.com",
        "x api.example.com",
        "api.example.com.",
    ],
)
def test_hosts_of_no_proxy_are_reached_without_it(exceptions: str) -> None:
    """A host, a domain in any of its spellings, and each of them with its port."""
    assert is_exempt("api.example.com", 443, exceptions)


@pytest.mark.parametrize(
    "exceptions",
    ["", ",", "le.com", "api.example.com:8443", "*.example.com:80", "10.0.0.0/8", "*example", "."],
)
def test_other_hosts_are_reached_by_the_proxy(exceptions: str) -> None:
    """Another port, another domain, and the end of a name that is no domain."""
    assert not is_exempt("api.example.com", 443, exceptions)


@pytest.mark.parametrize(
    ("host", "exceptions", "exempt"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.0.0.0/8:443", True),
        ("10.1.2.3", "10.0.0.0/8:80", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("fd00::1", "fd00::/8", True),
        ("fd00::1", "[fd00::1]:443", True),
        ("fd00::1", "fd00::1", True),
        ("fd00::1", "[fd00::1]:80", False),
    ],
)
def test_addresses_and_networks_of_no_proxy(host: str, exceptions: str, exempt: bool) -> None:  # noqa: FBT001
    """IPv4 and IPv6, one by one and as networks."""
    assert is_exempt(host, 443, exceptions) is exempt
