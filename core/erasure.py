"""Deletion: content leaves every table, the counts it moved move back, and a tombstone keeps it from coming again.

Each public function is one transaction. It locks the tombstones first: every commit of a batch reads them, so a batch
either was committed before, and is seen here, or comes after, and sees what is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, bindparam, delete, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from core import queries
from core.models import DeadLetter
from core.past import forget_sums

FOR_EVER = 2**63 - 1  # above every id: no tweet of the author comes back, however late


@dataclass(frozen=True, slots=True)
class Gone:
    """What is to be seen nowhere any more: tweets, and of authors every tweet with an id up to `upto`."""

    tweets: frozenset[int] = frozenset()
    authors: frozenset[int] = frozenset()
    upto: int = FOR_EVER

    def parameters(self) -> dict[str, Any]:
        """Return it as the statements below name it."""
        return {"tweets": sorted(self.tweets), "authors": sorted(self.authors), "upto": self.upto}


Words = Callable[[str, str | None, str], Sequence[str]]  # text, language and keyword: the terms that were counted of it
Scrub = Callable[[bytes, Gone], bytes | None]  # a payload: what may stay of it, None when nothing may


def forget(engine: Engine, gone: Gone, reason: str, *, words: Words, scrub: Scrub) -> Gone:
    """Delete what is gone, and the retweets of it; returns all that was found of it.

    What others wrote stays, also where it quotes, answers or mentions. `words` is how the trackers find terms: those of
    a deleted text are taken off again. `scrub` cleans dead letters. The cost grows with the ids times the keywords,
    with the minutes they touch, and with the dead letters and the rows of influence there are.
    """
    asked = gone.parameters() | {"reason": reason}
    with engine.begin() as connection:
        for statement in (LOCK, DOOM, BURY_TWEETS, BURY_AUTHORS, FORGET_AUTHORS):
            run(connection, statement, asked)
        doomed = run(connection, FORGET_TWEETS, asked).all()
        for statement in (MOVE_TREND_BACK, FORGET_EMPTY_TREND, FORGET_INFLUENCE, FORGET_FORECASTS, FORGET_TOP_TWEETS):
            run(connection, statement, asked)
        move_terms_back(connection, doomed, words)
        forget_sums(connection, "doomed")
        found = Gone(gone.tweets.union(row.id for row in doomed), gone.authors, gone.upto)
        clean_dead_letters(connection, found, scrub)
    return found


def scrub_places(engine: Engine, gone: Gone, reason: str) -> int:
    """Take the place off tweets, and off all tweets of authors up to an id; returns how many rows lost one."""
    asked = gone.parameters() | {"reason": reason}
    with engine.begin() as connection:
        for statement in (LOCK, BURY_PLACES):
            run(connection, statement, asked)
        return int(run(connection, SCRUB_PLACES, asked).rowcount)


def welcome_back(engine: Engine, shown: Gone) -> None:
    """Let X deliver again what it shows anew; nothing comes back by itself."""
    with engine.begin() as connection:
        run(connection, WELCOME_BACK, shown.parameters())


def run(connection: Connection, statement: str, asked: dict[str, Any]) -> Any:
    """Execute a statement with those of the parameters that it names."""
    named = {name: value for name, value in asked.items() if f":{name}" in statement}
    lists = [bindparam(name, type_=ARRAY(BigInteger)) for name in ("tweets", "authors") if name in named]
    return connection.execute(text(statement).bindparams(*lists), named)


def move_terms_back(connection: Connection, doomed: Iterable[Any], words: Words) -> None:
    """Take the words of deleted tweets off the counts; a retweet had none."""
    used: Counter[tuple[int, datetime, int | None, str]] = Counter()
    for row in doomed:
        if row.kind != "retweet":
            used.update((row.keyword_id, row.hour, row.label, word) for word in words(row.text, row.lang, row.keyword))
    moved = [(*key, tweets) for key, tweets in used.items()]
    if moved:
        names = ("keyword_ids", "hours", "labels", "terms", "tweets")
        lists = dict(zip(names, map(list, zip(*moved, strict=True)), strict=True))
        for statement in (MOVE_TERMS_BACK, FORGET_EMPTY_TERMS):
            connection.execute(text(statement), {name: lists[name] for name in names if f":{name}" in statement})


def clean_dead_letters(connection: Connection, gone: Gone, scrub: Scrub) -> None:
    """Take what is gone out of the dead letters; one of which nothing is left goes."""
    for letter, clean in list(unclean(connection, gone, scrub)):
        which = DeadLetter.id == letter
        change = update(DeadLetter).where(which).values(payload=clean) if clean else delete(DeadLetter).where(which)
        connection.execute(change)


def unclean(connection: Connection, gone: Gone, scrub: Scrub) -> Iterator[tuple[int, bytes | None]]:
    """Yield the dead letters that hold what is gone, each with what may stay of it."""
    for letter in connection.execute(queries.dead_letters()).yield_per(1000):
        clean = scrub(letter.payload, gone)
        if clean != letter.payload:
            yield letter.id, clean


LOCK = "LOCK TABLE tombstone IN ACCESS EXCLUSIVE MODE"

# Joined to the keywords, so that the look-up by id goes through the primary key, which begins with the keyword.
DOOM = """
CREATE TEMPORARY TABLE doomed ON COMMIT DROP AS
WITH named AS (
  SELECT t.keyword_id, t.id FROM keyword k JOIN tweet t ON t.keyword_id = k.id AND t.id = ANY(:tweets)
  UNION
  SELECT t.keyword_id, t.id FROM keyword k JOIN tweet t ON t.keyword_id = k.id AND t.author_id = ANY(:authors)
  WHERE t.id <= :upto
), gone AS (
  SELECT id FROM named UNION SELECT unnest(:tweets)
), reached AS (
  SELECT keyword_id, id FROM named
  UNION
  SELECT t.keyword_id, t.id FROM keyword k JOIN tweet t ON t.keyword_id = k.id AND t.kind = 'retweet'
  JOIN gone ON gone.id = t.original_id
)
SELECT t.keyword_id, k.name AS keyword, t.id, t.author_id, t.kind, t.text, t.lang, t.label,
       date_trunc('minute', t.created_at) AS minute, date_trunc('hour', t.created_at) AS hour
