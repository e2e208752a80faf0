"""A month of made-up tweets in Postgres, made there by SQL alone, with the counters and scores that belong to them.

Skewed as in life: a few keywords, people and words get most. Rows lie as trackers write them, those of a time together,
a new word of an hour at some minute of it. Rows that no page reads are left out.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Table, text
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex, UniqueConstraint

from core import past
from core.models import Author, Term, Trend, Tweet
from core.past import NOTE_DAYS, NOTE_HOURS
from core.weights import load

KEYWORDS = 50
SPAN = timedelta(days=30)
HANDS = 2  # connections that work at once
LARGE: tuple[Table, ...] = tuple(one.__table__ for one in (Tweet, Author, Trend, Term))  # type: ignore[misc]


def fill(engine: Engine, tweets: int, end: datetime) -> None:
    """Fill empty tables with tweets written evenly over the SPAN before `end`, by a tenth as many people.

    Keyword k of 50 has the share sqrt(k / 50) - sqrt((k - 1) / 50) of them, so the first a seventh.
    """
    known = {"tweets": tweets, "people": max(tweets // 10, 100), "keywords": KEYWORDS, "end": end}
    known |= {"span": SPAN, "weights": load().version}
    seldom_checkpoint(engine)
    for table in LARGE:  # an index that is built at once is several times cheaper
        bare(engine, table)
    run(engine, known, *SMALL, PEOPLE)
    shared(engine, known, TWEETS)
    with ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(lambda table: indexed(engine, table), LARGE[:2]))
    shared(engine, known, TREND, TERM)
    with ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(lambda table: indexed(engine, table), LARGE[2:]))
    run(engine, known, SCORES, AUDIENCE, RUN, NOTED_HOURS, NOTED_DAYS, "DROP TABLE made_text, made_place")
    with ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(lambda _hand: past.add_up(engine, end), range(HANDS)))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))  # as autovacuum leaves tables that have been there for a while
        connection.execute(text("CHECKPOINT"))  # and all of it on disk long ago, not while somebody measures


def seldom_checkpoint(engine: Engine) -> None:
    """Let Postgres write 8 GB before it must have all of it on disk: it would stop for that every few seconds."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER SYSTEM SET max_wal_size = '8GB'"))
        connection.execute(text("SELECT pg_reload_conf()"))


def run(engine: Engine, known: dict[str, Any], *statements: str) -> None:
    """Run statements in one transaction."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL work_mem = '512MB'"))
        for statement in statements:
            connection.execute(text(statement), known)


def shared(engine: Engine, known: dict[str, Any], *statements: str) -> None:
    """Run statements on several connections, each of which does the rows of its `hand`."""

    def do(hand: int) -> None:
        run(engine, known | {"hand": hand, "hands": HANDS}, *statements)

    with ThreadPoolExecutor(HANDS) as hands:
        list(hands.map(do, range(HANDS)))


def bare(engine: Engine, table: Table) -> None:
    """Take the indexes off a table."""
    with engine.begin() as connection:
        for index in table.indexes:
            connection.execute(DropIndex(index))
        for constraint in keys(table):
            connection.execute(DropConstraint(constraint))


def indexed(engine: Engine, table: Table) -> None:
    """Put the indexes back on a table."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        for constraint in keys(table):
            connection.execute(AddConstraint(constraint))
        for index in table.indexes:
            connection.execute(CreateIndex(index))


def keys(table: Table) -> list[Any]:
    """Return the keys of a table that have an index of their own; a counter's key is no primary key in Postgres."""
    unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    return unique or [table.primary_key]


