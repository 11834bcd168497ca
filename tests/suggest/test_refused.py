"""Columns whose cells the account would mostly refuse have no rule, if its fields are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from importer.account_fields import AccountField
from importer.suggest.decisions import Confidence
from importer.validation import Validator
from tests.suggest.making import account_fields, drafted, fields_of, known, loaded


def test_columns_with_refused_values_have_no_rule(tmp_path: Path):
    """The comment has the reason, and the draft's rows pass."""
    rows = [(str(n), f"a{n}@example.com", ("VPN", "Mail")[n % 2], str(n % 2 + 1)) for n in range(30)]
    header = ("ID", "Email", "Sub Type", "Priority")
    subjects = [(*row, f"It is {n}") for n, row in enumerate(rows)]
    fields = tuple(account_fields())
    suggestion = drafted(tmp_path, (*header, "Subject"), *subjects, fields=fields)
    mapping = loaded(tmp_path, suggestion)
    assert mapping.ignore == {"Sub Type", "Priority"}
    assert "- Sub Type  # TODO: the account refuses 30 of 30 cells for SubType, such as" in suggestion.text
    frame = pd.DataFrame(subjects, columns=[*header, "Subject"])
    assert not Validator(mapping, None, None, known(*fields)).convert_rows(frame, np.arange(2, 32)).problems


def test_omitted_rule_is_in_a_comment(tmp_path: Path):
    """Without the comment sign it is a valid rule."""
    status = AccountField(schema_name="Status", data_type="Select", values=("Open",))
    states = ("new", "odd", "strange")
    rows = [(str(n), f"a{n}@example.com", states[n % 3]) for n in range(30)]
    text = drafted(tmp_path, ("ID", "Email", "Status"), *rows, fields=(status,)).text
    (line,) = [line for line in text.splitlines() if line.startswith("  # Status:")]
    assert yaml.safe_load(line.partition("# ")[2]) == {"Status": {"field": "Status", "values": {"new": "Open"}}}


def test_mandatory_field_keeps_its_rule(tmp_path: Path):
    """Its values must be completed there."""
    status = AccountField(schema_name="Status", data_type="Select", mandatory=True, values=("Open",))
    rows = [(str(n), f"a{n}@example.com", ("odd", "strange")[n % 2]) for n in range(30)]
    suggestion = drafted(tmp_path, ("ID", "Email", "Status"), *rows, fields=(status,))
    assert fields_of(suggestion, Confidence.GUESS) == {"Status": "Status"}
    assert "TODO: map odd, strange under `values`; the account has Open" in suggestion.text


def test_key_needs_no_field(tmp_path: Path):
    """The account's field is too short for these keys."""
    carrier = AccountField(schema_name="CustomData.LegacyId", data_type="Text", max_length=3)
    rows = [(f"HD-{n}", f"a{n}@example.com") for n in range(30)]
    mapping = loaded(tmp_path, drafted(tmp_path, ("Legacy ID", "Email"), *rows, fields=(carrier,)))
    assert (mapping.key, mapping.key_field) == (("Legacy ID",), None)
