"""Databases: files of SQLite and DuckDB, and servers by their address; a real PostgreSQL is started where it is installed."""

import datetime as dt
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import msgspec
import pytest

from tabsmith.errors import ReadError, TableChangedError
from tabsmith.paths import folders
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.guard import ANYWHERE
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.remote.addresses import full_url, keep_password, without_password, without_secrets
from tabsmith.tables.read.sources import DatabaseSource, ReadOptions, parse_source
from tabsmith.tables.read.table_choice import SeveralTablesError
from tabsmith.tables.snapshot import ensure_snapshot, load_frame

sqlalchemy = pytest.importorskip("sqlalchemy", reason="the extra `sql` is not installed")

PASSWORD = "s3cr@t/x"
PASSWORD_QUOTED = quote(PASSWORD, safe="")


def read(path: object, *, as_text: bool = False, **options: Any) -> TableInfo:
    source = parse_source(str(path), as_text=as_text, options=ReadOptions(**options))
    return read_source(source, allowed=ANYWHERE, max_mb=50)


def storages(info: TableInfo) -> dict[str, str]:
    return {column.name: column.storage for column in info.profile.columns}


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE sales (id INTEGER, day TEXT, price REAL, note TEXT, raw BLOB)")
        database.executemany(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?)",
            [(i, f"2024-01-{i + 1:02}", i + 0.5, None if i % 2 else f"n{i}", b"x") for i in range(9)],
        )
        database.execute("CREATE TABLE people (name TEXT)")
        database.execute("INSERT INTO people VALUES ('Ann')")
        database.execute("CREATE VIEW dear AS SELECT * FROM sales WHERE price > 5")
    return tmp_path / "shop.db"


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as database:
        database.execute(
            "CREATE TABLE sales AS SELECT i::INTEGER AS id, DATE '2024-01-01' + i::INTEGER AS day, "
            "(i + 0.5)::DECIMAL(8, 2) AS price, CASE WHEN i % 2 = 0 THEN 'n' || i END AS note, "
            "INTERVAL 1 DAY AS every, uuid() AS token FROM range(9) t(i)"
        )
        database.execute("CREATE TABLE people AS SELECT 'Ann' AS name")
        database.execute("CREATE SCHEMA old; CREATE TABLE old.sales AS SELECT 1 AS one")
        database.execute("CREATE VIEW dear AS SELECT * FROM sales WHERE price > 5")
    return tmp_path / "shop.duckdb"


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_table_a_view_or_a_query_of_a_database_file_is_read(kind: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(f"{kind}_file")
    info = read(path, sheet="sales")
    assert (info.format, info.rows, info.sheet) == (kind, 9, "sales")
    kept = storages(info)
    assert (kept["id"], kept["day"], kept["price"], kept["note"]) == ("integer", "date", "float", "text")
    assert load_frame(info)["price"].tolist() == [i + 0.5 for i in range(9)]
    assert read(path, sheet="dear").rows == 4
    assert load_frame(read(path, query="SELECT count(*) AS n FROM sales;"))["n"].tolist() == [9]
    assert read(f"{kind}:///{path}", sheet="people").rows == 1


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_of_several_tables_one_must_be_chosen(kind: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(f"{kind}_file")
    with pytest.raises(SeveralTablesError) as caught:
        read(path)
    assert {"sales", "people", "dear"} <= set(caught.value.tables)
    with pytest.raises(ReadError, match="no table") as missing:
        read(path, sheet="saels")
    assert "sales" in missing.value.next_step


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
@pytest.mark.parametrize("query", ["DELETE FROM sales", "DROP TABLE people", "nonsense", "SELECT * FROM missing"])
def test_a_query_that_is_no_reading_is_refused_and_changes_nothing(
    kind: str, query: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(f"{kind}_file")
    before = path.read_bytes()
    with pytest.raises(ReadError):
        read(path, query=query)
    assert path.read_bytes() == before


def test_a_query_reaches_no_other_file(sqlite_file: Path, duckdb_file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(ReadError):
        read(duckdb_file, query=f"SELECT * FROM read_csv('{tmp_path}/secret.csv')")
    with pytest.raises(ReadError):
        read(sqlite_file, query=f"ATTACH '{tmp_path}/other.db' AS other")
    assert not (tmp_path / "other.db").exists()


def test_rows_that_wait_in_the_log_of_a_sqlite_file_are_read(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "live.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        with database:
            database.execute("CREATE TABLE t (a INTEGER)")
            database.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
        assert read(tmp_path / "live.db").rows == 2


def test_a_sqlite_column_of_mixed_values_is_text_and_more_rows_than_a_batch_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabsmith.tables.read.row_parts.BATCH_CELLS", 200)
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("CREATE TABLE t (i, m)")
        database.executemany("INSERT INTO t VALUES (?, ?)", [(i, i if i < 900 else f"x{i}") for i in range(1_000)])
    info = read(tmp_path / "t.db")
    assert storages(info) == {"i": "integer", "m": "text"}
    assert load_frame(info)["m"].tolist()[898:902] == ["898", "899", "x900", "x901"]


def test_a_damaged_database_is_told(sqlite_file: Path) -> None:
    data = bytearray(sqlite_file.read_bytes())
    data[4_096:] = b"\xff" * (len(data) - 4_096)
    sqlite_file.write_bytes(data)
    with pytest.raises(ReadError):
        read(sqlite_file, sheet="sales")


# Addresses and passwords ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "clean_url"),
    [
        ("postgresql://ann:s3cret@host:5432/db", "postgresql://ann@host:5432/db"),
        ("postgresql://ann:s3cr%40t@host/db?sslmode=require", "postgresql://ann@host/db?sslmode=require"),
        ("mysql+pymysql://ann:a@b:c@host/db", "mysql+pymysql://ann@host/db"),
        ("postgresql://host/db?user=ann&password=s3cret", "postgresql://host/db?user=ann"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cret", "mssql+pyodbc:///"),
        ("postgresql://ann@host/db", "postgresql://ann@host/db"),
        ("postgresql://ann:$PGPW@host/db", "postgresql://ann:$PGPW@host/db"),
    ],
)
def test_an_address_is_kept_without_its_secrets(url: str, clean_url: str) -> None:
    assert without_password(url) == clean_url
    assert keep_password(url) == clean_url
    if url != clean_url:
        assert full_url(clean_url) == url


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPW", "p@ss/word")
    assert full_url("postgresql://ann:$PGPW@other/db") == "postgresql://ann:p%40ss%2Fword@other/db"
    monkeypatch.setenv("TABSMITH_DATABASE_PASSWORD", "x y")
    assert full_url("postgresql://ann@third/db") == "postgresql://ann:x%20y@third/db"


def test_a_drivers_message_is_shown_without_the_password() -> None:
    message = without_secrets("cannot log in with s3cr@t (s3cr%40t)", "postgresql://ann:s3cr%40t@host/db")
    assert "s3cr" not in message


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        address = f"postgresql://ann:{PASSWORD_QUOTED}@127.0.0.1:{port}/db"
        with pytest.raises(ReadError) as caught:
            read(address, sheet="t")
    report = msgspec.json.encode(caught.value.report()).decode()  # with the traceback
    assert PASSWORD not in report
    assert PASSWORD_QUOTED not in report
    assert caught.value.__cause__ is None


def test_an_unknown_kind_of_database_is_told() -> None:
    with pytest.raises(ReadError):
        read("nosuchbase://ann:pw@host/db", sheet="t")


# A server ------------------------------------------------------------------------------------------------------------


def _tool(name: str) -> str | None:
    return shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own, which asks for a password."""
    initdb, postgres = _tool("initdb"), _tool("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed here")
    with tempfile.TemporaryDirectory(prefix="tabsmith-postgres-") as name, socket.socket() as free:
        place = Path(name)
        (place / "password").write_text(PASSWORD)
        as_owner: dict[str, Any] = {"cwd": place, "stdin": subprocess.DEVNULL}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            as_owner |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
            for path in (place, place / "password"):
                shutil.chown(path, "nobody", "nogroup")
        made = [initdb, "-D", "data", "-U", "ann", "-A", "scram-sha-256", "--pwfile", "password", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, **as_owner)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        listens = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={place}"]
        process = subprocess.Popen(
            [postgres, "-D", "data", "-F", *listens], stderr=subprocess.PIPE, text=True, **as_owner
        )
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if "ready to accept connections" in line:
                    break
            else:
                pytest.fail("PostgreSQL ended before it was ready")
            address = f"postgresql://ann:{PASSWORD_QUOTED}@127.0.0.1:{port}/postgres"
            _fill(address)
            yield address
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown
            process.communicate(timeout=60)


def _fill(address: str) -> None:
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE sales AS SELECT i AS id, DATE '2024-01-01' + i AS day, (i + 0.5)::NUMERIC(8, 2) AS price, "
            "CASE WHEN i %% 2 = 0 THEN 'n' || i END AS note, i %% 3 = 0 AS paid, gen_random_uuid() AS token, "
            "TIMESTAMPTZ '2024-01-01 12:00+02' AS at, INTERVAL '1 day' AS every, '[1, 2]'::JSONB AS list, "
            "9007199254740993::NUMERIC(20) AS large FROM generate_series(0, 8) t(i)"
        )
        connection.exec_driver_sql("CREATE TABLE people AS SELECT 'Ann' AS name")
        connection.exec_driver_sql("CREATE SCHEMA old")
        connection.exec_driver_sql("CREATE TABLE old.sales AS SELECT 1 AS one")


def test_a_table_of_a_server_is_read_with_its_types(server: str) -> None:
    info = read(server, sheet="sales")
    assert (info.format, info.rows, info.sheet, info.sheets) == ("database", 9, "sales", ("people", "sales"))
    assert storages(info).items() >= {
        "id": "integer", "day": "date", "price": "float", "note": "text", "paid": "boolean", "token": "text",
        "at": "timestamp", "list": "text",
    }.items()  # fmt: skip
    frame = load_frame(info)
    assert frame["price"].tolist() == [i + 0.5 for i in range(9)]
    assert str(frame["large"].iloc[0]) == "9007199254740993"  # more than a float holds
    assert frame["at"].iloc[0] == dt.datetime(2024, 1, 1, 10)  # noqa: DTZ001
    assert read(server, sheet="old.sales").rows == 1


def test_a_query_to_a_server_may_hold_colons_and_percents_and_changes_nothing(server: str) -> None:
    info = read(server, query="SELECT id, day::TEXT AS d FROM sales WHERE id % 2 = 0 AND 'a:b' LIKE '%:b'")
    assert info.rows == 5
    with pytest.raises(ReadError):
        read(server, query="DELETE FROM sales RETURNING id")
    assert read(server, sheet="sales").rows == 9


def test_of_several_tables_of_a_server_one_must_be_chosen(server: str) -> None:
    with pytest.raises(SeveralTablesError):
        read(server)
    with pytest.raises(ReadError):
        read(server, query="SELECT * FROM missing")


def test_the_password_is_nowhere_but_in_memory(server: str) -> None:
    info = read(server, sheet="sales")
    assert isinstance(info.source, DatabaseSource)
    for secret in (PASSWORD, PASSWORD_QUOTED):
        assert secret not in msgspec.json.encode(info).decode()
        for path in folders().tables.iterdir():
            assert secret.encode() not in path.read_bytes()


def test_a_wrong_password_is_told_without_it(server: str) -> None:
    wrong = server.replace(PASSWORD_QUOTED, "wr0ngpass").replace("ann", "bob")
    with pytest.raises(ReadError) as caught:
        read(wrong, sheet="sales")
    assert "wr0ngpass" not in msgspec.json.encode(caught.value.report()).decode()


def test_the_rows_that_were_read_live_on_in_their_snapshot(server: str) -> None:
    engine = sqlalchemy.create_engine(server, poolclass=sqlalchemy.pool.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE growing AS SELECT 1 AS a")
    info = read(server, sheet="growing")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO growing VALUES (2)")
    assert read_source(info.source, allowed=(), max_mb=1) == info
    assert ensure_snapshot(info).rows == 1
    info.snapshot_path.unlink()
    with pytest.raises(TableChangedError, match="other rows"):
        ensure_snapshot(info)
    assert read(server, sheet="growing").rows == 2
