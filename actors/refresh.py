"""Keeps the counts of the tweets that earned most: the stream delivers a tweet before anybody has seen it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Engine

from actors import parse
from actors.budget import Budget
from actors.forget import forget
from actors.lookup import Lookup
from actors.spool import Spool
from core import batches, queries
from core.erasure import Gone

log = logging.getLogger(__name__)

EVERY = 900.0  # seconds
SOON = 60.0  # seconds until the next round when there was nothing to ask for, as at the start
PACE = 1.0  # seconds between two requests: X allows 3,500 in a quarter of an hour
RECENT = timedelta(days=3)  # what is older earns little more
GONE = ("resource-not-found", "not-authorized-for-resource")  # deleted; of an account that is protected or suspended
DOUBTFUL = 20  # of so many asked for, half may be missing; more is rather X's fault than everybody's wish


class Refresher:
    """Asks for 100 tweets of each keyword every quarter of an hour, one keyword at a step."""

    def __init__(
        self,
        engine: Engine,
        spool: Spool,
        lookup: Lookup,
        budget: Budget,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._engine, self._spool, self._lookup, self._budget = engine, spool, lookup, budget
        self._clock = clock
        self._round = clock()
        self._left: list[int] | None = None
        self._asked = False

    def step(self) -> float:
        """Refresh one keyword; returns the seconds until the next step.

        Raises:
            NotNow: X wants us to wait.
        """
        if self._left is None:
            self._round, self._asked = self._clock(), False
            with self._engine.connect() as connection:
                self._left = [one.id for one in connection.execute(queries.keywords())]
        if self._left:
            self._refresh(self._left[-1])
            self._left.pop()
            return PACE
        self._left = None
        every = EVERY if self._asked else SOON
        return max(0.0, every - (self._clock() - self._round).total_seconds())

    def _refresh(self, keyword_id: int) -> None:
        with self._engine.connect() as connection:
            top = connection.execute(queries.most_shared(keyword_id, self._clock() - RECENT)).scalars().all()
        if ids := self._affordable(top):
            page = self._lookup.tweets(ids)
            self._asked = True
            self._budget.spend(posts=parse.ids_of(page))
            rose = self._renew(page)
            self._forget_missing(ids, page.get("errors", []))
            log.info("Asked for %d tweets of keyword %d; the counts of %d rose.", len(ids), keyword_id, rose)

    def _affordable(self, ids: Sequence[int]) -> list[int]:
        """Return all of the ids if the budget allows it, else those that are on today's bill and cost nothing more."""
        if self._budget.may_read(posts=self._budget.unpaid(ids)):
            return list(ids)
        with self._engine.connect() as connection:
            return list(connection.execute(queries.paid(self._clock().date(), "post", ids)).scalars())

    def _renew(self, page: Any) -> int:
        messages, problems = parse.messages(orjson.dumps(page))
        for problem in problems:
            log.warning("X answers a look-up with what cannot be read: %s", problem)
        now = self._clock()
        authors = [{**author, "seen_at": now} for one in messages for author in one.authors]
        return batches.refresh(self._engine, [one.tweet for one in messages], authors)

    def _forget_missing(self, ids: Sequence[int], errors: Sequence[Any]) -> None:
        """Forget the tweets that X says are not there, or not for us to see."""
        told = {kind: missing(errors, kind) & set(ids) for kind in GONE}
        number = sum(map(len, told.values()))
        if number > len(ids) / 2 and len(ids) >= DOUBTFUL:
            log.error("X says that %d of %d tweets are not there: left for the daily compliance job.", number, len(ids))
            return
        for kind, gone in told.items():
            if gone:
                forget(self._engine, [self._spool], Gone(frozenset(gone)), f"X: {kind}")


def missing(errors: Sequence[Any], kind: str) -> set[int]:
    """Return the ids for which an answer has an error of a type; X writes types under several hosts."""
    found = [one for one in errors if str(one.get("type", "")).rsplit("/", 1)[-1] == kind]
    ids = [str(one.get("resource_id") or one.get("value") or "") for one in found]
    return {int(one) for one in ids if re.fullmatch(r"\d{1,19}", one)}
