"""What looks right and may be wrong all the same is a guess, and counted as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.suggest.decisions import Confidence
from tests.suggest.making import account_fields, drafted, fields_of


@pytest.mark.parametrize("agents", [1, 3])
def test_an_address_that_all_write_to_is_not_surely_who_asked(agents: int, tmp_path: Path):
    """A few addresses in many rows are a guess; a column that holds more different ones is rather who asked."""
    rows = [(str(n), f"It is {n}", f"us{n % agents}@ours.example", f"a{n % 17}@example.com") for n in range(40)]
    suggestion = drafted(tmp_path, ("ID", "Subject", "Email", "Customer"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Customer": "LeadDetail.EmailAddress"}
    alone = drafted(tmp_path, ("ID", "Subject", "Email"), *(row[:3] for row in rows))
    if agents == 1:
        assert not alone.has_lead
        assert (
            "# TODO: by its name it is LeadDetail.EmailAddress, but all its e-mail addresses are the same" in alone.text
        )
    else:
        assert fields_of(alone, Confidence.GUESS) == {"Email": "LeadDetail.EmailAddress"}
        assert "# guess: it has only 3 different e-mail addresses" in alone.text


def test_another_column_with_more_different_addresses_makes_a_guess(tmp_path: Path):
    """Two columns tell leads, and the one with the surer name tells fewer: which it is, is for a person to say."""
    rows = [(str(n), f"us{n % 8}@ours.example", f"a{n % 17}@example.com") for n in range(40)]
    suggestion = drafted(tmp_path, ("ID", "Email", "Customer"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Email": "LeadDetail.EmailAddress"}
    assert "# guess: column 'Customer' has more different e-mail addresses" in suggestion.text
    fewer = [(key, customer, email) for key, email, customer in rows]
    assert fields_of(drafted(tmp_path, ("ID", "Email", "Customer"), *fewer), Confidence.GUESS) == {}


@pytest.mark.parametrize("cells", [["05/05/2025", "06/06/2025", "12/12/2025"], ["05/05/2025"]])
def test_dates_of_which_day_and_month_are_the_same_are_a_guess(cells: list[str], tmp_path: Path):
    """Cells that are the same day in two formats say nothing of the next export, whose days are not."""
    rows = [(str(n), f"a{n}@example.com", cell) for n, cell in enumerate(cells)]
    suggestion = drafted(tmp_path, ("ID", "Email", "Due date"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Due date": "DueDate"}
    assert "they may be %d/%m/%Y or %m/%d/%Y" in suggestion.text
    told = drafted(tmp_path, ("ID", "Email", "Due date"), *rows, ("9", "a@example.com", "05/13/2025"))
    assert fields_of(told, Confidence.SURE)["Due date"] == "DueDate"


def test_dates_that_name_their_month_are_none(tmp_path: Path):
    """A month in letters, in short or in full, is one whatever day it is."""
    suggestion = drafted(tmp_path, ("ID", "Email", "Due date"), ("1", "a@example.com", "05 May 2025"))
    assert fields_of(suggestion, Confidence.SURE)["Due date"] == "DueDate"


def test_the_head_counts_what_is_marked(tmp_path: Path):
    """Values that are matched by what they mean make a guess of their column's line, however sure its field is."""
    rows = [(f"a{n}@example.com", f"It is {n}", "new", ("Low", "High")[n % 2], "red") for n in range(12)]
    columns = ("Email", "Subject", "Status", "Urgency", "Colour")
    suggestion = drafted(tmp_path, columns, *rows, fields=tuple(account_fields()))
    head, _, below = suggestion.text.partition("columns:\n")
    marked = [line for line in below.splitlines() if "# guess" in line]
    assert [line.split(":")[0].strip() for line in marked] == ["Status", "Urgency"]
    assert "Sure columns: 2. Guesses to check: 2, marked `guess`. Left to you: 1," in head
    assert fields_of(suggestion, Confidence.SURE)["Status"] == "Status"
