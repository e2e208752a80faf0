"""Scores every author's influence on each tracked keyword in a window of time: extract, transform, load.

An author's own tweets are the originals, quotes and replies that were written in the window, or that somebody
retweeted in it. Reach is what the author's profile counts, resonance what the own tweets on the keyword earned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from sqlalchemy import Engine, func, select

from core import queries, store
from core.config import Settings, TalkerError
from core.queries import EPOCH, QUARTER
from core.weights import ENGAGEMENT, MENTIONS, REACH, RESONANCE, Curve, Weights, load
from jobs.extract import extract
from jobs.forget import forget

POINTS = {
    "followers_count": "followers_points",
    "listed_count": "listed_points",
    "tweet_count": "tweet_points",
    "engagement": "engagement_points",
    "mentions": "mentions_points",
}
COLUMNS = [name for name in store.INFLUENCE if name not in ("window_end", "rank_low", "rank_high")]
LABELS = (-1, 0, 1)
NEUTRAL = 0.05  # VADER's own bound: a mean of at least this is positive, of at most minus this negative
LOCK = 7_210_415  # any number that nothing else in the database locks


class RunningError(TalkerError):
    """Another run is in progress; there is never more than one."""


class WindowError(TalkerError):
    """A window's end that cannot be used."""


def run(
    engine: Engine, spark: SparkSession, settings: Settings, window_end: datetime | None, executors: Callable[[], int]
) -> dict[str, Any]:
    """Compute the window that ends at `window_end` and replace its rows; returns the command's JSON answer.

    Without a `window_end` it is the newest window that the stored tweets reach, see `newest_window_end`. In the answer
    `tweets` are the own tweets on which the scores stand, `executors` what that function counts.

    Raises:
        RunningError: a run is in progress.
    """
    with only_run(engine):
        keywords, newest_at = tracked(engine)
        end = window_end or newest_window_end(newest_at, datetime.now(UTC))
        start, weights = end - timedelta(hours=settings.window_hours), load(settings.weights_method)
        with recorded(engine, start, end, weights):
            began = monotonic()
            extract(engine, settings.lake)
            forget(engine, settings.lake)
            extracted = monotonic()
            tweets, authors = from_lake(spark, settings.lake, keywords)
            with kept(transform(tweets, authors, start, end, weights)) as scores:
                found = {**totals(scores), "executors": executors()}
                computed = monotonic()
                unknown = {"window_end": end, "rank_low": None, "rank_high": None}
                rows = ({**row.asDict(), **unknown} for row in scores.toLocalIterator())
                done = store.finish_influence_run(engine, end, rows, **found)
            loaded = monotonic()
    answered = ("tweets", "authors", "rows", "seconds", "executors")
    return {
        "window_end": end.isoformat(),
        "window_start": start.isoformat(),
        **{name: done[name] for name in answered},
        "keywords": len(keywords),
        "extract_s": round(extracted - began, 3),
        "compute_s": round(computed - extracted, 3),
        "load_s": round(loaded - computed, 3),
    }


def transform(tweets: DataFrame, authors: DataFrame, start: datetime, end: datetime, weights: Weights) -> DataFrame:
    """Turn tables of tweets and authors into rows of `influence` for start < time <= end, without `window_end`.

    Each keyword and author with an own tweet gets a row, unless not one criterion is known.
    """
    signals = earned(own_tweets(tweets, start, end)).withColumn(ENGAGEMENT, engagement())
    signals = signals.withColumn(MENTIONS, F.lit(None).cast("int"))  # not yet counted, so unknown
    profiles = authors.select(F.col("id").alias("author_id"), *REACH)
    return ranked(scored(signals.join(profiles, "author_id", "left"), weights)).select(*COLUMNS)


def own_tweets(tweets: DataFrame, start: datetime, end: datetime) -> DataFrame:
    """Return what authors wrote themselves, if it was written in the window or retweeted in it."""
    in_window = (F.col("created_at") > F.lit(start)) & (F.col("created_at") <= F.lit(end))
    retweets = tweets.where((F.col("kind") == "retweet") & F.col("matched") & in_window)
    retweeted = retweets.select("keyword_id", F.col("original_id").alias("id"), F.lit(True).alias("retweeted"))
    written = tweets.where(F.col("kind") != "retweet")
    return written.join(retweeted.distinct(), ["keyword_id", "id"], "left").where(in_window | F.col("retweeted"))


