"""Kills each part while tweets flow, and tells what was lost and how long it took until work went on.

Ray has two nodes on this machine: a head whose control store keeps what it knows on the disk, and a worker. We are a
driver of the head, but for the time in which that is killed.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.request import urlopen

import orjson
import psutil
import ray
from ray.cluster_utils import Cluster
from ray.exceptions import RayActorError
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

import machine
from actors import collector, parse
from actors.spool import Spool
from core import db, store
from core.config import Settings, token_file
from jobs import schedule
from jobs.session import EXECUTOR, HOST, NAMESPACE
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS

PACE = 100.0  # tweets a second
PATIENCE = 600.0  # seconds that we wait for work to go on
MORE = 50  # tweets after a kill that must be stored before we say that it goes on
LOOK = 0.1  # seconds between two looks
# SQLite itself notes what the spool accepts, in the transaction that accepts it; nobody takes it out again.
JOURNAL = """
CREATE TABLE accepted (id INTEGER PRIMARY KEY, body BLOB);
CREATE TRIGGER accept AFTER INSERT ON payload BEGIN INSERT INTO accepted (body) VALUES (new.body); END
"""
ACTORS = {"reader": "reader", "tracker": "tracker:", "supervisor": "supervisor"}  # how their names begin
NODE: dict[str, Any] = {"num_cpus": 2, "object_store_memory": 300_000_000}
SCORING = {"scheduler": schedule.SCHEDULER, "Spark host": HOST, "executor": EXECUTOR}

Say = Callable[[str], object]
Condition = Callable[[], bool]


class Scene:
    """All parts at work on one machine, and the eyes on them."""

    def __init__(self, settings: Settings, engine: Engine, x: LocalX, nodes: Cluster):
        self.settings, self.engine, self.x, self.nodes = settings, engine, x, nodes
        self._accepted: list[int] = []
        self._seen = 0

    def accepted(self) -> list[int]:
        """Return the ids of the tweets that the spool ever accepted, in its order."""
        asked = "SELECT id, body FROM accepted WHERE id > ? ORDER BY id"
        with closing(sqlite3.connect(self.settings.home / "spool.sqlite")) as journal:
            for position, body in journal.execute(asked, [self._seen]):
                self._seen = position
                if parse.tags_at_end(body):
                    self._accepted.append(int(orjson.loads(body)["data"]["id"]))
        return self._accepted

    def stored(self) -> set[int]:
        """Return the ids of the tweets that are in Postgres; none while that is away."""
        try:
            with self.engine.connect() as connection:
                return set(connection.execute(text("SELECT id FROM tweet WHERE matched")).scalars())
        except DBAPIError:
            return set()

    def flows(self, since: int) -> bool:
        """Say whether MORE tweets came after the first `since`, and all until then are stored."""
        accepted = self.accepted()[: since + MORE]
        return len(accepted) == since + MORE and self.stored().issuperset(accepted)


def measure(given: Settings, say: Say) -> list[dict[str, Any]]:
    """Kill one part after the other; returns a row of the table for each."""
    with tempfile.TemporaryDirectory(prefix="talker-kills-") as folder:
        home = Path(folder)
        settings = replace(given, home=home, lake=home / "lake", database_url="", x_bearer_token=token_hex(16))
        settings = replace(settings, x_daily_budget_usd=float("inf"), sign_in="demo", app_port=0)
        begin = datetime.now(UTC) - timedelta(hours=48)
        x = LocalX(Scenario(1, begin), settings.x_bearer_token, speed=0, rate=PACE, evict=True)
        with machine.postgres(settings) as settings, two_nodes(settings) as nodes, running(x) as url:
            engine = db.engine(settings.database_url)
            for name, query in KEYWORDS.items():
                store.add_keyword(engine, name, query=query)
            Spool(home / "spool.sqlite").close()
            with closing(sqlite3.connect(home / "spool.sqlite")) as journal:
                journal.executescript(JOURNAL)
            scene = Scene(replace(settings, x_base_url=url), engine, x, nodes)
            collector.start(scene.settings).ready()  # they end with their nodes
            if after(lambda: scene.flows(0)) is None:
                raise machine.MachineError("No tweet is stored.")
            return list(rows(scene, say))


@contextmanager
def two_nodes(settings: Settings) -> Iterator[Cluster]:
    """Run a Ray of two nodes on this machine, and join it."""
    own = {"RAY_AUTH_TOKEN_PATH": str(token_file(settings.home / "ray_token")), "RAY_gcs_storage": "rocksdb"}
    os.environ |= own | {"RAY_gcs_storage_path": str(settings.home / "gcs")}
    nodes = Cluster(initialize_head=True, head_node_args=head(0))
    try:
        nodes.add_node(**NODE)
        os.environ["RAY_ADDRESS"] = nodes.address
        with machine.ray_cluster(settings):
            yield nodes
    finally:
        nodes.shutdown()


def head(port: int) -> dict[str, Any]:
    """Return what a head is started with; its control store listens at a port, or if that is 0 at a free one."""
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    return NODE | {"resources": {"spool": 1}, "gcs_server_port": port, "include_dashboard": False}


def rows(scene: Scene, say: Say) -> Iterator[dict[str, Any]]:
    """Yield what came of each kill."""

    def row(part: str, act: Callable[[], object], goes_on: Condition = lambda: True) -> dict[str, Any]:
        say(f"Killing: {part}")
        return killed(scene, part, act, goes_on)

    for part, name in ACTORS.items():
        yield row(part, partial(kill_actor, name))
    yield row("Postgres", partial(restart_postgres, scene.settings))
    with ExitStack() as stack:

        def start() -> str:
            return stack.enter_context(machine.child("panel_app", "--with-parent", settings=scene.settings))["app"]

        start()
        yield row("app", partial(kill, children("panel_app")), lambda: healthy(start()))
    scheduler = schedule.scheduler(scene.settings)
    after(runs(scheduler))
    for part, name in SCORING.items():
        run = runs(scheduler)
        after(lambda: stage(scene.engine) == "compute")
        yield row(part, partial(kill_actor, name), run)
    (worker,) = scene.nodes.worker_nodes
    yield row("Ray of the worker", lambda: kill([process_of(worker, "raylet")]), runs(scheduler))
    scene.nodes.remove_node(worker)
    scene.nodes.add_node(**NODE)
    with again_after(process_of(scene.nodes.head_node, "gcs_server")) as act, ExitStack() as stack:
        yield row("head's control store", act, runs(scheduler))

        @cache
        def scoring() -> Condition:
            stack.enter_context(machine.ray_cluster(scene.settings))
            return runs(ray.get_actor(schedule.SCHEDULER, namespace=NAMESPACE))

        yield row("Ray of the head", partial(restart_head, scene.nodes), lambda: scoring()())


def killed(scene: Scene, part: str, act: Callable[[], object], goes_on: Condition) -> dict[str, Any]:
    """Kill a part; returns how long until tweets flow, until its own work goes on, and what was lost.

    Lost is what the spool had accepted and Postgres has not. What X had sent and no disk had yet is told apart. What
    did not go on in PATIENCE has no time.
    """
    emitted, since, began = scene.x.emitted(), len(scene.accepted()), time.monotonic()
    act()
    flows = after(lambda: scene.flows(since), began)
    works = after(goes_on, began)
    before = set(scene.accepted())
    after(lambda: scene.stored() >= before)
    return {
        "killed": part,
        "tweets_flow_s": flows,
        "works_again_s": works,
        "accepted": len(before),
        "lost": len(before - scene.stored()),
        "in_the_socket": len(set(emitted) - before),
        "load": round(os.getloadavg()[0], 1),
    }


def after(condition: Condition, since: float | None = None) -> float | None:
    """Wait until something holds; returns how many seconds after `since`, or after now, and None if not in PATIENCE."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() > began + PATIENCE:
            return None
        time.sleep(LOOK)
    return round(time.monotonic() - (since or began), 1)


