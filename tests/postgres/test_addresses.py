"""The address of a ledger on a server: password, schema, rights, certificate."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa

from importer.errors import LedgerError
from importer.ledger.store import Ledger
from tests.cli.shop import Account, Shop, quick
from tests.ledger.ledgers import created, entry, intent, live_run
from tests.network.certificates import Authority
from tests.postgres.server import PostgresServer
from tests.postgres.tls_proxy import TlsProxy

README = Path(__file__).parents[2] / "importer" / "ledger" / "README.md"
PASSWORD = "p@ss:/?#%&= 'wörd\"hush"


@contextlib.contextmanager
def user(server: PostgresServer, name: str) -> Iterator[str]:
    """Let the server have a user with the password, without any right."""
    with server.connect() as db:
        db.execute(psycopg.sql.SQL(f"create role {name} login password {{}}").format(PASSWORD))
        yield name
        db.execute(f"drop role {name}")


def granted(url: str) -> None:
    """Do what the page tells the owner to do."""
    statements = README.read_text(encoding="utf-8").partition("```sql\n")[2].partition("```")[0]
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as db:
        db.execute(statements)


def test_a_password_with_signs_is_encoded_and_never_shown(
    shop: Shop, server: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoded it works, in a file or a variable; a wrong one is not repeated in the message."""
    name = database.partition("?")[0].rpartition("/")[2]
    with user(server, "locked"), server.connect() as db:
        db.execute(f"alter database {name} owner to locked")
        address = f"postgresql://locked:{quote(PASSWORD, safe='')}@/{name}?host={server.folder}"
        shop.path("address").write_text(f"{address}\n", encoding="utf-8")
        shop.path("address").chmod(0o600)
        monkeypatch.delenv("LSQ_LEDGER")
        shop.set(LSQ_LEDGER_FILE=str(shop.path("address")))
        made = shop.do("ledger", "init")
        assert (made.code, made.err) == (0, "")
        assert made.out.startswith("created the ledger: postgresql://locked:***@/")
        wrong = shop.do("ledger", "init", "--ledger", address.replace("hush", "hunter2"))
        assert wrong.code == 2
        assert "%40" in wrong.err
        assert "hunter2" not in wrong.err + wrong.out
        db.execute(f"alter database {name} owner to owner")
        with server.connect(name) as own:
            own.execute("reassign owned by locked to owner")
            own.execute("drop owned by locked")


def test_a_password_in_the_flag_causes_a_warning(shop: Shop) -> None:
    """All users see the arguments of a process."""
    shop.manifest(1)
    address = "postgresql://me:hunter2@127.0.0.1:1/x?connect_timeout=2"
    with Account(quick()) as account:
        shop.set(**account.variables)
        seen = shop.run("--ledger", address, "--give-up-after", "0")
    assert seen.code == 3
    assert "can see the password in --ledger" in seen.err
    assert "hunter2" not in seen.err + seen.out


def test_the_ledger_may_be_in_another_schema(server: PostgresServer, database: str) -> None:
    """A second ledger in `public` of the same database is another one."""
    name = database.partition("?")[0].rpartition("/")[2]
    with server.connect(name) as db:
        with pytest.raises(LedgerError) as caught:
            Ledger.create(f"{database}&options=-csearch_path%3Dtickets")
        assert "schema" in f"{caught.value.message} {caught.value.hint}"
        db.execute("create schema tickets")
        Ledger.create(database).close()
        with contextlib.closing(Ledger.create(f"{database}&options=-csearch_path%3Dtickets")) as ledger:
            run = live_run(ledger, "A")
            ledger.commit(run, [intent("A")])
            ledger.commit(run, [created("A")])
        with contextlib.closing(Ledger.open(database)) as other:
            assert other.look_up(run.account, run.source, ["A"]) == {}
        assert db.execute("select key from tickets.tickets").fetchall() == [("A",)]


def test_a_user_without_rights_on_tables_can_import(shop: Shop, server: PostgresServer, database: str) -> None:
    """Everything but making and upgrading the tables works with the rights that the page names."""
    name = database.partition("?")[0].rpartition("/")[2]
    mine = server.url(name, user="importer")
    with user(server, "importer"):
        refused = shop.do("ledger", "init", "--ledger", mine)
        assert refused.code == 2
        assert "owner" in refused.err
        Ledger.create(database).close()
        shop.manifest(30)
        with Account(quick()) as account:
            shop.set(**account.variables, LSQ_LEDGER=mine)
            assert "GRANT" in shop.run("--yes").err
            granted(database)
            seen = shop.run("--yes")
            assert seen.code == 0, seen.err
            assert shop.do("ledger", "forget", "tickets.results.csv", "--even-existing", "--yes").code == 0
            assert shop.do("history").code == 0
            assert len(account.keys) == 30
        with server.connect(name) as db:
            db.execute("update ledger_meta set value = '5' where name = 'schema_version'")
            old = shop.do("history")
            assert old.code == 2
            assert "ledger init" in old.err
            db.execute("drop owned by importer")


def test_the_servers_certificate_is_verified(
    server: PostgresServer, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a certificate of one's own authority; another authority or another name is refused."""
    authority = Authority()
    root, other = authority.write(tmp_path / "root.pem"), Authority().write(tmp_path / "other.pem")
    with TlsProxy(server.socket, authority.server_context("localhost")) as proxy:

        def address(host: str, trusted: Path) -> str:
            return f"postgresql://owner@{host}:{proxy.port}/ledger?sslmode=verify-full&sslrootcert={trusted}"

        with caplog.at_level(logging.WARNING), contextlib.closing(Ledger.open(address("localhost", root))) as ledger:
            run = live_run(ledger, "A")
            assert entry(ledger, run, "A").state == "pending"
            with ledger.reading() as db:
                raw = db.connection.dbapi_connection
                assert raw is not None
                assert raw.pgconn.ssl_in_use
        assert caplog.text == ""
        for wrong in (address("localhost", other), address("127.0.0.1", root)):
            with pytest.raises(LedgerError, match="certificate"):
                Ledger.open(wrong)


def test_no_statement_is_prepared(ledger: Ledger) -> None:
    """A pooler in transaction mode would lose it."""
    keys = [f"K{number}" for number in range(20)]
    run = live_run(ledger, *keys)
    for key in keys:
        ledger.commit(run, [intent(key)])
        ledger.commit(run, [created(key)])
    with ledger.reading() as db:
        assert db.scalar(sa.text("select count(*) from pg_prepared_statements")) == 0
