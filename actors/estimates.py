"""Asks X how many posts a query would bring, for somebody who thinks about tracking it; within the budget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import tweepy
from sqlalchemy import Engine

from actors.budget import Budget
from actors.connection import refused
from actors.gaps import LONGEST, search_query
from actors.lookup import Lookup
from core import queries, store

log = logging.getLogger(__name__)

LOOK = 2.0  # seconds between looks for a question
NO_MONEY = "the day's budget is for the stream"


class Estimator:
    """Answers the questions of the table `estimate`, one after the other; each costs one request."""

    def __init__(
        self,
        engine: Engine,
        lookup: Lookup,
        budget: Budget,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._engine, self._lookup, self._budget, self._clock = engine, lookup, budget, clock

    def step(self) -> float:
        """Answer a question, if there is one that somebody still waits for; returns the seconds until the next step.

        Raises:
            NotNow: X wants us to wait; the question stays.
        """
        with self._engine.connect() as connection:
            waiting = connection.execute(queries.unanswered(self._clock() - store.ASKED_FOR)).first()
        if waiting is None:
            return LOOK
        posts_a_day, problem = self._answer(search_query(waiting.query, None))
        store.answer_estimate(self._engine, waiting.query, self._clock(), posts_a_day, problem)
        return 0.0

    def _answer(self, query: str) -> tuple[float | None, str | None]:
        """Return the posts a day, or why they are not known."""
        if len(query) > LONGEST:
            return None, f"X counts for queries of {LONGEST} characters at most"
        if not self._budget.may_read(requests=1):
            return None, NO_MONEY
        try:
            told = self._lookup.counts(query)
        except (tweepy.BadRequest, tweepy.Unauthorized, tweepy.Forbidden) as error:
            log.warning("X does not count: %s", error)
            return None, f"X refuses to count: {refused(error.response).problem.get('detail') or error}"[:200]
        self._budget.spend(requests=1)
        return a_day(told), None


def a_day(told: Mapping[str, Any]) -> float:
    """Return the posts a day of X's counts, whose first and last day are parts of days."""
    days = told["data"]
    span = datetime.fromisoformat(days[-1]["end"]) - datetime.fromisoformat(days[0]["start"])
    return float(sum(day["tweet_count"] for day in days) / (span / timedelta(days=1)))
