"""Streams of an OLE2 container are read completely, or the container is reported as damaged."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from importer.manifest.workbooks.containers import DamagedWorkbookError, read_stream, stream_names
from tests.manifest.books import container


def written(folder: Path, content: bytes) -> Path:
    path = folder / "container"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [4096, 4097, 60_000, 70_000, 9_000_000])
def test_streams_of_any_size_are_read(tmp_path: Path, size: int) -> None:
    streams = {"Other": b"x" * 5000, "Workbook": random.Random(size).randbytes(size)}
    path = written(tmp_path, container(streams))
    assert read_stream(path, "Workbook") == streams["Workbook"]
    assert read_stream(path, "Other") == streams["Other"]
    assert stream_names(path) == {"Other", "Workbook"}


def test_short_streams_are_read(tmp_path: Path) -> None:
    text = bytes(range(100))
    content = bytearray(container({"Workbook": b"".ljust(4096), "mini": b"".ljust(4096)}))
    header, table, directory, body = 512, 512, 1024, 1536
    content[body : body + 200] = text[64:].ljust(64, b"-") + b"?" * 64 + text[:64] + b"!" * 8  # parts 0, 1, 2, …
    # Their table is where the sectors of the second stream begin.
    struct.pack_into("<II", content, header - 512 + 60, 2 + 8, 1)
    struct.pack_into("<III", content, body + 4096, 0xFFFFFFFE, 0xFFFFFFFE, 0)
    struct.pack_into("<I", content, table + 4 * 10, 0xFFFFFFFE)
    struct.pack_into("<II", content, directory + 116, 2, 192)  # the root's stream is what they share
    struct.pack_into("<II", content, directory + 128 + 116, 2, len(text))
    assert read_stream(written(tmp_path, bytes(content)), "Workbook") == text


def test_missing_stream_is_an_error(tmp_path: Path) -> None:
    """It is reported like other damage."""
    with pytest.raises(DamagedWorkbookError):
        read_stream(written(tmp_path, container({"Book": b"x" * 4096})), "Workbook")


@pytest.mark.parametrize("target", [2, 5000])
def test_broken_chain_of_sectors_is_an_error(tmp_path: Path, target: int) -> None:
    content = bytearray(container({"Workbook": bytes(8192)}))
    struct.pack_into("<I", content, 512 + 4 * 6, target)
    path = written(tmp_path, bytes(content))
    if target == 2:  # as many sectors as the stream has are read, and its records then make no sense
        assert len(read_stream(path, "Workbook")) == 8192
    else:
        with pytest.raises(DamagedWorkbookError):
            read_stream(path, "Workbook")


@pytest.mark.parametrize("size", [0, 200, 512, 1000, 1100, 2000, 5000])
def test_incomplete_container_is_an_error(tmp_path: Path, size: int) -> None:
    path = written(tmp_path, container({"Workbook": b"x" * 5000})[:size])
    with pytest.raises(DamagedWorkbookError):
        read_stream(path, "Workbook")
