"""Files of others where an import writes, and names that steer a terminal: nothing is lost, and nothing is shown raw."""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import importer
from tests.cli.shop import Account, Shop
from tests.runtime.test_atomic_files import STRANGE, a_folder, a_hard_link, a_link, a_pipe

EVIL = "x\x1b[2J\x9b\u202e\u200f\ny.csv"


@pytest.mark.parametrize("make", STRANGE)
def test_another_file_in_the_place_of_the_part_file_is_kept(shop: Shop, account: Account, make: Callable[[Path], None]):
    """It is refused before the first call (exit 2), at once, and what a link leads to stays as it was."""
    shop.manifest(3)
    other, part = shop.path("other"), shop.path("tickets.results.csv.part")
    other.write_text("another's")
    make(part)
    before = part.lstat()
    ended = shop.run()
    assert ended.code == 2
    assert str(part.name) in ended.err
    assert "move it away" in ended.err
    assert (part.lstat(), other.read_text(), account.calls) == (before, "another's", 0)
    assert not shop.path("tickets.results.csv").exists()


def test_a_part_file_of_a_killed_run_is_replaced(shop: Shop, account: Account):
    """It is a regular file without other names, so the next run begins a new one."""
    shop.manifest(3)
    shop.path("tickets.results.csv.part").write_text("half a row")
    assert shop.run().code == 0
    assert account.calls == 3
    assert not shop.path("tickets.results.csv.part").exists()


@pytest.mark.parametrize("make", [a_pipe, a_folder])
def test_results_in_a_special_file_are_refused(shop: Shop, account: Account, make: Callable[[Path], None]):
    """They are refused before the first call."""
    shop.manifest(3)
    make(shop.path("tickets.results.csv"))
    assert shop.run().code == 2
    assert account.calls == 0


COMMANDS = {
    "the mapping": ("validate", "tickets.csv", "-m", "{}"),
    "the jobs": ("run-all", "{}"),
    "the fault plan": ("sandbox", "--faults", "{}"),
}


@pytest.mark.parametrize("what", COMMANDS)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such file"),
        (a_folder, "not a regular file"),
        (a_pipe, "not a regular file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a text file in UTF-8"),
        (b"a: \xe4\xf6", "not UTF-8"),
        (b"", "is empty|must have one key"),
    ],
)
def test_what_is_no_text_is_refused_in_plain_words(
    shop: Shop, what: str, content: bytes | Callable[[Path], None] | None, reason: str
):
    """A mapping (also a table of two columns), jobs, or a fault plan: the file, what it is, and what to do."""
    shop.manifest(1)
    for name in ("wrong.yaml", "wrong.csv"):
        path = shop.path(name)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            content(path)
        ended = shop.do(*(argument.format(name) for argument in COMMANDS[what]))
        assert ended.code == 2
        assert f"{what} " in ended.err.replace("the jobs of", "the jobs")
        assert name in ended.err
        assert any(each in ended.err for each in reason.split("|"))
        assert "hint: " in ended.err


@pytest.mark.parametrize("make", [a_link, a_hard_link, a_pipe, a_folder])
def test_the_log_can_not_be_a_link_or_special_file(shop: Shop, account: Account, make: Callable[[Path], None]):
    """It is refused before the first call; nothing is added to another file, and no reader of a pipe is waited for."""
    shop.manifest(3)
    other = shop.path("other")
    other.write_text("another's")
    make(shop.path("import.log"))
    ended = shop.run("--log-file", "import.log")
    assert ended.code == 2
    assert "import.log can't be written" in ended.err
    assert (other.read_text(), account.calls) == ("another's", 0)


def test_written_files_are_private(shop: Shop, account: Account):
    """With no umask at all, results, former results, log, report and lists are not readable by all."""
    shop.manifest(2)
    former = os.umask(0)
    try:
        for _ in range(2):
            assert shop.run("--log-file", "import.log").code == 0
        assert shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", "report.html").code == 0
        assert shop.do("fields", "-o", "fields.csv").code == 0
        assert shop.do("suggest", "tickets.csv", "-o", "draft.yaml").code == 0
    finally:
        os.umask(former)
    names = ("tickets.results.csv", "tickets.results.1.csv", "import.log", "report.html", "fields.csv", "draft.yaml")
    rights = {name: stat.S_IMODE(shop.path(name).stat().st_mode) for name in names}
    assert rights == dict.fromkeys(names, 0o640)


@pytest.mark.parametrize("arguments", [["validate"], ["run"], ["run", "--dry-run"], ["run", "--json"], ["suggest"]])
def test_a_name_can_not_steer_the_terminal(shop: Shop, account: Account, arguments: list[str]):
    """The name of a file is shown with escapes and starts no new line; JSON stays JSON."""
    shop.manifest(2, name=EVIL)
    mapping = [] if arguments == ["suggest"] else ["-m", "mapping.yaml"]
    ended = shop.do(arguments[0], EVIL, *mapping, *arguments[1:], "--log-file", "import.log")
    assert ended.code == 0
    for text in (ended.out, ended.err, shop.path("import.log").read_text()):
        assert not set(EVIL) & set("\x1b\x9b\u202e\u200f") & set(text)
        assert not any(line.startswith("y.csv") for line in text.splitlines())
    if "--json" in arguments:
        assert EVIL.removesuffix(".csv") in ended.summary["results"]


def test_a_flag_can_not_steer_the_terminal(shop: Shop):
    """What the command line itself complains of is shown with escapes, too."""
    ended = shop.do("run", "tickets.csv", "-m", "mapping.yaml", "--limit", "\x1b[2J\u202e")
    assert ended.code == 2
    assert not {"\x1b", "\u202e"} & set(ended.err)


def test_only_modules_that_escape_control_characters_print():
    """`output` and `questions` escape them; `sandbox` prints nothing but its own settings."""
    commands = Path(importer.__file__).parent / "cli"
    printing = {
        path.name
        for path in commands.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "print", "sys.stdout.write")
    }
    assert printing == {"output.py", "questions.py", "sandbox.py"}


@pytest.mark.parametrize("key", ["=1+1", "'=1", "+49", "-5", "@user", "\ta", "＝1"])
def test_a_key_that_starts_a_formula_is_harmless_in_results(shop: Shop, account: Account, key: str):
    """The results hold it as text that no spreadsheet computes, and `rerun` takes it for the key that it is."""
    shop.manifest([(key, "a", "Open", "a@example.com"), ("2", "", "Open", "b@example.com")])
    assert shop.run("--skip-invalid").code == 1
    first, second = shop.results()
    assert first["ID"] == key
    assert first["import_key"] == f"'{key}"
    for accept in ((), ("--accept-edits",)):
        assert shop.rerun("--skip-invalid", *accept).code == 1
        assert shop.results()[0]["import_key"] == f"'{key}"
        assert shop.results()[0]["import_status"] == first["import_status"]
    assert account.calls == 1
    assert second["import_status"] == "rejected"
