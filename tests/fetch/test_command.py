"""`fetch`, then `validate` and `run` with the files: the whole way, with a real server."""

from __future__ import annotations

import asyncio
import csv
import json
import socket
import threading
from pathlib import Path

from aiohttp import web

from tests.cli.shop import Account, Shop, ended, quick
from tests.fetch.servers import WebServer
from tests.fetch.test_downloads import fetch as download

HEADERS = "    headers: {Authorization: SHOP_AUTH}\n"
JIRA = "(?P<date>[^;]*);(?P<author>[^;]*);(?P<name>[^;]*);(?P<url>.+)"
PNG = b"\x89PNG" + bytes(2_000)


def set_up(shop: Shop, *cells: str, more: str = "", download: str = "") -> None:
    """Write a manifest with one row per cell, and a mapping for it."""
    mapping = shop.path("mapping.yaml").read_text(encoding="utf-8")
    mapping += (
        f"attachments:\n  columns: [Files]\n{more}  download:\n    folder: files\n    hosts: [127.0.0.1]\n{download}"
    )
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    with shop.path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["ID", "Subject", "State", "Email", "Files"])
        for number, cell in enumerate(cells, start=1):
            lines.writerow([f"{number:03}", f"Ticket {number}", "Open", f"lead{number}@example.com", cell])


