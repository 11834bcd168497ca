"""Files as real helpdesks export them, through a whole run."""

from __future__ import annotations

import json

from importer.leadsquared.ticket_details import read_request
from tests.cli.shop import MAPPING, Account, Shop

IGNORING = f"{MAPPING}ignore: [Labels, Comment]\n"
LISTS = "ID,Subject,State,Email,Labels,Files,Labels,Files,More,Labels\n"
OF_LISTS = f"""{MAPPING}
  Labels: {{field: Tags, join: "+"}}
  More: {{field: CustomData.Source, pick: last}}
templates:
  Description: "{{Subject}}: {{Labels}}"
attachments: {{columns: Files}}
"""
REPEATED = "ID,Subject,State,Email,Labels,Comment,Labels,Comment,Labels\n"


def test_repeated_columns_that_are_ignored_stop_no_run(shop: Shop):
    """The results have them under their own names, and can be run again."""
    shop.path("mapping.yaml").write_text(IGNORING, encoding="utf-8")
    shop.path("tickets.csv").write_text(
        f"{REPEATED}1,Broken,Open,a@example.com,x,c1,y,c2,z\n2,Broken,Wrong,b@example.com,,,,,\n", encoding="utf-8"
    )
    assert shop.run("--sandbox", "--yes", "--skip-invalid", "-o", "out.csv").code == 1
    text = shop.path("out.csv").read_text("utf-8-sig")
    assert text.startswith("ID,Subject,State,Email,Labels,Comment,Labels,Comment,Labels,import_row,")
    assert "x,c1,y,c2,z" in text
    shop.path("out.csv").write_text(text.replace("Wrong", "Open"), encoding="utf-8")
    outcome = shop.do("rerun", "out.csv", "-m", "mapping.yaml", "--sandbox", "--yes", "--json")
    assert (outcome.code, outcome.summary["created"]) == (0, 2)


def test_all_values_of_list_columns_are_sent_by_run_and_rerun(shop: Shop, account: Account):
    """Repeated columns and JSON lists fill fields, templates and attachments; `rerun` sends the same as `run` would."""
    shop.path("mapping.yaml").write_text(OF_LISTS, encoding="utf-8")
    for name in ("a.txt", "b;c.txt", "d.txt"):
        shop.path(name).write_text(name, encoding="utf-8")
    rows = (
        '1,First,Open,one@example.com,vip,,,a.txt;d.txt,,"late, again"\n'
        '2,Second,Wrong,two@example.com,[1],"[""b;c.txt""]",,a.txt,"[""x"",""y"",1.10,null,""""]",\n'
        "3,Third,Open,three@example.com,,,,,plain,\n"
    )
    shop.path("tickets.csv").write_text(f"{LISTS}{rows}", encoding="utf-8")
    assert shop.run("--yes", "--skip-invalid", "--json").code == 1
    text = shop.path("tickets.results.csv").read_text("utf-8-sig")
    assert text.startswith(LISTS.strip())
    shop.path("tickets.results.csv").write_text(text.replace("Wrong", "Open"), encoding="utf-8")
    assert shop.rerun("--yes").code == 0
    tickets = sorted(account.tickets, key=lambda ticket: str(ticket.value("Description")))
    assert [[ticket.value(name) for name in ("Description", "Tags", "CustomData.Source")] for ticket in tickets] == [
        ["First: vip, late, again", "vip+late, again", None],
        ["Second: [1]", "[1]", "1.10"],
        ["Third: ", None, "plain"],
    ]
    assert [[file.name for file in ticket.files] for ticket in tickets] == [
        ["a.txt", "d.txt"],
        ["b;c.txt", "a.txt"],
        [],
    ]


