"""Tables that programs export as web pages or XML and name `.xls`, through `run` and `rerun` into an account."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.shop import KEY_FIELD, Account, Shop

Open = Callable[..., Account]
MAPPING = f"""\
version: 1
source: helpdesk
key: Id
key_field: {KEY_FIELD}
columns:
  Id: {KEY_FIELD}
  Subject: Title
  Body: Description
  Mail: {{field: LeadDetail.EmailAddress, type: email}}
"""
ROWS = [
    ("Id", "Subject", "Body", "Mail"),
    ("001", "Printer &amp; co", "a{br}b", "mina@example.com"),
    ("002", "More", "", "nobody"),
]


def html() -> str:
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
    return f'<div>\n\t<table border="1">{rows}</table></div>'.replace("{br}", "<br>")


def workbook() -> str:
    rows = "".join(
        f"<Row>{''.join(f'<Cell><Data ss:Type={chr(34)}String{chr(34)}>{cell}</Data></Cell>' for cell in row)}</Row>"
        for row in ROWS
    ).replace("{br}", "&#10;")
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return f'<Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet ss:Name="S"><Table>{rows}</Table></Worksheet></Workbook>'


@pytest.mark.parametrize(("content", "how"), [(html(), "HTML table, UTF-8"), (workbook(), "Excel 2003 XML, sheet 'S'")])
def test_a_table_named_xls(shop: Shop, open_account: Open, content: str, how: str):
    account = open_account()
    shop.path("mapping.yaml").write_text(MAPPING, "utf-8")
    shop.path("export.xls").write_text(content, "utf-8")
    done = shop.do("run", "export.xls", "-m", "mapping.yaml", "--skip-invalid", "-o", "r.csv")
    assert done.code == 1, done.err
    assert how in done.err
    assert account.keys == ["001"]
    (made,) = account.tickets
    assert (made.value("Title"), made.value("Description")) == ("Printer & co", "a\nb")
    text = shop.path("r.csv").read_text("utf-8-sig").replace("nobody", "otto@example.com")
    shop.path("r.csv").write_text(text, "utf-8-sig")
    done = shop.do("rerun", "r.csv", "-m", "mapping.yaml")
    assert done.code == 0, done.err
    assert account.keys == ["001", "002"]
