"""In whatever batches tweets come, in whatever order windows are computed, the scores are the same."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, text, update

from core import erasure
from core.config import Settings
from core.erasure import Gone
from core.models import Audience, Author, Influence, Keyword, Tweet
from jobs import influence
from jobs.extract import extract
from jobs.session import executors

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=15)
GONE = range(901, 931)  # tweets and retweets that are deleted before the last window

pytestmark = pytest.mark.cluster


@pytest.fixture
def world(author_row, tweet_row):
    """Authors, and tweets of which some are retweeted; those that will be gone are the most shared of all."""
    dice = random.Random(11)

    def some(id):
        kind = dice.choice(["original", "original", "reply", "retweet"])
        return tweet_row(
            id,
            author_id=dice.randint(1, 40),
            created_at=NOON - timedelta(minutes=dice.randint(-14, 5000)),
            kind=kind,
            original_id=dice.randint(1, 300) if kind == "retweet" else None,
            retweet_count=10**6 if id in GONE else dice.randint(0, 99),
            sentiment=round(dice.uniform(-1, 1), 4),
            mentioned_ids=[dice.randint(1, 40)],
        )

    return [author_row(id, followers_count=id * id) for id in range(1, 41)], [some(id) for id in range(1, 931)]


@pytest.fixture
def scores(engine, host, database_url, tmp_path):
    """Compute windows in some order from what is stored and a lake of some name; returns all of their rows."""

    def compute(lake, *ends):
        settings = Settings(database_url=database_url, lake=tmp_path / lake)
        for end in ends:
            influence.run(engine, host.spark(), settings, end, executors)
        with engine.connect() as connection:
            return {
                model: connection.execute(select(*model.__table__.columns).order_by(*model.__table__.primary_key)).all()
                for model in (Influence, Audience)
            }

    return compute


def put(engine, model, rows):
    with engine.begin() as connection:
        connection.execute(insert(model), list(rows))


def test_batches_late_tweets_windows_again_and_deletions_leave_the_same_scores(engine, world, scores, tmp_path):
    authors, tweets = world
    put(engine, Keyword, [{"name": "nike", "query": "nike"}])
    put(engine, Author, authors)
    put(engine, Tweet, (row for row in tweets if row["id"] not in GONE))
    at_once = scores("at once", NOON, LATER)

    with engine.begin() as connection:
        for model in (Influence, Audience, Tweet):
            connection.execute(delete(model))
    shuffled = random.Random(5).sample(tweets, len(tweets))
    for start in range(0, 600, 200):
        put(engine, Tweet, ({**row, "retweet_count": 0} for row in shuffled[start : start + 200]))
        extract(engine, tmp_path / "bit by bit")
    early = scores("bit by bit", LATER)
    put(engine, Tweet, shuffled[600:])  # late: most of them were written long before
    with engine.begin() as connection:
        for row in shuffled[:600]:  # what was retweeted since
            now = {"retweet_count": row["retweet_count"], "seq": text("pg_current_xact_id()::text::bigint")}
            connection.execute(update(Tweet).where(Tweet.id == row["id"]).values(now))
    extract(engine, tmp_path / "bit by bit")
    gone = Gone(frozenset(GONE))
    erasure.forget(engine, gone, "deleted", words=lambda *_: (), scrub=lambda payload, _: payload)
    bit_by_bit = scores("bit by bit", LATER, NOON)

    assert len(at_once[Influence]) > 60
    assert early[Influence] != [row for row in at_once[Influence] if row.window_end == LATER]
    assert bit_by_bit == at_once
