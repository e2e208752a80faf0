"""The way to Postgres: one engine a process, the schema brought up to date or refused."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from core.config import TalkerError

MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(TalkerError):
    """The database's schema is not the one this version works with."""


def engine(url: str, *, pool_size: int = 2, **settings: str) -> Engine:
    """Return an engine for a Postgres URL; every session runs in UTC, and with other settings of Postgres' own."""
    options = " ".join(f"-c {name}={value}" for name, value in {"timezone": "utc", **settings}.items())
    driver = make_url(url).set(drivername="postgresql+psycopg2")
    return create_engine(
        driver,
        pool_size=pool_size,
        max_overflow=4,
        pool_pre_ping=True,
        connect_args={"options": options, "application_name": "twittertalker"},
    )


def upgrade(engine: Engine) -> None:
    """Bring the schema to this version; safe to repeat."""
    with engine.begin() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Refuse to go on with another schema.

    Raises:
        SchemaError: the schema is missing, older or newer than this version's.
    """
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    wanted = ScriptDirectory.from_config(_alembic()).get_current_head()
    if found != wanted:
        raise SchemaError(f"The database schema is {found or 'missing'}, not {wanted}: run `talker db upgrade`.")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
