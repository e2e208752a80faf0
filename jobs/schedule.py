"""Runs the influence job at every quarter hour, never twice at once, and catches up after a pause."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import ray
from apscheduler.schedulers.background import BackgroundScheduler
from ray.exceptions import RayError
from sqlalchemy.exc import SQLAlchemyError

from core import db, queries
from core.config import Settings, TalkerError
from core.queries import QUARTER
from jobs.influence import quarter_before
from jobs.session import NAMESPACE, spark_host

log = logging.getLogger(__name__)

Run = Callable[[str | None], dict[str, Any]]

CATCH_UP = 4  # windows; after a longer pause only the latest is worth its time
LATE_S = 600  # a quarter hour that the machine slept through is still run this much later


def due(last: datetime | None, now: datetime) -> list[datetime]:
    """Return the window ends to compute, oldest first.

    They are the quarter hours after `last`, the newest one computed, up to `now`; only the latest of them where there
    are more than CATCH_UP, or nothing was ever computed.
    """
    latest = quarter_before(now)
    missing = (latest - quarter_before(last)) // QUARTER if last else CATCH_UP + 1
    if missing > CATCH_UP:
        return [latest]
    return [latest - QUARTER * back for back in reversed(range(missing))]


class Scheduler:
    """Keeps the influence job on time; `run` computes the window of a given end, or without one the newest.

    A plain class: `scheduler` makes it a Ray actor, a test just calls it. Its clock runs from the beginning, so that a
    restarted actor goes on by itself.
    """

    def __init__(self, run: Run, database_url: str):
        self._run = run
        self._engine = db.engine(database_url, pool_size=1)
        self._running = Lock()  # one after the other here; across processes it is the job's own lock in Postgres
        self._clock = BackgroundScheduler(timezone=UTC)
        self._clock.add_job(self.tick, "cron", minute="*/15", coalesce=True, misfire_grace_time=LATE_S)
        self._clock.start()

    def stop(self) -> None:
        """Run no more; a run in progress goes on to its end."""
        self._clock.shutdown(wait=False)

    def run_now(self) -> dict[str, Any] | None:
        """Compute the newest window, after a run in progress; returns its answer, or None if it failed."""
        with self._running:
            return self._attempt(None)

    def tick(self, now: datetime | None = None) -> None:
        """Compute every window that is due."""
        with self._running:
            for end in self._due(now or datetime.now(UTC)):
                self._attempt(end.isoformat())

    def _due(self, now: datetime) -> list[datetime]:
        try:
            with self._engine.connect() as connection:
                return due(connection.execute(queries.last_influence_window()).scalar(), now)
        except SQLAlchemyError as error:
            log.error("Which influence windows are due is not known: %s", one_line(error))
            return []

    def _attempt(self, end: str | None) -> dict[str, Any] | None:
        try:
            return self._run(end)
        except (TalkerError, RayError, SQLAlchemyError) as error:
            log.error("The influence run for %s failed: %s", end or "the newest window", one_line(error))
            return None


def one_line(error: Exception) -> str:
    """Return what an error says: of a remote one the cause, whose trace comes before it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def scheduler(settings: Settings) -> Any:
    """Return the handle of the one Scheduler actor, started if it is not there."""
    host = spark_host(settings)

    def run(window_end: str | None) -> dict[str, Any]:
        answer: dict[str, Any] = ray.get(host.run_influence.remote(window_end))
        return answer

    # It needs no processor of its own, and is started again for ever: all it knows is in Postgres.
    remote: Any = ray.remote(num_cpus=0, max_restarts=-1)(Scheduler)
    named = {"name": "scheduler", "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    return remote.options(**named, max_concurrency=2).remote(run, settings.database_url)
