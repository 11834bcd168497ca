"""Manifests that are not plain CSV, through `run` and `rerun` into an account."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.shop import KEY_FIELD, Account, Shop

Open = Callable[..., Account]
MAPPING = f"""\
version: 1
source: dump
key: Id
key_field: {KEY_FIELD}
columns:
  Id: {KEY_FIELD}
  Subject: Title
  Body: Description
  Mail: {{field: LeadDetail.EmailAddress, type: email}}
"""
EXPORT = r"""# made by hand
'Id' |'Subject' | 'Body'| 'Mail'
''001' |'Printer, \'old\''| 'one\ntwo' | a@example.com
# none
2|'Grüße'|\N|nobody
3| 'GrÃ¼ÃŸe' |N/A|'c@example.com'
Cases by owner
""".replace("''001'", "'\\'001'")
OPTIONS = """manifest: {quote: "'", escape: "\\\\", comment: "#", strip: true, footer: skip, empty: [NULL, "N/A"], repair: [apostrophe, misread]}
"""


def test_all_keys_together_and_again_from_the_results(shop: Shop, open_account: Open) -> None:
    """The results are plain CSV with the cells of the manifest; a rerun sends what a run would have sent."""
    account = open_account()
    shop.path("mapping.yaml").write_text(MAPPING + OPTIONS, "utf-8")
    shop.path("tickets.csv").write_text(EXPORT, "utf-8")
    plan = shop.run("--dry-run", "--json").summary
    assert (plan["rows"], plan["comment_rows"], plan["footer_rows"]) == (3, 1, 1)
    assert any("row 7 is skipped as the footer: 'Cases by owner'" in each for each in plan["warnings"])
    assert any('first "\'001" in row 3; it is repaired' in each for each in plan["warnings"])
    done = shop.run("--yes", "--skip-invalid")
    assert done.code == 1, done.err
    assert account.keys == ["001", "3"]
    first, second, third = shop.results()
    assert (first["Id"], first["import_key"], first["Subject"], first["Body"]) == (
        "'001",
        "001",
        "Printer, 'old'",
        "one\ntwo",
    )
    assert (second["Subject"], second["Body"], second["import_status"]) == ("Grüße", "", "rejected")
    assert (third["Subject"], third["Body"]) == ("GrÃ¼ÃŸe", "N/A")
    titles = {each.value(KEY_FIELD): (each.value("Title"), each.value("Description")) for each in account.tickets}
    assert titles == {"001": ("Printer, 'old'", "one\ntwo"), "3": ("Grüße", None)}
    text = shop.path("tickets.results.csv").read_text("utf-8-sig").replace("nobody", "NULL")
    shop.path("tickets.results.csv").write_text(text, "utf-8-sig")
    again = shop.rerun("--yes")
    assert again.code == 1
    assert shop.results()[1]["import_error_code"] == "missing-lead"
    shop.path("tickets.results.csv").write_text(text.replace("NULL", " b@example.com "), "utf-8-sig")
    assert shop.rerun("--yes").code == 0
    assert sorted(account.keys) == ["001", "2", "3"]
    assert shop.run("--yes").code == 0
    assert len(account.keys) == 3


@pytest.mark.parametrize("words", ['["0", "1"]', '["created", "rejected"]'])
def test_empty_words_are_not_looked_for_in_the_columns_of_an_import(shop: Shop, account: Account, words: str) -> None:
    """`import_attempts` may be 0 and `import_status` a word."""
    shop.manifest(3)
    shop.path("mapping.yaml").write_text(
        shop.path("mapping.yaml").read_text("utf-8") + f"manifest: {{empty: {words}}}\n"
    )
    done = shop.run("--yes", "--skip-invalid")
    before = shop.path("tickets.results.csv").read_bytes()
    again = shop.rerun("--yes")
    assert again.code == done.code
    assert len(account.keys) == len(set(account.keys))
    assert len(shop.results()) == before.count(b"\n") - 1
