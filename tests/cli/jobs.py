"""Jobs of `run-all`; each has its account."""

from __future__ import annotations

import contextlib
from typing import Any

import yaml

from tests.cli.shop import Account, Shop, quick


class AccountJobs:
    """The jobs of a shop's `jobs.yaml`, with manifest and mapping. ``stack`` ends their accounts."""

    def __init__(self, shop: Shop, stack: contextlib.ExitStack) -> None:
        self._shop = shop
        self._stack = stack
        self._jobs: list[dict[str, Any]] = []

    def add(self, name: str, rows: int, *faults: object, **changes: Any) -> Account:
        """Add an account with its job: its manifest is in a folder of its name."""
        shop, account = self._shop, self._stack.enter_context(Account(quick(*faults)))
        shop.uses(account)
        prefix = name.upper()
        shop.set(**{f"{prefix}_ACCESS": account.variables["LSQ_ACCESS_KEY"]})
        shop.set(**{f"{prefix}_SECRET": account.variables["LSQ_SECRET_KEY"]})
        host, tenant = account.variables["LSQ_HOST"], account.variables["LSQ_TENANT_ID"]
        shop.unset("LSQ_HOST", "LSQ_TENANT_ID", "LSQ_ACCESS_KEY", "LSQ_SECRET_KEY")
        shop.path(name).mkdir()
        shop.manifest(rows, f"{name}/tickets.csv")
        keys = {"access_key": f"{prefix}_ACCESS", "secret_key": f"{prefix}_SECRET"}
        job = {"name": name, "host": host, "tenant": tenant, **keys}
        self._jobs.append({**job, "manifest": f"{name}/tickets.csv", "mapping": "mapping.yaml", **changes})
        shop.path("jobs.yaml").write_text(yaml.safe_dump({"jobs": self._jobs}), encoding="utf-8")
        return account
