"""What is past is added up once, and read as if it were not."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from core import batches, erasure, past, queries
from core.erasure import Gone
from core.expiry import expire
from core.models import PastDay, PastHour, Sampling
from tests.conftest import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATER = NOON + 3 * DAY
RANGES = [
    (NOON - 2 * DAY, NOON),
    (NOON - 30 * HOUR + 7 * MINUTE, NOON - HOUR + 11 * MINUTE),  # cuts its first and its last hour
    tuple(NOON - 40 * HOUR + number * timedelta(minutes=90) for number in range(20)),  # bins that cut hours
    tuple(NOON - 40 * HOUR + number * 4 * HOUR for number in range(10)),
]


@pytest.fixture
def save(engine, keyword):
    """Commit tweets of a keyword as the next stretch of a spool; a text's terms are its words."""
    for name in ("nike", "puma"):
        keyword(name)
    position = iter(range(1, 100_000))

    def saved(*tweets, keyword_id=1):
        rows = [{**one, "terms": one["text"].split()} for one in tweets]
        batches.save_batch(engine, batches.Batch(keyword_id, "s", str(keyword_id), next(position), rows))

    return saved


@pytest.fixture
def added_up(rows):
    """Which hours and days are added up."""

    def found():
        hours = rows(select(PastHour.hour).where(PastHour.author_ids.is_not(None)).order_by(PastHour.hour))
        days = rows(select(PastDay.day).where(PastDay.terms.is_not(None)))
        return [row.hour for row in hours], [row.day for row in days]

    return found


def ids(pieces):
    """Unite the ids of each bin."""
    found = {}
    for number, some in pieces:
        eights = (some[at : at + 8] for at in range(0, len(some), 8))
        found.setdefault(number, set()).update(int.from_bytes(one, signed=True) for one in eights)
    return {number: some for number, some in found.items() if some}


def told(rows):
    """Everything that is read of both keywords, over ranges that cut hours and days and such that do not."""
    found = []
    for keyword_id in (1, 2):
        for edges in RANGES:
            start, end = edges[0], edges[-1]
            found.append(sorted(rows(queries.trend(keyword_id, edges)), key=str))
            found.append(ids(rows(queries.voices(keyword_id, edges))))
            found.append(ids(rows(queries.tweets_in(keyword_id, start, end))))
            found.append(rows(queries.words(keyword_id, start, end)))
            found += [rows(queries.terms(keyword_id, start, end, label)) for label in (1, 0, -1)]
            found.append(rows(queries.contrast(keyword_id, 3 - keyword_id, start, end)))
            found.append(sorted(rows(queries.own_words(keyword_id, ["good", "shoe"], start, end))))
    return [*found, rows(queries.common_words(RANGES[0][0], NOON))]


def forget_all(engine):
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM past_hour"))
        connection.execute(text("DELETE FROM past_day"))


def test_hours_and_days_are_added_up_once_they_are_over(engine, save, tweet_row, added_up):
    save(*(tweet_row(id, created_at=NOON - id * HOUR) for id in (0, 1, 2, 24)))

    assert past.add_up(engine, NOON + past.LATE) == 3  # that of the day before is there in whole, too
    assert added_up() == ([NOON - 24 * HOUR, NOON - 2 * HOUR], [NOON.replace(hour=0) - DAY])
    assert past.add_up(engine, NOON + past.LATE) == 0
    assert past.add_up(engine, NOON + past.LATE + MINUTE) == 1


def test_an_hour_holds_its_counts_by_label_and_who_spoke_in_which_tweets(engine, save, tweet_row, rows):
    save(
        tweet_row(7, author_id=1, sentiment=0.5, label=1),
        tweet_row(2**62, author_id=1, sentiment=-0.25, label=-1, created_at=NOON + 59 * MINUTE),
        tweet_row(9, author_id=2, sentiment=None, label=None, kind="retweet"),
        tweet_row(10, author_id=3, matched=False),
    )
    past.add_up(engine, LATER)
    (hour,) = rows(select(PastHour.__table__))

    sums = zip(hour.labels, hour.tweets, hour.sentiment_sums, hour.sentiment_square_sums, strict=True)
    assert sorted(sums, key=str) == [(-1, 1, -0.25, 0.0625), (1, 1, 0.5, 0.25), (None, 1, 0, 0)]
    assert ids([(0, hour.tweet_ids), (1, hour.author_ids)]) == {0: {7, 9, 2**62}, 1: {1, 2}}