def earned(own: DataFrame) -> DataFrame:
    """Sum up each author's own tweets on a keyword; a sum of which nothing is known is NULL, and so is a mean."""
    worth = F.struct(F.coalesce(engagement(), F.lit(-1)), "id")
    best = {mood: F.max_by("id", F.when(label() == mood, worth)) for mood in LABELS}
    signals = own.groupBy("keyword_id", "author_id").agg(
        F.sum("retweet_count").alias("retweet_count"),
        F.sum("like_count").alias("like_count"),
        F.count("*").alias("tweets"),
        F.count("sentiment").alias("scored"),
        # Rounded, so that the order of the sum cannot move an author over the bound.
        F.round(F.avg("sentiment"), 8).alias("sentiment"),
        F.min("created_at").alias("first_tweet_at"),
        F.max("created_at").alias("last_tweet_at"),
        F.max_by("id", worth).alias("best"),
        *[best[mood].alias(f"best{mood}") for mood in LABELS],
    )
    of_author = F.sum("tweets").over(Window.partitionBy("author_id"))
    return shown(signals.withColumn("label", label()).withColumn("share", F.col("tweets") / of_author))


def shown(signals: DataFrame) -> DataFrame:
    """Choose the tweet that stands for an author: the most shared of the author's mood, if there is one of it."""
    of_mood = [F.when(F.col("label") == mood, F.col(f"best{mood}")) for mood in LABELS]
    chosen = signals.withColumn("top_tweet_id", F.coalesce(*of_mood, "best"))
    return chosen.drop("best", *[f"best{mood}" for mood in LABELS])


def engagement() -> Column:
    """Retweets and likes together, NULL when neither is known."""
    known = F.coalesce("retweet_count", "like_count").isNotNull()
    return F.when(known, F.coalesce("retweet_count", F.lit(0)) + F.coalesce("like_count", F.lit(0)))


def label() -> Column:
    """The label of a sentiment, of a tweet or a mean: -1, 0 or 1, NULL when there is none."""
    mean = F.col("sentiment")
    return F.when(mean >= NEUTRAL, 1).when(mean <= -NEUTRAL, -1).when(mean.isNotNull(), 0)


def scored(signals: DataFrame, weights: Weights) -> DataFrame:
    """Add score, reach and resonance; leave out rows of which no criterion is known."""
    points = {POINTS[name]: given for name, given in parts(weights).items()}
    reach, resonance = (added(F.coalesce(POINTS[name], F.lit(0.0)) for name in of) for of in (REACH, RESONANCE))
    return (
        signals.where(known_points(weights) > 0)
        .withColumns(points)
        .withColumns({"reach": reach, "resonance": resonance})
        .withColumn("score", F.col("reach") + F.col("resonance"))
    )


def ranked(scores: DataFrame) -> DataFrame:
    """Number the authors of each keyword and label by score; where scores are equal by followers, then by id."""
    best_first = (F.col("score").desc(), F.col("followers_count").desc_nulls_last(), F.col("author_id"))
    return scores.withColumn(
        "rank", F.row_number().over(Window.partitionBy("keyword_id", "label").orderBy(*best_first))
    )


def parts(weights: Weights) -> dict[str, Column]:
    """Return the points each criterion gives, NULL where it is unknown; the formula is that of jobs.weights.parts."""
    scale = 100 / known_points(weights)
    return {name: scale * F.when(known(name), drawn(name, curve)) for name, curve in weights.curves.items()}


def known_points(weights: Weights) -> Column:
    """Return what the criteria that are known of a row give at most."""
    return added(F.when(known(name), F.lit(curve.full)).otherwise(0.0) for name, curve in weights.curves.items())


