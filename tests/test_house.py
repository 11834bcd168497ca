"""The rules of the house: who may import whom, what lies where, how large things grow, how errors are worded.

README.md, "The house", says what the rooms are for. A rule that a good change breaks is to be changed here, on purpose.
"""

from __future__ import annotations

import ast
import functools
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import importer
from importer.error_codes import CATALOGUE, Entry

PACKAGE = Path(importer.__file__).parent
ROOT = Path(__file__).parent.parent

# A room is a module or a package below `importer`, with all that is in it. One that isn't built yet breaks no rule.
ALSO_PURE = ("catalogue", "errors", "mapping")  # besides those whose docstring says so
DECIDES = (
    *("models", "mapping", "quota", "summary"),
    *("fields.cells", "fields.fit", "fields.patterns", "fields.values", "ledger.records"),
    *("leadsquared.details", "leadsquared.members", "leadsquared.metadata", "leadsquared.wire"),
    *("submission.changed_keys", "submission.export_checks"),
    *("submission.decisions", "submission.findings", "submission.gaps", "submission.plan", "submission.retry"),
    *("suggest.contents", "suggest.draft", "suggest.judging", "suggest.proposals", "suggest.rules", "suggest.times"),
    "suggest.words",
)
TOUCHES_THE_WORLD = ("attachments", "leadsquared", "ledger", "manifest", "progress", "results", "sandbox")
VALUES = ("ledger.records", "leadsquared.details", "leadsquared.members", "leadsquared.metadata", "leadsquared.wire")
MAY_USE = {"results": ("manifest",)}  # a results file that is run again is read as the manifest that it also is
IMPORTED_ONLY_BY = {
    # what (ours, a library, a module of Python's own)   the rooms that may
    "cli": ("__main__",),
    "run": ("cli",),
    "judging": ("cli", "run"),
    "aiohttp": ("leadsquared", "sandbox"),
    "aiolimiter": ("leadsquared",),
    "alembic": ("ledger",),
    "click": ("cli",),
    "dotenv": ("env_file",),
    "pandas": ("manifest", "validation", "results"),
    "olefile": ("manifest.workbooks",),
    "phonenumbers": ("validation",),
    "psycopg": ("ledger",),
    "re2": ("fields.patterns",),
    "python_calamine": ("manifest", "results"),
    "selectolax": ("validation",),
    "sqlalchemy": ("ledger",),
    "sqlite3": ("ledger",),
    "tqdm": ("progress",),
    "xlsxwriter": ("results",),
}
PURE_LIBRARIES = {"re2"}  # of the table above: it computes, and does nothing else
# What the pure rooms leave alone besides the above: the world is handed to them as values.
IMPURE = {
    "asyncio",
    "concurrent",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}
IMPURE_CALLS = {
    *("open", "read_bytes", "read_text", "write_bytes", "write_text", "mkdir", "touch", "unlink", "rename"),
    *("exists", "is_dir", "is_file", "is_symlink", "stat", "lstat", "iterdir", "glob", "rglob", "resolve", "samefile"),
    *("now", "today", "utcnow", "uuid1", "uuid4", "print", "input"),
}
TRUE_ALL_THE_SAME = {
    # what is pure but for     this
    "ledger.records": {"now", "uuid4"},  # the clock, and the names of new runs
    "mapping.files": {"exists", "is_file", "open"},  # the one place that reads a mapping's files
    "mapping.including": {"resolve"},  # and tells whether two names are one of them
    "sandbox.books": {"random"},  # of which it only names the type
    "sandbox.fault_dice": {"random"},  # from a seed, so the same each time
}

