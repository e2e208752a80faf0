"""Influence is what its definition says: recomputed here in pandas, tweet by tweet."""

from __future__ import annotations

import gzip
import json
import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text, update

from core import store
from core.config import Settings
from core.models import Author, Influence, InfluenceRun, Keyword, Tweet
from core.weights import FILE, load
from jobs import influence
from jobs.extract import SCHEMAS

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
START = NOON - timedelta(hours=72)
REACH = ("followers_count", "listed_count", "tweet_count")
FIELDS = ("score", "reach", "resonance", "retweet_count", "like_count", "tweets", "scored", "sentiment", "label")


def expected(tweets: pd.DataFrame, authors: pd.DataFrame, start: datetime, end: datetime) -> dict:
    """The rows of `influence` by keyword and author, from the definition."""
    inside = (tweets.created_at > start) & (tweets.created_at <= end)
    people = authors.set_index("id")
    found = {}
    for (keyword, author), written in tweets[tweets.kind != "retweet"].groupby(["keyword_id", "author_id"]):
        heard = tweets[inside & tweets.matched & (tweets.kind == "retweet") & (tweets.keyword_id == keyword)]
        own = written[inside[written.index] | written.id.isin(heard.original_id.dropna())]
        if own.empty:
            continue
        retweets, likes = (total(own[name]) for name in ("retweet_count", "like_count"))
        counts = {name: known(people[name].get(author)) for name in REACH}
        counts["engagement"] = None if retweets is likes is None else (retweets or 0) + (likes or 0)
        if row := points(counts):
            mean = None if own.sentiment.isna().all() else own.sentiment.mean()
            found[keyword, author] = row | {
                "retweet_count": retweets,
                "like_count": likes,
                "tweets": len(own),
                "scored": own.sentiment.notna().sum(),
                "sentiment": mean,
                "label": mood(mean),
                "top_tweet_id": shown(own, mood(mean)),
            }
    return found


def mood(mean: float | None) -> int | None:
    return None if mean is None else 1 if mean >= 0.05 else -1 if mean <= -0.05 else 0


def known_mean(sentiment: float) -> float | None:
    return None if pd.isna(sentiment) else sentiment


def shown(own: pd.DataFrame, label: int | None) -> int:
    """The tweet that stands for an author: the most shared of the author's mood, else the most shared."""
    of_mood = [tweet for tweet in own.itertuples() if label is not None and mood(known_mean(tweet.sentiment)) == label]
    return max(of_mood or own.itertuples(), key=worth).id


def points(counts: dict) -> dict | None:
    """Score and its parts from an author's counts, None where all are unknown."""
    kept = json.loads(FILE.read_text())
    curves = kept["methods"][kept["default"]]["curves"]
    known = {name: count for name, count in counts.items() if count is not None}
    whole = sum(curves[name]["points"][-1] for name in known)
    if not whole:
        return None
    part = {
        name: 100 / whole * np.interp(math.log(1 + count), curves[name]["at"], curves[name]["points"])
        for name, count in known.items()
    }
    resonance = part.pop("engagement", 0.0) + part.pop("mentions", 0.0)
    return {"score": sum(part.values()) + resonance, "reach": sum(part.values()), "resonance": resonance}


def total(counts: pd.Series) -> int | None:
    return None if counts.isna().all() else int(counts.sum())


def known(count) -> int | None:
    return None if count is None or pd.isna(count) else int(count)


def worth(tweet) -> tuple:
    both = [count for count in (tweet.retweet_count, tweet.like_count) if not pd.isna(count)]
    return (sum(both) if both else -1, tweet.id)


def assert_same(rows: list[dict], wanted: dict) -> None:
    assert {(row["keyword_id"], row["author_id"]) for row in rows} == wanted.keys()
    for row in rows:
        want = wanted[row["keyword_id"], row["author_id"]]
        assert row["top_tweet_id"] == want["top_tweet_id"]
        for name in FIELDS:
            assert row[name] == pytest.approx(want[name], abs=1e-6), (row, want, name)


