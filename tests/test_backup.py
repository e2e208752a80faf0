"""A backup is the database of one moment, and what is restored from it goes on."""

import stat

import pytest
from sqlalchemy import text

import backup
import machine
from core import db
from core.batches import Batch, save_batch
from core.models import Base
from jobs.extract import extract


@pytest.fixture
def filled(engine, keyword, tweet_row, author_row):
    keyword()
    rows = [{**tweet_row(id), "terms": ["good"]} for id in range(1, 50)]
    save_batch(engine, Batch(1, "s", "nike", 49, rows, [author_row(1)]))
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another Postgres, whose transactions have other numbers, with a new database for each test."""
    server = machine.embedded(tmp_path_factory.mktemp("pg") / "postgres")
    yield server
    server.cleanup()


@pytest.fixture
def empty(other):
    admin = db.engine(other.get_uri()).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS restored"))
        connection.execute(text("CREATE DATABASE restored"))
    admin.dispose()
    engine = db.engine(other.get_uri("restored"))
    yield engine
    engine.dispose()


def rows(engine):
    """Every row of every table, without the number of the transaction that wrote it."""
    found = {}
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            columns = ", ".join(column.name for column in table.columns if column.name != "seq")
            read = text(f"SELECT {columns} FROM {table.name}")  # noqa: S608
            found[table.name] = sorted(map(repr, connection.execute(read)))
    return found


def test_what_is_restored_is_what_was_backed_up_and_its_tweets_reach_the_lake(engine, filled, empty, tmp_path):
    file = tmp_path / "backup"
    with engine.begin() as connection:
        for _ in range(500):  # numbers of transactions that the other server will have only later
            connection.execute(text("SAVEPOINT a"))
            connection.execute(text("UPDATE tweet SET like_count = 1 WHERE id = 1"))
            connection.execute(text("RELEASE a"))
    backup.backup(filled, file)
    backup.restore(empty, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert rows(empty) == rows(engine)
    db.check(empty)
    assert extract(empty, tmp_path / "lake")["tweet"] == 49


def test_a_database_that_holds_something_is_not_overwritten(engine, filled, tmp_path):
    backup.backup(filled, tmp_path / "backup")
    before = rows(engine)
    with pytest.raises(backup.BackupError, match="not empty"):
        backup.restore(engine, tmp_path / "backup")

    assert rows(engine) == before


def test_a_file_that_is_there_stays(filled, tmp_path):
    (tmp_path / "backup").write_text("precious")
    with pytest.raises(backup.BackupError, match="is there already"):
        backup.backup(filled, tmp_path / "backup")

    assert (tmp_path / "backup").read_text() == "precious"


def test_what_is_no_backup_is_said_in_one_line(empty, tmp_path):
    (tmp_path / "note").write_text("not a backup")
    with pytest.raises(backup.BackupError, match="pg_restore: "):
        backup.restore(empty, tmp_path / "note")
