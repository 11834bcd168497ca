"""The README files are compared with the code: everything is documented, and everything documented exists."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import importer
from importer import errors, settings
from importer.cli.commands import cli
from importer.cli.ending import CommandRun, Ending
from importer.error_codes import ERROR_CODES
from importer.export_checks.checks import ExportFigures
from importer.mapping import load_mapping
from importer.models import Problem, Status
from importer.reports.problem_tally import ProblemKind
from importer.reports.problem_text import kind_data
from importer.reports.summary import Summary
from importer.reports.summary_text import summary_data
from importer.results import COLUMNS
from importer.sandbox import Fault, FaultPlan
from tests.source_code import all_nodes

ROOT = Path(__file__).parent.parent
PACKAGE = Path(importer.__file__).parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for folder in (".", "mappings", "sample_data", "importer", "importer/*")
    for path in sorted(ROOT.glob(f"{folder}/README.md"))
}
INTRODUCTION = PAGES["README.md"]
COMMAND_LINE = PAGES["importer/cli/README.md"]
RESULTS = PAGES["importer/results/README.md"]
CONTRIBUTORS = PAGES["importer/README.md"]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

MODULES = {
    # distribution -> module, if the names differ
    "charset-normalizer": "charset_normalizer",
    "email-validator": "email_validator",
    "google-re2": "re2",
    "python-calamine": "python_calamine",
    "python-dotenv": "dotenv",
    "python-json-logger": "pythonjsonlogger",
    "pyyaml": "yaml",
}
NOT_IMPORTED = {"tzdata"}  # data that zoneinfo finds without an import
TRANSITIVE = {"pydantic_core", "multidict", "yarl"}  # the types of pydantic's errors, and of aiohttp's requests
EXTRAS = {"psycopg", "fsspec"}  # of an extra, and loaded only when it is needed
MAX_INTRODUCTION_LINES = 300


def section(page: str, heading: str) -> str:
    """Return the text below a heading, down to the next heading of its level or above."""
    level = heading.split(" ", 1)[0]
    rest = page.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a section's tables, without headers and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("| `")]


def names(text: str) -> list[str]:
    """Return every code in the first column of a section's tables."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]