def some_tweets(seed: int) -> list[dict]:
    """Tweets of few people on few keywords, so that everything that can meet does."""
    dice = random.Random(seed)
    times = [START, START + timedelta(seconds=1), NOON, NOON + timedelta(seconds=1)]
    long_ago = START - timedelta(days=9)
    return [
        {
            "keyword_id": dice.randint(1, 2),
            "id": id,
            "author_id": dice.randint(1, 20),
            "created_at": dice.choice([*times, long_ago, long_ago, START + timedelta(hours=dice.randint(1, 71))]),
            "kind": dice.choice(["original", "retweet", "quote", "reply", "retweet"]),
            "original_id": dice.choice([None, dice.randint(1, 40), dice.randint(1, 199)]),
            "retweet_count": dice.choice([None, None, 0, dice.randint(0, 10**6)]),
            "like_count": dice.choice([None, None, 0, dice.randint(0, 10**6)]),
            "sentiment": dice.choice([None, 0.0, 0.05, -0.05, round(dice.uniform(-1, 1), 4)]),
            "matched": dice.random() < 0.6,
            "seq": 1,
        }
        for id in range(1, 200)
    ]


def some_authors(seed: int) -> list[dict]:
    """Most of the authors, with counts of every size and some unknown."""
    dice = random.Random(seed)
    return [
        {"id": id, "seq": 1, **{name: dice.choice([None, 0, 7, dice.randint(0, 10**8)]) for name in REACH}}
        for id in range(1, 18)
    ]


@pytest.fixture
def table(host, tmp_path):
    """Make a Spark table of rows in the form the lake has them."""

    def make(name: str, rows: list[dict]):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, SCHEMAS[name]), path)
        return host.spark().read.parquet(str(path))

    return make


@pytest.fixture
def job(engine, host, database_url, tmp_path):
    """Run the job on the tables, with a lake for this test alone."""

    def run(window_end: datetime | None = NOON) -> dict:
        from jobs.session import executors

        settings = Settings(database_url=database_url, lake=tmp_path / "lake")
        return influence.run(engine, host.spark(), settings, window_end, executors)

    return run


def stored(engine, model) -> list[dict]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(*model.__table__.columns)).mappings()]


def insert_rows(engine, model, *rows) -> None:
    with engine.begin() as connection:
        connection.execute(insert(model), list(rows))


def frames(engine) -> tuple[pd.DataFrame, ...]:
    # As objects: pandas would make floats of a column with a NULL, and floats cannot hold an id.
    return tuple(pd.DataFrame(stored(engine, model), dtype=object) for model in (Tweet, Author))


@pytest.mark.cluster
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scores_equal_their_recomputation_in_pandas(table, seed):
    tweets, authors = some_tweets(seed), some_authors(seed)
    scores = influence.transform(table("tweet", tweets), table("author", authors), START, NOON, load())

    assert_same(
        [row.asDict() for row in scores.collect()],
        expected(pd.DataFrame(tweets), pd.DataFrame(authors), START, NOON),
    )


@pytest.mark.cluster
def test_an_author_who_only_retweets_gets_no_score_and_the_original_author_gets_the_credit(table, tweet_row):
    carried = tweet_row(1, author_id=1, created_at=START - timedelta(days=1), matched=False, retweet_count=40, seq=1)
    retweets = [tweet_row(id, author_id=id, kind="retweet", original_id=1, retweet_count=40, seq=1) for id in (2, 3)]
    rows = influence.transform(table("tweet", [carried, *retweets]), table("author", []), START, NOON, load())

    assert [(row.author_id, row.retweet_count, row.tweets) for row in rows.collect()] == [(1, 40, 1)]


@pytest.mark.cluster
def test_an_author_of_whom_nothing_is_known_gets_no_score(table, tweet_row):
    unknown = table("tweet", [tweet_row(1, seq=1)])

    assert influence.transform(unknown, table("author", []), START, NOON, load()).collect() == []


