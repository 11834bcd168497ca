"""The name of a column weighs more than how many of its cells differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.account_fields import AccountField
from importer.suggest.decisions import Confidence
from tests.suggest.making import account_fields, drafted, fields_of

SUBJECTS = ("Printer is broken", "No invoice came", "Login does not work")
HEADER = ("Ticket ID", "Title", "Subject", "Conversation", "Email")


def _row(n: int, key: int) -> tuple[str, ...]:
    return (f"HD-{key}", "", SUBJECTS[n % 3], f"Hello, I am customer {n} and it is broken", f"a{n % 90}@example.com")


@pytest.mark.parametrize("fields", [(), tuple(account_fields())], ids=["alone", "with-fields"])
def test_a_full_subject_is_the_title(fields: tuple[AccountField, ...], tmp_path: Path):
    """Neither an empty `Title` nor a conversation takes the title from a subject that often is the same."""
    suggestion = drafted(tmp_path, HEADER, *(_row(n, n) for n in range(60)), fields=fields)
    assert fields_of(suggestion, Confidence.GUESS)["Subject"] == "Title"
    assert "Subject: {field: Title, required: true}  # guess: it has only 3 different texts" in suggestion.text
    assert "- Title  # empty in all rows of the sample" in suggestion.text
    assert "- Conversation  # by its name it is a conversation" in suggestion.text


@pytest.mark.parametrize("title", ["Mr", "Ms"])
def test_a_form_of_address_is_no_title(title: str, tmp_path: Path):
    """A full column with a less usual name is the title rather than single words that come again and again."""
    rows = [(str(n), title, f"It is {n}", f"a{n}@example.com") for n in range(30)]
    suggestion = drafted(tmp_path, ("ID", "Title", "Topic", "Email"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Topic": "Title"}
    assert "- Title  # not used: Title is already filled from column 'Topic'" in suggestion.text


def test_a_column_of_lists_takes_no_field(tmp_path: Path):
    """A column that no rule takes does not keep a field from another one."""
    rows = [(str(n), f'[{{"text": "It is {n} here"}}]', SUBJECTS[n % 3], f"a{n}@example.com") for n in range(30)]
    suggestion = drafted(tmp_path, ("ID", "Details", "Question", "Email"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Question": "Description"}


def test_a_field_that_is_refused_goes_to_the_next_column(tmp_path: Path):
    """If the account refuses the values of one column, another column may have the field."""
    status = AccountField(schema_name="Status", data_type="Select", values=("Open", "Closed"))
    rows = [
        (str(n), f"a{n}@example.com", ("odd", "x", "open", "z")[n % 4], ("Open", "Closed")[n % 2]) for n in range(40)
    ]
    suggestion = drafted(tmp_path, ("ID", "Email", "Status", "Stage"), *rows, fields=(status,))
    assert fields_of(suggestion, Confidence.GUESS) == {"Stage": "Status"}
    assert "- Status  # " in suggestion.text


def test_one_duplicate_does_not_make_a_key_useless(tmp_path: Path):
    """399 of 400 different IDs are a key; the draft names the duplicate."""
    suggestion = drafted(tmp_path, HEADER, *(_row(n, min(n, 398)) for n in range(400)))
    assert (
        "key: Ticket ID  # guess: 399 of 400 values are different: 1 row is a duplicate, such as 'HD-398' in 2 rows"
        in suggestion.text
    )


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ([str(n % 100) for n in range(400)], "column 'Ticket ID' has 100 different values in 400 rows"),
        (["1", "1", "2"], "column 'Ticket ID' has 2 different values in 3 rows"),
        ([""] * 20, "no column has a different value in each row"),
    ],
)
def test_a_column_with_many_duplicates_is_no_key(ids: list[str], why: str, tmp_path: Path):
    """The reason names the column that is a key by its name."""
    suggestion = drafted(tmp_path, HEADER[::4], *((each, f"a{n % 3}@example.com") for n, each in enumerate(ids)))
    assert f"# guess: {why}; with this key an edited row is a new row" in suggestion.text
    assert "\nkey: row-content" in suggestion.text


def test_the_head_says_what_is_missing(tmp_path: Path):
    """Without a lead, a title or the account's fields a draft can't be imported; its head says so."""
    rows = [(str(n), "new", "all@example.com") for n in range(12)]
    head = drafted(tmp_path, ("ID", "Status", "Email"), *rows).text.partition("version:")[0]
    for missing in ("# - the lead, which every ticket needs", "# - a title, which most accounts require"):
        assert missing in head
    assert "whether it has the values of Status, and which fields it requires. Run `ticket-importer fields`" in head
    required = AccountField(schema_name="CustomData.Line", mandatory=True)
    head = drafted(tmp_path, ("ID", "Status", "Email"), *rows, fields=(required,)).text.partition("version:")[0]
    assert "# - CustomData.Line, which the account requires" in head
    assert "ticket-importer fields" not in head
