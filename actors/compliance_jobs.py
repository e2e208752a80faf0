"""Asks X once a day what has become of all that is stored, by its batch compliance jobs, and heeds the answer.

A job's ids go up, and those that are gone or changed come down. How far a job is only X knows: after a crash we look
there.
"""

from __future__ import annotations

import logging
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import requests
from sqlalchemy import Engine

from actors.compliance import Order, carry_out, moment
from actors.forget import written_until
from actors.lookup import Lookup, NotNow
from actors.spool import Spool
from core import queries, store
from core.erasure import Gone

log = logging.getLogger(__name__)

KINDS = ("tweets", "users")
NAME = "twittertalker"  # begins the names of our jobs
DAY = timedelta(days=1)
POLL = 60.0  # seconds between looks at a job
AFTER_FAILURE = timedelta(hours=1)  # until a job that X could not do is followed by another
PATIENCE = 60.0  # seconds for a byte of an upload or a download


class ComplianceJobs:
    """Asks X once a day what has become of everything of a kind, tweets or users, that is stored."""

    def __init__(
        self,
        engine: Engine,
        spools: list[Spool],
        lookup: Lookup,
        kind: str,
        *,
        poll: float = POLL,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._engine, self._spools, self._lookup, self._kind = engine, spools, lookup, kind
        self._poll, self._clock = poll, clock

    def step(self) -> float:
        """Go one step further if it is due; returns the seconds until the next step."""
        left = (self._done_at() + DAY - self._clock()).total_seconds()
        return left if left > 0 else 0.0 if self._advance() else self._poll

    def run(self, wait: Callable[[float], object]) -> None:
        """Ask now, whatever was asked today, and go on to the end; `wait` is given seconds, first few, then more."""
        seconds = 1.0
        while not self._advance():
            wait(min(seconds, self._poll))
            seconds *= 2

    def _done_at(self) -> datetime:
        with self._engine.connect() as connection:
            done: datetime | None = connection.execute(queries.errand(f"compliance {self._kind}")).scalar()
        return done or datetime.min.replace(tzinfo=UTC)

    def _advance(self) -> bool:
        """Take a job's next step, as its state at X tells; returns whether the job is done.

        Raises:
            NotNow: the last job failed, or X wants us to wait.
            requests.RequestException: the upload or the download failed; the next step tries again.
        """
        job = self._job()
        if job is None and not self._stored():
            return self._end(self._clock())
        job = job or self._lookup.create_job(self._kind, f"{NAME} {self._clock():%Y-%m-%d %H:%M}")
        log.info("Compliance job %s about %s: %s", job["id"], self._kind, job["status"])
        if job["status"] == "complete":
            self._heed(downloaded(job["download_url"]))
            return self._end(moment(job["created_at"]))
        if job["status"] == "created":
            self._upload(job["upload_url"])
        elif job["status"] != "in_progress":
            raise NotNow(AFTER_FAILURE.total_seconds(), f"X's compliance job about {self._kind}: {job['status']}")
        return False

    def _job(self) -> dict[str, Any] | None:
        """Return our newest job that has not been done with; none if it failed long ago."""
        since, now = self._done_at(), self._clock()
        ours = [one for one in self._lookup.jobs(self._kind) if str(one.get("name", "")).startswith(NAME)]
        new = [one for one in ours if moment(one["created_at"]) > max(since, now - DAY)]
        job = max(new, key=lambda one: moment(one["created_at"]), default=None)
        over = job and job["status"] not in ("created", "in_progress", "complete")
        return None if job and over and moment(job["created_at"]) < now - AFTER_FAILURE else job

    def _stored(self) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(queries.ids_of(self._kind).limit(1)).first() is not None

    def _end(self, at: datetime) -> bool:
        store.end_errand(self._engine, f"compliance {self._kind}", at)
        return True

    def _upload(self, url: str) -> None:
        with tempfile.TemporaryFile() as file, self._engine.connect() as connection:
            ids = connection.execution_options(yield_per=10_000).execute(queries.ids_of(self._kind)).scalars()
            for some in ids.partitions():
                file.write(b"".join(b"%d\n" % one for one in some))
            file.seek(0)
            answer = requests.put(url, data=file, headers={"Content-Type": "text/plain"}, timeout=PATIENCE)
        answer.raise_for_status()

    def _heed(self, rows: Iterable[dict[str, Any]]) -> None:
        """Do what a job's rows say became of them."""
        by_reason: defaultdict[str, set[int]] = defaultdict(set)
        for row in rows:
            by_reason[str(row.get("reason", row.get("action")))].add(int(row["id"]))
        for reason, ids in by_reason.items():
            until = written_until(self._clock())
            gone = Gone(frozenset(ids)) if self._kind == "tweets" else Gone(authors=frozenset(ids), upto=until)
            act = "scrub" if reason == "scrub_geo" else "forget"
            carry_out(self._engine, self._spools, Order(act, gone, f"X: {reason}"))


def downloaded(url: str) -> list[dict[str, Any]]:
    """Return the rows of a job's result; what is not a row with an id is dropped, and logged.

    Raises:
        requests.RequestException: it did not come whole.
    """
    answer = requests.get(url, timeout=PATIENCE)
    answer.raise_for_status()
    if answer.content and not answer.content.endswith(b"\n"):
        raise requests.ConnectionError("the compliance job's result was cut short")
    rows = []
    for line in filter(None, answer.content.split(b"\n")):
        try:
            row = orjson.loads(line)
            rows.append({**row, "id": int(row["id"])})
        except (ValueError, TypeError, KeyError):
            log.warning("Dropped a line of the compliance job's result: %.200r", line)
    return rows