@pytest.mark.cluster
def test_a_count_that_cannot_be_is_taken_for_unknown(table, tweet_row, author_row):
    profile = {**author_row(1, followers_count=-5), "seq": 1}
    tweets = table("tweet", [tweet_row(1, like_count=3, seq=1)])
    (row,) = influence.transform(tweets, table("author", [profile]), START, NOON, load()).collect()
    wanted = points({"followers_count": None, "listed_count": 1, "tweet_count": 10, "engagement": 3})

    assert row.score == pytest.approx(wanted["score"])


@pytest.mark.cluster
def test_a_second_run_reads_what_changed_and_replaces_the_window(engine, job, keyword, tweet_row, author_row):
    keyword()
    insert_rows(engine, Author, author_row(1), author_row(2))
    insert_rows(engine, Tweet, tweet_row(1, like_count=5), tweet_row(2, author_id=2, sentiment=0.5))
    first = job()
    assert_same(stored(engine, Influence), expected(*frames(engine), START, NOON))

    with engine.begin() as connection:
        seq = text("pg_current_xact_id()::text::bigint")
        connection.execute(update(Tweet).where(Tweet.id == 1).values(like_count=500, seq=seq))
        connection.execute(update(Author).where(Author.id == 2).values(followers_count=10**6, seq=seq))
    second = job()
    assert_same(stored(engine, Influence), expected(*frames(engine), START, NOON))

    assert (first["rows"], second["rows"], first["tweets"], first["authors"]) == (2, 2, 2, 2)
    (run,) = stored(engine, InfluenceRun)
    assert (run["state"], run["rows"], run["executors"], run["weights"]) == ("done", 2, 1, load().version)


@pytest.mark.cluster
def test_the_answer_tells_the_window_and_the_executors_that_ray_runs(engine, job, keyword, tweet_row):
    from ray._private.state import actors

    keyword()
    insert_rows(engine, Tweet, tweet_row(1, like_count=1))
    answer = job()
    executors = [a for a in actors().values() if "RayDPExecutor" in a["ActorClassName"] and a["State"] == "ALIVE"]

    assert answer.keys() >= {"window_end", "tweets", "authors", "rows", "seconds", "executors"}
    assert (answer["window_start"], answer["window_end"]) == (START.isoformat(), NOON.isoformat())
    assert answer["executors"] == len(executors) == 1


@pytest.mark.cluster
def test_a_keyword_no_longer_tracked_gets_no_scores(engine, job, keyword, tweet_row):
    ids = [keyword("nike"), keyword("puma")]
    insert_rows(engine, Tweet, *(tweet_row(id, keyword_id=id, like_count=1) for id in ids))
    with engine.begin() as connection:
        connection.execute(update(Keyword).where(Keyword.name == "puma").values(active=False))
    job()

    assert [row["keyword_id"] for row in stored(engine, Influence)] == [ids[0]]


@pytest.mark.cluster
def test_a_run_on_empty_tables_is_done_with_no_rows(engine, job):
    answer = job(None)

    assert (answer["rows"], answer["tweets"]) == (0, 0)
    assert stored(engine, InfluenceRun)[0]["state"] == "done"


@pytest.mark.cluster
def test_a_run_that_fails_says_why_and_leaves_the_window_as_it_was(
    engine, job, keyword, tweet_row, influence_row, tmp_path
):
    keyword()
    insert_rows(engine, Influence, influence_row(1))
    (tmp_path / "lake").write_text("a file where the lake should be")

    with pytest.raises(NotADirectoryError):
        job()
    (run,) = stored(engine, InfluenceRun)
    assert run["state"] == "failed"
    assert run["error"].startswith("NotADirectoryError")
    assert [row["author_id"] for row in stored(engine, Influence)] == [1]