def runs(scheduler: Any) -> Condition:
    """Ask for an influence run, and again if it fails; returns what says whether one was good."""
    asked = [scheduler.run_now.remote()]

    def done() -> bool:
        if not ray.wait(asked, timeout=0)[0]:
            return False
        with suppress(RayActorError):  # the scheduler itself was killed
            if ray.get(asked[0]):
                return True
        asked[0] = scheduler.run_now.remote()
        return False

    return done


def stage(engine: Engine) -> str | None:
    """Return how far the run is that is under way."""
    with engine.connect() as connection:
        asked = "SELECT stage FROM influence_run WHERE state = 'running' ORDER BY started_at DESC LIMIT 1"
        return connection.execute(text(asked)).scalar()


def healthy(app: str) -> bool:
    """Say whether an app answers that it is well."""
    with urlopen(f"{app}/health", timeout=10) as answer:
        return bool(answer.status == 200)


def kill_actor(name: str) -> None:
    """Kill the process of the first living actor whose name begins so."""
    alive = [one for one in machine.actors() if one["actor"].startswith(name) and one["state"] == "alive"]
    kill([psutil.Process(alive[0]["process"])])


def children(title: str) -> list[psutil.Process]:
    """Return our own children whose command says so."""
    return [one for one in psutil.Process().children() if title in one.cmdline()]


def restart_head(nodes: Cluster) -> None:
    """Kill all that runs on the head, and start it again as it was, as whoever looks after it does."""
    node, port = nodes.head_node, int(nodes.address.rpartition(":")[2])
    ray.shutdown()  # we are a driver of that host: Ray would end us with it
    kill(family(node) + [one for one in psutil.Process().children() if one.name() == "gcs_server"])
    nodes.head_node = None
    nodes.add_node(**head(port))


def family(node: Any) -> list[psutil.Process]:
    """Return all processes of one of Ray's nodes, its actors and what they have started too."""
    every = [one.process.pid for kind in node.all_processes.values() for one in kind]
    own = [psutil.Process(one) for one in every if psutil.pid_exists(one)]
    return [*own, *(child for one in own for child in one.children(recursive=True))]


def process_of(node: Any, kind: str) -> psutil.Process:
    """Return a process of one of Ray's nodes."""
    return psutil.Process(node.all_processes[kind][0].process.pid)


def restart_postgres(settings: Settings) -> None:
    """Kill every process of our Postgres; whoever looks after it starts it again."""
    server = machine.embedded(settings.home / "postgres")
    postmaster = psutil.Process(server.get_pid())
    kill([postmaster, *postmaster.children()])
    after(partial(restarted, server))


def restarted(server: Any) -> bool:
    """Start a Postgres that was killed; not while somebody of the old one still holds its memory."""
    try:
        server.ensure_postgres_running()
    except subprocess.SubprocessError:  # recovery may take its time, too
        return False
    return True


@contextmanager
def again_after(process: psutil.Process) -> Iterator[Callable[[], object]]:
    """Yield what kills a process and starts it again, as whoever looks after it does; it ends with the block."""
    command, env, started = process.cmdline(), process.environ(), []

    def act() -> None:
        kill([process])
        started.append(subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    yield act
    for one in started:
        one.kill()
        one.wait()


def kill(victims: list[psutil.Process]) -> None:
    """Kill -9, and wait until they are gone."""
    for victim in victims:
        with suppress(psutil.NoSuchProcess):  # it went with another
            victim.kill()
    psutil.wait_procs(victims, timeout=10)
