"""Converted rows of a chunk: their fields, their tickets, and the identifiers of their leads."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from importer.leadsquared.documented_fields import EMAIL, LEAD_ID, NORMALIZERS, build_ticket
from importer.models import Attachment, Problem, Ticket
from importer.validation.field_conversion import SentField


class ConvertedRows:
    """Converted rows of one chunk, with their problems. Positions count the rows from 0."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fields: list[SentField] = []
        self.attachments: dict[int, tuple[Attachment, ...]] = {}
        self.problems: dict[int, list[Problem]] = defaultdict(list)

    def ticket(self, position: int) -> Ticket:
        """Return the ticket of the row at ``position``, which must have no problem."""
        values = [(field.name, field.values[position]) for field in self.fields if field.sent[position]]
        return build_ticket(values, self.attachments.get(position, ()))

    def lead_identifiers(self) -> tuple[list[str], list[str]]:
        """Return each row's normalised e-mail addresses and phone numbers; empty for rows with a LeadId or a problem.

        Two tickets with one of them, in flight at the same time, could create the lead twice.
        """
        known = next((field.sent for field in self.fields if field.name == LEAD_ID), np.zeros(self.size, dtype=bool))
        emails, phones = [""] * self.size, [""] * self.size
        for field in self.fields:
            if normal := NORMALIZERS.get(field.name):
                found = emails if field.name == EMAIL else phones
                for position in np.flatnonzero(field.sent & ~known).tolist():
                    if position not in self.problems:
                        found[position] = normal(field.values[position])
        return emails, phones
