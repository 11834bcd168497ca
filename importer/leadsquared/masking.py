"""Hide keys that an answer repeats. Pure."""

from __future__ import annotations

from dataclasses import replace

from importer.leadsquared.answers import Answer, Created, Throttled, Unclear
from importer.models import TicketIds
from importer.runtime.redaction import Redactor


def mask_answer(answer: Answer, redactor: Redactor) -> Answer:
    """Return the answer with redacted texts. An Id with a key in it is no ticket number."""
    match answer:
        case Created(ids, note):
            number = redactor.text(ids.number)
            if number != ids.number:
                return Unclear("unclear-answer", "200 with Status Success, but with a key as its Id", 200)
            kept = TicketIds(number=number, ticket_id=redactor.text(ids.ticket_id), key=redactor.text(ids.key))
            return Created(kept, redactor.text(note))
        case Throttled():
            return answer
        case _:
            return replace(answer, reason=redactor.text(answer.reason))