def commands(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, such as `ledger init`; groups are not commands."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


COMMANDS = dict(commands())


def flags(command: click.Command) -> dict[str, click.Option]:
    """Return each flag by its long and its short name."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {name: option for option in options for name in (*option.opts, *option.secondary_opts)}


def flag_rows(command: str) -> list[list[str]]:
    """Return the rows of all flag tables whose heading names a command."""
    parts = re.split(r"^### ", section(COMMAND_LINE, "## Flags"), flags=re.MULTILINE)
    return [row for part in parts for row in rows(part) if f"`{command}`" in part.splitlines()[0]]


def shown_commands() -> list[str]:
    """Return every `ticket-importer` command line in the code blocks of all pages."""
    blocks = [
        block
        for page in PAGES.values()
        for block in re.findall(r"^ *```(?:console|text)\n(.*?)^ *```", page, flags=re.DOTALL | re.MULTILINE)
    ]
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    found = [re.search(r"(?:^|&& |\.venv/bin/|^\$ )(ticket-importer .*)", line) for line in lines]
    return list(dict.fromkeys(re.split(r" >>? | 2>", match[1])[0] for match in found if match))


def test_the_introduction_is_short():
    """A newcomer reads it to the end; the reference is on the other pages."""
    assert len(INTRODUCTION.splitlines()) <= MAX_INTRODUCTION_LINES


def test_the_introduction_opens_with_the_two_commands():
    """The first thing to read is what to type."""
    assert re.findall(r"^\$ (.*)$", INTRODUCTION, flags=re.MULTILINE)[:2] == ["make demo", "make test"]
    assert INTRODUCTION.index("make test") < 200


def test_every_command_is_documented():
    """The table has exactly the commands, each with its arguments."""
    table = {}
    for cell in names(section(INTRODUCTION, "## Commands")):
        words = re.match(r"([a-z-]+(?: [a-z]+)?)((?: \[?[A-Z|]+\]?)*)", cell.replace(r"\|", "|"))
        assert words is not None
        table[words[1]] = words[2].split()
    arguments = {
        name: [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
        for name, command in COMMANDS.items()
    }
    assert table == arguments


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_documented(name: str):
    """Each command has exactly the flags in its tables."""
    documented = [flag for row in flag_rows(name) for flag in re.findall(r"`([^`]+)`", row[0])]
    assert sorted(documented) == sorted(flags(COMMANDS[name]))


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_the_documented_ones(name: str):
    """A default that is written as code is the default of the flag."""
    for flag_names, default_text, _ in flag_rows(name):
        default = re.fullmatch(r"`([^` ]+)`", default_text)
        for flag in re.findall(r"`([^`]+)`", flag_names):
            option = flags(COMMANDS[name])[flag]
            if default is not None and isinstance(option.default, str):
                assert default[1] == option.default, flag


def test_the_default_rate_is_the_documented_one():
    """The default of `--rate` comes from the settings, not from the flag."""
    (default,) = [row[1] for row in flag_rows("run") if row[0] == "`--rate`"]
    assert default == f"`{settings.DEFAULT_RATE}`"


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_in_the_text_exists(page: str):
    """Each flag that a page mentions is a flag of some command."""
    known = {"--version", "--help", "-h"} | {flag for command in COMMANDS.values() for flag in flags(command)}
    assert set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", PAGES[page])) - known == set()


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_that_is_shown_parses(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A command line that is copied from a code block has a known command, known flags and valid values."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = click.Context(cli, **cli.context_settings)  # each command keeps the help flag that it is first given
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(line, words, parent=context).close()


def test_commands_are_shown():
    """The code blocks show the commands of a first import, so the test above checks something."""
    shown = {line.split()[1] for line in shown_commands()}
    assert shown >= {"suggest", "validate", "ledger", "run", "rerun", "resolve"}


def test_every_variable_is_documented():
    """The table has exactly the variables that the settings read, including those that name a file."""
    shown = {name for name in settings.VARIABLES if name.startswith("LSQ_")}
    ours = {*shown, f"{settings.ACCESS_KEY}_FILE", f"{settings.SECRET_KEY}_FILE", f"{settings.LEDGER}_FILE"}
    calls = [node for node in all_nodes() if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get"]
    read = {getattr(argument, "value", "") for call in calls for argument in call.args[:1]}
    read = {name for name in read if isinstance(name, str) and name.isupper()}
    table = set(names(section(COMMAND_LINE, "## Settings")))
    assert {name for name in table if name.startswith("LSQ_")} == ours
    assert {name for name in table if not name.startswith("LSQ_") and name.isupper()} == read - ours
    assert read - ours - {"NO_PROXY"} == set(settings.VARIABLES) - shown
    for page in PAGES.values():
        assert set(re.findall(r"LSQ_[A-Z_]*[A-Z]", page)) <= ours


def test_every_exit_code_is_documented():
    """The table has the codes of all errors, of success, of rows that are not tickets, and of the two signals."""
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    raised = {kind.exit_code for kind in kinds if issubclass(kind, errors.ImporterError)}
    assert {int(code) for code in names(section(COMMAND_LINE, "## Exit codes"))} == raised | {0, 1, 129, 130, 143}


def test_every_member_of_the_json_output_is_documented():
    """The tables have the members of every object, of a summary, of the summary of `run`, and of a kind of problem."""
    every, of_summary, of_run, of_kind = (
        [name for row in rows(part) for name in re.findall(r"`([^`]+)`", row[0])]
        for part in re.split(r"^\|---.*", section(COMMAND_LINE, "## JSON output"), flags=re.MULTILINE)[1:]
    )
    assert every == list(CommandRun().members(Ending()))
    export = ExportFigures(rows=1, new=1, known=0)
    without, with_export = (
        summary_data(Summary(run="", account="", results=None, export=each)).keys() for each in (None, export)
    )
    assert set(of_summary) == without - set(every)
    assert set(of_run) == with_export - without
    kind = ProblemKind(first=Problem(code="not-allowed", row=2, message=""))
    assert set(of_kind) == kind_data(kind).keys()


def test_results_columns_and_states_are_documented():
    """The two tables have the columns and the states in the order of the code."""
    found = names(section(RESULTS, "## Columns and states"))
    assert found == [*COLUMNS, *(status.value for status in Status)]


def test_the_error_catalogue_has_the_words_of_the_code():
    """Every code is there with its meaning and advice, word for word and in order."""
    expected = [[f"`{code}`", entry.meaning, entry.advice] for code, entry in ERROR_CODES.items()]
    assert rows(section(RESULTS, "## Error catalogue")) == expected


def test_every_message_under_troubleshooting_is_printed():
    """A user who searches the page for a message finds it: each message is a text of the code."""
    messages = names(section(COMMAND_LINE, "## Troubleshooting"))
    texts = {node.value for node in all_nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert [message for message in messages if not any(message in text for text in texts)] == []


def test_every_reason_to_stop_an_export_is_documented():
    """The table has exactly the values of `stopped_by`."""
    calls = [
        node for node in all_nodes() if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ExportStop"
    ]
    stops = {word.value.value for call in calls for word in call.keywords if word.arg == "name" and isinstance(word.value, ast.Constant)}  # fmt: skip
    assert set(names(section(PAGES["importer/export_checks/README.md"], "## What stops a run"))) == stops


def test_every_fault_of_the_sandbox_is_documented():
    """The table has every fault, and whether a ticket is created; the example plan is valid."""
    page = PAGES["importer/sandbox/README.md"]
    documented = {row[0].strip("`"): row[2] for row in rows(section(page, "## Faults"))}
    assert documented == {fault: "yes" if fault.makes_ticket else "no" for fault in Fault}
    (plan,) = re.findall(r"^```yaml\n(.*?)```", page, flags=re.DOTALL | re.MULTILINE)
    assert FaultPlan.parse(yaml.safe_load(plan)).rules


def test_every_dependency_is_explained_and_needed():
    """The table is the list of pyproject.toml, and exactly these packages are imported."""
    declared = [re.split(r"[<>=\[ ]", each)[0] for each in PYPROJECT["dependencies"]]
    assert names(section(INTRODUCTION, "## Dependencies")) == declared == sorted(declared)
    needed = {MODULES.get(name, name) for name in declared if name not in NOT_IMPORTED}
    assert needed == imported() - set(sys.stdlib_module_names) - {"importer"} - TRANSITIVE - EXTRAS


def imported() -> set[str]:
    """The first part of every module's name that is imported anywhere."""
    found = {alias.name for node in all_nodes() if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in all_nodes() if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in found}


def headings(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str):
    """Each linked file and each linked heading exists."""
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[page]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.is_file(), target
        if anchor:
            assert anchor in headings(file.read_text(encoding="utf-8")), target


def test_every_page_is_linked_from_the_introduction():
    """A reader of the introduction finds every other page."""
    links = set(re.findall(r"\]\(([^)#]+)", INTRODUCTION))
    assert set(PAGES) - {"README.md"} <= links


def test_the_mapping_example_loads(tmp_path: Path):
    """The example mapping fits the example manifest above it, without a warning."""
    text = re.findall(r"^   ```yaml\n(.*?)```", INTRODUCTION, flags=re.DOTALL | re.MULTILINE)
    assert len(text) == 1
    path = tmp_path / "mapping.yaml"
    path.write_text(textwrap.dedent(text[0]), encoding="utf-8")
    mapping = load_mapping(path)
    header = re.search(r"^ *\| (Legacy ID .*) \|$", INTRODUCTION, flags=re.MULTILINE)
    assert header is not None
    assert mapping.mentioned_columns == set(header[1].split(" | "))
    assert mapping.warnings == ()


def test_the_layout_shows_every_folder():
    """The tree has exactly the folders and modules of the package, and marks those with a page."""
    tree = section(CONTRIBUTORS, "## Layout").split("importer/\n", 1)[1].split("```")[0]
    found = re.findall(r"^  ([a-z_]+(?:\.py|/)) +(\*?)", tree, flags=re.MULTILINE)
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert {name for name, _ in found} == modules | folders
    assert {name for name, mark in found if mark} == {f"{path.parent.name}/" for path in PACKAGE.glob("*/README.md")}


def test_the_layers_are_those_of_the_contract():
    """The page shows the layers that `make lint` checks."""
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter", encoding="utf-8")
    layers = contract["importlinter:contract:layers"]["layers"].strip()
    assert section(CONTRIBUTORS, "## Layers").split("```text\n")[1].split("\n```")[0] == layers


def test_files_and_names_on_the_contributors_page_exist():
    """Each path exists, and each name is defined in the module beside it."""
    for path in re.findall(r"`([\w/.-]+/[\w/.-]*)`", CONTRIBUTORS):
        assert (ROOT / path).exists() or (PACKAGE / path).exists(), path
    for where in re.findall(r"\| (`[\w/]+\.py`: `\w+`) \|", CONTRIBUTORS):
        module, name = re.findall(r"`([^`]+)`", where)
        text = (PACKAGE / module).read_text(encoding="utf-8")
        assert re.search(rf"^ *(?:async def|def|class) {name}\b|^{name} =", text, flags=re.MULTILINE), where


def test_every_make_target_is_documented():
    """The table has exactly the targets that `make help` lists."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    documented = [name.removeprefix("make ") for name in names(section(CONTRIBUTORS, "## Make targets"))]
    assert sorted(documented) == sorted(targets)
