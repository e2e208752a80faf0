"""Watches every keyword for what is worth an alert, and sees to it that each is delivered.

It looks each minute at `trend` where that is read, not where it is written: the trackers' commit must not wait for
weeks of history, a keyword that several trackers share is judged once, and judging again what is stored gives the same.
Time is that of the tweets. A keyword is judged up to the step before its newest tweet, so that a backlog, a replay or
the past of a demo is judged as if it had just happened; only what is fresh is sent.

A look costs a read of five weeks of five-minute steps, at most 10,000 rows, for each keyword that has a new one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import pandas as pd
import ray
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from core import alerts as kept
from core import db, queries
from core.config import Settings
from jobs.delivery import Channel, channels, deliver
from jobs.levels import STEP, Alert, Episode, Heard, Watched, watch
from jobs.schedule import one_line
from jobs.session import NAMESPACE
from jobs.volume_rule import MEMORY, USUAL, moments

log = logging.getLogger(__name__)

ALERTS = "alerts"  # the actor's name
LOOK_BACK = pd.Timedelta(days=3)  # of a keyword that has never been judged, or not for long
PAST = MEMORY + USUAL  # what a judgement may depend on
REHEARSED = pd.Timedelta(days=30)
REHEARSE_AFTER = timedelta(hours=6)  # of new tweets; or sooner, once there are as many again as the last one knew
COLUMNS = ("tweets", "scored", "sentiment_sum", "square_sum", "negative")
SECONDS = 10  # between two looks at what is to be delivered

Rehearse = Callable[[Sequence[int]], Sequence[Mapping[str, Any]]]  # keywords' rows of `rehearsal`


def steps(engine: Engine, keyword_id: int, end: pd.Timestamp, span: pd.Timedelta = PAST) -> pd.DataFrame:
    """Return a keyword's steps up to a time: without tweets 0, and where nobody listened none are known."""
    begin = end - span
    with engine.connect() as connection:
        rows = connection.execute(queries.alert_steps(keyword_id, begin, end, STEP.to_pytimedelta())).all()
        gaps = connection.execute(queries.gaps(begin, end)).all()
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS), dtype=float)
    found = pd.DataFrame(rows, columns=["step", *COLUMNS]).set_index("step").astype(float)
    whole = found.reindex(pd.date_range(found.index[0], end - STEP, freq=STEP), fill_value=0.0)
    for gap in gaps:
        until = gap.ended_at or end
        whole.loc[(moments(whole) + STEP > gap.started_at) & (whole.index < until), "tweets"] = float("nan")
    return whole