SMALL = (
    """
    INSERT INTO keyword (name, query)
    SELECT 'keyword ' || to_char(k, 'FM00'), 'none' FROM generate_series(1, :keywords) k
    """,
    """
    CREATE TABLE made_text AS
    SELECT id, string_agg(DISTINCT 'word' || floor(3000 * power(random(), 3))::int, ' ') AS text
    FROM generate_series(0, 19999) id, generate_series(1, 8) GROUP BY id
    """,
    """
    CREATE TABLE made_place AS
    SELECT id, 'Place ' || id AS place, 'US' AS country_code, 60 * random() - 5 AS latitude,
      240 * random() - 120 AS longitude
    FROM generate_series(0, 299) id
    """,
)
PEOPLE = """
INSERT INTO author (id, username, name, followers_count, listed_count, tweet_count, synthetic, seen_at)
SELECT id, 'person' || id, 'Person ' || id, followers, followers / 90, exp(random_normal(7, 2)), true, :end
FROM (
  SELECT id, least(exp(random_normal(5.5, 2.2)), 1e8)::bigint AS followers FROM generate_series(1, :people) id
) AS made
"""
TWEETS = """
WITH drawn AS (
  SELECT id, floor(:keywords * power(random(), 2))::int + 1 AS keyword_id,
    floor(:people * power(random(), 2))::bigint + 1 AS author_id, random() AS kind, random() AS scored,
    greatest(-1, least(1, round(random_normal(0.1, 0.45)::numeric, 4))) AS sentiment,
    floor(least(power(random(), -0.8) - 1, 1e6))::bigint AS retweets,
    floor(20000 * power(random(), 2))::int AS text_id, floor(1200 * power(random(), 2))::int AS place_id
  FROM generate_series(1 + :hand, :tweets, :hands) id
)
INSERT INTO tweet (keyword_id, id, author_id, created_at, kind, original_id, text, lang, retweet_count, like_count,
  reply_count, quote_count, sentiment, label, place, country_code, latitude, longitude, place_confidence)
SELECT keyword_id, drawn.id, author_id, :end - :span * (1 - drawn.id * 1.0 / :tweets),
  CASE WHEN kind < .55 THEN 'retweet' WHEN kind < .8 THEN 'original' WHEN kind < .92 THEN 'reply' ELSE 'quote' END,
  CASE WHEN kind < .55 THEN greatest(1, drawn.id - retweets) END, made_text.text, 'en',
  CASE WHEN kind >= .55 THEN retweets END, CASE WHEN kind >= .55 THEN 3 * retweets END, 0, 0,
  mood, CASE WHEN mood >= 0.05 THEN 1 WHEN mood <= -0.05 THEN -1 WHEN mood IS NOT NULL THEN 0 END,
  place, country_code, latitude, longitude, CASE WHEN place IS NOT NULL THEN 0.8 END
FROM drawn JOIN made_text ON made_text.id = text_id LEFT JOIN made_place ON made_place.id = place_id
CROSS JOIN LATERAL (SELECT CASE WHEN kind >= .55 AND scored < .9 THEN sentiment END AS mood) AS felt
"""
TREND = """
INSERT INTO trend (keyword_id, minute, label, tweets, voices, sentiment_sum, sentiment_square_sum)
SELECT keyword_id, date_trunc('minute', created_at), label, count(*), count(DISTINCT author_id),
  coalesce(sum(sentiment::numeric), 0), coalesce(sum(sentiment::numeric * sentiment::numeric), 0)
FROM tweet WHERE keyword_id % :hands = :hand GROUP BY 1, 2, 3 ORDER BY 2, 1
"""
TERM = """
INSERT INTO term (keyword_id, hour, label, term, tweets)
SELECT keyword_id, date_trunc('hour', created_at), label, term, count(*)
FROM tweet, string_to_table(text, ' ') AS term
WHERE label IS NOT NULL AND keyword_id % :hands = :hand GROUP BY 1, 2, 3, 4
ORDER BY 2, abs(hashtext(term)) % 60, 1
"""
SCORES = """
INSERT INTO influence (keyword_id, window_end, author_id, score, reach, resonance, followers_points, listed_points,
  tweet_points, engagement_points, mentions_points, rank, rank_low, rank_high, followers_count, listed_count,
  tweet_count, retweet_count, like_count, mentions, tweets, share, scored, sentiment, label, first_tweet_at,
  last_tweet_at, top_tweet_id)
WITH own AS (
  SELECT keyword_id, author_id, count(*) AS tweets, sum(retweet_count) AS retweets, count(label) AS scored,
    avg(sentiment) AS mood, min(created_at) AS first, max(created_at) AS last, max(id) AS top
  FROM tweet WHERE kind <> 'retweet' AND created_at > :end - interval '72 hours' GROUP BY 1, 2 HAVING count(*) >= 2
), pointed AS (
  SELECT own.*, author.*, own.tweets AS written, 2 * ln(1 + followers_count) AS known, 3 * ln(1 + retweets) AS passed,
    CASE WHEN mood >= 0.05 THEN 1 WHEN mood <= -0.05 THEN -1 WHEN scored > 0 THEN 0 END AS label
  FROM own JOIN author ON author.id = author_id
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY keyword_id, label ORDER BY known + passed DESC, author_id) AS rank
  FROM pointed
)
SELECT keyword_id, :end, author_id, known + passed, known, passed, known / 2, known / 4, known / 4, passed, 0, rank,
  CASE WHEN rank <= 50 THEN greatest(1, rank - 2) END, CASE WHEN rank <= 50 THEN rank + 2 END, followers_count,
  listed_count, tweet_count, retweets, 3 * retweets, 0, written, 0.5, scored, mood, label, first, last, top
FROM ranked WHERE rank <= 500
"""
AUDIENCE = """
INSERT INTO audience (keyword_id, window_end, tweets, voices, known, followers_count)
WITH heard AS (
  SELECT keyword_id, author_id, count(*) AS tweets FROM tweet
  WHERE created_at > :end - interval '72 hours' GROUP BY 1, 2
)
SELECT keyword_id, :end, sum(tweets), count(*), count(followers_count), sum(followers_count)
FROM heard JOIN author ON author.id = author_id GROUP BY keyword_id
"""
NOTED_HOURS = NOTE_HOURS.format(moved="trend")
NOTED_DAYS = NOTE_DAYS.format(moved="term")
RUN = """
INSERT INTO influence_run (window_end, window_start, state, started_at, finished_at, weights)
VALUES (:end, :end - interval '72 hours', 'done', :end, :end, :weights)
"""