def known(name: str) -> Column:
    """Say whether a count is known. One that cannot be, below 0, is as good as unknown."""
    return F.coalesce(F.col(name) >= 0, F.lit(False))


def drawn(name: str, curve: Curve) -> Column:
    """Return the points of a count by its curve."""
    z = F.log1p(name)
    return added(slope * F.greatest(F.lit(0.0), F.least(z, F.lit(end)) - start) for start, end, slope in curve.ramps())


def added(columns: Iterable[Column]) -> Column:
    """Return the sum of columns."""
    return sum(columns, start=F.lit(0.0))


def from_lake(spark: SparkSession, lake: Path, keywords: list[int]) -> tuple[DataFrame, DataFrame]:
    """Read the tweets on some keywords and all authors, each as the newest extract has it."""
    tweets, authors = (spark.read.parquet(str(lake / table)) for table in ("tweet", "author"))
    return newest(tweets.where(F.col("keyword_id").isin(keywords)), "keyword_id", "id"), newest(authors, "id")


def newest(rows: DataFrame, *key: str) -> DataFrame:
    """Keep of each key the row written last: the lake holds a row again whenever it changed."""
    return rows.groupBy(*key).agg(F.max_by(F.struct("*"), "seq").alias("row")).select("row.*")


def totals(scores: DataFrame) -> dict[str, int]:
    """Count what the scores stand on."""
    tweets, authors = F.coalesce(F.sum("tweets"), F.lit(0)), F.count_distinct("author_id")
    return scores.agg(tweets.alias("tweets"), authors.alias("authors")).collect()[0].asDict()


@contextmanager
def kept(frame: DataFrame) -> Iterator[DataFrame]:
    """Keep a frame with the executors while it is used more than once."""
    frame.persist()
    try:
        yield frame
    finally:
        frame.unpersist()


@contextmanager
def only_run(engine: Engine) -> Iterator[None]:
    """Hold the one lock of the influence job; Postgres lets go of it however this process ends.

    Raises:
        RunningError: somebody holds it.
    """
    with engine.begin() as connection:
        if not connection.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one():
            raise RunningError("An influence run is in progress: wait for its end, or look into influence_run.")
        yield


@contextmanager
def recorded(engine: Engine, start: datetime, end: datetime, weights: Weights) -> Iterator[None]:
    """Record that a run begins and, if so, that it failed; its success is part of the load."""
    store.start_influence_run(engine, start, end, weights.version)
    try:
        yield
    except Exception as error:
        one_line = " ".join(str(error).split())
        store.fail_influence_run(engine, end, f"{type(error).__name__}: {one_line:.500}")
        raise


def tracked(engine: Engine) -> tuple[list[int], datetime | None]:
    """Return the ids of the tracked keywords, and when the newest tweet on any was written."""
    with engine.connect() as connection:
        ids = [keyword.id for keyword in connection.execute(queries.keywords())]
        newest_of_each = [connection.execute(queries.newest_tweet(keyword_id)).scalar() for keyword_id in ids]
    return ids, max((time for time in newest_of_each if time), default=None)


def given_window_end(text: str, now: datetime) -> datetime:
    """Read a window's end as a person gives it; without a zone it is UTC.

    Raises:
        WindowError: it is no time, or one to come, when tweets would still be missing.
    """
    try:
        end = datetime.fromisoformat(text)
    except ValueError as error:
        raise WindowError(f"{text!r} is not a time: give the window's end as 2026-06-19T12:00Z.") from error
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    if end > now:
        raise WindowError(f"The window's end {text} is still to come: give a time up to now.")
    return end.astimezone(UTC)


def newest_window_end(newest_tweet: datetime | None, now: datetime) -> datetime:
    """Return the quarter hour at which to end a window: the one that the newest tweet fills, but none to come."""
    return min(quarter_after(newest_tweet or now), quarter_before(now))


def quarter_before(time: datetime) -> datetime:
    """Round down to a quarter hour."""
    return time - (time - EPOCH) % QUARTER


def quarter_after(time: datetime) -> datetime:
    """Round up to a quarter hour."""
    return time + (EPOCH - time) % QUARTER
