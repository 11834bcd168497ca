"""Rules that the code keeps to: sizes, places, wording of errors. `.importlinter` has those of imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.error_codes import ERROR_CODES, ErrorCode
from importer.leadsquared.documented_fields import CUSTOM, LEAD, SYSTEM_FIELDS
from tests.source_code import PACKAGE, ROOT, all_nodes, nodes, source_id, sources, text_of

CODE_NAMES = {"code", "error_code"}  # of what is given an error code
READS_THE_ENVIRONMENT = ("settings.py", "cli/")
AT_THE_PACKAGE_ROOT = {"__init__", "__main__", "errors", "models", "settings"}
AT_THE_ROOT = {"importer", "mappings", "sample_data", "tests", "pyproject.toml", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"}  # fmt: skip
BUILT = ("build", "dist", "*.egg-info", "__pycache__")  # and ignored by git
SPELLS_NAMES_OF_FIELDS = {
    "error_codes/rejected.py",  # sentences for users
    "ledger/revisions/versions/version_4.py",  # must do the same for ever
    "sandbox/account.py",  # the sandbox reads the documentation for itself, so that it finds a mistake of ours
    "sandbox/other_calls.py",
    "sandbox/ticket_dto.py",
}
OTHER_MEANINGS = {"Status", "Type"}  # words of other documents, too
MAX_MODULE_LINES = 400
MAX_CLASS_LINES = 160
MAX_FUNCTION_LINES = 50


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def tracked_files() -> list[Path]:
    """Every file that a clone holds: at the root, in the allowed folders, in `.ci`; nothing built, no data over 1 MB."""
    tops = [path for path in ROOT.iterdir() if path.name in {*AT_THE_ROOT, ".ci"} or path.name.startswith(".git")]
    files = [path for top in tops if top.name != ".git" for path in ([top] if top.is_file() else top.rglob("*"))]
    return [path for path in files if path.is_file() and path.suffix != ".pyc" and path.stat().st_size < 1_000_000]


def test_the_environment_is_read_in_settings_only() -> None:
    """Below the settings nothing reads the environment: what a run depends on is in one value."""
    readers = {
        source_id(path)
        for path in sources()
        for node in nodes(path)
        if getattr(node, "attr", getattr(node, "id", "")) in ("environ", "getenv")
    }
    assert not {reader for reader in readers if not reader.startswith(READS_THE_ENVIRONMENT)}


def test_modules_stay_small() -> None:
    """A module has one subject."""
    assert not {source_id(path) for path in sources() if text_of(path).count("\n") > MAX_MODULE_LINES}, "split them"
    vague = {"utils", "util", "helpers", "common", "misc"}
    assert not {source_id(path) for path in sources() if path.stem in vague}, "name them after what they hold"


def test_classes_stay_small() -> None:
    """A class does one thing."""
    classes = ((path, node) for path in sources() for node in nodes(path) if isinstance(node, ast.ClassDef))
    long = {f"{source_id(path)}: {node.name}" for path, node in classes if _lines(node) > MAX_CLASS_LINES}
    assert not long, "split them by what they do"


def _lines(node: ast.ClassDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_functions_stay_small() -> None:
    """A function fits on a screen; docstrings and decorators are not counted."""
    long = {}
    for path in sources():
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                docstring = ast.get_docstring(node) is not None
                told = (first.end_lineno or 0) - first.lineno + 1 if docstring else 0
                length = (node.end_lineno or 0) - node.lineno + 1 - told
                if length > MAX_FUNCTION_LINES:
                    long[f"{source_id(path)}: {node.name}"] = length
    assert not long, "split them"


def test_the_destination_is_known_in_one_place() -> None:
    """Names of the API's fields and members are spelled out in `leadsquared`; other folders ask it."""
    spelled = re.compile(rf"LeadId|TypeId|{LEAD}|{CUSTOM}|\A(?:{'|'.join({*SYSTEM_FIELDS} - OTHER_MEANINGS)})\Z")
    places = set()
    for path in sources():
        docstrings = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
        texts = (node for node in nodes(path) if isinstance(node, ast.Constant) and id(node) not in docstrings)
        if any(isinstance(text.value, str) and spelled.search(text.value) for text in texts):
            places.add(source_id(path))
    assert {place for place in places if not place.startswith("leadsquared/")} == SPELLS_NAMES_OF_FIELDS