def hearing(engine: Engine, keyword_id: int) -> Heard:
    """Return what tells the tweets of a keyword in a stretch of time."""

    def heard(begin: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        with engine.connect() as connection:
            rows = connection.execute(queries.heard(keyword_id, begin, end)).all()
        said = pd.DataFrame(rows, columns=["created_at", "author_id", "sentiment", "label"])
        return said.astype({"sentiment": float, "label": float})

    return heard


def look(engine: Engine, keyword: Any, sent_to: Sequence[str]) -> int:
    """Judge a row of core.alerts.judged up to its newest whole step; returns how many alerts that made."""
    end = pd.Timestamp(keyword.newest).floor(STEP)
    begin = max(pd.Timestamp(keyword.until or end - LOOK_BACK), end - LOOK_BACK)
    if end <= begin:
        return 0
    past = steps(engine, keyword.id, end)
    if past.empty:
        return 0
    found, now = watch(past, hearing(engine, keyword.id), replace(watched(keyword), until=begin), keyword.per_week)
    rows = [row(keyword.id, one) for one in found]
    return kept.save_judged(engine, state(keyword.id, now), rows, sent_to)


def watched(keyword: Any) -> Watched:
    """Return how far a row says that a keyword is judged; where it says nothing its `until` is in the far past."""
    episode = Episode(stamp(keyword.began), keyword.level, stamp(keyword.last_at)) if keyword.began else None
    both_at = stamp(keyword.both_at) if keyword.both_at else None
    return Watched(stamp(keyword.until or queries.EPOCH), both_at, episode)


def stamp(time: datetime) -> pd.Timestamp:
    """Return a time as pandas has it."""
    return pd.Timestamp(time)


def state(keyword_id: int, now: Watched) -> dict[str, Any]:
    """Return how far a keyword is judged as a row of `alert_watch`."""
    going_on = now.episode
    return {
        "keyword_id": keyword_id,
        "until": now.until.to_pydatetime(),
        "both_at": now.both_at.to_pydatetime() if now.both_at is not None else None,
        "began": going_on.began.to_pydatetime() if going_on else None,
        "level": going_on.level if going_on else None,
        "last_at": going_on.last.to_pydatetime() if going_on else None,
    }


def row(keyword_id: int, alert: Alert) -> dict[str, Any]:
    """Return an alert as a row of `alert`."""
    times = {"at": alert.at.to_pydatetime(), "episode": alert.episode.to_pydatetime()}
    return {"keyword_id": keyword_id, "level": alert.level, "numbers": alert.numbers, **times}


def rehearsed(
    engine: Engine, keyword_id: int, newest: datetime, budgets: Sequence[float] = kept.BUDGETS
) -> list[dict[str, Any]]:
    """Return what each of some budgets would have told of a keyword in the last 30 days, as rows of `rehearsal`.

    The days are judged one by one, so that no more than one day's tweets are in memory.
    """
    end = pd.Timestamp(newest).floor(STEP)
    past = steps(engine, keyword_id, end, PAST + REHEARSED)
    if past.empty:
        return []
    begin = max(pd.Timestamp(past.index[0]), end - REHEARSED)
    days = [*pd.date_range(begin, end, freq="D")[1:], end]
    rows = []
    for per_week in budgets:
        told: list[Alert] = []
        now = Watched(begin)
        for day in days:
            known = past[(past.index < day) & (past.index >= day - PAST)]
            some, now = watch(known, hearing(engine, keyword_id), now, per_week)
            told += some
        times = [{"at": one.at.isoformat(), "level": one.level} for one in told]
        span = {"since": begin.to_pydatetime(), "until": end.to_pydatetime()}
        rows.append({"keyword_id": keyword_id, "per_week": per_week, "told": times, **span})
    return rows


class AlertClock:
    """Looks each minute, delivers what is due, and rehearses every budget: at once, then four times a day.

    A plain class: `alert_clock` makes it a Ray actor, a test just calls it. All it knows is in Postgres.
    """

    def __init__(self, database_url: str, sent_to: Sequence[Channel] = (), rehearse: Rehearse | None = None):
        self._engine = db.engine(database_url, pool_size=2)
        self._channels = {one.name: one for one in sent_to}
        self._rehearse = rehearse
        self._looking, self._delivering, self._rehearsing = Lock(), Lock(), Lock()
        self._clock = BackgroundScheduler(timezone=UTC)
        soon = datetime.now(UTC) + timedelta(seconds=SECONDS)
        self._clock.add_job(self.tick, "cron", minute="*", coalesce=True, misfire_grace_time=60)
        self._clock.add_job(self.deliver, "interval", seconds=SECONDS, coalesce=True)
        self._clock.add_job(self.rehearse, "interval", minutes=1, max_instances=2, next_run_time=soon)
        self._clock.start()

    def stop(self) -> None:
        """Look no more."""
        self._clock.shutdown(wait=False)

    def tick(self) -> int:
        """Judge every keyword that has something new; returns how many alerts that made."""
        with self._looking:
            try:
                return sum(look(self._engine, one, list(self._channels)) for one in self._keywords())
            except SQLAlchemyError as error:
                log.error("Keywords are not judged for alerts: %s", one_line(error))
                return 0

    def deliver(self) -> int:
        """Send what is due; returns how many were delivered."""
        with self._delivering:
            try:
                return deliver(self._engine, self._channels)
            except SQLAlchemyError as error:
                log.error("Alerts are not delivered: %s", one_line(error))
                return 0

    def rehearse(self) -> None:
        """Tell what each budget would have told of every keyword that has enough new."""
        if not self._rehearsing.acquire(blocking=False):
            return  # the last one goes on
        try:
            ids = [one.id for one in self._keywords() if to_rehearse(one)]
            rows = self._rehearse(ids) if self._rehearse else rehearse_here(self._engine, ids)
            if rows:
                kept.save_rehearsals(self._engine, list(rows))
        except SQLAlchemyError as error:
            log.error("Alerts are not rehearsed: %s", one_line(error))
        finally:
            self._rehearsing.release()

    def _keywords(self) -> list[Any]:
        with self._engine.connect() as connection:
            return [one for one in connection.execute(kept.judged()) if one.newest is not None]


def to_rehearse(keyword: Any) -> bool:
    """Say whether a row of core.alerts.judged has tweets enough that no rehearsal knows of."""
    if keyword.rehearsed_until is None:
        return True
    known = keyword.rehearsed_until - keyword.rehearsed_since
    return bool(keyword.newest - keyword.rehearsed_until >= min(REHEARSE_AFTER, known))


def rehearse_here(
    engine: Engine, keyword_ids: Sequence[int], budgets: Sequence[float] = kept.BUDGETS
) -> list[dict[str, Any]]:
    """Rehearse some keywords, one after the other."""
    with engine.connect() as connection:
        newest = {one.id: one.newest for one in connection.execute(kept.judged()) if one.newest is not None}
    return [row for id_ in keyword_ids if id_ in newest for row in rehearsed(engine, id_, newest[id_], budgets)]


def rehearse_one(database_url: str, keyword_id: int, budgets: Sequence[float] = kept.BUDGETS) -> list[dict[str, Any]]:
    """Rehearse a keyword in a process of its own."""
    engine = db.engine(database_url, pool_size=1)
    try:
        return rehearse_here(engine, [keyword_id], budgets)
    finally:
        engine.dispose()


def on_ray(database_url: str, budgets: Sequence[float] = kept.BUDGETS) -> Rehearse:
    """Return what rehearses all keywords in parallel, each a task of Ray."""

    def rehearse(keyword_ids: Sequence[int]) -> list[dict[str, Any]]:
        task: Any = ray.remote(num_cpus=1, max_retries=2)(rehearse_one)
        parts = ray.get([task.remote(database_url, one, budgets) for one in keyword_ids])
        return [row for rows in parts for row in rows]

    return rehearse


def alert_clock(settings: Settings) -> Any:
    """Return the handle of the one AlertClock actor, started if it is not there."""
    remote: Any = ray.remote(num_cpus=0, max_restarts=-1)(AlertClock)
    named = {"name": ALERTS, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    sent_to, rehearse = channels(settings), on_ray(settings.database_url)
    return remote.options(**named, max_concurrency=3).remote(settings.database_url, sent_to, rehearse)


def stop() -> None:
    """End the AlertClock; all it knows is in Postgres."""
    with suppress(ValueError):  # there is none
        ray.kill(ray.get_actor(ALERTS, namespace=NAMESPACE))
