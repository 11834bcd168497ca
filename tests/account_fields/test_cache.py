"""Fields are saved between commands; a file that `FieldsCache` did not write counts as none."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.account_fields import AccountField, AccountFields, FieldsCache
from importer.account_fields.cache import as_data, from_data

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
FIELD = AccountField(
    schema_name="CustomData.Größe",
    display_name='a "b"\n',
    data_type="Number",
    mandatory=True,
    active=False,
    default="1",
    lookup_id="guid",
    values=("a", "\ud800"),
    retired=("c",),
    min_length=1,
    max_length=2,
    min_value=Decimal("-0.10"),
    max_value=Decimal("1e3"),
    regex="^.$",
)
FIELDS = AccountFields(account="tenant@127.0.0.1:80", read_at=NOW, fields=(FIELD, AccountField(schema_name="Title")), notes=("n",))  # fmt: skip

texts = st.text(max_size=20)
a_field = st.builds(
    AccountField,
    schema_name=st.text(min_size=1, max_size=20),
    display_name=texts,
    data_type=texts,
    mandatory=st.booleans(),
    active=st.booleans(),
    default=texts,
    values=st.none() | st.lists(texts).map(tuple),
    max_length=st.none() | st.integers(1, 10**9),
    min_value=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
)


def test_saved_fields_are_loaded_again(tmp_path: Path):
    """A later command gets equal fields; the folder is created, and only its owner may read the file."""
    cache = FieldsCache(tmp_path / "new" / "folder")
    cache.save(FIELDS)
    assert cache.load(FIELDS.account) == FIELDS
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [cache.path(FIELDS.account).name]
    assert stat.S_IMODE(cache.path(FIELDS.account).stat().st_mode) & 0o077 == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(a_field).map(tuple))
def test_plain_data_and_back(fields: tuple[AccountField, ...]):
    """Fields of any content are equal after conversion to JSON and back."""
    all_of = replace(FIELDS, fields=fields)
    assert from_data(json.loads(json.dumps(as_data(all_of)))) == all_of


def test_each_account_has_its_own_file(tmp_path: Path):
    """Fields of one account are never used for another, even if the file was copied to its path."""
    cache = FieldsCache(tmp_path)
    cache.save(FIELDS)
    assert cache.load("tenant") is None
    cache.path("tenant").write_bytes(cache.path(FIELDS.account).read_bytes())
    assert cache.load("tenant") is None
    assert cache.path("../x").parent == tmp_path


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{}", b"[]", b"null", b"[" * 100_000, b'{"version": 2}', b'{"version": 1, "fields": 7}'],
)
def test_a_damaged_file_is_none(content: bytes, tmp_path: Path):
    """A damaged file counts as missing; the next `fields` replaces it."""
    cache = FieldsCache(tmp_path)
    cache.path("tenant").write_bytes(content)
    assert cache.load("tenant") is None


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("mandatory", "yes"),
        ("max_length", "9"),
        ("min_value", "x"),
        ("values", [1]),
        ("schema_name", None),
        ("schema_name", 7),
        ("retired", None),
        ("values", 7),
    ],
)
def test_a_member_of_another_type_is_none(part: str, value: object, tmp_path: Path):
    """One member of another type makes the whole file worthless; half of the fields would be worse than none."""
    cache = FieldsCache(tmp_path)
    cache.save(FIELDS)
    data = json.loads(cache.path(FIELDS.account).read_text("utf-8"))
    data["fields"][0][part] = value
    cache.path(FIELDS.account).write_text(json.dumps(data), "utf-8")
    assert cache.load(FIELDS.account) is None


def test_a_missing_member_or_a_time_without_zone_makes_the_file_worthless(tmp_path: Path):
    """Only a file as `save` writes it is used."""
    cache = FieldsCache(tmp_path)
    cache.save(FIELDS)
    saved = json.loads(cache.path(FIELDS.account).read_text("utf-8"))
    without_member = {**saved, "fields": [{k: v for k, v in saved["fields"][0].items() if k != "active"}]}
    without_zone = {**saved, "read_at": saved["read_at"].partition("+")[0]}
    for changed in (without_member, without_zone):
        cache.path(FIELDS.account).write_text(json.dumps(changed), "utf-8")
        assert cache.load(FIELDS.account) is None


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_the_age(ago: timedelta, text: str):
    """The age is shown in the largest unit that fits; a clock that was set back gives `just now`."""
    assert FIELDS.age_text(NOW + ago) == text


def test_a_week_makes_them_old():
    """Fields that were read more than seven days ago count as old."""
    assert not FIELDS.is_old(NOW + timedelta(days=7))
    assert FIELDS.is_old(NOW + timedelta(days=7, seconds=1))