def test_the_package_root_has_few_modules() -> None:
    """Every topic has a folder; only what all of them share is a module at the root."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == AT_THE_PACKAGE_ROOT


def test_the_root_folder_stays_short() -> None:
    """At the root lie the package, its mappings, samples and tests, and what tools look for there; no more."""
    extra = {
        path.name
        for path in ROOT.iterdir()
        if path.name not in AT_THE_ROOT and not path.name.startswith(".") and not any(map(path.match, BUILT))
    }
    assert not extra


def test_no_file_names_the_machine_it_was_written_on() -> None:
    """A path below someone's home or workspace means nothing to whoever clones this."""
    machine = re.compile(r"(?<![\w.:~}/>-])/(?:home|root|work|workspaces?|Users|mnt)/\w")
    found = {path.name: line for path in tracked_files() for line in text_of(path).splitlines() if machine.search(line)}
    assert not found


def test_mail_addresses_are_nobodys() -> None:
    """Samples, tests and texts use the domains reserved for examples (RFC 2606, RFC 6761)."""
    address = re.compile(r"(?<![\w.+-])[\w.+-]+@((?:[\w-]+\.)+[a-zA-Z]{2,})\b")
    reserved = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|invalid|test|localhost)$", re.IGNORECASE)
    found = {
        f"{path.name}: {match[0]}"
        for path in tracked_files()
        for match in address.finditer(text_of(path))
        if not reserved.search(match[1])
    }
    assert not found


@pytest.mark.parametrize(("code", "entry"), ERROR_CODES.items(), ids=ERROR_CODES)
def test_every_error_code_is_explained(code: str, entry: ErrorCode) -> None:
    """A code is words with hyphens, and says in whole sentences what happened, why, and what to do next."""
    assert re.fullmatch(r"[a-z]+(?:-[a-z]+)*", code)
    for sentence in (entry.meaning, entry.advice, entry.why):
        assert re.match(r"[A-Z`]", sentence), "starts like a sentence"
        assert sentence.endswith("."), "ends like one"
        assert sentence == " ".join(sentence.split()), "has no stray blanks"
    assert len({entry.meaning, entry.advice, entry.why}) == 3
    assert re.fullmatch(r"[a-z][a-zA-Z' -]{3,40}", entry.name)


def takers_of_codes() -> dict[str, int]:
    """Each function and class of ours that is given an error code, with the place of the code among what is given."""
    found = {}
    for node in all_nodes():
        match node:
            case ast.FunctionDef(name=name, args=args) | ast.AsyncFunctionDef(name=name, args=args):
                given = [each.arg for each in (*args.posonlyargs, *args.args) if each.arg != "self"]
            case ast.ClassDef(name=name, body=body):
                given = [ast.unparse(each.target) for each in body if isinstance(each, ast.AnnAssign)]
            case _:
                continue
        for code in CODE_NAMES & set(given):
            found[name] = given.index(code)
    return found


def texts_of(node: ast.expr) -> set[str]:
    """The texts that an expression may be, as far as it says so itself."""
    match node:
        case ast.Constant(value=str(text)):
            return {text} - {""}
        case ast.IfExp(body=one, orelse=other):
            return texts_of(one) | texts_of(other)
        case ast.BoolOp(values=parts):
            return {text for part in parts for text in texts_of(part)}
    return set()


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    """A problem that `explain` can't explain is no help."""
    places = takers_of_codes()
    assert {
        "Problem",
        "problem",
        "Unclear",
        "NotSendable",
        "Settled",
        "FileFault",
        "FieldViolation",
        "ConversionResult",
    } <= set(places)
    codes = set()
    for call in (node for node in all_nodes() if isinstance(node, ast.Call)):
        given = [keyword.value for keyword in call.keywords if keyword.arg in CODE_NAMES]
        place = places.get(called(call), len(call.args))
        codes |= {text for each in (*given, *call.args[place : place + 1]) for text in texts_of(each)}
    assert codes <= ERROR_CODES.keys(), codes - ERROR_CODES.keys()
    assert len(codes) > len(ERROR_CODES) / 2


def told(node: ast.AST) -> Iterator[str]:
    """Every text in some code, but for what a value is only compared with or looked up by, and for lists of codes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.Compare | ast.Subscript | ast.Starred):
        for child in ast.iter_child_nodes(node):
            yield from told(child)


def test_every_code_in_the_catalogue_is_raised() -> None:
    """What can't happen needs no explanation."""
    texts = {text for path in sources() if path.parent.name != "error_codes" for text in told(nodes(path)[0])}
    assert ERROR_CODES.keys() <= texts, ERROR_CODES.keys() - texts
