"""The rules by which an export is compared with those before it, on figures alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from importer.export_checks.changed_keys import KeyMatches, KeyResemblance, may_be_alike
from importer.export_checks.checks import ExportFigures, ExportLimits, PreviousExport, stops

FULL = PreviousExport(keys=100, known_share=0.97, held_share=0.95, previous_held_share=0.92)
DELTA = PreviousExport(keys=100, known_share=0.0, held_share=0.0, previous_held_share=0.0)


def figures(*, new: int = 0, known: int = 0, **more: object) -> ExportFigures:
    return ExportFigures(**{"rows": new + known, "new": new, "known": known, **more})  # type: ignore[arg-type]


def alike(count: int, of: int) -> KeyResemblance:
    return KeyResemblance(compared=of, alike=count, examples=(("1", "01"),), difference="zeros")


ORDINARY = {
    "the first export": (figures(new=500), None),
    "an empty one": (figures(former=DELTA), None),
    "new rows only": (figures(new=500, gone=100, former=DELTA), alike(0, 500)),
    "half of the unknown keys are alike": (figures(new=20), alike(10, 20)),
    "nine unknown keys are alike": (figures(new=9), None),
    "a tenth is known": (figures(new=90, known=10, former=FULL), alike(0, 90)),
    "few are known, and few were": (figures(new=99, known=1, former=PreviousExport(keys=50, known_share=0.94)), alike(0, 99)),
    "half of the known rows are others": (figures(known=20, comparable=20, changed=10), None),
    "nine of nine rows are others": (figures(known=9, comparable=9, changed=9), None),
    "half of a full export is gone": (figures(known=50, gone=50, former=FULL), None),
    "one export before was not full": (figures(known=5, gone=95, former=PreviousExport(keys=100, held_share=0.95, previous_held_share=0.89)), None),
    "there was only one export before": (figures(known=5, gone=95, former=PreviousExport(keys=100, held_share=0.95)), None),
    "a small export": (figures(known=1, gone=8, former=PreviousExport(keys=9, held_share=1.0, previous_held_share=1.0)), None),
    "the same content again": (figures(new=100, comparable=50, changed=50, gone=100, former=FULL, accepted=True), alike(100, 100)),
}  # fmt: skip


@pytest.mark.parametrize(("found", "keys"), ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_export_is_sent(found: ExportFigures, keys: KeyResemblance | None):
    """There is no reason to stop it."""
    assert stops(found, keys, ExportLimits()) == []


ACCIDENTS = {
    "keys in another spelling": (figures(new=20), alike(11, 20), "keys-changed", "--expect-new"),
    "none is known of what was": (figures(new=91, known=9, former=FULL), alike(0, 91), "keys-changed", "--expect-new"),
    "another key column": (figures(new=10, other_keys=True), alike(0, 10), "keys-changed", "--expect-new"),
    "other rows": (figures(known=30, comparable=30, changed=16), None, "renumbered", "--max-changed 54%"),
    "cut": (figures(known=49, gone=51, former=FULL), None, "shrunk", "--max-gone 51%"),
    "nothing is left": (figures(gone=100, former=FULL), None, "shrunk", "--max-gone 100%"),
}


@pytest.mark.parametrize(("found", "keys", "name", "flag"), ACCIDENTS.values(), ids=ACCIDENTS)
def test_an_accident_is_stopped_and_its_flag_goes_on(
    found: ExportFigures, keys: KeyResemblance | None, name: str, flag: str
):
    """The flag that is named is enough, and the others are no answer to it."""
    (stop,) = stops(found, keys, ExportLimits())
    assert (stop.name, stop.go_on_with) == (name, flag)
    assert stop.go_on_with in stop.advice
    value = float(flag.rpartition(" ")[2].rstrip("%")) / 100 if "%" in flag else 1.0
    limits = {
        "keys-changed": ExportLimits(expect_new=True),
        "renumbered": ExportLimits(max_changed=value),
        "shrunk": ExportLimits(max_gone=value),
    }
    assert stops(found, keys, limits[name]) == []
    others = [each for other, each in limits.items() if other != name]
    assert all(len(stops(found, keys, each)) == 1 for each in others)


@pytest.mark.parametrize(("rows", "stopped"), [(9, True), (10, False), (11, False)])
def test_fewer_rows_than_wanted_are_stopped_also_for_the_same_content(rows: int, *, stopped: bool):
    """`--min-rows` is about the file itself."""
    found = stops(figures(new=rows, accepted=True), None, ExportLimits(min_rows=10))
    assert [stop.name for stop in found] == ["min-rows"] * stopped


# -- keys


def compared(unknown: Sequence[str], known: Sequence[str], *, compound: bool = False) -> KeyResemblance:
    matches = KeyMatches(unknown, compound=compound)
    for key in matches.candidates(list(known)):
        matches.add(key)
    return matches.best()


ALIKE = {
    "blanks": ("  A-1\t", "A-1"),
    "case": ("GRÜSSE-1", "grüße-1"),
    "zeros": ("007", "7"),
    "only zeros": ("000", "0"),
    "zeros after a prefix": ("INC0001234", "INC1234"),
    "a fraction": ("12.0", "12"),
    "a longer one": ("0012.00", "12"),
    "a prefix": ("HD-0123", "123"),
    "a prefix of words": ("Ticket no. 123", "123"),
    "a prefix before letters": ("ZD-ab12", "AB12"),
    "no digits at all": ("ZD-alpha", "alpha"),
}


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_keys_are_alike_whichever_of_them_is_the_new_one(one: str, other: str):
    """What an export adds one night it may leave out in another."""
    for new, old in ((one, other), (other, one)):
        assert compared([new], [old]).examples == ((new, old),)
        part = compared(
            [f'["x", "{new}"]'.replace("\t", "\\t")], [f'["X", "{old}"]'.replace("\t", "\\t")], compound=True
        )
        assert part.alike == 1


@pytest.mark.parametrize(
    ("one", "other"), [("1001", "1000"), ("10", "1"), ("1.5", "1"), ("HD-1", "IT-1"), ("HD2-1", "1"), ("1-HD", "1")]
)
def test_keys_are_not_alike_by_accident(one: str, other: str):
    """Numbers that count on, other prefixes, prefixes with digits, endings."""
    assert compared([one], [other]).alike == compared([other], [one]).alike == 0


@pytest.mark.parametrize(("unknown", "least"), [(["1", "2", "3", "4"], 3), (["7", "07", "A-7", "8"], 1)])
def test_too_few_known_keys_are_not_compared(unknown: list[str], least: int):
    """One known key can be like several unknown ones, but only like those that differ from it in spelling."""
    assert [known for known in range(5) if may_be_alike(unknown, known, compound=False)] == [*range(least, 5)]


def test_one_prefix_counts_and_not_several():
    """Names that end like other names have no prefix in common."""
    new = ["ann-lee1", "bo-lee1", "cy-lee1"]
    assert compared(new, ["lee1"]).alike == 1


def test_the_difference_is_named():
    """By the prefix, or by what most keys have."""
    assert compared(["HD-1", "HD-2"], ["1", "2"]).difference == "the prefix 'hd-' was added to the keys"
    assert compared(["1", "2"], ["HD-1", "HD-2"]).difference == "the prefix 'hd-' is missing from the keys"
    assert "zeros" in compared(["1", "2", "A "], ["01", "02", "A"]).difference
