"""What is past is added up once: what a keyword's hours count, and the words of its days.

Whoever moves a count notes its hour and day in the same transaction (`NOTE_HOURS`, `NOTE_DAYS`): a sum that is there
goes, and is due again. Whoever reads takes a sum where there is one, else the rows: sums may be missing, never wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from core.copying import array

SOME = 100  # sums that are made in one transaction: a batch that moves one of them waits for it
LATE = timedelta(minutes=10)  # after its end an hour is still moved now and then

NOTE_HOURS = """
INSERT INTO past_hour (keyword_id, hour) SELECT DISTINCT keyword_id, date_trunc('hour', minute) FROM {moved}
ORDER BY 1, 2 ON CONFLICT (keyword_id, hour) DO UPDATE SET labels = NULL, tweets = NULL, sentiment_sums = NULL,
  sentiment_square_sums = NULL, tweet_ids = NULL, author_ids = NULL WHERE past_hour.author_ids IS NOT NULL
"""
NOTE_DAYS = """
INSERT INTO past_day (keyword_id, day) SELECT DISTINCT keyword_id, date_trunc('day', hour) FROM {moved}
ORDER BY 1, 2 ON CONFLICT (keyword_id, day) DO UPDATE SET terms = NULL, labels = NULL, tweets = NULL
WHERE past_day.terms IS NOT NULL
"""

# A batch that moves one of them either is committed before, and is counted, or waits, and notes it once more.
DUE_HOURS = """
SELECT keyword_id, hour FROM past_hour WHERE author_ids IS NULL AND hour < :before
ORDER BY keyword_id, hour LIMIT :some FOR UPDATE SKIP LOCKED
"""
DUE_DAYS = """
SELECT keyword_id, day FROM past_day WHERE terms IS NULL AND day < :before
ORDER BY keyword_id, day LIMIT :some FOR UPDATE SKIP LOCKED
"""

ADD_UP_HOURS = """
UPDATE past_hour p SET labels = counted.labels, tweets = counted.tweets, sentiment_sums = counted.sums,
  sentiment_square_sums = counted.square_sums, tweet_ids = said.tweet_ids, author_ids = spoke.author_ids
FROM unnest(CAST(:keywords AS int[]), CAST(:times AS timestamptz[])) AS due (keyword_id, hour)
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(label), '{}') AS labels, coalesce(array_agg(n), '{}') AS tweets,
    coalesce(array_agg(s), '{}') AS sums, coalesce(array_agg(squares), '{}') AS square_sums
  FROM (
    SELECT label, sum(tweets) AS n, sum(sentiment_sum) AS s, sum(sentiment_square_sum) AS squares FROM trend
    WHERE keyword_id = due.keyword_id AND minute >= due.hour AND minute < due.hour + interval '1 hour' GROUP BY label
  ) AS one
) AS counted
CROSS JOIN LATERAL (
  SELECT coalesce(string_agg(int8send(id), ''), '') AS tweet_ids FROM tweet
  WHERE keyword_id = due.keyword_id AND matched
    AND created_at >= due.hour AND created_at < due.hour + interval '1 hour'
) AS said
CROSS JOIN LATERAL (
  SELECT coalesce(string_agg(int8send(author_id), ''), '') AS author_ids FROM (
    SELECT DISTINCT author_id FROM tweet WHERE keyword_id = due.keyword_id AND matched
      AND created_at >= due.hour AND created_at < due.hour + interval '1 hour'
  ) AS one
) AS spoke
WHERE p.keyword_id = due.keyword_id AND p.hour = due.hour
"""
ADD_UP_DAYS = """
UPDATE past_day p SET terms = used.terms, labels = used.labels, tweets = used.tweets
FROM unnest(CAST(:keywords AS int[]), CAST(:times AS timestamptz[])) AS due (keyword_id, day)
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(term), '{}') AS terms, coalesce(array_agg(label), '{}') AS labels,
    coalesce(array_agg(n), '{}') AS tweets
  FROM (
    SELECT term, label, sum(tweets) AS n FROM term
    WHERE keyword_id = due.keyword_id AND hour >= due.day AND hour < due.day + interval '1 day' GROUP BY term, label
  ) AS one
) AS used
WHERE p.keyword_id = due.keyword_id AND p.day = due.day
"""
STEPS = ((timedelta(hours=1), DUE_HOURS, ADD_UP_HOURS), (timedelta(days=1), DUE_DAYS, ADD_UP_DAYS))


def add_up(engine: Engine, now: datetime) -> int:
    """Add up the hours and days that are over and not added up; returns how many were.

    Some at a time are a transaction, so that it may end at any time and go on later, and several may do it at once. The
    cost is that of the rows of those hours: each once, unless it is moved again.
    """
    done = 0
    for length, due, sums in STEPS:
        before = now.astimezone(UTC) - LATE - length
        while some := _add_up(engine, before, due, sums):
            done += some
    return done


def _add_up(engine: Engine, before: datetime, due: str, sums: str) -> int:
    with engine.begin() as connection:
        found = connection.execute(text(due), {"before": before, "some": SOME}).all()
        if found:  # in a statement of its own, which sees all that was committed before these were locked
            keywords, times = zip(*found, strict=True)
            connection.execute(text(sums), {"keywords": array(keywords), "times": list(times)})
        return len(found)


def forget_sums(connection: Connection, moved: str) -> None:
    """Note the hours and days of a table with `keyword_id`, `minute` and `hour` as due again."""
    for note in (NOTE_HOURS, NOTE_DAYS):
        connection.execute(text(note.format(moved=moved)))
