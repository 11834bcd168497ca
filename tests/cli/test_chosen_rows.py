"""`--rows`, `--where` and `--sample` in `run`, `rerun` and `validate`."""

from __future__ import annotations

import json

import pytest

from tests.cli.shop import HEADER, MAPPING, Account, Ended, Shop, good_row

ROWS = [
    ("1", "Good", "Open", "a@example.com"),
    ("2", "Also good", "Closed", "b@example.com"),
    ("3", "", "Open", "c@example.com"),  # rejected
    ("4", "Fine", "Open", "d@example.com"),
    ("5", "Fine", "Closed", "e@example.com"),
]


def states(shop: Shop, name: str = "tickets.results.csv") -> str:
    """The first letter of the state of each row."""
    return "".join(row["import_status"][0] for row in shop.results(name))


def validated(shop: Shop, *arguments: str) -> Ended:
    return shop.do("validate", "tickets.csv", "-m", "mapping.yaml", *arguments)


def test_only_these_rows_are_checked_and_sent(shop: Shop, account: Account) -> None:
    """A rejected row that is left out stops nothing; rows left out keep their state or are pending."""
    shop.manifest(ROWS)
    run = shop.run("--yes", "--rows", "2-3,6", "--json")
    assert (run.code, states(shop), account.keys) == (1, "ccppc", ["1", "2", "5"])
    assert [run.summary[name] for name in ("created", "pending", "not_selected", "rows")] == [3, 2, 2, 5]
    assert {row["import_error_code"] for row in shop.results()} == {"", "not-selected"}
    run = shop.run("--yes", "--rows", "5")
    assert "1 created, 3 skipped, 1 pending (1 not selected)" in run.out
    assert (states(shop), account.keys) == ("sspcs", ["1", "2", "5", "4"])
    run = shop.run("--yes", "--rows", "2,4")
    assert (run.code, states(shop), account.calls) == (1, "ssrss", 4)
    assert "row 4" in run.err


def test_conditions_must_all_hold(shop: Shop, account: Account) -> None:
    """Several `--where` and `--rows` narrow the choice."""
    shop.manifest(ROWS)
    plan = shop.run("--dry-run", "--json", "--where", "State=Open", "--where", "Subject=Fine").summary
    assert (plan["to_send"], plan["not_selected"], plan["rejected"], plan["rows"]) == (1, 4, 0, 5)
    assert "'4'" not in str(plan["details"])
    shop.run("--yes", "--where", "State=Closed", "--rows", "4-9")
    assert (states(shop), account.keys) == ("ppppc", ["5"])


def test_a_rerun_names_rows_by_import_row_and_by_its_own_columns(shop: Shop, account: Account) -> None:
    """The file may be sorted anew; rows left out keep what the file says of them."""
    shop.manifest([*ROWS, ("6", "", "Open", "f@example.com")])
    assert shop.run("--yes", "--skip-invalid").code == 1
    lines = shop.path("tickets.results.csv").read_text("utf-8-sig").splitlines()
    mended = [line.replace("3,,Open", "3,Mended,Open").replace("6,,Open", "6,Mended,Open") for line in lines]
    shop.path("tickets.results.csv").write_text("\n".join([mended[0], *reversed(mended[1:])]) + "\n", "utf-8-sig")
    assert shop.rerun("--yes", "--rows", "4").code == 1
    assert [(row["import_row"], row["import_status"]) for row in shop.results() if row["ID"] in "36"] == [
        ("7", "rejected"),
        ("4", "created"),
    ]
    kept = shop.rerun("--yes", "--rows", "2,4,7", "--only", "failed", "--dry-run", "--json").summary
    warning = "chosen rows that are not sent, as --only does not name their state: 2 created, 1 rejected"
    assert (warning in kept["warnings"], kept["to_send"], kept["not_selected"]) == (True, 0, 6)
    done = shop.rerun("--yes", "--where", "import_error_code=missing-value", "--json")
    assert done.summary["warnings"] == []
    assert (done.code, done.summary["created"], len(account.keys)) == (0, 6, 6)


def test_a_sample_is_random_and_its_seed_draws_it_again(shop: Shop, account: Account) -> None:
    """`validate` and `run` draw the same rows; a later sample takes other rows, as these are tickets."""
    shop.manifest(60)
    drawn = set()
    for seed in ("1", "2"):
        again = [shop.run("--dry-run", "--json", "--sample", "7", "--seed", seed).summary for _ in range(2)]
        assert again[0]["requests"] == again[1]["requests"]
        assert (again[0]["to_send"], again[0]["seed"], again[0]["not_selected"]) == (7, int(seed), 53)
        drawn.add(tuple(again[0]["requests"]))
    assert len(drawn) == 2
    run = shop.run("--yes", "--sample", "7", "--json")
    first = set(account.keys)
    seed = str(run.summary["seed"])
    assert (len(first), run.summary["created"]) == (7, 7)
    assert shop.run("--yes", "--sample", "50", "--seed", seed).code == 1
    assert len(set(account.keys)) == len(account.keys) == 57
    assert shop.run("--yes", "--sample", "5", "--json").summary["created"] == 3, "no more are left"
    assert shop.run("--yes", "--sample", "5").code == 0, "nothing is left to draw, and all rows are tickets"


