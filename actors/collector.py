"""Starts what collects: the reader and the supervisor, as named actors on Ray."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from actors.budget import Prices
from actors.stream import Reader
from actors.supervisor import NAMESPACE, Supervisor
from core.config import Settings

# Ray starts them again when they die and sends `run` again: all they need is in Postgres and the spool.
ENDLESS = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "namespace": NAMESPACE, "get_if_exists": True}


@dataclass(frozen=True)
class Collector:
    """The two actors and their endless runs; a run that ends has failed."""

    reader: Any
    supervisor: Any
    runs: list[Any]

    def check(self, timeout: float) -> None:
        """Wait up to `timeout` seconds, and raise what ended a run, if one ended."""
        ray.get(ray.wait(self.runs, timeout=timeout)[0])

    def stop(self) -> None:
        """End both runs. What the spool holds waits for the next start."""
        for actor in (self.reader, self.supervisor):
            actor.stop.remote()
        ray.wait(self.runs, num_returns=len(self.runs), timeout=5)


@contextmanager
def collect(settings: Settings) -> Iterator[Collector]:
    """Read X's stream into the spool, and the spool into the trackers, inside the block."""
    spool = settings.home / "spool.sqlite"
    # Beside the endless `run` there must be room for `health` or `status`, and `stop`.
    reader: Any = ray.remote(Reader).options(**ENDLESS, name="reader", max_concurrency=3)
    supervisor: Any = ray.remote(Supervisor).options(**ENDLESS, name="supervisor", max_concurrency=3)
    x = (settings.x_bearer_token, settings.x_base_url)
    limits = {"spool_mb": settings.spool_mb, "prices": Prices.of(settings), "rule_length": settings.x_rule_length}
    reading = reader.remote(*x, settings.database_url, spool, errands=True, **limits)
    supervising = supervisor.remote(settings.database_url, spool, most=settings.max_trackers)
    collector = Collector(reading, supervising, [reading.run.remote(), supervising.run.remote()])
    try:
        yield collector
    finally:
        collector.stop()


def report(seconds: float) -> dict[str, Any]:
    """Ask the running reader and supervisor how they are; the rates are those of some seconds from now on."""
    reader, supervisor = (ray.get_actor(name, namespace=NAMESPACE) for name in ("reader", "supervisor"))

    def carried() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ray.get(supervisor.status.remote(), timeout=10)
        return found

    before = {lane["lane"]: lane["committed"] for lane in carried()}
    time.sleep(seconds)
    lanes = carried()
    for lane in lanes:
        lane["per_s"] = round((lane["committed"] - before.get(lane["lane"], 0)) / seconds, 1)
    return {"reader": ray.get(reader.health.remote(), timeout=10), "lanes": lanes}
