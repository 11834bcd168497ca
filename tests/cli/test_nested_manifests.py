"""Manifests with values inside values, through `run` and `rerun` into an account."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.cli.shop import KEY_FIELD, Account, Shop

Open = Callable[..., Account]
MAPPING = f"""\
version: 1
source: helpdesk
key: id
key_field: {KEY_FIELD}
columns:
  id: {KEY_FIELD}
  subject: Title
  requester.email: {{field: LeadDetail.EmailAddress, type: email}}
  amount.total: CustomData.Amount
ignore: [tags, custom_fields, via, requester.id]
"""
XML_MAPPING = f"""\
version: 1
source: helpdesk
key: "@id"
key_field: {KEY_FIELD}
columns:
  "@id": {KEY_FIELD}
  subject: Title
  requester.email: {{field: LeadDetail.EmailAddress, type: email}}
ignore: [tags.tag]
"""


def ticket(number: int, email: str) -> str:
    return (
        f'{{"id": {number}, "subject": "Größe {number}", "requester": {{"id": 9, "email": "{email}"}}, "amount": '
        f'{{"total": {number}.10}}, "tags": ["a", "b"], "custom_fields": [{{"id": 360000123, "value": 1.50}}], '
        f'"via": {{"source": {{"rel": null}}, "channel": "web"}}}}'
    )


def export(*tickets: str) -> str:
    return f'{{"tickets": [{", ".join(tickets)}],\n "next_page": null, "count": {len(tickets)}}}'


def test_a_page_of_an_api_is_imported_and_run_again(shop: Shop, open_account: Open):
    """Results have every column, and what they send is what the manifest would have sent."""
    account = open_account()
    shop.path("mapping.yaml").write_text(MAPPING, "utf-8")
    shop.path("page.json").write_text(export(ticket(1, "a@example.com"), ticket(2, "nobody")), "utf-8")
    done = shop.do("run", "page.json", "-m", "mapping.yaml", "--skip-invalid", "-o", "r.csv")
    assert done.code == 1, done.err
    assert "rows in tickets" in done.err
    first, second = shop.results("r.csv")
    assert first["requester.email"] == "a@example.com"
    assert first["amount.total"] == "1.10"
    assert first["tags"] == '["a","b"]'
    assert first["custom_fields"] == '[{"id":360000123,"value":1.50}]'
    assert first["via"] == '{"source":{"rel":null},"channel":"web"}'
    assert second["import_error_code"] == "not-an-email"
    text = shop.path("r.csv").read_text("utf-8-sig").replace("nobody", "b@example.com")
    shop.path("r.csv").write_text(text, "utf-8-sig")
    done = shop.do("rerun", "r.csv", "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert account.keys == ["1", "2"]
    assert [made.value("CustomData.Amount") for made in account.tickets] == ["1.10", "2.10"]
    assert [made.value("Title") for made in account.tickets] == ["Größe 1", "Größe 2"]


def test_a_path_of_the_mapping(shop: Shop, open_account: Open):
    """Without it several lists are an error that names them, and nothing is sent."""
    account = open_account()
    shop.path("mapping.yaml").write_text(MAPPING, "utf-8")
    first, second = (json.loads(ticket(n, "a@example.com")) for n in (1, 2))
    data = {"data": {"open": [first]}, "old": [second]}
    shop.path("page.json").write_text(json.dumps(data, indent=2), "utf-8")
    refused = shop.do("run", "page.json", "-m", "mapping.yaml")
    assert refused.code == 2
    assert "`records: data.open`: 1 object, with 'id', 'subject'" in refused.err
    assert "manifest: {records: data.open}" in refused.err
    shop.path("mapping.yaml").write_text(f"{MAPPING}manifest: {{records: data.open}}\n", "utf-8")
    done = shop.do("run", "page.json", "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert account.keys == ["1"]


def test_xml_is_imported_and_run_again(shop: Shop, open_account: Open):
    account = open_account()
    shop.path("mapping.yaml").write_text(XML_MAPPING, "utf-8")
    tickets = [
        f'<ticket id="00{n}"><subject>Größe &lt;{n}&gt;</subject><requester><email>{mail}</email></requester>'
        "<tags><tag>a</tag><tag>b</tag></tags></ticket>"
        for n, mail in ((1, "a@example.com"), (2, "nobody"))
    ]
    shop.path("export.xml").write_text(
        f"<export><count>2</count><tickets>{''.join(tickets)}</tickets></export>", "utf-8"
    )
    done = shop.do("run", "export.xml", "-m", "mapping.yaml", "--skip-invalid", "-o", "r.csv")
    assert done.code == 1, done.err
    assert "XML, UTF-8, rows in tickets/ticket" in done.err
    assert [row["tags.tag"] for row in shop.results("r.csv")] == ['["a","b"]'] * 2
    text = shop.path("r.csv").read_text("utf-8-sig").replace("nobody", "b@example.com")
    shop.path("r.csv").write_text(text, "utf-8-sig")
    done = shop.do("rerun", "r.csv", "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert account.keys == ["001", "002"]
    assert [made.value("Title") for made in account.tickets] == ["Größe <1>", "Größe <2>"]
