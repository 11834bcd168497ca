"""`run-all`: the imports of many accounts from one file, one after the other in one process."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.api.imports import Order
from importer.errors import ImporterError, Interrupted, UsageError, as_ending
from importer.mapping.loading import load_mapping
from importer.models import Rate
from importer.reports.summary import Confirm, Summary
from importer.runtime.events import Emit
from importer.runtime.redaction import Redactor
from importer.runtime.signals import interrupted, raise_lost, several_runs
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
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


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


class _JobsModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    jobs: list[_JobModel] = Field(min_length=1)


@dataclass(frozen=True)
class Job:
    """The import of one account."""

    name: str
    order: Order
    redactor: Redactor  # of its keys


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: its summary, the error that ended it, or neither if it was not started."""

    name: str
    summary: Summary | None = None
    error: ImporterError | None = None

    @property
    def exit_code(self) -> int | None:
        """The exit code that `run` would have; ``None`` if the job was not started."""
        if self.error is not None:
            return self.error.exit_code
        return self.summary.exit_code if self.summary is not None else None


def read_jobs(path: Path, options: Options) -> list[Job]:
    """Read and check all jobs of a file. Raises one UsageError with all problems of all jobs."""
    models = _models(path)
    problems: list[str] = []
    environment = read_environment(options.settings)
    jobs = []
    for number, model in enumerate(models, start=1):
        place = f"job {number} ({model.name})"
        checked = _CheckedJob(model, path.parent, environment, options)
        problems += [f"{place}: {problem}" for problem in checked.problems]
        if checked.job is not None:
            jobs.append(checked.job)
    problems += _repeated("name", [model.name for model in models])
    problems += _repeated("results file", [str(job.order.results.absolute()) for job in jobs])
    if problems:
        raise _wrong(path, problems)
    return jobs


def run_jobs(jobs: Sequence[Job], emit: Callable[[Job], Emit], confirm: Confirm) -> Iterator[JobEnd]:
    """Run the jobs one after the other, and yield how each ended. A signal ends the running one and starts no other."""
    with several_runs() as signals:
        is_stopped = False
        for job in jobs:
            if is_stopped:
                yield JobEnd(job.name)
                continue
            end = _end(job, emit(job), confirm)
            if signals.first is not None and not isinstance(_ending(end), Interrupted):
                end = replace(end, error=interrupted(signals.first))  # it came while the results were written
            is_stopped = isinstance(_ending(end), Interrupted)
            gc.collect()  # cycles of a run hold its tables, a megabyte, and are old when it ends
            yield end


def _ending(end: JobEnd) -> ImporterError | None:
    return end.error or (end.summary.ending if end.summary is not None else None)


def _end(job: Job, emit: Emit, confirm: Confirm) -> JobEnd:
    try:
        raise_lost()
        return JobEnd(job.name, job.order.run(emit, confirm))
    except ImporterError as error:
        return JobEnd(job.name, error=error)
    except Exception as error:  # noqa: BLE001 - a bug must not keep the other accounts from their import
        return JobEnd(job.name, error=as_ending(error))


class _CheckedJob:
    """A job with its problems: settings, files and mapping."""

    def __init__(self, model: _JobModel, folder: Path, environment: Environment, options: Options) -> None:
        self.problems: list[str] = []
        self.job: Job | None = None
        keys = {
            variable: self._key(environment, member, name)
            for variable, member, name in (
                (ACCESS_KEY, "access_key", model.access_key),
                (SECRET_KEY, "secret_key", model.secret_key),
            )
        }
        settings = {**options.settings, HOST: model.host, TENANT: model.tenant, **keys}
        rate = self._rate(model.rate) or options.rate
        if all(keys.values()):
            self._check(lambda: read_connection(read_environment(settings), rate, sandbox=False))
        manifest, mapping = folder / model.manifest, folder / model.mapping
        if not manifest.is_file():
            self.problems.append(f"manifest: no file {manifest}")
        self._check(lambda: load_mapping(mapping))
        results = str(folder / model.results) if model.results else None
        chosen = replace(options, settings=settings, rate=rate, results=results)
        order = Order("run", manifest, mapping, chosen.results_of_manifest(manifest), chosen)
        self.job = Job(model.name, order, Redactor([key for key in keys.values() if key]))

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

    def _check(self, work: Callable[[], object]) -> None:
        try:
            work()
        except ImporterError as error:
            self.problems += error.details or (error.message,)


def _models(path: Path) -> list[_JobModel]:
    try:
        data: Any = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, [f"it can't be read: {getattr(error, 'strerror', None) or error}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        raise _wrong(path, [f"{place}{getattr(error, 'problem', None) or 'it is not YAML'}"]) from None
    try:
        return _JobsModel.model_validate(data).jobs
    except ValidationError as error:
        raise _wrong(path, [_problem(each) for each in error.errors(include_input=False)]) from None


def _problem(error: Mapping[str, Any]) -> str:
    """Say what is wrong and where; never what is written, which may be a key."""
    places = [f"job {part + 1}" if isinstance(part, int) else str(part) for part in error["loc"] if part != "jobs"]
    return f"{': '.join(places) or 'the file'}: {error['msg']}"


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
