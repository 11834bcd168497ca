"""Names of columns and values in exports of helpdesks, in English and German. Pure.

Names are compared in the form that ``normalized`` returns.
"""

from __future__ import annotations

import re
import unicodedata

from importer.leadsquared import documented_fields as api

KEY = "key"
COMPANY = f"{api.LEAD}.Company"  # a usual field of leads that is not documented


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


# Names that mean one field only, the clearest first.
SURE_NAMES = {
    KEY: _words(
        "ticket id, ticket number, ticket no, ticket nr, id, ticket key, issue key, issue id, case number, case id, "
        "case no, request id, incident number, incident id, legacy id, number, key, external id, ticketnummer, ticket "
        "nummer, vorgangsnummer, fallnummer, nummer"
    ),
    api.TITLE: _words(
        "subject, ticket subject, title, ticket title, summary, short description, betreff, titel, kurzbeschreibung, "
        "zusammenfassung"
    ),
    api.DESCRIPTION: _words(
        "description, ticket description, details, body, description text, problem description, beschreibung, "
        "problembeschreibung, langbeschreibung"
    ),
    api.STATUS: _words("status, ticket status, state, ticket state, case status, current status, zustand"),
    api.PRIORITY: _words("priority, ticket priority, prio, case priority, prioritat"),
    api.CHANNEL: _words(
        "channel, ticket channel, via, via channel, contact channel, kanal, eingangskanal, kontaktkanal"
    ),
    api.TYPE: _words("ticket type, type, issue type, case type, request type, ticketart, tickettyp, vorgangsart"),
    api.SUB_TYPE: _words("sub type, subtype, ticket sub type, ticket subtype"),
    api.TAGS: _words("tags, ticket tags, labels, schlagworte, schlagworter, stichworte"),
    api.CC: _words("cc, cc emails, cc email, cc list, email cc, cc addresses"),
    api.DUE: _words("due date, due, due at, due by, due by time, due on, fallig am, falligkeitsdatum, fallig"),
    api.LEAD_ID: _words("lead id, leadid, prospect id"),
    api.EMAIL: _words(
        "requester email, contact email, customer email, email, email address, requester email address, contact email "
        "address, caller email, email, email address, kunden email, email kunde, email adresse, email adresse, "
        "kontakt email, melder email"
    ),
    api.PHONE: _words(
        "requester phone, contact phone, customer phone, phone, phone number, requester phone number, telefon, "
        "telefonnummer, rufnummer, kontakt telefon"
    ),
    api.FIRST_NAME: _words(
        "first name, requester first name, contact first name, customer first name, firstname, vorname"
    ),
    api.LAST_NAME: _words(
        "last name, requester last name, contact last name, customer last name, lastname, surname, nachname, "
        "familienname"
    ),
}

# First and last name in one column.
_WHOLE_NAMES = _words(
    "full name, requester name, requester, contact name, customer name, caller name, reporter name, name des kunden, "
    "kundenname, kontaktname"
)

# Names that often mean a field; proposed as guesses.
LIKELY_NAMES = {
    KEY: _words("reference, ref, case, ticket, issue, nr, no, old id, fall, vorgang"),
    api.TITLE: _words("topic, headline, name, thema, uberschrift, anliegen"),
    api.DESCRIPTION: _words(
        "message, text, content, question, first comment, initial message, nachricht, inhalt, text der anfrage"
    ),
    api.STATUS: _words("stage, phase, stand, bearbeitungsstand"),
    api.PRIORITY: _words("urgency, severity, importance, impact, dringlichkeit, wichtigkeit"),
    api.CHANNEL: _words("source, origin, case origin, contact type, medium, quelle, herkunft, eingang uber"),
    api.TYPE: _words("kind, category, classification, classifications, art, typ, kategorie, record type"),
    api.SUB_TYPE: _words("subcategory, sub category, area, item, component, components, unterkategorie, bereich"),
    api.TAGS: _words("keywords, tag, label, schlagwort"),
    api.CC: _words("copy to, copies, watchers, kopie an, in kopie"),
    api.DUE: _words(
        "deadline, target date, sla due, resolution due, resolve by, termin, frist, zieltermin, erledigen bis"
    ),
    api.CUSTOMER: _words("customer no, customer number, customer id, client id, kundennummer, kunden nr, kundennr"),
    api.LEAD_ID: _words("customer, customer guid, contact id, requester id, lead"),
    api.EMAIL: _words(
        "mail, requester, contact, customer, caller, sender, from, reporter, submitter, reported by, melder, absender, "
        "kunde, kontakt, ansprechpartner"
    ),
    api.PHONE: _words(
        "tel, mobile, mobile phone, work phone, business phone, cell, telephone, caller number, "
        "mobil, handy, handynummer"
    ),
    COMPANY: _words(
        "company, company name, organization, organisation, account, account name, requester organization, firma, "
        "unternehmen"
    ),
}

