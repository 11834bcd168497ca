"""README.md is held against the code: all that there is is documented, and all that is documented is there."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import importer
from importer import errors, settings
from importer.cli.commands import cli
from importer.error_codes import ERROR_CODES
from importer.mapping import load_mapping
from importer.models import Status
from importer.results import COLUMNS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "importer").rglob("*.py"))]
NODES = [node for tree in TREES for node in ast.walk(tree)]
TEXTS = {node.value for node in NODES if isinstance(node, ast.Constant) and isinstance(node.value, str)}

MODULES = {
    # distribution -> the module it is imported as, where that is another name
    "charset-normalizer": "charset_normalizer",
    "email-validator": "email_validator",
    "google-re2": "re2",
    "python-calamine": "python_calamine",
    "python-dotenv": "dotenv",
    "python-json-logger": "pythonjsonlogger",
    "pyyaml": "yaml",
}
NOT_IMPORTED = {"tzdata"}  # data: zoneinfo finds it by itself
BROUGHT_BY_ANOTHER = {"pydantic_core"}  # the types of pydantic's own errors


def section(heading: str) -> str:
    """The text below a heading, down to the next of its level or above."""
    level = heading.split(" ", 1)[0]
    rest = TEXT.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{2,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a section's tables, without headers and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("| `")]


def names(text: str) -> list[str]:
    """Every code in the first column of a section's tables."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]


