"""The file of `run-all`: its jobs, each the import of one account, with their settings, manifest and mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.api.imports import Order
from importer.errors import ImporterError, UsageError
from importer.mapping.document import UnreadableError
from importer.mapping.loading import load_mapping
from importer.mapping.mapping_files import read_text_file
from importer.models import Rate
from importer.runtime.redaction import Redactor
from importer.settings import (
    ACCESS_KEY,
    HOST,
    SECRET_KEY,
    TENANT,
    Environment,
    read_connection,
    read_environment,
)
from importer.workflows.options import Options

_HINT = "correct the file and run the same command again; importer/cli/README.md explains its keys"
_Result = TypeVar("_Result")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

# The types of pydantic's errors in plain words.
_REASONS = {
    "extra_forbidden": "a job has no such key",
    "missing": "it is missing",
    "model_type": "it is not a job with keys and values",
    "string_pattern_mismatch": "it must have only letters, digits, `.`, `_` and `-`, and at most 64 of them",
    "string_too_short": "it is empty",
    "string_type": "it must be text; write a number in quotes",
}


class _JobModel(BaseModel):
    """A job as it is written. ``access_key`` and ``secret_key`` name variables."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(pattern=_NAME)
    host: str = Field(min_length=1)
    tenant: str = Field(min_length=1)
    access_key: str = Field(min_length=1)
    secret_key: str = Field(min_length=1)
    manifest: str = Field(min_length=1)
    mapping: str = Field(min_length=1)
    results: str | None = Field(default=None, min_length=1)
    rate: str | None = None


@dataclass(frozen=True)
class Job:
    """The import of one account, which has this name in the ledger. ``redactor`` hides its keys."""

    name: str
    account: str
    order: Order
    redactor: Redactor


def read_jobs(path: Path, options: Options) -> list[Job]:
    """Read and check all jobs of a file. Raises one UsageError with all problems of all jobs."""
    environment = read_environment(options.settings)
    entries = _entries(path)
    problems: list[str] = []
    names: list[str] = []
    jobs = []
    for number, entry in enumerate(entries, start=1):
        checked = _CheckedJob(entry, path.parent, environment, options)
        place = f"job {number}{checked.name and f' ({checked.name})'}"
        problems += [f"{place}: {problem}" for problem in checked.problems]
        names += [checked.name] if checked.name else []
        if checked.job is not None:
            jobs.append(checked.job)
    problems += _repeated("name", names)
    problems += _repeated("results file", [str(job.order.results.resolve()) for job in jobs])
    if problems:
        raise _wrong(path, problems)
    return jobs


class _CheckedJob:
    """A job with its problems: settings, files and mapping."""

    def __init__(self, entry: Any, folder: Path, environment: Environment, options: Options) -> None:
        self.problems: list[str] = []
        self.name = ""
        self.job: Job | None = None
        model = self._model(entry)
        if model is None:
            return
        self.name = model.name
        keys = {
            variable: self._key(environment, member, name)
            for variable, member, name in (
                (ACCESS_KEY, "access_key", model.access_key),
                (SECRET_KEY, "secret_key", model.secret_key),
            )
        }
        settings = {**options.settings, HOST: model.host, TENANT: model.tenant}
        # With any key in place of one that is missing, the other settings are checked, too.
        settings |= {variable: key or "missing" for variable, key in keys.items()}
        rate = self._rate(model.rate) or options.rate
        account = self._checked(lambda: read_connection(read_environment(settings), rate, sandbox=False)[0])
        manifest, mapping = folder / model.manifest, folder / model.mapping
        if not manifest.is_file():
            self.problems.append(f"manifest: no file {manifest}")
        self._checked(lambda: load_mapping(mapping))
        results = str(folder / model.results) if model.results else None
        chosen = replace(options, settings=settings, rate=rate, results=results)
        order = Order("run", manifest, mapping, chosen.results_of_manifest(manifest), chosen)
        redactor = Redactor([key for key in keys.values() if key])
        self.job = Job(model.name, account.name if account is not None else "", order, redactor)

    def _model(self, entry: Any) -> _JobModel | None:
        """Return a job as it is written, without members that are wrong and not required."""
        try:
            return _JobModel.model_validate(entry)
        except ValidationError as error:
            found = error.errors(include_input=False)
        # Only the member is named, as what is written may be a key.
        self.problems += [
            ": ".join([*map(str, each["loc"]), _REASONS.get(each["type"], each["msg"])]) for each in found
        ]
        wrong = {each["loc"][0] for each in found if each["loc"]}
        try:
            return _JobModel.model_validate({key: entry[key] for key in entry if key not in wrong})
        except (ValidationError, TypeError):
            return None

    def _key(self, environment: Environment, member: str, name: str) -> str:
        try:
            value = environment.secret(name)
        except ImporterError as error:
            self.problems.append(f"{member}: {error.message}")
            return ""
        if not value:  # what is written may be the key itself, so it is not shown
            self.problems.append(f"{member}: the variable that it names is not set")
        return value

    def _rate(self, text: str | None) -> Rate | None:
        try:
            return Rate.parse(text) if text is not None else None
        except ValueError as error:
            self.problems.append(f"rate: {error}")
            return None

    def _checked(self, work: Callable[[], _Result]) -> _Result | None:
        try:
            return work()
        except ImporterError as error:
            self.problems += error.details or (error.message,)
            return None


def _entries(path: Path) -> list[Any]:
    """Return the list of jobs as it is written."""
    try:
        data: Any = yaml.load(read_text_file(path), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except UnreadableError as error:
        raise _wrong(path, [error.finding.text]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise _wrong(path, [f"{place}{getattr(error, 'problem', None) or 'it is not YAML'}"]) from None
    jobs = data.get("jobs") if isinstance(data, dict) else None
    if not isinstance(jobs, list) or not jobs or len(data) > 1:
        raise _wrong(path, ["the file must have one key, `jobs`, with a list of at least one job"])
    return jobs


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as in PyYAML
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key is written twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _repeated(what: str, values: Sequence[str]) -> list[str]:
    repeated = dict.fromkeys(value for value in values if values.count(value) > 1)
    return [f"the {what} {value} belongs to more than one job" for value in repeated]


def _wrong(path: Path, problems: Sequence[str]) -> UsageError:
    return UsageError(f"the jobs of {path} can't be run:", hint=_HINT, details=problems)
