"""Runs the influence job at every quarter hour, never twice at once, and catches up on what was missed or failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import ray
from apscheduler.schedulers.background import BackgroundScheduler
from ray.exceptions import RayError
from sqlalchemy.exc import SQLAlchemyError

from core import db, past, queries
from core.config import Settings, TalkerError
from core.queries import QUARTER
from jobs.influence import WindowError, quarter_before
from jobs.session import NAMESPACE, end_host, spark_host

log = logging.getLogger(__name__)

SCHEDULER = "scheduler"
Run = Callable[[str | None], dict[str, Any]]

LOOK_BACK = timedelta(hours=2)  # after a longer pause only the latest window is worth its time
PATIENCE = timedelta(minutes=5)  # before a window that failed is tried again; then twice as long each time
LATE_S = 600  # a time that the machine slept through is still heeded this much later


def due(begun: Sequence[Any], now: datetime) -> list[datetime]:
    """Return the window ends to compute, oldest first; `begun` are rows of core.queries.influence_windows.

    They are the quarter hours of the LOOK_BACK from the first that was begun there, wherever one is missing between
    others, and those that failed. Each attempt at one makes the wait for the next twice as long, so that a window that
    can never be computed is tried five times at most. Where nothing was begun it is the latest alone.
    """
    known = {run.window_end: run for run in begun}
    latest = quarter_before(now)
    recent = [latest - QUARTER * back for back in reversed(range(LOOK_BACK // QUARTER))]
    first = min((end for end in recent if end in known), default=latest)
    return [end for end in recent if end >= first and (end not in known or again(known[end], now))]


def windows(first: datetime, last: datetime, hours: float) -> list[datetime]:
    """Return the ends of the windows from one to another, at quarter hours, oldest first.

    Raises:
        WindowError: there is none.
    """
    step, end = timedelta(hours=hours), quarter_before(first)
    found = [end + step * number for number in range((last - end) // step + 1)]
    if not found or step % QUARTER:
        raise WindowError("Give a start before the end, and hours that are whole quarters.")
    return found


def again(run: Any, now: datetime) -> bool:
    """Say whether a window that was begun is to be tried once more; one that "runs" may have been killed."""
    return bool(run.state != "done" and now >= run.started_at + PATIENCE * 2 ** (run.attempts - 1))


class Scheduler:
    """Keeps the influence job on time; `run` computes the window of a given end, or without one the newest.

    `nightly` is done once a night, and `between` each quarter hour: both amid it, when no run is due.

    A plain class: `scheduler` makes it a Ray actor, a test just calls it. Its clock runs from the beginning, so that a
    restarted actor goes on by itself.
    """

    def __init__(
        self,
        run: Run,
        database_url: str,
        nightly: Callable[[], object] | None = None,
        between: Callable[[], object] | None = None,
    ):
        self._run = run
        self._engine = db.engine(database_url, pool_size=1)
        self._running = Lock()  # one after the other here; across processes it is the job's own lock in Postgres
        self._clock = BackgroundScheduler(timezone=UTC)
        # Between the quarter hours too: nothing is due then but what failed or could not begin.
        self._clock.add_job(self.tick, "cron", minute="*/5", coalesce=True, misfire_grace_time=LATE_S)
        if nightly:
            self._clock.add_job(self._quietly, "cron", args=[nightly], hour=3, minute=8, misfire_grace_time=None)
        if between:
            self._clock.add_job(self._quietly, "cron", args=[between], minute="8-59/15", coalesce=True)
        self._clock.start()

    def stop(self) -> None:
        """Run no more; a run in progress goes on to its end."""
        self._clock.shutdown(wait=False)

    def soon(self) -> None:
        """Let what is due be run, and do not wait for it: whoever asks may be gone before it ends."""
        self._clock.add_job(self.tick)

    def run_now(self) -> dict[str, Any] | None:
        """Compute the newest window, after a run in progress; returns its answer, or None if it failed."""
        with self._running:
            return self._attempt(None)

    def tick(self, now: datetime | None = None) -> None:
        """Compute every window that is due, once a day the forecasts, and add up what is past by now."""
        with self._running:
            ends = self._due(now or datetime.now(UTC))
            for end in ends or ():
                self._attempt(end.isoformat())
            if ends is not None:
                self._foretell(now or datetime.now(UTC))
                self._add_up(now or datetime.now(UTC))

    def _foretell(self, now: datetime) -> None:
        from jobs import forecasts  # its libraries take 100 MB, and are not needed to compute windows

        try:
            forecasts.run(self._engine, now)
        except SQLAlchemyError as error:
            log.error("There are no forecasts of today: %s", one_line(error))

    def _add_up(self, now: datetime) -> None:
        try:
            past.add_up(self._engine, now)
        except SQLAlchemyError as error:
            log.error("What is past is not added up yet, and takes longer to read: %s", one_line(error))

    def _quietly(self, upkeep: Callable[[], object]) -> None:
        """Do what is done now and then; if it fails, the next time is another."""
        with self._running:
            try:
                log.info("Between two runs: %s", upkeep())
            except (TalkerError, RayError, SQLAlchemyError) as error:
                log.error("What is done between two runs waits for the next time: %s", one_line(error))

    def _due(self, now: datetime) -> list[datetime] | None:
        try:
            with self._engine.connect() as connection:
                return due(connection.execute(queries.influence_windows(now - LOOK_BACK)).all(), now)
        except SQLAlchemyError as error:
            log.error("Which influence windows are due is not known: %s", one_line(error))
            return None

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

    def expire() -> dict[str, int]:
        went: dict[str, int] = ray.get(host.expire.remote())
        return went

    def compact() -> int:
        written: int = ray.get(host.compact.remote())
        return written

    nightly = expire if settings.keep_days else None
    # It needs no processor of its own, and is started again for ever: all it knows is in Postgres.
    remote: Any = ray.remote(num_cpus=0, max_restarts=-1)(Scheduler)
    named = {"name": SCHEDULER, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    return remote.options(**named, max_concurrency=2).remote(run, settings.database_url, nightly, compact)


def stop() -> None:
    """End the scheduler, and Spark with it; the windows that are missed meanwhile are caught up at the next start."""
    with suppress(ValueError):  # there is none
        ray.kill(ray.get_actor(SCHEDULER, namespace=NAMESPACE))
    end_host()
