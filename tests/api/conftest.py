"""The account and the folder of the command line's tests."""

from tests.cli.conftest import account, open_account, shop

__all__ = ["account", "open_account", "shop"]
