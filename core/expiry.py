"""Age: what is older than it may get leaves the tables, by ranges of ids, which X gives in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select, text

from core.models import Keyword

EPOCH_MS = 1_288_834_974_657  # X's ids are the milliseconds since then, above 22 other bits
BITS = 22
SOME = 10_000  # tweets that go in one transaction, so that no batch waits long

EXPIRE_TWEETS = """
WITH old AS (
  SELECT keyword_id, id FROM tweet WHERE keyword_id = :keyword_id AND id < :upto AND created_at < :before
  ORDER BY id LIMIT :some
)
DELETE FROM tweet t USING old WHERE t.keyword_id = old.keyword_id AND t.id = old.id
"""
EXPIRE_COUNTS = {
    "trend": "DELETE FROM trend WHERE keyword_id = :keyword_id AND minute < :before",
    "term": "DELETE FROM term WHERE keyword_id = :keyword_id AND hour < :before",
}
# Before the rows: a day that is cut is read from what is left of it.
EXPIRE_SUMS = (
    "DELETE FROM past_hour WHERE keyword_id = :keyword_id AND hour < :before",
    "DELETE FROM past_day WHERE keyword_id = :keyword_id AND day < :before",
)
EXPIRE_DEAD = "DELETE FROM dead_letter WHERE at < :before"


def first_id(at: datetime) -> int:
    """Return the lowest id that X can have given at a time."""
    return max(0, int(at.timestamp() * 1000) - EPOCH_MS) << BITS


def expire(engine: Engine, before: datetime) -> dict[str, int]:
    """Delete tweets written before an hour, what was counted of them, and dead letters; returns how many rows went.

    Some thousand tweets are a transaction: it may end at any time and go on later. The cost is that of the rows that
    go: the primary key, which begins with the keyword and the id, finds them. People's profiles stay.
    """
    hour = before.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    went = dict.fromkeys(("tweet", *EXPIRE_COUNTS, "dead_letter"), 0)
    with engine.connect() as connection:
        keywords = connection.execute(select(Keyword.id)).scalars().all()
    for keyword_id in keywords:
        asked: dict[str, Any] = {"keyword_id": keyword_id, "before": hour}
        for statement in EXPIRE_SUMS:
            run(engine, statement, asked)
        while some := run(engine, EXPIRE_TWEETS, asked | {"upto": first_id(hour), "some": SOME}):
            went["tweet"] += some
        for table, statement in EXPIRE_COUNTS.items():
            went[table] += run(engine, statement, asked)
    went["dead_letter"] = run(engine, EXPIRE_DEAD, {"before": hour})
    return went


def run(engine: Engine, statement: str, asked: dict[str, Any]) -> int:
    """Execute one statement as a transaction of its own; returns how many rows it changed."""
    with engine.begin() as connection:
        return int(connection.execute(text(statement), asked).rowcount)
