"""Files as real helpdesks export them, through a whole run."""

from __future__ import annotations

import json

from tests.cli.shop import MAPPING, Shop

IGNORING = f"{MAPPING}ignore: [Labels, Comment]\n"
REPEATED = "ID,Subject,State,Email,Labels,Comment,Labels,Comment,Labels\n"


def test_repeated_columns_that_are_ignored_stop_no_run(shop: Shop):
    """They are kept in the results under names of their own, and those can be run again."""
    shop.path("mapping.yaml").write_text(IGNORING, encoding="utf-8")
    shop.path("tickets.csv").write_text(
        f"{REPEATED}1,Broken,Open,a@example.com,x,c1,y,c2,z\n2,Broken,Wrong,b@example.com,,,,,\n", encoding="utf-8"
    )
    assert shop.run("--sandbox", "--yes", "--skip-invalid", "-o", "out.csv").code == 1
    text = shop.path("out.csv").read_text("utf-8-sig")
    assert text.startswith("ID,Subject,State,Email,Labels,Comment,Labels (2),Comment (2),Labels (3),")
    assert "x,c1,y,c2,z" in text
    shop.path("out.csv").write_text(text.replace("Wrong", "Open"), encoding="utf-8")
    outcome = shop.do("rerun", "out.csv", "-m", "mapping.yaml", "--sandbox", "--yes")
    assert (outcome.code, "2 created" in outcome.out + outcome.err or "1 created" in outcome.out + outcome.err) == (
        0,
        True,
    )


def test_repeated_columns_that_are_mapped_are_refused(shop: Shop):
    """Which of them is meant can't be told; the message says what would help."""
    shop.path("tickets.csv").write_text("ID,Subject,State,Email,Subject\n1,a,Open,a@example.com,b\n", encoding="utf-8")
    outcome = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert outcome.code == 2
    assert "'Subject' is the name of columns B, E" in outcome.err


def test_suspicious_cells_cause_warnings_everywhere(shop: Shop):
    """An apostrophe before a key is no reason to stop, and not sent in silence either."""
    shop.path("tickets.csv").write_text("ID,Subject,State,Email\n'00123,GrÃ¼ÃŸe,Open,a@example.com\n", encoding="utf-8")
    checked = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert checked.code == 0
    assert "column 'ID': 1 cell begins with an apostrophe" in checked.err
    assert "column 'Subject': 1 cell looks like UTF-8" in checked.err
    plan = shop.do("run", "tickets.csv", "-m", "mapping.yaml", "--sandbox", "--dry-run", "--json")
    warnings = json.loads(plan.out)["warnings"]
    assert sum("column 'ID': 1 cell begins" in warning for warning in warnings) == 1
    shown = shop.do("run", "tickets.csv", "-m", "mapping.yaml", "--sandbox", "--dry-run")
    assert "column 'ID': 1 cell begins" in shown.out + shown.err
