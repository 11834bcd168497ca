"""The progress of `fetch`: a log line every ten seconds, or a bar."""

from __future__ import annotations

import logging

import pytest

from importer.cli.byte_progress import ByteLines, byte_progress
from importer.runtime.events import AddressFetched, BytesFetched, Event, FetchEnded, FetchStarted

EVENTS: list[Event] = [
    FetchStarted(3),
    BytesFetched(2_000_000),
    AddressFetched("https://files.example.com/a.png", ""),
    AddressFetched("https://files.example.com/b.png", "the host can't be reached"),
]


def test_lines_come_every_ten_seconds(caplog: pytest.LogCaptureFixture):
    """Errors are shown at once, the counts only now and then."""
    now = [0.0]
    lines = ByteLines(lambda: now[0])
    with caplog.at_level(logging.INFO, "importer"):
        for event in EVENTS:
            lines.listen(event)
        now[0] = 11.0
        lines.listen(BytesFetched(500_000))
        lines.listen(FetchEnded())
    assert caplog.messages == [
        "https://files.example.com/b.png: the host can't be reached",
        "2 of 3 files, 1 failed, 2.5 MB",
    ]


def test_the_bar_counts_bytes_and_files(capsys: pytest.CaptureFixture[str]):
    """The bar is on standard error and stays there when the download has ended."""
    bar = byte_progress(shows_bar=True)
    for event in [*EVENTS, FetchEnded()]:
        bar.listen(event)
    last = capsys.readouterr().err.replace("\r", "\n").strip().splitlines()[-1]
    assert "2.00M in" in last
    assert last.rstrip().endswith("2 of 3 files, 1 failed")
