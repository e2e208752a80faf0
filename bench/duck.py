"""The question of the influence job, asked of DuckDB on the same files: what this machine can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from core.weights import CRITERIA, Curve, Weights
from jobs.criteria import ACTIVE_RETWEETS, ACTIVE_TWEETS, NEUTRAL, Window
from jobs.influence import KEPT
from jobs.lake import Lake
from jobs.ranks import NEAR, RESAMPLES

NOTHING = 1e-6  # what a sum of fractions may miss of a mood just at the bound; ours are of whole numbers


def influence(lake: Lake, window: Window, weights: Weights, cores: int) -> float:
    """Answer it; returns the seconds that took. The rows end in tables of DuckDB's own."""
    with reading(lake, cores) as connection:
        began = monotonic()
        answer(connection, window, weights)
        return monotonic() - began


@contextmanager
def reading(lake: Lake, cores: int) -> Iterator[Any]:
    """Connect to a DuckDB that sees the lake's files as the tables `tweet` and `author`."""
    import duckdb  # of the benchmark alone

    with duckdb.connect(config={"threads": cores}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in ("tweet", "author"):
            files = [str(lake.root / name) for name in lake.files(*lake.folders(table))]
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({files!r})")
        yield connection


def answer(connection: Any, window: Window, weights: Weights) -> None:
    """Let it fill its tables `influence` and `audience`."""
    for statement in statements(window, weights):
        connection.execute(statement)


def statements(window: Window, weights: Weights) -> list[str]:
    """Return the question in DuckDB's SQL."""
    inside = f"created_at > '{window.start.isoformat()}' AND created_at <= '{window.end.isoformat()}'"
    decay = f"exp(-ln(2) * ({window.end.timestamp()} - epoch(%s)) / {window.half_life.total_seconds()})"
    both = "coalesce(retweet_count + like_count, retweet_count, like_count)"
    before = f"created_at > '{window.oldest.isoformat()}' AND created_at <= '{window.start.isoformat()}'"
    heard = f"FROM tweet WHERE kind <> 'retweet' AND {before}"
    carried = f"""
    CREATE TEMP TABLE carried AS SELECT * {heard} AND (keyword_id, id) IN (
      SELECT (keyword_id, original_id) FROM tweet
      WHERE kind = 'retweet' AND matched AND {inside} AND original_id <= (SELECT max(id) {heard}))
    """
    view = f"""
    CREATE TEMP VIEW written AS
    SELECT * FROM tweet WHERE kind <> 'retweet' AND {inside} UNION ALL SELECT * FROM carried
    """
    criteria = f"""
    CREATE TEMP TABLE people AS
    WITH earned AS (
      SELECT keyword_id, author_id, count(*) AS tweets,
        sum(retweet_count) AS retweet_count, sum(like_count) AS like_count,
        sum({both} * {decay % "created_at"}) AS engagement, max(retweet_count) AS most, count(sentiment) AS scored,
        avg(sentiment) AS sentiment, sum(sentiment) AS moods, min(sentiment) AS worst, max(sentiment) AS best,
        min(created_at) AS first_tweet_at, max(created_at) AS last_tweet_at
      FROM written GROUP BY ALL HAVING tweets >= {ACTIVE_TWEETS} OR most >= {ACTIVE_RETWEETS}
    ), latest AS (
      SELECT keyword_id, named AS author_id, author_id AS source, max(created_at) AS latest
      FROM (SELECT keyword_id, author_id, created_at, unnest(mentioned_ids) AS named FROM written)
      WHERE named <> author_id GROUP BY ALL
    ), mentioned AS (
      SELECT keyword_id, author_id, count(*) AS mentioned_by, sum({decay % "latest"}) AS mentions
      FROM latest GROUP BY ALL
    )
    SELECT earned.*, mentioned_by, coalesce(mentions, 0) AS mentions, followers_count, listed_count, tweet_count,
      CASE WHEN scored > 1 AND moods - best >= {NEUTRAL} * (scored - 1) - {NOTHING} THEN 1
           WHEN scored > 1 AND moods - worst <= -{NEUTRAL} * (scored - 1) + {NOTHING} THEN -1
           WHEN scored > 0 THEN 0 END AS label
    FROM earned LEFT JOIN mentioned USING (keyword_id, author_id) LEFT JOIN author ON author.id = author_id
    """
    best = f"""
    CREATE TEMP TABLE few AS
    SELECT *, {score(weights)} AS score, row_number() OVER (
      PARTITION BY keyword_id, label ORDER BY score DESC, followers_count DESC NULLS LAST, author_id) AS rank
    FROM people QUALIFY rank <= {KEPT}
    """
    draw = " + ".join(f"(hash(%s, resample) % 256 >= {reach})::INT" for reach in (94, 188, 235, 251, 255))
    intervals = f"""
    CREATE TEMP TABLE intervals AS
    WITH near AS (SELECT * FROM few WHERE rank <= {NEAR}), resamples AS (SELECT unnest(range({RESAMPLES})) AS resample),
    own AS (SELECT keyword_id, author_id, id, {both} * {decay % "created_at"} AS worth
      FROM written SEMI JOIN near USING (keyword_id, author_id)),
    e AS (SELECT keyword_id, author_id, resample, sum(worth * ({draw.replace("%s", "id")})) AS engagement
      FROM own, resamples GROUP BY ALL),
    named AS (SELECT keyword_id, author_id, source, max(created_at) AS latest
      FROM (SELECT keyword_id, unnest(mentioned_ids) AS author_id, author_id AS source, created_at FROM written)
      SEMI JOIN near USING (keyword_id, author_id) WHERE source <> author_id GROUP BY ALL),
    m AS (SELECT keyword_id, author_id, resample, sum({decay % "latest"} * ({draw.replace("%s", "source")})) AS mentions
      FROM named, resamples GROUP BY ALL),
    redrawn AS (SELECT keyword_id, author_id, resample, label, rank AS first,
      followers_count, listed_count, tweet_count, e.engagement AS engagement, coalesce(m.mentions, 0) AS mentions
      FROM near LEFT JOIN e USING (keyword_id, author_id) LEFT JOIN m USING (keyword_id, author_id, resample)),
    again AS (SELECT *, row_number() OVER (PARTITION BY keyword_id, label, resample ORDER BY {score(weights)} DESC,
      followers_count DESC NULLS LAST, author_id) AS place FROM redrawn)
    SELECT keyword_id, author_id, least(first, quantile_disc(place, 0.05)) AS rank_low,
      greatest(first, quantile_disc(place, 0.95)) AS rank_high FROM again GROUP BY keyword_id, author_id, first
    """
    of_mood = f"""coalesce(label = CASE WHEN sentiment >= {NEUTRAL} THEN 1 WHEN sentiment <= -{NEUTRAL} THEN -1
      WHEN sentiment IS NOT NULL THEN 0 END, false)"""
    rows = f"""
    CREATE TEMP TABLE influence AS
    WITH top AS (SELECT keyword_id, author_id, max(({of_mood}, coalesce({both}, -1), id))[3] AS top_tweet_id
      FROM (SELECT keyword_id, author_id, label FROM few WHERE rank <= {NEAR})
      JOIN (SELECT keyword_id, author_id, id, retweet_count, like_count, sentiment FROM written)
      USING (keyword_id, author_id) GROUP BY ALL),
    every AS (SELECT author_id, count(*) AS every FROM written SEMI JOIN few USING (author_id) GROUP BY ALL)
    SELECT few.*, rank_low, rank_high, top_tweet_id, tweets / every AS share FROM few
    LEFT JOIN intervals USING (keyword_id, author_id) LEFT JOIN top USING (keyword_id, author_id)
    LEFT JOIN every USING (author_id)
    """
    audience = f"""
    CREATE TEMP TABLE audience AS
    WITH voices AS (SELECT keyword_id, author_id, count(*) AS tweets FROM tweet WHERE matched AND {inside} GROUP BY ALL)
    SELECT keyword_id, sum(tweets) AS tweets, count(*) AS voices, count(followers_count) AS known,
      sum(followers_count) AS followers_count
    FROM voices LEFT JOIN author ON id = author_id GROUP BY ALL
    """
    return [carried, view, criteria, best, intervals, rows, audience]


def score(weights: Weights) -> str:
    """Write the score of the columns named as the criteria."""
    full = " + ".join(f"(CASE WHEN {name} IS NULL THEN 0 ELSE {weights.curves[name].full} END)" for name in CRITERIA)
    points = " + ".join(
        f"(CASE WHEN {name} IS NULL THEN 0 ELSE {drawn(name, weights.curves[name])} END)" for name in CRITERIA
    )
    return f"(100 * ({points}) / ({full}))"


def drawn(name: str, curve: Curve) -> str:
    """Write the points of a count by its curve."""
    return " + ".join(
        f"{slope} * greatest(0, least(ln(1 + {name}), {end}) - {start})" for start, end, slope in curve.ramps()
    )
