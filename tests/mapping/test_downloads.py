"""The `download` section and the `pattern` of attachments: what is refused, with which words."""

from __future__ import annotations

import pytest

from importer.errors import MappingError
from tests.mapping.conftest import Load

MAPPING = """\
version: 1
source: shop
key: ID
columns:
  Mail: LeadDetail.EmailAddress
attachments:
  columns: [Files]
"""


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("pattern: '(?P<uri>.+)'", "has no group `url`"),
        ("pattern: '(?P<url>'", "is not a regular expression of RE2"),
        ("pattern: '(?P<url>.+)'\n  glob: true", "`glob` and `pattern` can't be used together"),
        ("download: {folder: files}", "hosts is missing"),
        ("download: {hosts: [a.example.com]}", "folder is missing"),
        ("download: {folder: files, hosts: []}", "must not be empty"),
        ("download: {folder: files, hosts: ['https://a.example.com']}", "is not a host"),
        ("download: {folder: files, hosts: ['a.example.com:443']}", "has a port"),
        ("download: {folder: files, hosts: [a.example.com/x]}", "without a path"),
        ("download: {folder: files, hosts: [h], headers: {Host: X}}", "headers: a name must not be a header"),
        ("download: {folder: files, hosts: [h], header: {A: X}}", "unknown key 'header' (did you mean 'headers'?)"),
        ("download: {folder: files, hosts: [h]}\n  root: other", "so remove `root`"),
    ],
)
def test_errors_say_what_to_write(load: Load, lines: str, error: str):
    """Each mistake is an error of the mapping."""
    with pytest.raises(MappingError) as raised:
        load(f"{MAPPING}  {lines}\n")
    assert error in "\n".join(raised.value.details)


def test_a_secret_in_the_mapping_is_not_shown(load: Load):
    """The value of a header belongs into the environment; the message does not repeat it."""
    with pytest.raises(MappingError) as raised:
        load(f"{MAPPING}  download: {{folder: files, hosts: [h], headers: {{Authorization: Bearer hush}}}}\n")
    text = "\n".join(raised.value.lines())
    assert "is not the name of an environment variable" in text
    assert "hush" not in text


def test_the_section_is_read(load: Load):
    """The folder is the root, hosts are in lower case, and with a pattern a cell is one value."""
    rules = load(
        f"{MAPPING}  pattern: '(?P<url>.+)'\n  download: {{folder: files, hosts: [A.example.com., '[::1]', 10.0.0.0/8]}}\n"
    ).attachments
    assert rules is not None
    assert rules.download is not None
    assert (str(rules.root), rules.separator) == ("files", "")
    assert rules.download.hosts == ("a.example.com", "::1/128", "10.0.0.0/8")
