from __future__ import annotations

import pytest

from importer.runtime import ledger_address
from importer.runtime.redaction import Redactor

FILES = [
    "ledger.sqlite",
    "/srv/a:b/me@work/ledger.sqlite",
    "C:/Users/me@work/ledger.sqlite",
    "C:\\Users\\me@work\\ledger.sqlite",
    "sqlite:////srv/a:b@c/ledger.sqlite?timeout=3",
    "hosts=1.sqlite",
]
ADDRESSES = [
    "postgresql+psycopg://importer@db.example.com/ledger",
    "postgres://importer:p%40ss%3A%2F@db.example.com:5433/ledger?sslmode=verify-full",
    "postgresql://importer:with:/?#signs@db.example.com/ledger",
    "postgresql://me@corp@db.example.com/ledger",
    "postgresql:///ledger?host=/run/postgresql&application_name=me@work",
]
LEAKS = [
    *(f"postgresql://importer:hun{sign}ter2@db.example.com/ledger" for sign in ("@", "@/", "/@", "@:", "?@", "@?x=")),
    "postgresql://corp/importer:hunter2@db.example.com/ledger",
    "host=db.example.com password=hunter2 dbname=ledger",
    "password = hunter2",
    "HOST=x",
    "postgres:importer:hunter2@db.example.com/ledger",
    "postgresql:/importer:hunter2@db.example.com/ledger",
    "importer:hunter2@db.example.com/ledger",
    "importer:hun/ter2@db.example.com",
    "ledger.sqlite\nother.sqlite",
]


@pytest.mark.parametrize("text", [*FILES, *ADDRESSES])
def test_files_and_complete_addresses_have_no_problem(text: str) -> None:
    """Also with signs that a driver understands unencoded."""
    assert ledger_address.find_problem(text) == ""


@pytest.mark.parametrize("text", LEAKS)
def test_what_would_be_taken_for_something_else_is_a_problem(text: str) -> None:
    """It tells what to write, and shows no part of the password."""
    problem = ledger_address.find_problem(text)
    assert problem
    shown = f"{problem} {ledger_address.without_password(text)}"
    assert not any(part in shown for part in ("hunter2", "ter2", "hun"))


@pytest.mark.parametrize("text", FILES)
def test_the_name_of_a_file_is_shown(text: str) -> None:
    assert ledger_address.without_password(text) == text.partition("?")[0]
    assert not ledger_address.has_password(text)


def test_a_shown_address_may_keep_its_parameters() -> None:
    """A command to copy needs them; without the password."""
    text = "postgresql://importer:hunter2@/ledger?host=/run/pg&password=hunter2&options=-csearch_path%3Dtickets"
    kept = "postgresql://importer:***@/ledger?host=/run/pg&password=***&options=-csearch_path%3Dtickets"
    assert ledger_address.without_password(text, parameters=True) == kept
    assert ledger_address.without_password(text) == "postgresql://importer:***@/ledger"


def test_a_log_hides_the_password_but_not_a_usual_word() -> None:
    """A password may be `ledger`, which is in many messages; a long one is hidden everywhere."""
    weak = Redactor(ledger_address.secrets("postgresql://importer:ledger@db.example.com/ledger"))
    assert weak.text("no ledger at importer:ledger@db.example.com") == "no ledger at importer********db.example.com"
    assert weak.text("host=db password=ledger") == "host=db password********"
    strong = Redactor(ledger_address.secrets("postgresql://importer:a%40long-password@db.example.com/ledger"))
    assert strong.text("it was a@long-password") == "it was ********"
    assert strong.text("it was a%40long-password") == "it was ********"