@pytest.mark.cluster
def test_the_top_5_per_sentiment_for_amazon_equal_their_recomputation(engine, job, keyword, test_data, database_url):
    from actors.lanes import Stretch
    from actors.tracker import KeywordTracker

    id = keyword("amazon")
    with gzip.open(test_data / "tweets" / "retail_stream_v2.jsonl.gz") as recorded:
        payloads = list(enumerate(recorded, start=1))
    stretch = Stretch(id, "amazon", "amazon", "recorded", len(payloads), payloads)
    KeywordTracker(database_url).add([stretch])
    answer = job(None)
    end = datetime.fromisoformat(answer["window_end"])
    wanted = expected(*frames(engine), end - timedelta(hours=72), end)
    rows = stored(engine, Influence)

    assert_same(rows, wanted)
    for label in (-1, 0, 1):
        top = sorted((-row["score"], row["author_id"]) for row in rows if row["label"] == label)[:5]
        wanted_top = sorted((-row["score"], who) for (_, who), row in wanted.items() if row["label"] == label)[:5]
        assert [who for _, who in top] == [who for _, who in wanted_top]
        assert len(top) == 5


def test_scores_that_stop_half_way_change_nothing(engine, keyword, influence_row):
    keyword()
    insert_rows(engine, Influence, influence_row(1))
    store.start_influence_run(engine, START, NOON, "v")

    def rows():
        yield from (influence_row(author) for author in range(2, store.COPIED_AT_ONCE + 10))
        raise ConnectionError("Spark is gone")

    with pytest.raises(ConnectionError):
        store.finish_influence_run(engine, NOON, rows(), tweets=1, authors=1, executors=1)
    assert [row["author_id"] for row in stored(engine, Influence)] == [1]
    assert stored(engine, InfluenceRun)[0]["state"] == "running"


def test_scores_beyond_one_copy_are_all_stored(engine, keyword, influence_row):
    keyword()
    store.start_influence_run(engine, START, NOON, "v")
    many = store.COPIED_AT_ONCE + 1
    run = store.finish_influence_run(
        engine, NOON, map(influence_row, range(1, many + 1)), tweets=1, authors=1, executors=1
    )

    assert run["rows"] == many == len(stored(engine, Influence))


def test_there_are_never_two_runs_at_once(engine):
    refused = pytest.raises(influence.RunningError, match="in progress")
    with influence.only_run(engine), refused, influence.only_run(engine):
        pass
    with influence.only_run(engine):
        pass


def test_a_window_without_arguments_ends_where_the_newest_tweet_is():
    at = datetime(2016, 12, 1, 9, 50, tzinfo=UTC)

    assert influence.newest_window_end(at, NOON) == datetime(2016, 12, 1, 10, tzinfo=UTC)
    assert influence.newest_window_end(NOON - timedelta(minutes=3), NOON + timedelta(minutes=9)) == NOON
    assert influence.newest_window_end(NOON + timedelta(minutes=3), NOON + timedelta(minutes=9)) == NOON
    assert influence.newest_window_end(None, NOON + timedelta(minutes=9)) == NOON


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda time: 1 < time.year < 9999))
def test_a_quarter_hour_holds_its_time(time):
    before, after = influence.quarter_before(time), influence.quarter_after(time)

    assert before <= time <= after
    assert after - before in (timedelta(0), timedelta(minutes=15))
    assert before.minute % 15 == before.second == before.microsecond == 0


@pytest.mark.parametrize("given_end", ["2026-06-19T12:00", "2026-06-19T12:00Z", "2026-06-19T14:00+02:00"])
def test_a_window_may_be_given_in_any_zone_and_is_utc_without_one(given_end):
    assert influence.given_window_end(given_end, NOON) == NOON


@pytest.mark.parametrize("given_end", ["yesterday", "", "2026-06-19T12:01Z", "'; DROP TABLE tweet; --"])
def test_a_window_that_is_no_time_or_still_to_come_is_refused(given_end):
    with pytest.raises(influence.WindowError):
        influence.given_window_end(given_end, NOON)
