"""The reads against real rows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from core import queries
from core.models import Audience, Author, Gap, Influence, InfluenceRun, Sampling, Term, Trend, Tweet

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY_BEFORE = NOON - 24 * HOUR
PAST_NOON = NOON + timedelta(minutes=1)
QUARTERS = [NOON + number * timedelta(minutes=15) for number in range(6)]
TREND = {"voices": 1, "sentiment_sum": 0.5, "sentiment_square_sum": 0.25, "tweets": 2}


@pytest.fixture
def put(engine):
    """Insert rows into a table."""

    def insert_rows(table, *values):
        with engine.begin() as connection:
            connection.execute(insert(table), list(values))

    return insert_rows


def test_only_active_keywords_are_listed_by_name(keyword, rows):
    keyword("puma")
    keyword("adidas", active=False)
    keyword("nike")

    assert [row.name for row in rows(queries.keywords())] == ["nike", "puma"]


def test_the_newest_tweet_is_one_that_x_delivered(keyword, put, rows, tweet_row):
    keyword()
    put(Tweet, tweet_row(1, created_at=NOON - HOUR), tweet_row(2, created_at=NOON, matched=False))

    assert rows(queries.newest_tweet(1)) == [(NOON - HOUR,)]


def test_what_a_sample_stands_for_is_estimated_minute_by_minute(keyword, put, rows):
    keyword()
    minutes = [NOON + timedelta(minutes=number) for number in (0, 1, 2, 20)]
    put(Trend, *({"keyword_id": 1, "minute": minute, "label": 1, **TREND} for minute in minutes))
    put(
        Sampling,
        {"started_at": NOON + timedelta(seconds=61), "ended_at": NOON + timedelta(seconds=121), "percent": 25},
        {"started_at": NOON + timedelta(seconds=121), "ended_at": NOON + timedelta(minutes=10), "percent": 10},
    )

    found = rows(queries.trend(1, QUARTERS))
    assert [(row.tweets, row.estimated, row.percent) for row in found] == [(6, 2 + 8 + 20, 10), (2, 2, 100)]
    assert [row.percent for row in rows(queries.sampling(NOON, NOON + HOUR))] == [25, 10]
    assert [row.percent for row in rows(queries.sampling(NOON + timedelta(minutes=9), NOON + HOUR))] == [10]
    assert rows(queries.sampling(NOON + timedelta(minutes=10), NOON + HOUR)) == []


def test_the_trend_adds_the_minutes_of_a_bin_and_keeps_labels_apart(keyword, put, rows):
    keyword()
    minute = {"keyword_id": 1, **TREND}
    put(
        Trend,
        minute | {"minute": NOON, "label": 1},
        minute | {"minute": NOON + timedelta(minutes=14), "label": 1},
        minute | {"minute": NOON + timedelta(minutes=15), "label": None},
    )

    found = rows(queries.trend(1, QUARTERS))

    assert found == [(0, 1, 4, 1.0, 0.5, 4.0, 100), (1, None, 2, 0.5, 0.25, 2.0, 100)]


def test_a_range_holds_its_first_moment_and_not_its_last_in_tweets_and_in_minutes_alike(keyword, put, rows, tweet_row):
    keyword()
    moment = timedelta(microseconds=1)
    times = [DAY_BEFORE - moment, DAY_BEFORE, NOON - moment, NOON, NOON]  # as many after it as would hide a slip
    put(Tweet, *(tweet_row(id, created_at=time) for id, time in enumerate(times)))
    minutes = Counter(time.replace(second=0, microsecond=0) for time in times)
    put(Trend, *({"keyword_id": 1, "label": 1, **TREND} | {"minute": at, "tweets": n} for at, n in minutes.items()))

    assert [len(row.tweet_ids) // 8 for row in rows(queries.tweets_in(1, DAY_BEFORE, NOON))] == [2]
    assert sum(row.tweets for row in rows(queries.trend(1, [DAY_BEFORE, NOON]))) == 2


def test_the_voices_of_each_bin_are_told(keyword, put, rows, tweet_row):
    keyword()
    who_and_when = [(1, 0), (1, 5), (2, 14), (1, 15), (3, 80)]
    put(
        Tweet,
        *(
            tweet_row(id, author_id=who, created_at=NOON + timedelta(minutes=minute))
            for id, (who, minute) in enumerate(who_and_when)
        ),
        tweet_row(9, author_id=9, matched=False),
    )

    found = {row.bin: sorted(row.author_ids[7::8]) for row in rows(queries.voices(1, QUARTERS))}
    assert found == {0: [1, 1, 2], 1: [1]}


def test_top_influencers_are_the_highest_of_the_newest_window(keyword, put, rows, author_row, tweet_row, influence_row):
    keyword()
    put(Author, author_row(1, name="Ann"), author_row(2, name="Bob"))
    put(Tweet, tweet_row(7, author_id=1, text="mine"))
    put(
        Influence,
        influence_row(1, score=40, top_tweet_id=7),
        influence_row(2, score=60),
        influence_row(1, score=99, window_end=NOON - HOUR),
        influence_row(3, score=99, label=-1),
    )

    found = rows(queries.top_influencers(1, label=1))

    assert [(row.name, row.score, row.text, row.tweet_id) for row in found] == [
        ("Bob", 60.0, None, None),
        ("Ann", 40.0, "mine", "7"),
    ]


def test_the_deviation_is_of_the_authors_own_scored_tweets_in_the_window(keyword, put, rows, tweet_row, influence_row):
    keyword()
    run = {"window_end": NOON, "window_start": NOON - 3 * HOUR, "state": "done", "started_at": NOON, "weights": "v1"}
    put(InfluenceRun, run)
    moods = {1: 0.1, 2: 0.5, 3: 0.9}
    put(Tweet, *(tweet_row(id, sentiment=mood) for id, mood in moods.items()))
    others = [{"author_id": 2}, {"label": None}, {"created_at": NOON - 3 * HOUR}, {"created_at": NOON + HOUR}]
    put(Tweet, *(tweet_row(id, sentiment=-1.0, **other) for id, other in enumerate(others, 10)))
    put(Influence, influence_row(1), influence_row(2, score=10))

    ann, bob = rows(queries.top_influencers(1, label=1))
    assert (ann.deviation, ann.weights) == (pytest.approx(0.4), "v1")
    assert bob.deviation is None  # of one tweet


def test_candidates_are_ordered_as_ranked_and_know_their_points(keyword, put, rows, author_row, influence_row):
    keyword()
    put(Author, author_row(1, name="Ann"))
    put(
        Influence,
        influence_row(1, rank=2, followers_points=7.5),
        influence_row(2, rank=1),
        influence_row(3, rank=1, label=-1),
        influence_row(4, rank=1, window_end=NOON - HOUR),
    )
    found = rows(queries.candidates(1, label=1))

    assert [(row.author_id, row.rank) for row in found] == [("2", 1), ("1", 2)]
    assert (found[1].name, found[1].followers_points, found[1].mentions_points) == ("Ann", 7.5, None)
    assert len(rows(queries.candidates(1, label=1, limit=1))) == 1


def test_the_voices_of_the_newest_window_are_counted_by_mood(keyword, put, rows, influence_row):
    keyword()
    labels = {1: 1, 2: 1, 3: -1, 4: None}
    put(Influence, *(influence_row(id, label=label) for id, label in labels.items()))
    put(Influence, influence_row(1, window_end=NOON - HOUR, label=0))

    assert {row.label: row.voices for row in rows(queries.moods(1))} == {1: 2, -1: 1, None: 1}


def test_the_newest_run_is_the_one_that_began_last(put, rows):
    assert rows(queries.newest_run()) == []
    run = {"window_start": NOON - 3 * HOUR, "state": "done", "started_at": NOON}
    put(InfluenceRun, run | {"window_end": NOON})
    put(InfluenceRun, run | {"window_end": NOON - HOUR, "state": "failed", "started_at": NOON + HOUR})

    (found,) = rows(queries.newest_run())
    assert (found.window_end, found.state) == (NOON - HOUR, "failed")


def test_an_influencer_stands_where_their_latest_tweet_of_the_range_came_from(
    keyword, put, rows, author_row, tweet_row, influence_row
):
    keyword()
    put(Author, author_row(1), author_row(2))
    place = {"latitude": 1.0, "longitude": 2.0, "place_confidence": 0.9}
    put(
        Tweet,
        tweet_row(1, place="Old", created_at=NOON - 2 * HOUR, **place),
        tweet_row(2, place="New", created_at=NOON - HOUR, **place),
        tweet_row(3, author_id=2),
        tweet_row(4, author_id=3, created_at=PAST_NOON),
    )
    put(Influence, influence_row(1), influence_row(2, score=10), influence_row(3))

    found = rows(queries.influencer_places(1, DAY_BEFORE, PAST_NOON))

    assert [(row.username, row.place, row.latitude) for row in found] == [("user1", "New", 1.0), ("user2", None, None)]


def test_terms_add_up_over_the_hours_of_the_range(keyword, put, rows):
    keyword()
    term = {"keyword_id": 1, "label": 1, "tweets": 2}
    put(
        Term,
        term | {"hour": NOON - HOUR, "term": "late"},
        term | {"hour": NOON, "term": "late"},
        term | {"hour": NOON, "term": "gate"},
        term | {"hour": NOON, "term": "rude", "label": -1},
        term | {"hour": NOON - 3 * HOUR, "term": "old"},
    )

    found = rows(queries.terms(1, NOON - timedelta(minutes=90), PAST_NOON, label=1))

    assert found == [("late", 4, 100), ("gate", 2, 100)]


def test_a_term_is_counted_by_its_authors_now_and_in_the_same_hours_of_the_days_before(keyword, put, rows, tweet_row):
    keyword()
    day, before = timedelta(days=1), NOON - timedelta(days=3)
    put(Term, *({"keyword_id": 1, "hour": NOON, "label": 0, "term": term, "tweets": 3} for term in ("late", "#gate")))
    put(Term, {"keyword_id": 1, "hour": NOON, "label": 0, "term": "rare", "tweets": 2})
    now = ["Late, LATE!", "so late\N{FIRE} #Gate rare", "the gate's late\N{RIGHT SINGLE QUOTATION MARK}s", "nothing"]
    put(Tweet, *(tweet_row(id, author_id=id, text=text) for id, text in enumerate(now, 1)))
    put(Tweet, *(tweet_row(id, author_id=9, text="late again") for id in (10, 11)))  # who repeats it counts once
    put(Tweet, tweet_row(20, author_id=20, text="late", kind="retweet"), tweet_row(21, text="late", matched=False))
    put(Tweet, tweet_row(30, author_id=1, created_at=before, text="late"))
    put(Tweet, tweet_row(31, author_id=1, created_at=before + day, text="late #gate"))  # once a day
    put(Tweet, tweet_row(32, author_id=2, created_at=before - 2 * HOUR, text="late"))  # at another hour
    put(Tweet, tweet_row(33, author_id=2, created_at=NOON - 15 * day, text="late"))  # too long ago

    found = rows(queries.term_authors(1, NOON, NOON + HOUR))

    assert found == [("#gate", 1, 1, 5, 2), ("late", 4, 2, 5, 2)]


def test_of_each_hour_as_many_tweets_are_read_the_newest(keyword, put, rows, tweet_row, author_row):
    keyword()
    put(Author, *(author_row(id) for id in range(1, 7)))
    times = [NOON + timedelta(minutes=at) for at in (1, 2, 3, 4, 61, 119)]
    put(Tweet, *(tweet_row(id, author_id=id, created_at=at, retweet_count=id) for id, at in enumerate(times, 1)))

    found = rows(queries.earnings(1, NOON, NOON + 2 * HOUR, tweets=4))

    assert [row.retweets for row in found] == [3, 4, 5, 6]
    assert [row.tweets for row in rows(queries.earned_by_hour(1, NOON, NOON + 2 * HOUR, "UTC", tweets=2))] == [1, 1]


def test_of_each_other_keyword_as_many_tweets_are_read_the_newest(keyword, put, rows, tweet_row, author_row):
    for name in ("nike", "puma", "asics"):
        keyword(name)
    put(Author, *(author_row(id) for id in range(1, 5)))
    times = [NOON + timedelta(minutes=at) for at in range(1, 4)]
    put(
        Tweet, *(tweet_row(id, author_id=id, keyword_id=2, created_at=at, text="run") for id, at in enumerate(times, 1))
    )
    put(Tweet, tweet_row(4, author_id=4, keyword_id=3, created_at=NOON, text="run"))

    found = rows(queries.outsiders(1, ["run"], NOON, NOON + HOUR, tweets=4))

    assert [row.author_id for row in found] == ["2", "3", "4"]


def test_hashtags_are_counted_by_authors_of_a_keyword_and_by_those_of_the_others(keyword, put, rows, tweet_row):
    for name in ("nike", "puma", "gone"):
        keyword(name, active=name != "gone")
    put(Term, *({"keyword_id": 1, "hour": NOON, "label": 0, "term": term, "tweets": 3} for term in ("#run", "run")))
    put(
        Tweet, *(tweet_row(id, author_id=id, text="#Run, run") for id in (1, 2)), tweet_row(3, author_id=2, text="#run")
    )
    put(Tweet, *(tweet_row(id, author_id=id, keyword_id=2, text="a #run") for id in (3, 4)))
    put(Tweet, tweet_row(5, author_id=4, keyword_id=2), tweet_row(6, author_id=6, keyword_id=3, text="#run"))

    assert rows(queries.tag_authors(1, NOON, NOON + HOUR)) == [("#run", 2, 2, 2, 2)]
    assert rows(queries.terms_seen(1, ["#run", "walk"], NOON, NOON + HOUR)) == [("#run",)]
    assert rows(queries.terms_seen(1, ["#run"], NOON - HOUR, NOON)) == []


def test_a_word_is_found_whole_and_in_any_case(keyword, put, rows, tweet_row, author_row):
    keyword()
    put(Author, author_row(1))
    texts = ["Great ART!", "a party", "#art", "art"]
    put(
        Tweet, *(tweet_row(id, text=text) for id, text in enumerate(texts, 1)), tweet_row(9, text="art", kind="retweet")
    )

    def found(term):
        return {row.text for row in rows(queries.tweets_with(1, DAY_BEFORE, PAST_NOON, term))}

    assert found("art") == {"Great ART!", "#art", "art"}
    assert found("#art") == {"#art"}
    assert found("%") == set()
    assert found(".*") == set()


@given(word=st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_may_be_asked_for(rows, word):
    assert rows(queries.tweets_with(1, DAY_BEFORE, NOON, word)) == []


def test_a_gap_that_still_lasts_belongs_to_the_range(put, rows):
    gap = {"reason": "lost"}
    put(Gap, gap | {"started_at": NOON - HOUR, "ended_at": None})
    put(Gap, gap | {"started_at": DAY_BEFORE - HOUR, "ended_at": DAY_BEFORE})

    assert [row.started_at for row in rows(queries.gaps(DAY_BEFORE, NOON))] == [NOON - HOUR]


def test_synthetic_people_are_noticed(put, rows, author_row):
    put(Author, author_row(1, synthetic=False))
    assert rows(queries.synthetic()) == [(False,)]

    put(Author, author_row(2, synthetic=True))
    assert rows(queries.synthetic()) == [(True,)]


def test_a_commit_is_noticed_once_and_not_before_it_is_done(engine, keyword, rows, tweet_row):
    keyword()
    [first] = rows(queries.commits_since(None))
    with engine.connect() as slow, slow.begin() as writing:
        slow.execute(insert(Tweet), tweet_row(1))
        with engine.begin() as fast:
            fast.execute(insert(Tweet), tweet_row(2))
        [between] = rows(queries.commits_since(first.snapshot))
        writing.commit()
    [after] = rows(queries.commits_since(between.snapshot))
    [last] = rows(queries.commits_since(after.snapshot))

    assert [first.keyword_ids, between.keyword_ids, after.keyword_ids, last.keyword_ids] == [None, [1], [1], None]


def test_the_audience_is_that_of_the_newest_window(keyword, put, rows):
    keyword()
    of_window = {"keyword_id": 1, "tweets": 3, "voices": 2, "known": 1, "followers_count": 70}
    put(Audience, of_window | {"window_end": NOON - HOUR}, of_window | {"window_end": NOON, "followers_count": None})
    (found,) = rows(queries.audience(1))

    assert (found.window_end, found.voices, found.followers_count) == (NOON, 2, None)
    assert rows(queries.audience(2)) == []
