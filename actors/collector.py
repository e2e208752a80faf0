"""Starts what collects: the reader and the supervisor, as named actors on Ray that outlive whoever started them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError

from actors import metrics
from actors.budget import Prices
from actors.metrics import Metrics
from actors.spool import Spool
from actors.stream import Reader
from actors.supervisor import NAMESPACE, TRACKER, Supervisor
from core import db
from core.config import Settings, TalkerError

SPOOL = "spool"  # the resource of Ray that only the host of the spool has
NAMES = ("reader", "supervisor")
# Ray starts them again when they die: all they need is in Postgres and the spool. Each call is safe to repeat.
# Beside those who wait for the end there must be room for `health` or `status`, and `stop`.
ENDLESS: dict[str, Any] = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "max_concurrency": 8}
NAMED: dict[str, Any] = {"namespace": NAMESPACE, "get_if_exists": True, "lifetime": "detached"}
PARTING_S = 10.0  # to come to an end in order, before they are ended


class ClusterError(TalkerError):
    """Ray's cluster cannot run what collects."""


class Endless:
    """Goes on from its beginning to `stop`: an actor that Ray starts again needs nobody to tell it.

    It stands before a Reader or a Supervisor among the bases of a class.
    """

    def __init__(self, *args: Any, **fields: Any):
        super().__init__(*args, **fields)
        self._course: Future[None] = ThreadPoolExecutor(1).submit(self.run)  # type: ignore[attr-defined]

    def ended(self, seconds: float) -> bool:
        """Wait so long for the end; says whether it came, and raises what brought it, if it was no `stop`."""
        return bool(wait([self._course], seconds).done) and self._course.result() is None


class EndlessReader(Endless, Reader):
    """The reader as an actor."""

    def __init__(self, *args: Any, **fields: Any):
        super().__init__(*args, **fields)
        Metrics(lambda: metrics.of_reader(self.health())).begin()


class EndlessSupervisor(Endless, Supervisor):
    """The supervisor as an actor."""

    def __init__(self, database_url: str, spool: Path, **fields: Any):
        super().__init__(database_url, spool, **fields)
        engine, own = db.engine(database_url, pool_size=1), Spool(spool)
        Metrics(lambda: metrics.of_supervisor(self.read, self.status(), own)).begin()
        Metrics(lambda: metrics.of_tables(engine)).begin()


@dataclass(frozen=True)
class Collector:
    """The two actors."""

    reader: Any
    supervisor: Any

    def ready(self) -> None:
        """Wait until both are at work; raises what keeps one from it."""
        ray.get([actor.ended.remote(0) for actor in (self.reader, self.supervisor)])

    def check(self, timeout: float) -> bool:
        """Look on for about `timeout` seconds; False when somebody stopped one, and raises what else ended it."""
        asked = [actor.ended.remote(timeout) for actor in (self.reader, self.supervisor)]
        done, _ = ray.wait(asked, num_returns=len(asked), timeout=timeout + 1)  # one that is started again is no end
        try:
            return not any(ray.get(done))
        except ActorDiedError as error:
            if error.actor_init_failed:
                raise
            return False
        except RayActorError:  # it is being started again
            return True

    def stop(self) -> None:
        """End both, and the trackers with them. What the spool holds waits for the next start."""
        ends = []
        for actor in (self.reader, self.supervisor):
            actor.stop.remote()
            ends.append(actor.ended.remote(PARTING_S))
        ray.wait(ends, num_returns=len(ends), timeout=PARTING_S)
        for actor in (self.reader, self.supervisor):
            ray.kill(actor)
        while left := named():  # until the names are free for the next start
            for name in left:
                with suppress(ValueError):  # it has gone since
                    ray.kill(ray.get_actor(name, namespace=NAMESPACE))
            time.sleep(0.1)


def start(settings: Settings) -> Collector:
    """Let Ray run the reader and the supervisor, and return them; they are started only if they are not there.

    Raises:
        ClusterError: Ray has several hosts and does not know which is that of the spool.
    """
    spool = settings.home / "spool.sqlite"
    reader: Any = ray.remote(EndlessReader).options(**ENDLESS, **NAMED, **beside_the_spool(), name="reader")
    supervisor: Any = ray.remote(EndlessSupervisor).options(**ENDLESS, **NAMED, **beside_the_spool(), name="supervisor")
    x = (settings.x_bearer_token, settings.x_base_url)
    limits = {"spool_mb": settings.spool_mb, "prices": Prices.of(settings), "rule_length": settings.x_rule_length}
    return Collector(
        reader.remote(*x, settings.database_url, spool, errands=True, **limits),
        supervisor.remote(settings.database_url, spool, most=settings.max_trackers, detached=True),
    )


@contextmanager
def collect(settings: Settings) -> Iterator[Collector]:
    """Read X's stream into the spool, and the spool into the trackers, inside the block."""
    collector = start(settings)
    try:
        yield collector
    finally:
        collector.stop()


def found() -> Collector | None:
    """Return the reader and the supervisor that run; None if they do not."""
    with suppress(ValueError):  # Ray knows no actor of that name
        return Collector(*(ray.get_actor(name, namespace=NAMESPACE) for name in NAMES))
    return None


def named() -> list[str]:
    """Return the names of the actors that collect."""
    every = [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if one["namespace"] == NAMESPACE]
    return [name for name in every if name in NAMES or name.startswith(TRACKER)]


def beside_the_spool() -> dict[str, Any]:
    """Return what binds an actor to the host whose disk has the spool."""
    if SPOOL in ray.cluster_resources():
        return {"resources": {SPOOL: 0.001}}
    if len([node for node in ray.nodes() if node["Alive"]]) > 1:
        raise ClusterError(
            "No host of the cluster says that the spool is on its disk: "
            f"""start Ray there with --resources='{{"{SPOOL}": 1}}'."""
        )
    return {}


def report(seconds: float) -> dict[str, Any]:
    """Ask the running reader and supervisor how they are; the rates are those of some seconds from now on.

    Raises:
        ClusterError: they do not run, or do not answer.
    """
    collector = found()
    if not collector:
        raise ClusterError("Nothing collects on this Ray: start `talker up`.")

    def asked(call: Any) -> Any:
        try:
            return ray.get(call.remote(), timeout=10)
        except (GetTimeoutError, RayActorError) as error:
            raise ClusterError(f"What collects does not answer now ({type(error).__name__}); try again.") from error

    before = {lane["lane"]: lane["committed"] for lane in asked(collector.supervisor.status)}
    time.sleep(seconds)
    lanes = asked(collector.supervisor.status)
    for lane in lanes:
        lane["per_s"] = round((lane["committed"] - before.get(lane["lane"], 0)) / seconds, 1)
    return {"reader": asked(collector.reader.health), "lanes": lanes}