def test_a_late_tweet_makes_its_hour_and_day_due_again(engine, save, tweet_row, added_up, rows):
    save(*(tweet_row(id, created_at=NOON - id * HOUR, text="good") for id in (1, 2)))
    past.add_up(engine, LATER)
    save(tweet_row(9, created_at=NOON - HOUR, text="good"))

    assert added_up() == ([NOON - 2 * HOUR], [])
    assert [row.tweets for row in rows(queries.trend(1, (NOON - DAY, NOON)))] == [3]
    assert [row.tweets for row in rows(queries.terms(1, NOON - DAY, NOON, 0))] == [3]


def test_what_was_forgotten_is_in_no_sum(engine, save, tweet_row, added_up):
    save(*(tweet_row(id, author_id=id, created_at=NOON - id * HOUR) for id in (1, 2)))
    past.add_up(engine, LATER)
    erasure.forget(engine, Gone(authors=frozenset({2})), "asked", words=lambda *_: [], scrub=lambda one, _: one)

    assert added_up()[0] == [NOON - HOUR]


def test_what_is_too_old_is_in_no_sum(engine, save, tweet_row, added_up):
    save(*(tweet_row(id, created_at=NOON - id * HOUR) for id in (1, 3, 40)))
    past.add_up(engine, LATER)
    expire(engine, NOON - 2 * HOUR)

    assert added_up() == ([NOON - HOUR], [])  # of the day a part went, so that it is no sum of what is left


def test_a_sum_is_of_all_that_was_committed_and_whoever_moves_it_meanwhile_waits(engine, save, tweet_row, added_up):
    save(tweet_row(1))
    with engine.connect() as connection, connection.begin() as making:
        connection.execute(text(past.DUE_HOURS), {"before": LATER, "some": 9})
        late = threading.Thread(target=save, args=(tweet_row(2),))
        late.start()
        late.join(1)
        assert late.is_alive()
        connection.execute(text(past.ADD_UP_HOURS), {"keywords": "{1}", "times": [NOON]})
        making.commit()
    late.join()

    assert added_up()[0] == []  # the second tweet is not in the sum, so there is none


def test_an_hour_that_is_being_moved_is_left_for_the_next_time(engine, save, tweet_row, added_up):
    save(tweet_row(1), tweet_row(2, created_at=NOON - HOUR))
    with engine.begin() as connection:
        connection.execute(text("SELECT FROM past_hour WHERE hour = :at FOR UPDATE"), {"at": NOON})
        past.add_up(engine, LATER)
        assert added_up()[0] == [NOON - HOUR]


def test_hours_of_which_a_sample_was_read_are_read_minute_by_minute(engine, save, tweet_row, rows):
    save(*(tweet_row(id, created_at=NOON - id * 30 * MINUTE) for id in range(6)))
    span = {"started_at": NOON - 65 * MINUTE, "ended_at": NOON - 50 * MINUTE, "percent": 10}
    with engine.begin() as connection:
        connection.execute(Sampling.__table__.insert(), span)
    past.add_up(engine, LATER)

    (found,) = rows(queries.trend(1, (NOON - DAY, NOON + DAY)))
    assert (found.tweets, found.estimated, found.percent) == (6, 5 + 10, 10)


times = st.integers(0, 48 * 60).map(lambda minutes: NOON - minutes * MINUTE)
tweets = st.fixed_dictionaries(
    {
        "id": st.integers(1, 40),
        "author_id": st.integers(1, 9),
        "text": st.sampled_from(["good shoe", "bad shoe", "#run", ""]),
        "label": st.sampled_from([1, 0, -1, None]),
        "sentiment": st.sampled_from([0.5, 0.0, -0.25]),
        "matched": st.booleans(),
    }
)
written = st.tuples(st.just("save"), st.integers(1, 2), st.lists(tweets, min_size=1, max_size=8))
forgotten = st.tuples(st.just("forget"), st.integers(1, 40), st.integers(1, 9))
passed = st.tuples(st.just("add up"), times, st.none())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(written, written, forgotten, passed), max_size=12))
def test_whatever_happens_the_sums_say_what_the_rows_say(engine, save, tweet_row, rows, steps):
    with engine.begin() as connection:
        for table in ("tweet", "trend", "term", "past_hour", "past_day", "tombstone"):
            connection.execute(text(f"TRUNCATE {table}"))
    for what, one, other in steps:
        if what == "save":
            # a tweet has one time, as X gives it
            rows_of = [tweet_row(**of, created_at=NOON - of["id"] * 71 * MINUTE) for of in other]
            save(*rows_of, keyword_id=one)
        elif what == "forget":
            gone = Gone(frozenset({one}), frozenset({other}))
            erasure.forget(engine, gone, "asked", words=lambda said, *_: said.split(), scrub=lambda of, _: of)
        else:
            past.add_up(engine, one)
    found = told(rows)
    forget_all(engine)

    assert found == told(rows)
