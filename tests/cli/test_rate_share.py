"""`--rate-share`: the part of the account's limit that a run uses, for those who know who has the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from importer.models import Rate
from tests.cli.shop import Account, Shop


@pytest.mark.parametrize("value", ["0%", "101%", "-5%", "60", "0.6", "half", "", "nan%", "inf%"])
def test_an_invalid_share_is_a_usage_error(value: str, shop: Shop, account: Account) -> None:
    """More than nothing and no more than all of it, in per cent; wrong usage, before anything is read or sent."""
    shop.manifest(1)
    ended = shop.run("--yes", "--rate-share", value)
    assert ended.code == 2
    assert "--rate-share" in ended.err
    assert account.calls == 0


@pytest.mark.parametrize(("share", "most"), [("60%", 6), ("25%", 2), ("1%", 1), ("100%", 10)])
def test_a_period_has_at_most_the_shares_calls(
    share: str, most: int, shop: Shop, open_account: Callable[..., Account]
) -> None:
    """The account counts calls: no period has more than the share, and the run uses the whole share."""
    period_s = 0.4
    account = open_account(rate=Rate(10, period_s))
    shop.set(LSQ_RATE=f"10/{period_s}")
    shop.manifest(2 * most + 1)
    assert shop.run("--yes", "--rate-share", share).code == 0
    at = [call.arrived_s for call in account.sandbox.calls]
    assert len(at) == 2 * most + 1, "no 429"
    assert all(beyond - first > period_s for first, beyond in zip(at, at[most:], strict=False))


def test_the_plan_estimates_with_the_share(shop: Shop, account: Account) -> None:
    """The least duration is computed from the used share, not from the whole limit."""
    shop.set(LSQ_RATE="10/5")
    shop.manifest(60)
    lines = {share: shop.run("--dry-run", "--rate-share", share).out for share in ("50%", "100%")}
    assert "at 5 per 5 s" in lines["50%"]
    assert "at 10 per 5 s" in lines["100%"]
    assert account.calls == 0
