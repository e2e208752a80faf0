"""What is too old goes, by ranges of ids, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select

from core import expiry
from core.batches import Batch, save_batch
from core.expiry import expire, first_id
from core.models import DeadLetter, Term, Trend, Tweet
from tests.conftest import NOON


@pytest.fixture
def written(engine, keyword, tweet_row, author_row):
    """Store tweets of two keywords that were written so many hours before NOON; their ids are as X gives them."""
    keywords = [keyword("nike"), keyword("puma")]

    def write(*hours):
        for keyword_id, name in zip(keywords, ("nike", "puma"), strict=True):
            times = [NOON - timedelta(hours=one) for one in hours]
            rows = [
                {**tweet_row(first_id(at) + keyword_id, created_at=at, keyword_id=keyword_id), "terms": ["good"]}
                for at in times
            ]
            save_batch(engine, Batch(keyword_id, "s", name, len(rows), rows, [author_row(1)]))

    return write


def left(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_id_tells_when_it_was_given():
    assert first_id(datetime(2006, 3, 21, tzinfo=UTC)) == 0  # before ids told the time
    assert (
        first_id(datetime(2022, 11, 1, tzinfo=UTC)) < 1589007443853340672 < first_id(datetime(2022, 11, 8, tzinfo=UTC))
    )


def test_tweets_before_the_hour_go_with_their_counts_and_no_others(engine, written):
    written(1, 2, 3, 48, 49, 500)
    went = expire(engine, NOON - timedelta(hours=24))

    assert (went["tweet"], left(engine, Tweet)) == (6, 6)
    assert (went["trend"], left(engine, Trend)) == (6, 6)
    assert (went["term"], left(engine, Term)) == (6, 6)
    with engine.connect() as connection:
        assert connection.execute(select(func.min(Tweet.created_at))).scalar_one() == NOON - timedelta(hours=3)
    assert sum(expire(engine, NOON - timedelta(hours=24)).values()) == 0


def test_the_hour_itself_stays_whole(engine, written):
    written(24)

    assert expire(engine, NOON - timedelta(hours=23, minutes=1))["tweet"] == 0


def test_a_tweet_whose_id_is_older_than_ids_of_that_kind_goes_by_its_time(engine, keyword, tweet_row, author_row):
    keyword()
    rows = [{**tweet_row(7, created_at=NOON), "terms": []}]
    save_batch(engine, Batch(1, "s", "nike", 1, rows, [author_row(1)]))

    assert expire(engine, NOON)["tweet"] == 0
    assert expire(engine, NOON + timedelta(hours=1))["tweet"] == 1


def test_more_than_a_transaction_takes_goes_all_the_same(engine, written, monkeypatch):
    monkeypatch.setattr(expiry, "SOME", 2)
    written(*range(30, 37))

    assert expire(engine, NOON)["tweet"] == 14


def test_dead_letters_go_by_the_time_they_came(engine):
    letter = {"spool": "s", "reason": "malformed", "detail": "", "payload": b"{"}
    letters = [letter | {"position": 1, "at": NOON}, letter | {"position": 2, "at": NOON + timedelta(hours=2)}]
    with engine.begin() as connection:
        connection.execute(insert(DeadLetter), letters)

    assert expire(engine, NOON + timedelta(hours=1))["dead_letter"] == 1
    assert left(engine, DeadLetter) == 1
