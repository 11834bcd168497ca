"""Exports in the words of several helpdesks, with the right fields of each column.

An empty set means that a column has no documented field.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

ROWS = 200
KEY = "key"

_TOPICS = ("Printer", "Invoice", "Login", "Delivery", "Screen", "Contract", "Refund", "Password")
_TROUBLES = ("is broken", "is missing", "came twice", "does not work", "needs a change", "is too slow")
_START = datetime(2024, 1, 3, 8, 5, 9)  # noqa: DTZ001 - exports write times without a zone

Maker = Callable[[int, random.Random], str]


@dataclass(frozen=True, kw_only=True)
class Export:
    """``columns``: each with a function that makes its cells. ``truth``: the right fields of each."""

    columns: Mapping[str, Maker]
    truth: Mapping[str, frozenset[str]]

    def write(self, path: Path, rows: int = ROWS, seed: int = 7) -> None:
        """Write the export as CSV."""
        chance = random.Random(seed)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            writer.writerows([make(number, chance) for make in self.columns.values()] for number in range(rows))


def made(columns: Mapping[str, tuple[Maker, str]]) -> Export:
    """Make an export; the name, the maker and the right fields of a column are separated by blanks."""
    return Export(
        columns={name: maker for name, (maker, _) in columns.items()},
        truth={name: frozenset(right.split()) for name, (_, right) in columns.items()},
    )


def of(*values: str) -> Maker:
    """Return a maker that picks one of these texts."""
    return lambda _, chance: chance.choice(values)


def title(number: int, chance: random.Random) -> str:
    return f"{chance.choice(_TOPICS)} {chance.choice(_TROUBLES)} ({number})"


def text(number: int, chance: random.Random) -> str:
    return f"Hello,\n{title(number, chance)}. It is so since Monday, and I have tried it {number} times."


def email(domain: str, people: int = 90) -> Maker:
    return lambda _, chance: f"person{chance.randrange(people)}@{domain}"


def phone(_: int, chance: random.Random) -> str:
    return f"+1 202 555 {chance.randrange(100, 200):04}"


def moment(form: str, *, sometimes: bool = False) -> Maker:
    def make(_: int, chance: random.Random) -> str:
        at = _START + timedelta(minutes=chance.randrange(600_000))
        return "" if sometimes and chance.random() < 0.3 else at.strftime(form)

    return make


def name(_: int, chance: random.Random) -> str:
    return chance.choice(("Asha", "Ben", "Chen", "Dora", "Emil")) + " " + chance.choice(("Example", "Sample", "Muster"))


def number_from(first: int, form: str = "{}") -> Maker:
    return lambda number, _: form.format(first + number)


def nothing(_number: int, _chance: random.Random) -> str:
    return ""


LEAD_MAIL, LEAD_PHONE = "LeadDetail.EmailAddress", "LeadDetail.Phone"
LIKE_ZENDESK = made(
    {
        "Id": (number_from(1041), KEY),
        "Subject": (title, "Title"),
        "Description": (text, "Description"),
        "Status": (of("new", "open", "pending", "hold", "solved", "closed"), "Status"),
        "Priority": (of("low", "normal", "high", "urgent", ""), "Priority"),
        "Ticket type": (of("question", "incident", "problem", "task"), "Type"),
        "Via": (of("Email", "Web form", "Chat", "API"), "Channel"),
        "Requester": (name, ""),
        "Requester email": (email("example.com"), LEAD_MAIL),
        "Requester phone": (phone, LEAD_PHONE),
        "Assignee": (name, ""),
        "Assignee email": (email("example.org", 4), ""),
        "Group": (of("Support", "Billing"), ""),
        "Organization": (of("Example Traders", "Sample Ltd"), "LeadDetail.Company"),
        "Tags": (of("vip login", "billing", ""), "Tags"),
        "Created at": (moment("%Y-%m-%d %H:%M:%S"), ""),
        "Updated at": (moment("%Y-%m-%d %H:%M:%S"), ""),
        "Due at": (moment("%Y-%m-%d %H:%M:%S", sometimes=True), "DueDate"),
        "Satisfaction Score": (of("Offered", "Good", "Bad", ""), ""),
        "Brand": (of("Example"), ""),
    }
)
LIKE_FRESHDESK = made(
    {
        "Ticket ID": (number_from(7), KEY),
        "Subject": (title, "Title"),
        "Status": (of("Open", "Pending", "Resolved", "Closed", "Waiting on Customer"), "Status"),
        "Priority": (of("Low", "Medium", "High", "Urgent"), "Priority"),
        "Source": (of("Email", "Phone", "Portal", "Chat"), "Channel"),
        "Type": (of("Question", "Incident", "Problem", "Feature Request"), "Type"),
        "Agent": (name, ""),
        "Group": (of("Tier 1", "Tier 2"), ""),
        "Created time": (moment("%d/%m/%Y %H:%M"), ""),
        "Due by Time": (moment("%d/%m/%Y %H:%M"), "DueDate"),
        "Resolved time": (moment("%d/%m/%Y %H:%M", sometimes=True), ""),
        "Agent interactions": (lambda _, chance: str(chance.randrange(9)), ""),
        "Resolution status": (of("Within SLA", "SLA Violated"), ""),
        "Tags": (of("", "renewal", "callback"), "Tags"),
        "Full name": (name, ""),
        "Email": (email("example.net"), LEAD_MAIL),
        "Work phone": (phone, LEAD_PHONE),
        "Mobile phone": (nothing, LEAD_PHONE),
        "Company Name": (of("Example Traders", "Sample Ltd", ""), "LeadDetail.Company"),
        "Attachments": (nothing, ""),
    }
)
GERMAN = made(
    {
        "Ticketnummer": (number_from(20, "{:08}"), KEY),
        "Betreff": (title, "Title"),
        "Beschreibung": (text, "Description"),
        "Status": (of("neu", "offen", "in Bearbeitung", "gelöst", "geschlossen"), "Status"),
        "Priorität": (of("niedrig", "mittel", "hoch", "dringend"), "Priority"),
        "Kanal": (of("E-Mail", "Telefon", "Formular"), "Channel"),
        "Kategorie": (of("Technik", "Rechnung", "Vertrag"), "Type SubType"),
        "Kundennummer": (lambda _, chance: f"K-{chance.randrange(50):05}", "RelatedCustomerId"),
        "Vorname": (of("Asha", "Ben", "Chen", "Dora"), "LeadDetail.FirstName"),
        "Nachname": (of("Beispiel", "Muster"), "LeadDetail.LastName"),
        "E-Mail-Adresse": (email("example.com"), LEAD_MAIL),
        "Telefon": (phone, LEAD_PHONE),
        "Bearbeiter": (name, ""),
        "Erstellt am": (moment("%d.%m.%Y %H:%M"), ""),
        "Fällig am": (moment("%d.%m.%Y"), "DueDate"),
        "Schlagworte": (of("Störung", "Rückruf", ""), "Tags"),
        "Interne Notiz": (text, ""),
    }
)
LIKE_JIRA = made(
    {
        "Issue key": (number_from(100, "HELP-{}"), KEY),
        "Issue id": (number_from(10_400), KEY),
        "Summary": (title, "Title"),
        "Issue Type": (of("Service Request", "Incident", "Problem"), "Type"),
        "Status": (of("To Do", "In Progress", "Waiting for customer", "Done"), "Status"),
        "Priority": (of("Highest", "High", "Medium", "Low"), "Priority"),
        "Reporter": (email("example.com"), LEAD_MAIL),
        "Assignee": (email("example.org", 5), ""),
        "Created": (moment("%d/%b/%y %I:%M %p"), ""),
        "Due date": (moment("%d/%b/%y %I:%M %p", sometimes=True), "DueDate"),
        "Description": (text, "Description"),
        "Labels": (of("vpn", "mail", ""), "Tags"),
        "Resolution": (of("Done", "Won't do", ""), ""),
    }
)
LIKE_SERVICENOW = made(
    {
        "Number": (number_from(10_230, "INC{:07}"), KEY),
        "Short description": (title, "Title"),
        "Description": (text, "Description"),
        "Caller": (name, ""),
        "State": (of("New", "In Progress", "On Hold", "Resolved", "Closed"), "Status"),
        "Priority": (of("1 - Critical", "2 - High", "3 - Moderate", "4 - Low"), "Priority"),
        "Urgency": (of("1 - High", "2 - Medium", "3 - Low"), "Priority"),
        "Impact": (of("1 - High", "2 - Medium", "3 - Low"), "Priority"),
        "Category": (of("Network", "Software", "Hardware"), "Type SubType"),
        "Subcategory": (of("VPN", "Mail", "Laptop"), "SubType"),
        "Contact type": (of("Phone", "Email", "Self-service"), "Channel"),
        "Opened": (moment("%Y-%m-%d %H:%M:%S"), ""),
        "Due date": (moment("%m/%d/%Y"), "DueDate"),
        "Assignment group": (of("Service Desk", "Network"), ""),
        "Assigned to": (name, ""),
        "Email": (email("example.com"), LEAD_MAIL),
        "Close notes": (text, ""),
    }
)
# Other words again. Nothing wrong may be called sure here either; how much is found is not held, only looked at.
LIKE_A_CRM = made(
    {
        "Record ID": (number_from(5_501), KEY),
        "Case Owner": (name, ""),
        "Case Subject": (title, "Title"),
        "Case Description": (text, "Description"),
        "Case Status": (of("New", "Working", "Escalated", "Closed"), "Status"),
        "Case Origin": (of("Phone", "Email", "Web"), "Channel"),
        "Severity": (of("P1", "P2", "P3"), "Priority"),
        "Contact Name": (name, ""),
        "Contact E-Mail": (email("example.com"), LEAD_MAIL),
        "Contact Phone": (phone, LEAD_PHONE),
        "Account Name": (of("Example Traders", "Sample Ltd"), "LeadDetail.Company"),
        "Product": (of("Alpha", "Beta"), ""),
        "Date/Time Opened": (moment("%m/%d/%Y %I:%M %p"), ""),
        "Deadline": (moment("%Y-%m-%dT%H:%M:%S"), "DueDate"),
        "Parent Case": (nothing, ""),
        "Amount Refunded": (lambda _, chance: f"{chance.randrange(10_000) / 100:.2f}", ""),
    }
)
SPREADSHEET = made(
    {
        "lfd. Nr.": (number_from(1), KEY),
        "Datum": (moment("%d.%m.%Y"), ""),
        "Kunde": (name, ""),
        "Mail": (email("example.com", 150), LEAD_MAIL),
        "Tel.": (phone, LEAD_PHONE),
        "Thema": (title, "Title"),
        "Was ist passiert?": (text, "Description"),
        "Erledigt?": (of("ja", "nein"), "Status"),
        "Wichtigkeit": (of("hoch", "mittel", "niedrig"), "Priority"),
        "Zuständig": (name, ""),
        "Frist": (moment("%d.%m.%Y", sometimes=True), "DueDate"),
        "Bemerkung": (text, ""),
    }
)
# Names that lie about what is in their columns.
MISLEADING = made(
    {
        "Title": (of("Mr", "Ms", "Dr"), ""),
        "State": (of("CA", "NY", "TX", "WA"), ""),
        "Status": (of("gold", "silver", "bronze"), ""),
        "Type": (of("customer", "prospect"), ""),
        "Due date": (lambda number, _: f"0{number % 9 + 1}/0{(number + 3) % 9 + 1}/2024", ""),
        "Email": (name, ""),
        "Phone": (of("yes", "no"), ""),
        "Number": (of("1", "2", "3"), ""),
        "Lead ID": (number_from(1), ""),
        "Summary": (number_from(5, "https://example.com/{}"), ""),
        "Channel": (of("red", "green", "blue"), ""),
        "Priority": (text, ""),
        "Vorname": (phone, ""),
    }
)
ALL = {
    "like-zendesk": LIKE_ZENDESK,
    "like-freshdesk": LIKE_FRESHDESK,
    "german": GERMAN,
    "like-jira": LIKE_JIRA,
    "like-servicenow": LIKE_SERVICENOW,
}
FURTHER = {"like-a-crm": LIKE_A_CRM, "spreadsheet": SPREADSHEET}
