"""The options of an import and of a check, as the flags of the command line have them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from importer.errors import UsageError
from importer.models import Rate, RowNumbers, Status

_SEEDS = 1_000_000  # a number that is easy to type
_SENT_AGAIN = frozenset({Status.FAILED, Status.REJECTED, Status.PENDING})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options with the names and defaults of the flags, which `importer/cli/README.md` explains.

    ``settings``: variables such as ``LSQ_HOST``; they override the environment and ``.env``. Durations are in seconds,
    and shares from 0 to 1. ``original`` is the manifest of a results file (`rerun --manifest`).
    """

    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    ledger: str | None = None
    accept_ledger: str | None = None
    results: str | Path | None = None
    open_only: bool = False
    keep_results: int = 10
    source: str | None = None
    key: tuple[str, ...] = ()
    sandbox: bool = False
    read_fields: bool = False
    limit: int | None = None
    rows: RowNumbers | None = None
    where: tuple[str, ...] = ()
    sample: int | None = None
    seed: int | None = None
    skip_invalid: bool = False
    strict_end: bool = False
    on_unknown: str = "hold"
    retry_status: frozenset[int] = frozenset()
    refusals: frozenset[str] | None = None
    rate: Rate | None = None
    rate_share: float = 1.0
    daily_cap: int | None = None
    concurrency: int | None = None
    max_failures: str = "25"
    give_up_after_s: float = 900.0
    answer_timeout_s: float = 120.0
    grace_s: float = 20.0
    expect_new: bool = False
    max_changed: float = 0.5
    max_gone: float = 0.5
    min_rows: int | None = None
    only: frozenset[Status] = _SENT_AGAIN
    original: str | Path | None = None
    accept_edits: bool = False
    restore: bool = False
    allow_missing: bool = False

    def __post_init__(self) -> None:
        """Choose a seed for a sample. Raises UsageError for options that contradict each other."""
        if self.sample is not None and self.seed is None:
            object.__setattr__(self, "seed", random.randrange(1, _SEEDS))  # noqa: S311 - no secret; the class is frozen
        if self.seed is not None and self.sample is None:
            raise UsageError("--seed has no effect without --sample", hint="add --sample N, or remove --seed")
        if Status.UNKNOWN in self.only and self.on_unknown != "retry":
            raise UsageError(
                "--only unknown needs --on-unknown retry",
                hint="an unknown row may be a ticket already, and sending it may create a second one; "
                "run `ticket-importer resolve` first, or look in the account",
            )
        if self.sandbox and self.accept_ledger:
            raise UsageError(
                "--accept-ledger has no effect with --sandbox, whose ledger is new each time", hint="remove it"
            )
        if self.restore and self.accept_edits:
            raise UsageError(
                "--restore and --accept-edits can't be combined: the first undoes the changes of a spreadsheet, the "
                "second sends them",
                hint="use only one of them",
            )

    def results_of_manifest(self, manifest: Path) -> Path:
        """Return where the results of a manifest go."""
        ending = ".sandbox.results.csv" if self.sandbox else ".results.csv"
        return Path(self.results or manifest.with_name(f"{manifest.stem}{ending}"))

    def results_of_results(self, results: Path) -> Path:
        """Return where the new results of a results file go: they replace it, if results have its format."""
        keeps_format = results.suffix.lower() in (".csv", ".xlsx")
        return Path(self.results or (results if keeps_format else results.with_suffix(".csv")))
