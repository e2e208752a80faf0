"""The migrations, and what is said where they were not applied."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from core import db
from core.models import Base


@pytest.fixture
def empty_database(database_url):
    """A database of its own, without a schema."""
    server = db.engine(database_url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE empty"))
        engine = db.engine(database_url.replace("/postgres?", "/empty?"))
        yield engine
        engine.dispose()
        connection.execute(text("DROP DATABASE empty"))
    server.dispose()


def test_a_database_without_a_schema_is_refused_with_what_to_do(empty_database):
    with pytest.raises(db.SchemaError, match=r"missing.*talker db upgrade"):
        db.check(empty_database)


def test_the_migrations_lead_to_exactly_the_models(empty_database):
    db.upgrade(empty_database)
    db.upgrade(empty_database)

    db.check(empty_database)
    with empty_database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


# The last one that took something away. Whoever writes another such moves this on, and says in the changelog that the
# old version must be stopped before `talker db upgrade`.
BASE = "0012"


def upgrade_to(engine, revision):
    with engine.begin() as connection:
        config = db._alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def columns(engine):
    """Each column's type, and whether an INSERT must name it."""
    asked = inspect(engine)
    return {
        (table, one["name"]): (str(one["type"]), not one["nullable"] and one["default"] is None)
        for table in asked.get_table_names()
        for one in asked.get_columns(table)
    }


def test_the_version_before_reads_and_writes_on_while_the_schema_is_upgraded(empty_database):
    upgrade_to(empty_database, BASE)
    before = columns(empty_database)
    with empty_database.begin() as connection:
        connection.execute(text("INSERT INTO keyword (name, query) VALUES ('nike', 'nike')"))
    with empty_database.connect() as old:
        db.upgrade(empty_database)
        assert old.execute(text("SELECT name FROM keyword")).all() == [("nike",)]
    after = columns(empty_database)

    assert len(before) > 80
    assert before.items() <= after.items()
    added = {place: needed for place, (_, needed) in after.items() if place not in before}
    tables = {table for table, _ in before}
    assert not [place for place, needed in added.items() if place[0] in tables and needed]