FROM reached JOIN tweet t USING (keyword_id, id) JOIN keyword k ON k.id = t.keyword_id
"""

BURY_TWEETS = """
INSERT INTO tombstone (kind, id, upto, reason)
SELECT 'tweet', id, id, :reason FROM (SELECT unnest(:tweets) AS id UNION SELECT id FROM doomed) AS gone
ON CONFLICT DO NOTHING
"""

BURY_AUTHORS = """
INSERT INTO tombstone (kind, id, upto, reason) SELECT 'author', unnest(:authors), :upto, :reason
ON CONFLICT (kind, id) DO UPDATE
SET upto = greatest(tombstone.upto, excluded.upto), reason = excluded.reason, at = now(), seq = excluded.seq
"""

FORGET_AUTHORS = """
DELETE FROM author a WHERE a.id = ANY(:authors) AND NOT EXISTS (
  SELECT FROM keyword k JOIN tweet t ON t.keyword_id = k.id AND t.author_id = a.id AND t.id > :upto
)
"""

FORGET_TWEETS = """
WITH removed AS (
  DELETE FROM tweet t USING doomed d WHERE t.keyword_id = d.keyword_id AND t.id = d.id RETURNING t.keyword_id, t.id
)
SELECT d.* FROM doomed d JOIN removed USING (keyword_id, id)
"""

# The minutes it touched are counted anew from what remains: voices cannot be subtracted, and sums stay exact.
MOVE_TREND_BACK = """
UPDATE trend SET tweets = left_over.tweets, voices = left_over.voices,
  sentiment_sum = left_over.sentiment_sum, sentiment_square_sum = left_over.sentiment_square_sum
FROM (
  SELECT bin.keyword_id, bin.minute, bin.label, count(t.id) AS tweets, count(DISTINCT t.author_id) AS voices,
         coalesce(sum(t.sentiment::numeric), 0) AS sentiment_sum,
         coalesce(sum(t.sentiment::numeric ^ 2), 0) AS sentiment_square_sum
  FROM (SELECT DISTINCT keyword_id, minute, label FROM doomed) AS bin
  LEFT JOIN tweet t ON t.keyword_id = bin.keyword_id AND t.matched AND t.label IS NOT DISTINCT FROM bin.label
    AND t.created_at >= bin.minute AND t.created_at < bin.minute + interval '1 minute'
  GROUP BY 1, 2, 3
) AS left_over
WHERE trend.keyword_id = left_over.keyword_id AND trend.minute = left_over.minute
  AND trend.label IS NOT DISTINCT FROM left_over.label
"""

FORGET_EMPTY_TREND = """
DELETE FROM trend USING doomed d
WHERE trend.keyword_id = d.keyword_id AND trend.minute = d.minute AND trend.tweets = 0
"""

MOVE_TERMS_BACK = """
UPDATE term SET tweets = term.tweets - used.tweets
FROM unnest(:keyword_ids, cast(:hours AS timestamptz[]), cast(:labels AS smallint[]), cast(:terms AS text[]), :tweets)
  AS used (keyword_id, hour, label, term, tweets)
WHERE term.keyword_id = used.keyword_id AND term.hour = used.hour AND term.label IS NOT DISTINCT FROM used.label
  AND term.term = used.term
"""

FORGET_EMPTY_TERMS = "DELETE FROM term WHERE keyword_id = ANY(:keyword_ids) AND hour = ANY(:hours) AND tweets <= 0"

FORGET_INFLUENCE = "DELETE FROM influence WHERE author_id = ANY(:authors)"

FORGET_FORECASTS = "DELETE FROM forecast WHERE author_id = ANY(:authors)"

FORGET_TOP_TWEETS = """
UPDATE influence i SET top_tweet_id = NULL FROM doomed d
WHERE i.keyword_id = d.keyword_id AND i.author_id = d.author_id AND i.top_tweet_id = d.id
"""

BURY_PLACES = """
INSERT INTO tombstone (kind, id, upto, reason) SELECT 'place', unnest(:authors), :upto, :reason
ON CONFLICT (kind, id) DO UPDATE
SET upto = greatest(tombstone.upto, excluded.upto), reason = excluded.reason, at = now(), seq = excluded.seq
"""

SCRUB_PLACES = """
UPDATE tweet t SET place = NULL, country_code = NULL, latitude = NULL, longitude = NULL, place_confidence = NULL,
  seq = pg_current_xact_id()::text::bigint
FROM keyword k
WHERE t.keyword_id = k.id AND (t.id = ANY(:tweets) OR (t.author_id = ANY(:authors) AND t.id <= :upto))
  AND (t.place IS NOT NULL OR t.country_code IS NOT NULL OR t.latitude IS NOT NULL)
"""

WELCOME_BACK = """
DELETE FROM tombstone WHERE (kind = 'tweet' AND id = ANY(:tweets)) OR (kind = 'author' AND id = ANY(:authors))
"""
