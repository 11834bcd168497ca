"""Rows that the mapping's `rows` leave out: in every command, and in rows in = rows out."""

from __future__ import annotations

from tests.cli.shop import MAPPING, Account, Shop, good_row

ROWS = """
rows:
  only: {State: [Open, Closed]}
  skip: {Spam: ["true", "1"]}
"""
HEADER = "ID,Subject,State,Email,Spam\n"
TABLE = (
    f"{HEADER}1,Good,Open,a@example.com,false\n"
    "2,Spam,Open,not an address,true\n"  # would be rejected
    "3,Archived,archived,c@example.com,\n"
    ",No key,Open,d@example.com,1\n"  # would be rejected
    "1,Same key,Deleted,e@example.com,\n"  # would be rejected
    "6,Also good,Closed,f@example.com,\n"
)


def with_rows(shop: Shop, table: str = TABLE, rows: str = ROWS) -> None:
    shop.path("mapping.yaml").write_text(MAPPING + (rows or "ignore: Spam\n"), encoding="utf-8")
    shop.path("tickets.csv").write_text(table, encoding="utf-8")


def statuses(shop: Shop, name: str = "tickets.results.csv") -> list[str]:
    return [row["import_status"] for row in shop.results(name)]


def test_excluded_rows_are_neither_checked_nor_sent(shop: Shop, account: Account) -> None:
    """They are counted apart, are in the results, and don't change the exit code."""
    with_rows(shop)
    checked = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert (checked.code, "4 excluded" in checked.out + checked.err) == (0, True)
    plan = shop.run("--dry-run", "--json").summary
    assert (plan["rows"], plan["to_send"], plan["excluded"], plan["rejected"]) == (6, 2, 4, 0)
    run = shop.run("--yes", "--json")
    assert (run.code, run.summary["created"], run.summary["excluded"], run.summary["rows"]) == (0, 2, 4, 6)
    assert statuses(shop) == ["created", "excluded", "excluded", "excluded", "excluded", "created"]
    assert [row["import_hint"] for row in shop.results()][1:5] == [
        "Left out by `rows: skip`: Spam is 'true'.",
        "Left out by `rows: only`: State is 'archived'.",
        "Left out by `rows: skip`: Spam is '1'.",
        "Left out by `rows: only`: State is 'Deleted'.",
    ]
    assert sorted(account.keys) == ["1", "6"]


def test_rerun_leaves_them_out_until_the_mapping_takes_them(shop: Shop, account: Account) -> None:
    """`rerun` keeps them; `--only excluded` sends those that the mapping includes now."""
    with_rows(shop)
    assert shop.run("--yes").code == 0
    assert shop.rerun("--yes").code == 0
    assert statuses(shop) == ["created", "excluded", "excluded", "excluded", "excluded", "created"]
    assert len(account.keys) == 2
    with_rows(shop, rows="rows: {only: {State: [Open, Closed, archived]}, skip: {Spam: ['true', '1']}}\n")
    text = (
        shop.path("mapping.yaml")
        .read_text("utf-8")
        .replace("[Open, Closed]}\n  Email", "[Open, Closed], values: {archived: Closed}}\n  Email")
    )
    shop.path("mapping.yaml").write_text(text, encoding="utf-8")
    assert shop.rerun("--yes", "--only", "excluded").code == 0
    assert statuses(shop) == ["created", "excluded", "created", "excluded", "excluded", "created"]
    assert sorted(account.keys) == ["1", "3", "6"]


def test_a_ticket_that_is_left_out_later_keeps_its_numbers(shop: Shop, account: Account) -> None:
    """It is excluded, with its IDs; a fresh ledger learns from the results that it is a ticket."""
    with_rows(shop, rows="")
    shop.path("tickets.csv").write_text(f"{HEADER}1,Good,Open,a@example.com,true\n2,b,Open,b@example.com,\n", "utf-8")
    assert shop.run("--yes").code == 0
    number = shop.results()[0]["import_ticket_number"]
    shop.path("mapping.yaml").write_text(MAPPING + ROWS, encoding="utf-8")
    assert shop.run("--yes").code == 0
    first = shop.results()[0]
    assert (first["import_status"], first["import_ticket_number"]) == ("excluded", number)
    shop.set(LSQ_LEDGER=str(shop.path("new.sqlite")))
    assert shop.do("ledger", "init").code == 0
    with_rows(shop, rows="", table=shop.path("tickets.csv").read_text("utf-8"))
    assert shop.rerun("--yes", "--only", "excluded").code == 0
    assert statuses(shop) == ["skipped", "skipped"]
    assert len(account.keys) == 2


def test_doubtful_rows_are_not_left_out(shop: Shop) -> None:
    """A row with too many cells may have them in the wrong columns; values that no row has get a warning."""
    with_rows(shop, table=f"{HEADER}1,Good,Open,a@example.com,true,more\n2,b,Open,b@example.com,\n")
    plan = shop.run("--sandbox", "--dry-run", "--json")
    assert plan.code == 1
    facts = plan.summary
    assert (facts["rejected"], facts["excluded"]) == (1, 0)
    assert "rows > skip > Spam: no row has '1'" in facts["warnings"]


def test_a_run_without_a_row_to_send_succeeds(shop: Shop, account: Account) -> None:
    """All rows excluded: nothing is sent, and the run has succeeded."""
    shop.manifest([good_row(number) for number in range(3)])
    shop.path("mapping.yaml").write_text(f"{MAPPING}rows: {{only: {{State: Solved}}}}\n", encoding="utf-8")
    run = shop.run("--yes", "--json")
    assert (run.code, run.summary["excluded"], account.calls) == (0, 3, 0)
