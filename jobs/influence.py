"""Scores every author's influence on each tracked keyword in a window of time: extract, transform, load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sqlalchemy import Engine, func, select

from core import queries, store
from core.config import Settings, TalkerError
from core.queries import EPOCH, QUARTER
from core.weights import Weights, load
from jobs import criteria, ranks
from jobs.buckets import BUCKETS
from jobs.criteria import AUTHOR, Window
from jobs.extract import extract
from jobs.lake import KEYS, OUTDATED, OWNERS, SCHEMAS, Lake
from jobs.lending import SPARK_TYPES, Files
from jobs.marks import may_be
from jobs.points import scored

KEPT = 500  # authors of each keyword and label whose rows are stored; totals are of all
LARGEST = 2_000_000  # tweets of a bucket that an executor can add up where they lie
PART = 1_250_000  # tweets that it adds up at a time where buckets are larger
COLUMNS = [name for name in store.INFLUENCE if name != "window_end"]
UTC_TEXT = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"
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
    `tweets` are the own tweets of all `authors` that were ranked, `rows` the best of them that are stored, `executors`
    what that function counts.

    Raises:
        RunningError: a run is in progress.
    """
    with only_run(engine):
        keywords, newest_at = tracked(engine)
        end = window_end or newest_window_end(newest_at, datetime.now(UTC))
        window = window_of(settings, keywords, end)
        weights = load(settings.weights_method)
        with recorded(engine, window, weights) as stage:
            stage("extract")
            came = extract(engine, settings.lake)
            stage("compute")
            scores = compute(*from_lake(spark, Lake(settings.lake), list(keywords), window), window, weights)
            found = {**scores.totals, "executors": executors()}
            stage("load")
            done = store.finish_influence_run(engine, end, stage.token, scores.rows, scores.audience, **found)
    answered = ("tweets", "authors", "rows", "seconds", "executors")
    return {
        "window_end": end.isoformat(),
        "window_start": window.start.isoformat(),
        **{name: done[name] for name in answered},
        "keywords": len(keywords),
        "new_tweets": came["tweet"],
        **stage.seconds(),
    }


@dataclass(frozen=True)
class Scores:
    """Rows of `influence` and `audience` without `window_end`, and how many were ranked with how many tweets."""

    rows: list[dict[str, Any]]
    audience: list[dict[str, Any]]
    totals: dict[str, int]


def compute(
    within: DataFrame, whole: AbstractContextManager[DataFrame], authors: DataFrame, window: Window, weights: Weights
) -> Scores:
    """Turn the tweets of a window, the `whole` with those that are carried into it, and the authors into scores.

    What comes here is bounded by KEPT.
    """
    # Executors have something to do while we plan: whom all voices reach while we come to those who are ranked, which
    # takes longest, and these while we come to what is told of the best.
    with ThreadPoolExecutor(2) as beside:
        audience = beside.submit(lambda: collected(criteria.audience(within, authors, window)))
        with (
            whole as tweets,
            kept(criteria.mentioned(criteria.mentions(tweets), window)) as mentioned,
            kept(criteria.criteria(tweets, mentioned, authors, window)) as people,
        ):
            ranked = beside.submit(totals, people)
            with kept(best(people, weights)) as few, kept(criteria.of_authors(tweets, few)) as theirs:
                rows = collected(explained(few, theirs, mentioned, window, weights))
            counted = ranked.result()
        heard = audience.result()
    return Scores(rows, heard, counted)