def test_a_sample_is_drawn_from_the_rows_that_can_be_sent(shop: Shop, account: Account) -> None:
    """Neither tickets nor rows that the mapping leaves out, and of a results file those of `--only`."""
    shop.path("mapping.yaml").write_text(f"{MAPPING}rows: {{skip: {{State: Closed}}}}\n", encoding="utf-8")
    shop.manifest(ROWS)
    checked = validated(shop, "--sample", "3", "--seed", "4")
    assert (checked.code, "1 rejected, 2 excluded" in checked.out) == (1, True)
    assert shop.run("--yes", "--sample", "3", "--skip-invalid").code == 1
    assert states(shop) == "cerce"
    rerun = shop.rerun("--yes", "--sample", "1", "--json")
    assert (rerun.summary["rejected"], rerun.summary["created"]) == (1, 2)
    assert "row 4" in rerun.err


def test_acknowledged_rows_are_neither_drawn_nor_counted_as_left_out(shop: Shop, account: Account) -> None:
    """They are not sent, so that a sample has other rows; left out, they still don't decide the exit code."""
    shop.manifest(ROWS)
    assert shop.run("--yes", "--skip-invalid", "--rows", "2-4").code == 1
    acknowledge = ("ledger", "acknowledge", "tickets.results.csv", "--reason", "known", "--rows", "4")
    assert shop.do(*acknowledge).code == 0
    assert shop.run("--yes", "--sample", "2").code == 0
    run = shop.run("--yes", "--rows", "2", "--json")
    assert (run.code, run.summary["skipped"], run.summary["acknowledged"], len(account.keys)) == (0, 4, 1, 4)


def test_validate_says_which_rows_it_checked(shop: Shop) -> None:
    """And names the command for the same rows."""
    shop.manifest(ROWS)
    checked = validated(shop, "--rows", "2-3", "--sample", "1", "--seed", "9")
    assert checked.code == 0
    assert "5: no problems found, 4 not selected" in checked.out
    assert "run tickets.csv -m mapping.yaml --rows 2-3 --sample 1 --seed 9" in checked.out


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--rows", "7-9"), "no row fits --rows 7-9"),
        (("--where", "State=open"), "no row fits --where 'State=open'"),
        (("--where", "Stat=Open"), "--where 'Stat=Open': the file has no column 'Stat' (did you mean 'State'?)"),
        (("--where", "State"), "write it as 'COLUMN=value'"),
        (("--rows", "9-2"), "the range '9-2' ends before it begins"),
        (("--seed", "9"), "--seed has no effect without --sample"),
    ],
)
def test_a_choice_without_a_row_is_a_mistake(shop: Shop, account: Account, flags: tuple[str, ...], reason: str) -> None:
    """Nothing is sent, and the exit code says so, in every command."""
    shop.manifest(ROWS)
    for ended in (validated(shop, *flags), shop.run("--yes", *flags), shop.run("--dry-run", *flags)):
        assert (ended.code, reason in ended.err, account.calls) == (2, True, 0)


def test_row_numbers_behind_the_last_row_get_a_warning(shop: Shop) -> None:
    """A list for another manifest is noticed."""
    shop.manifest(ROWS)
    assert "--rows 2,40: the last row is 6" in validated(shop, "--rows", "2,40").err


def test_a_condition_finds_cells_as_they_are_written_and_as_they_are_read(shop: Shop) -> None:
    """A text that means an empty cell is found both ways."""
    shop.manifest([("1", "n/a", "Open", "a@example.com"), ("2", "", "Open", "b@example.com"), good_row(3)])
    shop.path("mapping.yaml").write_text(f"{MAPPING}manifest: {{empty: n/a}}\n", encoding="utf-8")
    for condition, rows in (("Subject=n/a", 1), ("Subject=", 2)):
        assert f"{rows} rejected, {3 - rows} not selected" in validated(shop, "--where", condition).out


def test_a_condition_finds_one_value_of_a_list_and_names_with_equals_signs(shop: Shop) -> None:
    """Repeated columns and lists of JSON hold several values."""
    mapping = MAPPING + "  Labels: {field: Tags, join: ', '}\n  a=b: CustomData.Other\n"
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    record = dict(zip(HEADER, good_row(1), strict=True))
    records = [
        record | {"ID": str(at), "Labels": labels, "a=b": "c=d"} for at, labels in enumerate(["vip", ["x", "vip"], []])
    ]
    shop.path("tickets.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records), encoding="utf-8")
    plan = shop.do(
        "run", "tickets.jsonl", "-m", "mapping.yaml", "--sandbox", "--dry-run", "--json", "--where", "Labels=vip"
    )
    assert plan.summary["to_send"] == 2
    plan = shop.do(
        "run", "tickets.jsonl", "-m", "mapping.yaml", "--sandbox", "--dry-run", "--json", "--where", "a=b=c=d"
    )
    assert plan.summary["to_send"] == 3