def test_rows_rejected_for_a_list_are_sent_when_the_mapping_takes_lists(shop: Shop, account: Account):
    """The results alone are enough: `join` in the mapping, and `rerun`."""
    row = {"ID": "1", "Subject": "a", "State": "Open", "Email": "a@example.com", "Tags": ["x", "y"]}
    shop.path("tickets.csv").write_text(json.dumps([row]), encoding="utf-8")
    shop.path("mapping.yaml").write_text(f"{MAPPING}  Tags: Tags\n", encoding="utf-8")
    assert shop.run("--yes", "--skip-invalid").code == 1
    assert shop.results()[0]["import_error_code"] == "nested-value"
    shop.path("tickets.csv").unlink()
    assert shop.rerun("--yes").code == 1
    shop.path("mapping.yaml").write_text(f"{MAPPING}  Tags: {{field: Tags, join: ' '}}\n", encoding="utf-8")
    assert shop.rerun("--yes").code == 0
    assert [ticket.value("Tags") for ticket in account.tickets] == ["x y"]


def test_one_column_fills_several_fields(shop: Shop, account: Account):
    """OTRS exports a name and an address in one cell; a cell without an address rejects its row."""
    rules = "[{field: LeadDetail.EmailAddress, type: email, extract: email}, {field: LeadDetail.FirstName, extract: '(\\w+)'}]"
    mapping = MAPPING.replace("Email: {field: LeadDetail.EmailAddress, type: email}", f"Email: {rules}")
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    shop.manifest([("1", "a", "Open", '"Müller, Mina" <mina@example.com>'), ("2", "b", "Open", "Otto")])
    assert shop.run("--yes", "--skip-invalid").code == 1
    (ticket,) = account.tickets
    assert dict(ticket.lead_details) == {
        "LeadDetail.EmailAddress": "mina@example.com",
        "LeadDetail.FirstName": "Müller",
    }
    rejected = shop.results()[1]
    assert (rejected["import_status"], rejected["import_error_code"]) == ("rejected", "no-match")


def test_repeated_columns_need_a_rule_for_lists(shop: Shop):
    """The message says how to send all of them or one; the key can't have several."""
    shop.path("tickets.csv").write_text(
        "ID,Subject,State,Email,Subject,ID\n1,a,Open,a@example.com,b,2\n", encoding="utf-8"
    )
    outcome = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert outcome.code == 2
    assert 'columns > Subject: the manifest has 2 columns of this name; add `join: ", "` to send all' in outcome.err
    assert "key: the manifest has 2 columns with the name 'ID'" in outcome.err


def test_suspicious_cells_cause_warnings_everywhere(shop: Shop):
    """An apostrophe before a key is no reason to stop, and not sent in silence either."""
    shop.path("tickets.csv").write_text("ID,Subject,State,Email\n'00123,GrÃ¼ÃŸe,Open,a@example.com\n", encoding="utf-8")
    checked = shop.do("validate", "tickets.csv", "-m", "mapping.yaml")
    assert checked.code == 0
    assert "column 'ID': 1 cell begins with an apostrophe" in checked.err
    assert "column 'Subject': 1 cell looks like UTF-8" in checked.err
    plan = shop.do("run", "tickets.csv", "-m", "mapping.yaml", "--sandbox", "--dry-run", "--json")
    warnings = json.loads(plan.out)["warnings"]
    assert sum("column 'ID': 1 cell begins" in warning for warning in warnings) == 1
    shown = shop.do("run", "tickets.csv", "-m", "mapping.yaml", "--sandbox", "--dry-run")
    assert "column 'ID': 1 cell begins" in shown.out + shown.err


def test_lead_details_travel_where_the_mapping_says(shop: Shop, account: Account):
    """Among the fields, or in a list under LeadId; the account finds one lead for both, and `resolve` reads both."""
    mapping = f"{MAPPING}constants: {{LeadDetail.FirstName: Ann}}\n"
    details = [
        {"SchemaName": "LeadDetail.EmailAddress", "Value": "one@example.com"},
        {"SchemaName": "LeadDetail.FirstName", "Value": "Ann"},
    ]
    for key, choice in (("1", "fields"), ("2", "lead-id")):
        shop.path("mapping.yaml").write_text(f"{mapping}lead_details: {choice}\n", encoding="utf-8")
        shop.manifest([(key, "a", "Open", "one@example.com")])
        plan = json.loads(shop.run("--dry-run", "--json").out)
        text = plan["requests"][0].partition("ticketDTO:\n")[2].strip()
        sent = json.loads(text)
        assert [entry in sent["Fields"] for entry in details] == [choice == "fields"] * 2
        assert sent.get("LeadId") == (details if choice == "lead-id" else None)
        assert read_request(text)[1]["LeadDetail.EmailAddress"] == "one@example.com"
        assert shop.run("--yes").code == 0
    one, two = account.tickets
    assert (one.lead_id, set(one.lead_details)) == (two.lead_id, set(two.lead_details))