# Words of columns about staff or internal matters, not about the requester.
STAFF = frozenset(
    _words(
        "agent, assigned, assignee, bearbeiter, closed, creator, group, gruppe, intern, internal, interne, modified, "
        "owner, resolver, team, technician, updated, zugewiesen, zustandig"
    )
)

# Words of columns with a ticket's conversation or history, which is neither its title nor its description.
_CONVERSATION = frozenset(
    _words(
        "activities, activity, antwort, antworten, comment, comments, conversation, conversations, history, kommentar, "
        "kommentare, log, messages, note, notes, notiz, notizen, replies, reply, thread, transcript, verlauf"
    )
)

_NOUNS = frozenset({"ticket", "case", "issue", "incident"})

# Words with the same meaning; the account has any one of them.
_SAME = {
    api.STATUS: (
        _words("open, new, neu, offen, to do, todo, reopened, submitted"),
        _words("in progress, wip, work in progress, in bearbeitung, active, assigned, started, processing"),
        _words(
            "pending, waiting, wait, on hold, hold, wartend, waiting for customer, waiting on customer, awaiting "
            "reply, zuruckgestellt"
        ),
        _words("resolved, solved, done, fixed, gelost, erledigt, completed"),
        _words("closed, geschlossen, abgeschlossen, archived"),
    ),
    api.PRIORITY: (
        _words("low, niedrig, gering, minor, p4"),
        _words("medium, normal, moderate, mittel, p3"),
        _words("high, hoch, major, p2"),
        _words("urgent, dringend, critical, kritisch, highest, blocker, sehr hoch, p1, very high, emergency"),
    ),
    api.TYPE: (
        _words("question, frage, inquiry, enquiry, how to"),
        _words("incident, storung, fault, break fix"),
        _words("problem, bug, defect, fehler, issue"),
        _words("request, service request, anfrage, task, aufgabe, feature request, change request, complaint"),
    ),
    api.CHANNEL: (
        _words("email, email, mail"),
        _words("phone, call, telefon, anruf, telephone, voice"),
        _words("chat, live chat, messaging, whatsapp"),
        _words("web, form, web form, portal, web portal, website, self service, formular, webformular, api"),
        _words("social, twitter, facebook, social media"),
        _words("walk in, in person, personlich, letter, brief, fax"),
    ),
}


def normalized(name: str) -> str:
    """Return a name in lower case, without accents, with single blanks between words."""
    parted = re.sub(r"(?<=[a-zäöü0-9])(?=[A-ZÄÖÜ][a-zäöü])", " ", unicodedata.normalize("NFKC", name))
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", parted.casefold()) if not unicodedata.combining(letter)
    )
    return " ".join(re.findall(r"[^\W_]+", bare.replace("ß", "ss"))).replace("e mail", "email")


def is_field(name: str, but_not: str = KEY) -> bool:
    """Return whether a normalized name means a field other than ``but_not`` and the key."""
    tables = (SURE_NAMES, LIKELY_NAMES)
    return any(name in known for table in tables for field, known in table.items() if field not in (but_not, KEY))


def is_whole_name(column: str) -> bool:
    """Return whether a column has the first and the last name of a customer, by its name."""
    return normalized(column) in _WHOLE_NAMES


def is_conversation(column: str) -> bool:
    """Return whether a column has the conversation, by its name."""
    return not _CONVERSATION.isdisjoint(normalized(column).split())


def without_ticket_noun(name: str) -> str:
    """Remove a leading word for a ticket from a name: `case subject` becomes `subject`."""
    noun, _, rest = name.partition(" ")
    return rest if noun in _NOUNS and rest else name


def share_of_known_values(field: str, values: list[str]) -> float:
    """Return the share of values (0 to 1) that are known words for values of a field."""
    known = {word for words in _SAME.get(field, ()) for word in words}
    return sum(_word(value) in known for value in values) / len(values) if values else 0.0


def matching_value(field: str, value: str, configured: tuple[str, ...]) -> str:
    """Return the configured value with the meaning of an exported value, or an empty text."""
    word = _word(value)
    for each in configured:
        if normalized(each) == word:
            return each
    group = next((words for words in _SAME.get(field, ()) if word in words), ())
    return next((each for each in configured if normalized(each) in group), "")


def _word(value: str) -> str:
    """Return a value's normalized word: `critical` for `1 - Critical`."""
    word = normalized(value)
    return re.sub(r"\A\d+ (?=\D)", "", word)
