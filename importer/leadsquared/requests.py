"""One request of the API, as every call sends it. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from importer.models import Attachment


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request: a GET without a ``text``, otherwise a POST.

    ``path`` is relative to the account's URL. ``text`` is JSON. It is the whole body, or the part of a form that
    ``part`` names, before the files. ``title`` and ``lead`` are for the ledger, which keeps hashes of them.
    """

    path: str
    text: str = ""
    part: str = ""
    attachments: tuple[Attachment, ...] = ()
    title: str = ""
    lead: str = ""