def test_the_plan_counts_what_patterns_ignore(shop: Shop):
    """In the plan, its JSON and `validate`."""
    shop.path("mapping.yaml").write_text(f"{MAPPING}ignore: ['via.*', 'Old *', none*]\n", encoding="utf-8")
    record: dict[str, object] = {"ID": "1", "Subject": "a", "State": "Open", "Email": "a@example.com"}
    record |= {"via": {"channel": "web", "from": {"to": "x"}}, "Old field": [1, {"a": 1}]}
    shop.path("tickets.json").write_text(json.dumps([record]), encoding="utf-8")
    plan = shop.do("run", "tickets.json", "-m", "mapping.yaml", "--sandbox", "--dry-run", "--json")
    assert json.loads(plan.out)["ignored_by_patterns"] == {"via.*": 2, "Old *": 1, "none*": 0}
    line = "3 columns by patterns: via.* (2), Old * (1), none* (0)"
    for command in (("run", "--sandbox", "--dry-run"), ("validate",)):
        outcome = shop.do(command[0], "tickets.json", "-m", "mapping.yaml", *command[1:])
        assert outcome.code == 0
        assert line in outcome.out + outcome.err


NESTED = """version: 1
source: helpdesk
key: id
columns:
  requester:
    - {field: LeadDetail.EmailAddress, type: email, extract: email}
    - {field: LeadDetail.FirstName, extract: '^(\\w+)'}
  subject: Title
  created_at: {field: DueDate, type: datetime, format: [epoch, epoch-ms]}
templates:
  Description: "Tags: {tags}"
ignore: [via.*]
"""


def test_a_nested_record_uses_the_whole_language(shop: Shop, account: Account):
    """Lists in templates, times since 1970, senders and patterns; `rerun` of the CSV results sends what `run` would."""
    shop.path("mapping.yaml").write_text(NESTED, encoding="utf-8")
    record = {"id": 1, "subject": "First", "requester": "Ann <ann@example.com>", "created_at": 1724927783}
    second = record | {
        "id": 2,
        "subject": "Second",
        "created_at": 1724927783000,
        "tags": ["x"],
        "via": {"channel": "web"},
    }
    third = record | {"id": 3, "subject": "Third", "tags": [{"name": "x"}]}
    records = [record | {"tags": ["vip", "late, again", 1.10]}, second, third]
    shop.path("tickets.json").write_text(json.dumps(records), encoding="utf-8")
    assert shop.do("run", "tickets.json", "-m", "mapping.yaml", "--yes", "--skip-invalid").code == 1
    results = shop.path("tickets.results.csv")
    text = results.read_text("utf-8-sig")
    assert text.count("nested-value") == 1
    results.write_text(text.replace('[{""name"":""x""}]', '[""y"",""z""]'), encoding="utf-8")
    ended = shop.do("rerun", "tickets.results.csv", "-m", "mapping.yaml", "--manifest", "tickets.json", "--yes")
    assert ended.code == 0, ended.err
    names = ("Title", "Description", "DueDate", "LeadDetail.EmailAddress", "LeadDetail.FirstName")
    shown = ("2024-08-29T10:36:23", "ann@example.com", "Ann")
    assert sorted(tuple(ticket.value(name) for name in names) for ticket in account.tickets) == [
        ("First", "Tags: vip, late, again, 1.1", *shown),
        ("Second", "Tags: x", *shown),
        ("Third", "Tags: y, z", *shown),
    ]
