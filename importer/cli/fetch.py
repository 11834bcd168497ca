"""`fetch`: downloads the files behind the addresses of attachments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from importer.cli.byte_progress import byte_progress
from importer.cli.ending import Ending, command_run
from importer.cli.log_setup import set_up_log
from importer.cli.next_steps import after_fetch, step_lines, steps_data
from importer.cli.output import hide, log
from importer.cli.questions import shows_bar
from importer.runtime.display_text import labelled, size_text
from importer.runtime.events import Event, Warned, to_all
from importer.settings import read_certificates, read_environment
from importer.workflows.fetch_attachments import FetchOptions, FetchSummary, fetch_attachments, open_mapping

_SHOWN_ERRORS = 10
_SHOWN_ADDRESSES = 3


def fetch(manifest: Path, mapping: Path, **flags: Any) -> Ending:
    """Download the files behind the addresses of attachments."""
    environment = read_environment()
    set_up_log(flags, environment)
    options = FetchOptions(
        manifest=manifest,
        mapping=mapping,
        source=flags["source"],
        key=flags["key"],
        concurrency=flags["concurrency"],
        refresh=flags["refresh"],
        max_file_size_bytes=flags["max_file_size"],
        answer_timeout_s=flags["answer_timeout"],
    )
    opened = open_mapping(options, environment)
    hide(opened.redactor)
    for warning in opened.mapping.warnings:
        _warn(Warned(warning))
    emit = to_all(_warn, byte_progress(shows_bar(flags)).listen)
    summary = fetch_attachments(options, opened, emit, read_certificates(environment))
    steps = after_fetch(command_run().typed, is_complete=not (summary.fetched.failed or _left(summary)))
    return Ending(
        exit_code=summary.exit_code,
        data=_data(options, summary) | {"next": steps_data(steps)},
        lines=(*_lines(options, summary), *step_lines(steps)),
        error=summary.fetched.stopped,
    )


def _warn(event: Event) -> None:
    """Show a warning, and collect it for JSON."""
    if isinstance(event, Warned):
        log.warning("%s", event.text)
        command_run().listen(event)


def _data(options: FetchOptions, summary: FetchSummary) -> dict[str, Any]:
    """Return the members of the JSON object."""
    fetched = summary.fetched
    return {
        "manifest": str(options.manifest),
        "mapping": str(options.mapping),
        "folder": str(summary.folder),
        "lock": str(summary.lock),
        "rows": summary.rows,
        "addresses": summary.addresses,
        "present": summary.present,
        "fetched": fetched.files,
        "failed": len(fetched.failed),
        "bytes": fetched.size_bytes,
        "errors": [{"url": url, "error": error} for url, error in fetched.failed],
    }


def _lines(options: FetchOptions, summary: FetchSummary) -> Iterator[str]:
    fetched = summary.fetched
    yield labelled("manifest", str(options.manifest))
    yield labelled("addresses", f"{summary.addresses:,} in {summary.rows:,} rows")
    yield labelled("present", f"{summary.present:,} fetched before")
    yield labelled("fetched", f"{fetched.files:,} ({size_text(fetched.size_bytes)})")
    if fetched.failed:
        yield labelled("failed", f"{len(fetched.failed):,}; {summary.lock} has the error of each")
        yield from _error_lines(fetched.failed)
    if left := _left(summary):
        yield labelled("left", f"{left:,} were not asked for")
    yield labelled("files", str(summary.folder))


def _left(summary: FetchSummary) -> int:
    """Return how many addresses were not asked for."""
    fetched = summary.fetched
    return summary.addresses - summary.present - fetched.files - len(fetched.failed)


def _error_lines(failed: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the most frequent errors with their first addresses."""
    urls: defaultdict[str, list[str]] = defaultdict(list)
    for url, error in failed:
        urls[error].append(url)
    kinds = sorted(urls.items(), key=lambda item: -len(item[1]))
    for error, its_urls in kinds[:_SHOWN_ERRORS]:
        more = " …" if len(its_urls) > _SHOWN_ADDRESSES else ""
        yield labelled("", f"{len(its_urls):,} x {error}: {', '.join(its_urls[:_SHOWN_ADDRESSES])}{more}")
    if len(kinds) > _SHOWN_ERRORS:
        yield labelled("", f"… and {len(kinds) - _SHOWN_ERRORS:,} other errors")