def commands(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name, such as `ledger init`."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


COMMANDS = dict(commands())


def flags(command: click.Command) -> dict[str, click.Option]:
    """Each flag by its long and its short name."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {name: option for option in options for name in (*option.opts, *option.secondary_opts)}


def documented_flags() -> dict[str, set[str]]:
    """Command -> the flags that the page gives it."""
    found: dict[str, set[str]] = {name: set() for name in COMMANDS}
    sending = names(section("### Flags of `run` and `rerun`"))
    found["run"] |= set(sending) - {"--only", "--manifest", "--accept-edits", "--allow-missing"}
    found["rerun"] |= set(sending)
    for row in rows(section("### Flags of the other commands")):
        for command in re.findall(r"`([^`]+)`", row[1]):
            found[command] |= set(re.findall(r"`([^`]+)`", row[0]))
    return found


def shown_commands() -> list[str]:
    """Every command line of ours in the code blocks of the page."""
    blocks = re.findall(r"^ *```(?:console|text)\n(.*?)^ *```", TEXT, flags=re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    found = [re.search(r"(?:^|&& |^\$ )(ticket-importer .*)", line) for line in lines]
    return [re.split(r" >>? | 2>", match[1])[0] for match in found if match]


def test_it_opens_with_the_two_commands():
    """Whoever has a minute sees what to type first."""
    assert re.findall(r"^\$ (.*)$", TEXT, flags=re.MULTILINE)[:2] == ["make demo", "make test"]
    assert TEXT.index("make test") < 200


def test_every_command_is_documented():
    """The table has the commands that there are, each with the arguments it takes."""
    table = {}
    for cell in names(section("## Commands").split("###")[0]):
        words = re.match(r"([a-z]+(?: [a-z]+)?)((?: \[?[A-Z]+\]?)*)", cell)
        assert words is not None
        table[words[1]] = words[2].split()
    arguments = {
        name: [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
        for name, command in COMMANDS.items()
    }
    assert table == arguments


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_documented(name: str):
    """Each command has exactly the flags that the tables give it."""
    assert documented_flags()[name] == set(flags(COMMANDS[name]))


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_the_documented_ones(name: str):
    """A default that stands in a table as code is the one that is in force."""
    heading = "### Flags of `run` and `rerun`" if name in ("run", "rerun") else "### Flags of the other commands"
    for row in rows(section(heading)):
        default = re.fullmatch(r"`([^` ]+)`", row[-2])
        for flag in re.findall(r"`(-[^`]+)`", row[0]):
            option = flags(COMMANDS[name]).get(flag)
            concerned = heading.endswith("`rerun`") or f"`{name}`" in row[1]
            if option is not None and concerned and default is not None and isinstance(option.default, str):
                assert default[1] == option.default, flag


def test_the_default_rate_is_the_documented_one():
    """`--rate` of a run has its default from the settings, and not from its flag."""
    (default,) = [row[1] for row in rows(section("### Flags of `run` and `rerun`")) if row[0] == "`--rate`"]
    assert default == f"`{settings.DEFAULT_RATE}`"


def test_every_flag_in_the_text_exists():
    """A flag that the page speaks of anywhere is one of ours."""
    known = {"--version", "--help", "-h"} | {flag for command in COMMANDS.values() for flag in flags(command)}
    assert set(re.findall(r"(?<=[` ])--[a-z][a-z-]*", TEXT)) - known == set()


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_that_is_shown_parses(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What is copied from a code block is understood: command, flags, values and the number of arguments."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = click.Context(cli, **cli.context_settings)  # each command keeps the help flag that it is first given
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(line, words, parent=context).close()


def test_commands_are_shown():
    """The test above has something to hold."""
    assert {line.split()[1] for line in shown_commands()} == {
        "suggest",
        "run",
        "rerun",
        "resolve",
        "validate",
        "ledger",
    }


def test_every_variable_is_documented():
    """The table has the variables that the settings read, those in a file of their own among them."""
    shown = {name for name in settings.VARIABLES if name.startswith("LSQ_")}
    ours = {*shown, f"{settings.ACCESS_KEY}_FILE", f"{settings.SECRET_KEY}_FILE"}
    calls = [node for node in NODES if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get"]
    read = {getattr(argument, "value", "") for call in calls for argument in call.args[:1]}
    read = {name for name in read if isinstance(name, str) and name.isupper()}
    table = set(names(section("## Settings")))
    assert {name for name in table if name.startswith("LSQ_")} == ours
    assert {name for name in table if not name.startswith("LSQ_") and name.isupper()} == read - ours
    assert read - ours - {"NO_PROXY"} == set(settings.VARIABLES) - shown
    assert set(re.findall(r"LSQ_[A-Z_]*[A-Z]", TEXT)) <= ours


def test_every_exit_code_is_documented():
    """The table has the codes of all errors, success, rows that are no tickets, and the two signals."""
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    raised = {kind.exit_code for kind in kinds if issubclass(kind, errors.ImporterError)}
    assert {int(code) for code in names(section("## Exit codes"))} == raised | {0, 1, 130, 143}


def test_results_columns_and_states_are_documented():
    """Both tables of the results are those of the code, in its order."""
    found = names(section("## Results"))
    assert found == [*COLUMNS, *(status.value for status in Status)]


def test_the_error_catalogue_is_the_codes_own():
    """Every code with its meaning and advice, word for word and in order."""
    expected = [[f"`{code}`", entry.meaning, entry.advice] for code, entry in ERROR_CODES.items()]
    assert rows(section("## Error catalogue")) == expected


def test_messages_to_be_looked_up_are_those_that_are_printed():
    """Whoever searches the page for what the program printed finds it: each message is in the code."""
    messages = names(section("## Troubleshooting"))
    assert [message for message in messages if not any(message in text for text in TEXTS)] == []


def test_every_dependency_is_explained_and_needed():
    """The table is the list of pyproject.toml, and that is what is imported: no more, and nothing that another brings."""
    declared = [re.split(r"[<>=\[ ]", each)[0] for each in PYPROJECT["dependencies"]]
    assert names(section("## Dependencies")) == declared == sorted(declared)
    needed = {MODULES.get(name, name) for name in declared if name not in NOT_IMPORTED}
    assert needed == imported() - set(sys.stdlib_module_names) - {"importer"} - BROUGHT_BY_ANOTHER


def imported() -> set[str]:
    """The first part of every module's name that is imported anywhere."""
    found = {alias.name for node in NODES if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in NODES if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in found}


def test_links_lead_somewhere():
    """Each file that is linked is there, in this folder and in a clone; each heading, too."""
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", TEXT, flags=re.MULTILINE)}  # fmt: skip
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        assert "://" in target or not path or (ROOT / path).is_file(), target
        assert not anchor or path or anchor in anchors, target


def test_the_mapping_example_loads(tmp_path: Path):
    """The annotated example works as it stands, for the manifest above it, without a warning."""
    text = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len(text) == 1
    path = tmp_path / "mapping.yaml"
    path.write_text(text[0], encoding="utf-8")
    mapping = load_mapping(path)
    header = re.search(r"^\| (Legacy ID .*) \|$", TEXT, flags=re.MULTILINE)
    assert header is not None
    assert mapping.mentioned_columns == set(header[1].split(" | "))
    assert mapping.warnings == ()


def test_the_house_has_the_rooms_that_there_are():
    """Each module and package of the importer is in the drawing, and nothing else is."""
    drawing = section("## The house").split("importer/\n", 1)[1].split("```")[0]
    drawn = set(re.findall(r"(?:^  |   )([a-z_]+(?:\.py|/))", drawing, flags=re.MULTILINE))
    package = Path(importer.__file__).parent
    there = {path.name for path in package.glob("*.py")} | {
        f"{path.parent.name}/" for path in package.glob("*/__init__.py")
    }
    assert drawn == there - {"__init__.py", "__main__.py"}
