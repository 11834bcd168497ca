"""Addresses of stores: a real S3 server on this machine, and what happens without the libraries."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.fetch import stores
from tests.fetch.test_downloads import BODY, error_of, fetch, only_entry


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with one file, on an S3 server of moto."""
    import boto3  # noqa: PLC0415 - takes long to load
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="exports")
    client.put_object(Bucket="exports", Key="2024/scan #1.png", Body=BODY)
    yield "s3://exports"
    server.stop()


@pytest.mark.filterwarnings("ignore")
def test_files_in_s3_are_fetched(bucket: str, tmp_path: Path):
    """A file of a listed bucket is fetched; another bucket is not asked, and a missing file is an error."""
    address = f"{bucket}/2024/scan #1.png"
    assert fetch(tmp_path, address, hosts=("exports",)).failed == []
    entry = only_entry(tmp_path)
    assert (entry.url, entry.file, entry.size_bytes) == (address, "scan #1.png", len(BODY))
    assert entry.etag
    assert (tmp_path / "scan #1.png").read_bytes() == BODY
    assert error_of(fetch(tmp_path, f"{bucket}/no.png", hosts=("exports",))) == "the store has no such file"
    assert "exports is not listed" in error_of(fetch(tmp_path, address, hosts=("other",)))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    """Without the extra, the error says what to install, before anything is asked."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    stores.check_libraries(["https"])
    with pytest.raises(UsageError, match=r"addresses with sftp: need fsspec, sshfs") as raised:
        stores.check_libraries(["https", "sftp"])
    assert "[stores]" in raised.value.hint
