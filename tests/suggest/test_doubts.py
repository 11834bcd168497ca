"""Rules that may be wrong are guesses, and are counted as guesses."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.suggest.decisions import Confidence
from tests.suggest.making import account_fields, drafted, fields_of


@pytest.mark.parametrize("agents", [1, 3])
def test_lead_column_with_few_addresses_is_a_guess(agents: int, tmp_path: Path):
    """A column with more different addresses is more likely to be the lead."""
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


def test_lead_column_is_a_guess_if_another_has_more_addresses(tmp_path: Path):
    """Although its name fits better."""
    rows = [(str(n), f"us{n % 8}@ours.example", f"a{n % 17}@example.com") for n in range(40)]
    suggestion = drafted(tmp_path, ("ID", "Email", "Customer"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Email": "LeadDetail.EmailAddress"}
    assert "# guess: column 'Customer' has more different e-mail addresses" in suggestion.text
    fewer = [(key, customer, email) for key, email, customer in rows]
    assert fields_of(drafted(tmp_path, ("ID", "Email", "Customer"), *fewer), Confidence.GUESS) == {}


@pytest.mark.parametrize("cells", [["05/05/2025", "06/06/2025", "12/12/2025"], ["05/05/2025"]])
def test_format_of_dates_with_equal_day_and_month_is_a_guess(cells: list[str], tmp_path: Path):
    """The next export may have other dates."""
    rows = [(str(n), f"a{n}@example.com", cell) for n, cell in enumerate(cells)]
    suggestion = drafted(tmp_path, ("ID", "Email", "Due date"), *rows)
    assert fields_of(suggestion, Confidence.GUESS) == {"Due date": "DueDate"}
    assert "they may be %d/%m/%Y or %m/%d/%Y" in suggestion.text
    told = drafted(tmp_path, ("ID", "Email", "Due date"), *rows, ("9", "a@example.com", "05/13/2025"))
    assert fields_of(told, Confidence.SURE)["Due date"] == "DueDate"


def test_format_of_dates_with_month_names_is_sure(tmp_path: Path):
    """Short or full names."""
    suggestion = drafted(tmp_path, ("ID", "Email", "Due date"), ("1", "a@example.com", "05 May 2025"))
    assert fields_of(suggestion, Confidence.SURE)["Due date"] == "DueDate"


def test_head_counts_the_marked_rules(tmp_path: Path):
    """A rule with values matched by their meaning is a guess, even if its field is sure."""
    rows = [(f"a{n}@example.com", f"It is {n}", "new", ("Low", "High")[n % 2], "red") for n in range(12)]
    columns = ("Email", "Subject", "Status", "Urgency", "Colour")
    suggestion = drafted(tmp_path, columns, *rows, fields=tuple(account_fields()))
    head, _, below = suggestion.text.partition("columns:\n")
    marked = [line for line in below.splitlines() if "# guess" in line]
    assert [line.split(":")[0].strip() for line in marked] == ["Status", "Urgency"]
    assert "Sure columns: 2. Guesses to check: 2, marked `guess`. Left to you: 1," in head
    assert fields_of(suggestion, Confidence.SURE)["Status"] == "Status"
