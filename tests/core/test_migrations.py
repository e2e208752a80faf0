"""The migrations, and what is said where they were not applied."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

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