def collected(frame: DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame. They come by Arrow, column by column: Spark would pickle each, for twice the work."""
    batches = frame._collect_as_arrow()
    if not batches:
        return []
    rows = pa.Table.from_batches(batches)
    names, values = rows.column_names, zip(*(column.to_pylist() for column in rows.columns), strict=True)
    return [dict(zip(names, each, strict=True)) for each in values]


def best(people: DataFrame, weights: Weights) -> DataFrame:
    """Return the KEPT highest scores of each keyword and label, ranked."""
    ranked = ranks.ranked(scored(people, weights), "keyword_id", "label")
    return ranked.where(F.col("rank") <= KEPT).coalesce(2)


def explained(few: DataFrame, tweets: DataFrame, mentioned: DataFrame, window: Window, weights: Weights) -> DataFrame:
    """Add what only the best are asked for: what they did in all, their share, and how sure the rank is."""
    near = few.where(F.col("rank") <= ranks.NEAR)
    added = (criteria.details(tweets, few), criteria.tops(tweets, near))
    sure = ranks.intervals(near, tweets, mentioned, window, weights)
    every = tweets.groupBy("author_id").agg(F.count("*").alias("all_tweets"))
    told = few.join(F.broadcast(every), "author_id", "left")
    for frame in (*added, sure):
        told = told.join(F.broadcast(frame), AUTHOR, "left")
    return (
        told.withColumn("share", F.col("tweets") / F.col("all_tweets"))
        .withColumn("mentions", F.col("mentioned_by"))
        # As text with its zone: a time comes out of Spark without one.
        .withColumns({name: F.date_format(name, UTC_TEXT) for name in ("first_tweet_at", "last_tweet_at")})
        .select(*COLUMNS)
    )


def from_lake(
    spark: SparkSession, lake: Lake, keywords: list[int], window: Window
) -> tuple[DataFrame, AbstractContextManager[DataFrame], DataFrame]:
    """Return the tweets on some keywords in a window, the same with those that are carried into it, and all authors.

    Of the days only those are read that the window needs.
    """
    days = lake.days(window.start.date(), window.end.date())
    before = [
        folder for folder in lake.days(window.oldest.date(), window.start.date()) if lake.since(folder) <= window.start
    ]
    rows = sum(lake.manifest.files[name] for name in lake.files(*days))
    spark.conf.set("spark.sql.shuffle.partitions", str(BUCKETS if rows < BUCKETS * LARGEST else rows // PART))
    files = Files(spark, lake.root)

    def tweets(folders: list[str], more: Sequence[str] = ()) -> DataFrame:
        return newest(files, lake, "tweet", folders, more).where(F.col("keyword_id").isin(keywords))

    @contextmanager
    def with_carried() -> Iterator[DataFrame]:
        if not before:
            yield within
            return
        carried = criteria.carried(within, tweets(before), window)  # its tweets are read several times
        if files.shared:
            with beside(lake, carried) as more:
                yield criteria.inside(tweets(days, more), window)
        else:
            with kept(carried) as rows_of_it:
                yield within.unionByName(rows_of_it)

    within = criteria.inside(tweets(days), window)
    return within, with_carried(), newest(files, lake, "author", lake.folders("author"))


@contextmanager
def beside(lake: Lake, tweets: DataFrame) -> Iterator[list[str]]:
    """Let Spark write tweets into files like those of the lake, which need not be moved either; they are gone after."""
    folder = lake.root / "tweet" / "carried"
    rmtree(folder, ignore_errors=True)  # of a run that was killed
    tweets.select(*SCHEMAS["tweet"].names).repartition(BUCKETS, OWNERS["tweet"]).write.parquet(str(folder))
    try:
        yield [str(named(part).relative_to(lake.root)) for part in folder.glob("part-*")]
    finally:
        rmtree(folder)


def named(part: Path) -> Path:
    """Give a file that Spark wrote the name of its bucket, which is the number of the part."""
    return part.rename(part.with_name(f"carried_{part.name.split('-')[1]}.parquet"))


def newest(files: Files, lake: Lake, table: str, folders: list[str], more: Sequence[str] = ()) -> DataFrame:
    """Read some folders of a table, and more files, without the rows that are outdated.

    The plan is the same whether or not there are any: code for another one would have to be compiled first.
    """
    rows = files.read([*lake.files(*folders), *more], SCHEMAS[table], OWNERS[table])
    noted = [lake.manifest.outdated[table]] if table in lake.manifest.outdated else []
    nothing = [F.lit(-1).cast(SPARK_TYPES[str(column.type)]).alias(column.name) for column in OUTDATED[table]]
    outdated = files.read(noted, OUTDATED[table]).where(F.col("folder").isin(folders))
    outdated = outdated.union(files.spark.range(1).select(*nothing))
    # Told apart by id first: one number is looked up faster than two. The others follow, as a difference of 0.
    same = [F.col(f"row.{key}") - F.col(f"later.{key}") == 0 for key in KEYS[table] if key != "id"]
    marked = may_be(files.spark, np.asarray(lake.outdated(table)["id"]), "row.id")
    same.append(F.when(marked, F.col("row.id")) == F.col("later.id"))  # what is NULL is not looked up at all
    later = F.col("row.seq") < F.col("later.newest")
    return rows.alias("row").join(F.broadcast(outdated.alias("later")), [*same, later], "left_anti")


def totals(people: DataFrame) -> dict[str, int]:
    """Count those who are ranked and their tweets."""
    tweets, authors = F.coalesce(F.sum("tweets"), F.lit(0)), F.count_distinct("author_id")
    return people.agg(tweets.alias("tweets"), authors.alias("authors")).collect()[0].asDict()


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


class Stages:
    """Tells influence_run how far a run is, and keeps the time of each stage."""

    def __init__(self, engine: Engine, window: Window, weights: Weights):
        self.token = store.start_influence_run(engine, window.start, window.end, weights.version)
        self._engine, self._end = engine, window.end
        self._began: dict[str, float] = {}

    def __call__(self, name: str) -> None:
        """Begin a stage."""
        self._began[name] = monotonic()
        store.stage_influence_run(self._engine, self._end, self.token, name)

    def seconds(self) -> dict[str, float]:
        """Return how long each stage took, the last one until now."""
        ends = [*list(self._began.values())[1:], monotonic()]
        return {
            f"{name}_s": round(end - began, 3) for (name, began), end in zip(self._began.items(), ends, strict=True)
        }


@contextmanager
def recorded(engine: Engine, window: Window, weights: Weights) -> Iterator[Stages]:
    """Record that a run begins and, if so, that it failed; its success is part of the load."""
    stages = Stages(engine, window, weights)
    try:
        yield stages
    except Exception as error:
        one_line = " ".join(str(error).split())
        store.fail_influence_run(engine, window.end, stages.token, f"{type(error).__name__}: {one_line:.500}")
        raise


def tracked(engine: Engine) -> tuple[dict[int, float | None], datetime | None]:
    """Return the tracked keywords with their own half-lives, and when the newest tweet on any was written."""
    with engine.connect() as connection:
        half_lives = {keyword.id: keyword.half_life_hours for keyword in connection.execute(queries.keywords())}
        newest_of_each = [connection.execute(queries.newest_tweet(keyword_id)).scalar() for keyword_id in half_lives]
    return half_lives, max((time for time in newest_of_each if time), default=None)


def window_of(settings: Settings, half_lives: Mapping[int, float | None], end: datetime) -> Window:
    """Return the window that ends at a time."""
    own = {keyword: timedelta(hours=hours) for keyword, hours in half_lives.items() if hours}
    return Window(end - timedelta(hours=settings.window_hours), end, timedelta(hours=settings.half_life_hours), own)


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