CODE_NAMES = {"code", "error_code"}  # of what is given an error code
READS_THE_ENVIRONMENT = ("settings", "cli")
AT_THE_ROOT = {"importer", "mappings", "sample_data", "tests", "pyproject.toml", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"}  # fmt: skip
BUILT = ("build", "dist", "*.egg-info", "__pycache__")  # and ignored by git
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50


def inside(module: str, rooms: tuple[str, ...]) -> bool:
    """Whether ``importer.ledger.tables`` lies in one of the rooms, such as ``ledger``."""
    return any(f"{module}.".startswith(f"importer.{room}.") for room in rooms)


def named(rule: str) -> str:
    """The module that a name in the tables stands for: ours first, so ``run`` is ``importer.workflows.run``."""
    ours = (PACKAGE / f"{rule}.py").exists() or (PACKAGE / rule).is_dir() or rule in {"cli", "run"}
    return f"importer.{rule}" if ours else rule


@functools.cache
def imports() -> frozenset[tuple[str, str]]:
    """All (importing, imported) modules, those inside functions and below ``TYPE_CHECKING`` included."""
    graph = grimp.build_graph("importer", include_external_packages=True, cache_dir=None)
    return frozenset(
        (module, imported) for module in graph.modules for imported in graph.find_modules_directly_imported_by(module)
    )


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def source_id(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return source_id(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@functools.cache
def pure() -> tuple[str, ...]:
    """The rooms whose docstring says that they are, and those of the table."""
    said = (path for path in sources() if re.search(r"\bpure\b", ast.get_docstring(tree(path)) or "", re.IGNORECASE))
    return (*ALSO_PURE, *map(room_of, said))


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def tracked_files() -> list[Path]:
    """Every file that a clone holds: at the root, in the allowed folders, in `.ci`; nothing built, no data over 1 MB."""
    tops = [path for path in ROOT.iterdir() if path.name in {*AT_THE_ROOT, ".ci"} or path.name.startswith(".git")]
    files = [path for top in tops if top.name != ".git" for path in ([top] if top.is_file() else top.rglob("*"))]
    return [path for path in files if path.is_file() and path.suffix != ".pyc" and path.stat().st_size < 1_000_000]


@pytest.mark.parametrize("what", IMPORTED_ONLY_BY)
def test_imports_stay_in_their_rooms(what: str) -> None:
    """A library is imported only where the table says so; what it is swapped for is then one room's business."""
    target, allowed = named(what), IMPORTED_ONLY_BY[what]
    offenders = [
        module
        for module, imported in imports()
        if f"{imported}.".startswith(f"{target}.")
        and not f"{module}.".startswith(f"{target}.")
        and not inside(module, allowed)
    ]
    assert not offenders, f"{target} is for {', '.join(allowed)} only, and is imported by {', '.join(offenders)}"


def test_pure_modules_import_only_pure_ones() -> None:
    """What decides (what is sent, whether again, what a row becomes) does no I/O, so a test needs none."""
    offenders = [
        f"{module} imports {imported}"
        for module, imported in imports()
        if inside(module, pure())
        and (
            imported in (IMPURE - excepted(module)) | (set(IMPORTED_ONLY_BY) - PURE_LIBRARIES)
            or (imported.startswith("importer.") and not inside(imported, pure()))
        )
    ]
    assert not offenders, offenders


def test_what_decides_is_pure() -> None:
    """The rooms that decide say that they are pure, and so are held to it."""
    assert set(DECIDES) <= set(pure())


def test_pure_modules_touch_no_file_and_no_clock() -> None:
    """What they need of the world is handed to them; what is not true of one is in the table, and nothing else is."""
    for path in sources():
        if inside(f"importer.{room_of(path)}", pure()):
            calls = {called(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
            used = {imported for module, imported in imports() if module == f"importer.{room_of(path)}"}
            assert (calls & IMPURE_CALLS) | (used & IMPURE) == excepted(f"importer.{room_of(path)}"), source_id(path)


def excepted(module: str) -> set[str]:
    return TRUE_ALL_THE_SAME.get(module.removeprefix("importer."), set())


def test_rooms_that_touch_the_world_do_not_import_one_another() -> None:
    """`run` brings the ledger, the client and the files together; none of them knows another, but for its values."""
    offenders = [
        f"{module} imports {imported}"
        for module, imported in imports()
        for room in TOUCHES_THE_WORLD
        if inside(module, (room,))
        and not inside(imported, (room, *MAY_USE.get(room, ()), *VALUES))
        and inside(imported, TOUCHES_THE_WORLD)
    ]
    assert not offenders, offenders


def test_no_module_imports_itself_through_others() -> None:
    """Imports flow one way: there is no cycle, hidden inside functions or not."""
    graph: dict[str, set[str]] = {}
    for module, imported in imports():
        if imported.startswith("importer"):
            graph.setdefault(module, set()).add(imported)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which shows the cycle


@pytest.mark.parametrize("path", sources(), ids=source_id)
def test_the_environment_is_read_in_settings_only(path: Path) -> None:
    """Below the settings nothing reads the environment: what a run depends on is in one value."""
    names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree(path))}
    assert inside(f"importer.{room_of(path)}", READS_THE_ENVIRONMENT) or not names & {"environ", "getenv"}


@pytest.mark.parametrize("path", sources(), ids=source_id)
def test_modules_and_functions_stay_small(path: Path) -> None:
    """A module has one subject and a function fits on a screen; docstrings and decorators are not counted."""
    text = path.read_text("utf-8")
    lines = text.count("\n")
    assert lines <= MAX_MODULE_LINES, "split it by subject"
    assert path.stem not in {"utils", "util", "helpers", "common", "misc"}, "name it after what it holds"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            docstring = ast.get_docstring(node) is not None
            told = (first.end_lineno or 0) - first.lineno + 1 if docstring else 0
            length = (node.end_lineno or 0) - node.lineno + 1 - told
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines: part it"


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
    address = re.compile(r"[\w.+-]+@((?:[\w-]+\.)+[a-zA-Z]{2,})\b")
    reserved = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|invalid|test|localhost)$", re.IGNORECASE)
    found = {
        f"{path.name}: {match[0]}"
        for path in tracked_files()
        for match in address.finditer(text_of(path))
        if not reserved.search(match[1])
    }
    assert not found


@pytest.mark.parametrize(("code", "entry"), CATALOGUE.items(), ids=CATALOGUE)
def test_every_error_code_is_explained(code: str, entry: Entry) -> None:
    """A code is words with hyphens, and says in whole sentences what happened, why, and what to do next."""
    assert re.fullmatch(r"[a-z]+(?:-[a-z]+)*", code)
    for sentence in (entry.meaning, entry.advice, entry.why):
        assert re.match(r"[A-Z`]", sentence), "starts like a sentence"
        assert sentence.endswith("."), "ends like one"
        assert sentence == " ".join(sentence.split()), "has no stray blanks"
    assert len({entry.meaning, entry.advice, entry.why}) == 3


def takers_of_codes() -> dict[str, int]:
    """Each function and class of ours that is given an error code, with the place of the code among what is given."""
    found = {}
    for node in (node for path in sources() for node in ast.walk(tree(path))):
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
    assert {"Problem", "problem", "Unclear", "NotSendable", "Settled", "Fault", "Complaint", "Converted"} <= set(places)
    codes = set()
    for call in (node for path in sources() for node in ast.walk(tree(path)) if isinstance(node, ast.Call)):
        given = [keyword.value for keyword in call.keywords if keyword.arg in CODE_NAMES]
        place = places.get(called(call), len(call.args))
        codes |= {text for each in (*given, *call.args[place : place + 1]) for text in texts_of(each)}
    assert codes <= CATALOGUE.keys(), codes - CATALOGUE.keys()
    assert len(codes) > len(CATALOGUE) / 2


def told(node: ast.AST) -> Iterator[str]:
    """Every text in some code, but for what a value is only compared with or looked up by, and for lists of codes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.Compare | ast.Subscript | ast.Starred):
        for child in ast.iter_child_nodes(node):
            yield from told(child)


def test_every_code_in_the_catalogue_is_raised() -> None:
    """What can't happen needs no explanation."""
    texts = {text for path in sources() if path.name != "catalogue.py" for text in told(tree(path))}
    assert CATALOGUE.keys() <= texts, CATALOGUE.keys() - texts


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")
