"""Kills each part while tweets flow, and tells what was lost and how long it took until work went on."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import orjson
import psutil
import ray
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

import machine
from actors import parse
from actors.collector import collect
from actors.spool import Spool
from core import db, store
from core.config import Settings
from jobs import schedule
from jobs.session import spark_host
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS

PACE = 100.0  # tweets a second
PATIENCE = 180.0  # seconds that we wait for work to go on
MORE = 50  # tweets after a kill that must be stored before we say that it goes on
# SQLite itself notes what the spool accepts, in the transaction that accepts it; nobody takes it out again.
JOURNAL = """
CREATE TABLE accepted (id INTEGER PRIMARY KEY, body BLOB);
CREATE TRIGGER accept AFTER INSERT ON payload BEGIN INSERT INTO accepted (body) VALUES (new.body); END
"""
COLLECTING = {"reader": "ray::EndlessReader", "tracker": "ray::KeywordTracker", "supervisor": "ray::EndlessSupervisor"}
SCORING = {"scheduler": "ray::Scheduler", "Spark host": "ray::SparkHost", "executor": "RayDPExecutor"}

Say = Callable[[str], object]


class Scene:
    """All parts at work on one machine, and the eyes on them."""

    def __init__(self, settings: Settings, engine: Engine, x: LocalX):
        self.settings, self.engine, self.x = settings, engine, x
        self.spool = settings.home / "spool.sqlite"

    def accepted(self) -> set[int]:
        """Return the ids of the tweets that the spool ever accepted."""
        with closing(sqlite3.connect(self.spool)) as journal:
            bodies = [body for (body,) in journal.execute("SELECT body FROM accepted")]
        return {int(orjson.loads(body)["data"]["id"]) for body in bodies if parse.tags_at_end(body)}

    def stored(self) -> set[int]:
        """Return the ids of the tweets that are in Postgres; none while that is away."""
        try:
            with self.engine.connect() as connection:
                return set(connection.execute(text("SELECT id FROM tweet WHERE matched")).scalars())
        except DBAPIError:
            return set()

    def flows(self, said: int) -> bool:
        """Say whether tweets are stored told after the first `said` ones, and of those all that the spool had."""
        emitted = self.x.emitted()
        if len(emitted) < said + MORE:
            return False
        stored = self.stored()
        return len(stored.intersection(emitted[said:])) >= MORE and self.accepted() & set(emitted[:said]) <= stored


def measure(given: Settings, say: Say) -> list[dict[str, Any]]:
    """Kill one part after the other; returns a row of the table for each."""
    with tempfile.TemporaryDirectory(prefix="talker-kills-") as folder:
        home = Path(folder)
        settings = replace(given, home=home, lake=home / "lake", database_url="", x_bearer_token=token_hex(16))
        settings = replace(settings, x_daily_budget_usd=float("inf"))
        x = LocalX(Scenario(1, datetime.now(UTC)), settings.x_bearer_token, speed=0, rate=PACE, evict=True)
        with machine.postgres(settings) as settings, machine.ray_cluster(settings), running(x) as url:
            engine = db.engine(settings.database_url)
            for name, query in KEYWORDS.items():
                store.add_keyword(engine, name, query=query)
            Spool(home / "spool.sqlite").close()
            with closing(sqlite3.connect(home / "spool.sqlite")) as journal:
                journal.executescript(JOURNAL)
            scene = Scene(replace(settings, x_base_url=url), engine, x)
            with collect(scene.settings):
                wait(lambda: scene.flows(0))
                return list(rows(scene, say))


def rows(scene: Scene, say: Say) -> Iterator[dict[str, Any]]:
    """Yield what came of each kill."""
    for part, title in COLLECTING.items():
        say(f"Killing: {part}")
        yield row(scene, part, partial(kill_first, title), None)
    say("Killing: Postgres")
    yield row(scene, "Postgres", lambda: kill(postgres(scene.settings)), None)
    host = spark_host(scene.settings)
    schedule.scheduler(scene.settings)
    ray.get(host.run_influence.remote(None))
    for part, title in SCORING.items():
        say(f"Killing: {part}")
        run = host.run_influence.remote(None)
        wait(lambda: stage(scene.engine) == "compute")
        yield row(scene, part, partial(kill_first, title), run)
    schedule.stop()


def kill_first(title: str) -> None:
    """Kill one of the processes that bear a title."""
    kill(processes(title)[:1])


def row(scene: Scene, part: str, act: Callable[[], None], run: Any) -> dict[str, Any]:
    """Kill a part; returns how long until tweets flow, until a run that was under way ended, and what was lost."""
    said, began = len(scene.x.emitted()), time.monotonic()
    act()
    if part == "Postgres":
        machine.embedded(scene.settings.home / "postgres")  # whoever keeps the server starts it again
    wait(lambda: scene.flows(said))
    flows = time.monotonic() - began
    told = {"killed": part, "tweets flow after s": round(flows, 1)}
    if run is not None:
        ray.get(run)
        told["the run ended after s"] = round(time.monotonic() - began, 1)
    before = scene.accepted()
    wait(lambda: before <= scene.stored())
    return told | {"lost": len(before - scene.stored()), "accepted": len(before)}


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("Work did not go on.")
        time.sleep(0.05)


def stage(engine: Engine) -> str | None:
    """Return how far the run is that is under way."""
    with engine.connect() as connection:
        asked = "SELECT stage FROM influence_run WHERE state = 'running' ORDER BY started_at DESC LIMIT 1"
        return connection.execute(text(asked)).scalar()


def processes(title: str) -> list[psutil.Process]:
    """Return the processes below this one whose command says so."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if title in " ".join(process.cmdline()):
                found.append(process)
    return found


def postgres(settings: Settings) -> list[psutil.Process]:
    """Return every process of our Postgres."""
    postmaster = psutil.Process(int((settings.home / "postgres/postmaster.pid").read_text().split()[0]))
    return [postmaster, *postmaster.children()]


def kill(victims: list[psutil.Process]) -> None:
    """Kill -9, and wait until they are gone."""
    if not victims:
        raise ProcessLookupError("There is nobody to kill.")
    for victim in victims:
        os.kill(victim.pid, 9)
    psutil.wait_procs(victims, timeout=10)