def lock(shop: Shop) -> dict[str, dict[str, str]]:
    """The lock's lines by their address."""
    with shop.path("files/attachments.lock.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found = {line["url"]: line for line in lines}
    assert len(found) == len(lines)
    return found


def fetch(shop: Shop, *flags: str):
    return shop.do("fetch", "tickets.csv", "-m", "mapping.yaml", *flags)


def codes(shop: Shop) -> list[str]:
    """The codes of the problems that `validate` finds."""
    shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", "report.json")
    return [problem["code"] for problem in json.loads(shop.path("report.json").read_text())]


def test_fetched_files_are_sent_under_the_name_in_the_cell(shop: Shop, server: WebServer):
    """Two addresses with one name get two files; each ticket shows the name that its cell says."""
    one, two = server.serves("/1", PNG), server.serves("/2", PNG + b"2")
    cells = [f"1.2.;Ann;scan.png;{one}", f"3.4.;Ann;scan.png;{two}"]
    set_up(shop, *cells, more=f"  pattern: '{JIRA}'\n")
    assert codes(shop) == ["attachment-not-fetched"] * 2
    assert fetch(shop).code == 0
    assert {line["file"] for line in lock(shop).values()} == {"scan.png", "2/scan.png"}
    assert codes(shop) == []
    with Account(quick()) as account:
        shop.uses(account)
        assert shop.run("--yes").code == 0
        files = {str(ticket.value("Title")): [(a.name, a.size) for a in ticket.files] for ticket in account.tickets}
    assert files == {"Ticket 1": [("scan.png", 2004)], "Ticket 2": [("scan.png", 2005)]}


def test_a_cell_that_the_pattern_does_not_match_is_a_problem(shop: Shop, server: WebServer):
    """A cell with a pattern is one value, line breaks included; another form is `no-match`."""
    address = server.serves("/a.png", PNG)
    set_up(shop, f"1;A\nnn;a.png;{address}", address, more=f"  pattern: '{JIRA}'\n")
    result = fetch(shop)
    assert result.code == 0
    assert "1 value of attachments can't be read" in result.err
    assert codes(shop) == ["no-match"]


def test_whole_files_are_not_asked_for_again(shop: Shop, server: WebServer):
    """A second run asks for nothing, `--refresh` for all, and a third for the file that has changed meanwhile."""
    set_up(shop, server.serves("/a.png", PNG), server.serves("/b.png", PNG), "plain.txt")
    assert fetch(shop).code == 0
    again = fetch(shop, "--json").summary
    assert (again["addresses"], again["present"], again["fetched"]) == (2, 2, 0)
    assert server.asked == {"/a.png": 1, "/b.png": 1}
    assert fetch(shop, "--refresh").code == 0
    assert server.asked == {"/a.png": 2, "/b.png": 2}
    shop.path("files/a.png").write_bytes(PNG + b"more")
    assert codes(shop) == ["attachment-not-fetched", "attachment-missing"]
    assert fetch(shop).code == 0
    assert server.asked == {"/a.png": 3, "/b.png": 2}
    assert len(lock(shop)) == 2
    server.serves("/a.png", b"", status=410)
    assert fetch(shop, "--refresh").code == 1
    assert (lock(shop)[f"{server.url}/a.png"]["file"], "410" in lock(shop)[f"{server.url}/a.png"]["error"]) == (
        "a.png",
        True,
    )
    assert codes(shop) == ["attachment-missing"]


def test_secrets_go_to_listed_hosts_and_nowhere_else(shop: Shop, server: WebServer):
    """The header is sent, but not along a redirect; no secret is in the lock or on the screen."""
    shop.set(SHOP_AUTH="Bearer hush-4711-hush")
    last = server.serves("/end.png", PNG, ETag='"hush-4711-hush"')

    async def redirect(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/end.png"})

    server.answers["/start.png"] = redirect
    start = f"{server.url}/start.png?sig=sEcReT%2Fsignature"
    set_up(shop, f"{last};{start}", download=HEADERS)
    result = fetch(shop, "-v")
    assert result.code == 0
    sent = [(path, "hush" in headers.get("Authorization", "")) for path, headers in server.requests]
    assert sorted(sent) == [("/end.png", False), ("/end.png", True), ("/start.png?sig=sEcReT%2Fsignature", True)]
    written = shop.path("files/attachments.lock.csv").read_text() + result.out + result.err
    assert "hush" not in written
    assert "sEcReT" not in written
    assert codes(shop) == []


def test_repeated_columns_and_plain_files_have_patterns_too(shop: Shop, server: WebServer):
    """Jira repeats the column; a value may name a file on the disk, which gets the name in the cell as well."""
    address = server.serves("/7", PNG)
    set_up(shop, "", more=f"  pattern: '{JIRA}'\n")
    shop.path("files").mkdir()
    shop.path("files/0815.bin").write_bytes(PNG)
    lines = [
        "ID,Subject,State,Email,Files,Files",
        f"001,One,Open,a@example.com,1;A;scan.png;{address},2;B;plan.png;0815.bin",
    ]
    shop.path("tickets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert fetch(shop).code == 0
    with Account(quick()) as account:
        shop.uses(account)
        assert shop.run("--yes").code == 0
        (ticket,) = account.tickets
    assert [file.name for file in ticket.files] == ["scan.png", "plan.png"]


def test_a_missing_header_value_is_a_usage_error(shop: Shop, server: WebServer):
    """Nothing is asked without the value."""
    set_up(shop, server.serves("/a.png", PNG), download=HEADERS)
    result = fetch(shop)
    assert result.code == 2
    assert "SHOP_AUTH is not set" in result.err
    assert not server.requests


def test_all_errors_of_the_mapping_are_reported(shop: Shop):
    """A misspelled key does not hide a misspelled column, as in `validate`."""
    set_up(shop, "", more="  seperator: ','\n")
    text = shop.path("mapping.yaml").read_text("utf-8").replace("State:", "Sate:")
    shop.path("mapping.yaml").write_text(text.replace("required: true", "requird: true"), "utf-8")
    refused = fetch(shop)
    assert refused.code == 2
    for wrong in ("unknown key 'requird'", "unknown key 'seperator'", "no column 'Sate' (did you mean 'State'?)"):
        assert wrong in refused.err


def test_errors_are_in_the_lock_and_no_file_is_left(shop: Shop, server: WebServer):
    """Each kind of wrong answer is an error of its address; the others are fetched."""
    page = b"<!DOCTYPE html><html><form>Password</form></html>"
    wrong = {
        server.serves("/login.png", page, Content_Type="text/html"): "web page instead of login.png",
        server.serves("/hidden.png", b"\n" + page): "web page instead of hidden.png",
        server.serves("/large.png", bytes(30_000)): "30,000 bytes; at most 20,000",
        server.serves("/empty.png", b""): "empty file",
        server.serves("/denied.png", b"", status=403): "403 Forbidden",
        f"{server.url}/missing.png": "404 Not Found",
        f"http://localhost:{server.port}/a.png": "localhost is not listed",
        f"http://ann:hush@127.0.0.1:{server.port}/a.png": "has a login",
        server.serves("/out.png", b"", status=302, Location="http://example.com/x"): "redirected: the host example.com",
        "ftp://127.0.0.1/a.png": "addresses with ftp: can't be fetched",
        server.serves("/br.png", PNG, Content_Encoding="br"): "compresses its answer with 'br'",
    }
    right = [server.serves("/page.html", page, Content_Type="text/html"), server.serves("/a.png", PNG)]
    set_up(shop, *wrong, *right)
    result = fetch(shop, "--max-file-size", "20 KB", "--json")
    assert result.code == 1
    found = {line["url"]: line["error"] for line in lock(shop).values()}
    for address, error in wrong.items():
        shown = next(
            url for url in found if url.rpartition("/")[2] == address.rpartition("/")[2] and error in found[url]
        )
        assert "hush" not in shown
    assert [found[address] for address in right] == ["", ""]
    assert sorted(each.name for each in shop.path("files").iterdir() if each.is_file()) == [
        "a.png",
        "attachments.lock.csv",
        "page.html",
    ]
    assert [each.name for each in shop.path("files/.fetch").iterdir()] == ["lock"]
    assert len(result.summary["errors"]) == len(wrong)


def test_names_stay_in_the_folder_and_replace_no_file(shop: Shop, server: WebServer):
    """Names in cells, addresses and headers lose what leads elsewhere; a file of the user keeps its name."""
    shop.path("files").mkdir()
    shop.path("files/mine.png").write_bytes(b"mine")
    addresses = [
        server.serves("/..%2F..%2Fup.png", PNG),
        server.serves("/1", PNG, Content_Disposition='attachment; filename="../../etc/passwd.png"'),
        server.serves("/2", PNG, Content_Disposition="attachment; filename*=UTF-8''%2E%2E%2Fgr%C3%BCn.png"),
        server.serves("/CON.png", PNG),
        server.serves("/mine.png", PNG),
        server.serves("/3", PNG, Content_Type="image/png"),
        server.serves("/attachments.lock.csv", PNG),
    ]
    server.answers["/../../up.png"] = server.answers["/..%2F..%2Fup.png"]
    set_up(shop, *addresses)
    assert fetch(shop).code == 0
    files = {url.removeprefix(server.url): line["file"] for url, line in lock(shop).items()}
    assert files == {
        "/..%2F..%2Fup.png": "up.png",
        "/1": "passwd.png",
        "/2": "grün.png",
        "/CON.png": "_CON.png",
        "/mine.png": "2/mine.png",
        "/3": "3.png",
        "/attachments.lock.csv": "_attachments.lock.csv",
    }
    assert shop.path("files/mine.png").read_bytes() == b"mine"
    assert not Path(shop.folder.parent / "up.png").exists()
    assert codes(shop) == []


def test_lists_are_fetched_and_excluded_rows_are_not(shop: Shop, server: WebServer):
    """A cell may be a JSON list of addresses, or of objects with `url` and `name`; `rows` leaves out rows."""
    one, two, three = (server.serves(f"/{number}", PNG) for number in "123")
    set_up(shop, json.dumps([one, ""]), json.dumps([{"url": two, "name": "Plan B.png", "size": 1}]), three)
    with shop.path("mapping.yaml").open("a", encoding="utf-8") as file:
        file.write("rows: {skip: {ID: '003'}}\n")
    assert fetch(shop).code == 0
    assert {line["file"] for line in lock(shop).values()} == {"_1", "Plan B.png"}
    assert server.asked == {"/1": 1, "/2": 1}
    assert codes(shop) == []


def test_an_interrupted_download_keeps_what_arrived(shop: Shop, server: WebServer):
    """SIGTERM ends the command with 143, and two commands can't use one folder at once."""
    arrived = threading.Event()

    async def stalls(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "5000000", "ETag": '"1"'})
        await answer.prepare(request)
        await answer.write(bytes(3_000_000))
        arrived.set()
        await asyncio.Event().wait()
        return answer

    server.answers["/a.bin"] = stalls
    set_up(shop, f"{server.url}/a.bin")
    process = shop.start("fetch", "tickets.csv", "-m", "mapping.yaml")
    assert arrived.wait(30)
    assert "another `fetch` is writing" in fetch(shop).err
    process.terminate()
    assert ended(process).code == 143
    assert lock(shop) == {}
    assert sum(each.stat().st_size for each in shop.path("files/.fetch").glob("*.part")) > 0


def test_a_server_without_usable_answers_is_given_up(shop: Shop, server: WebServer):
    """Ten addresses in a row without a usable answer end the command with its own exit code; a few are errors."""
    addresses = [server.serves(f"/{number}.png", b"", status=503, Retry_After="0") for number in range(30)]
    set_up(shop, addresses[0], addresses[1])
    result = fetch(shop)
    assert (result.code, server.asked["/0.png"]) == (1, 5)
    shop.path("tickets.csv").write_text(
        shop.path("tickets.csv").read_text() + f"9,T,Open,a@example.com,{';'.join(addresses)}\n"
    )
    result = fetch(shop)
    assert result.code == 3
    assert "503 Service Unavailable" in result.err
    assert "/29.png" not in server.asked


def test_an_unreachable_server_is_given_up(tmp_path: Path):
    """Nothing is there and no host can be reached: that is no error of an address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fetched = download(tmp_path, f"http://127.0.0.1:{port}/a.png")
    assert fetched.stopped is not None
    assert fetched.stopped.exit_code == 3
