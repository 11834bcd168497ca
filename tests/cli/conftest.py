from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.shop import Account, Shop, quick


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    """A folder with a mapping, and no account."""
    return Shop(tmp_path, monkeypatch, capsys)


@pytest.fixture
def open_account(shop: Shop) -> Iterator[Callable[..., Account]]:
    """Open an account, with faults and options as ``quick`` takes them, and set the shop up to use it."""
    with contextlib.ExitStack() as stack:

        def open_one(*arguments: object, **options: object) -> Account:
            account = stack.enter_context(Account(quick(*arguments, **options)))
            shop.uses(account)
            return account

        yield open_one


@pytest.fixture
def account(open_account: Callable[..., Account]) -> Account:
    """A quick account in which nothing goes wrong."""
    return open_account()
