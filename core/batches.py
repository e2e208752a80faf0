"""Tweets into the tables: a batch is one transaction, with the counters it moves and the position it reaches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, bindparam, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError

from core.copying import array, copy, copy_values
from core.models import WRITTEN_BY, Author, DeadLetter, Keyword, SpoolOffset, Tombstone, Tweet
from core.past import NOTE_DAYS, NOTE_HOURS

Row = Mapping[str, Any]

COUNTS = ("retweet_count", "like_count", "reply_count", "quote_count")
AUTHOR = tuple(column.key for column in Author.__table__.columns if column.key != "seq")
SCALARS = tuple(
    column.key for column in Tweet.__table__.columns if column.key not in ("keyword_id", "seq", "mentioned_ids")
)
TWEET = ("keyword_id", "mentioned_ids", *SCALARS)
TREND = ("keyword_id", "minute", "label", "tweets", "sentiment_sum", "sentiment_square_sum")
TERM = ("keyword_id", "hour", "label", "term", "tweets")
CLASHES = 20  # with other transactions in a row, after which it is no chance
DOUBLE_KEY = "23505"  # what Postgres calls an error about a key that is there already
EPOCH, MINUTE, HOUR = datetime(1970, 1, 1, tzinfo=UTC), timedelta(minutes=1), timedelta(hours=1)


class UnknownKeywordError(LookupError):
    """Tweets of a keyword that was removed from the database."""


# Some row is at fault: sent again, it is refused again.
REFUSALS = (DataError, IntegrityError, orjson.JSONEncodeError, UnknownKeywordError)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for one keyword out of one stretch of a spool, up to and including position `upto`.

    `tweets` are rows of `tweet` without keyword_id, each with its `terms`; `dead` are rows of `dead_letter`. Times are
    in UTC. `tracker` names the lane that the stretch is of.
    """

    keyword_id: int
    spool: str
    tracker: str
    upto: int
    tweets: Sequence[Row]
    authors: Sequence[Row] = ()
    dead: Sequence[Row] = ()


def save_batch(engine: Engine, *batches: Batch) -> None:
    """Commit batches of one spool: tweets, the counters they move, authors and the positions, in one transaction.

    Each batch is of another keyword. One whose position is already committed changes nothing, so it may be sent again
    at any time. Counters move only for tweets that were not counted before, so the same tweet may also come by another
    way. The cost is linear in the batches; `trend` and `term` are touched once per distinct (minute | hour and term,
    label). The tables are written in one order and each in the order of its keys: transactions that share rows wait
    for each other, and cannot deadlock.
    """
    for more in reversed(range(CLASHES)):
        try:
            _save(engine, batches)
            return
        except IntegrityError as clash:  # another transaction was first with a tweet: now it is known
            if not more or getattr(clash.orig, "pgcode", None) != DOUBLE_KEY:
                raise


def _save(engine: Engine, batches: Sequence[Batch]) -> None:
    with engine.connect() as connection:
        stage(connection)
        with connection.begin():
            position = committed(connection, batches)
            todo = [batch for batch in batches if position[batch.tracker] < batch.upto]
            if todo:
                kept = heed_tombstones(connection, todo)
                volume = save_tweets(connection, kept)
                save_authors(connection, kept)
                bury(connection, [row for batch in kept for row in batch.dead])
                advance(connection, kept, volume)


def save_dead(engine: Engine, rows: Sequence[Row]) -> None:
    """Keep payloads that could not become rows; safe to repeat."""
    with engine.begin() as connection:
        bury(connection, rows)


def settle_dead(engine: Engine, trial: str, tried: Sequence[int]) -> int:
    """Remove the dead letters of which a trial took everything, keep the others; returns how many were removed.

    `trial` names the spool in which dead letters were tried again, each at the position of its own id; what could not
    become rows there either is a new dead letter under that name, which goes: the old one says it already.
    """
    again = select(DeadLetter.position).where(DeadLetter.spool == trial)
    taken = delete(DeadLetter).where(DeadLetter.id.in_(tried), DeadLetter.id.not_in(again))
    with engine.begin() as connection:
        removed = connection.execute(taken).rowcount
        connection.execute(delete(DeadLetter).where(DeadLetter.spool == trial))
        connection.execute(delete(SpoolOffset).where(SpoolOffset.spool == trial))
    return removed


def forget_spool(engine: Engine, spool: str) -> None:
    """Drop the positions of a spool that is gone; its dead letters stay."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM spool_offset WHERE spool = :spool"), {"spool": spool})


def refresh(engine: Engine, tweets: Sequence[Row], authors: Sequence[Row]) -> int:
    """Raise the counts of tweets, and renew the profiles of authors, that are stored; returns how many tweets rose.

    Nothing is added: a tweet that X shows again is no volume, and what was forgotten stays so.
    """
    raised = {count: func.greatest(getattr(Tweet, count), bindparam(f"new_{count}")) for count in COUNTS}
    higher = [bindparam(f"new_{count}") > func.coalesce(getattr(Tweet, count), -1) for count in COUNTS]
    tracked = Tweet.keyword_id.in_(select(Keyword.id))  # so that the look-up goes through the primary key
    raise_counts = (
        update(Tweet).where(tracked, Tweet.id == bindparam("of"), or_(*higher)).values(**raised, seq=WRITTEN_BY)
    )
    columns: dict[str, Any] = {column: bindparam(f"new_{column}") for column in AUTHOR if column != "id"}
    renew = update(Author).where(Author.id == bindparam("of"), Author.seen_at < bindparam("new_seen_at"))
    seen = [{"of": row["id"], **{f"new_{c}": row[c] for c in COUNTS}} for row in once(tweets, merged_tweet)]
    ours = select(Tweet.id).where(tracked, Tweet.id.in_([one["of"] for one in seen]))
    with engine.begin() as connection:
        connection.execute(ours.order_by(Tweet.keyword_id, Tweet.id).with_for_update())  # in the order of batches
        rose = sum(connection.execute(raise_counts, one).rowcount for one in seen)
        for row in once(authors, newer_author):
            new = {f"new_{column}": row[column] for column in columns}
            connection.execute(renew.values(**columns, seq=WRITTEN_BY), {"of": row["id"], **new})
    return rose


def stage(connection: Connection) -> None:
    """Make the temporary tables; they live as long as the connection and are emptied at each commit."""
    if not connection.info.get("staged"):
        connection.execute(text(STAGING))
        connection.commit()
        connection.info["staged"] = True


def committed(connection: Connection, batches: Sequence[Batch]) -> dict[str, int]:
    """Lock and return the positions of batches' trackers in their spool; a second tracker of such a name waits here."""
    spool, names = batches[0].spool, sorted(batch.tracker for batch in batches)
    empty = [{"spool": spool, "tracker": name, "position": 0, "stored": 0, "duplicate": 0} for name in names]
    connection.execute(insert(SpoolOffset).values(empty).on_conflict_do_nothing())
    ours = select(SpoolOffset.tracker, SpoolOffset.position).where(SpoolOffset.spool == spool)
    locked = ours.where(SpoolOffset.tracker.in_(names)).order_by(SpoolOffset.tracker).with_for_update()
    return {row.tracker: row.position for row in connection.execute(locked)}


def heed_tombstones(connection: Connection, batches: Sequence[Batch]) -> Sequence[Batch]:
    """Return batches without what was forgotten: it does not come back, and neither does a retweet of it.

    Whoever forgets locks the tombstones, so he waits for the batches that have looked here, and those that have not
    will see his: see core.erasure.
    """
    if not connection.execute(select(exists().select_from(Tombstone))).scalar():
        return batches
    rows = [row for batch in batches for row in batch.tweets]
    tweets = {number for row in rows for number in (row["id"], row["original_id"]) if number}
    authors = {row["author_id"] for row in rows} | {row["id"] for batch in batches for row in batch.authors}
    found = connection.execute(text(TOMBSTONES), {"tweets": array(tweets), "authors": array(authors)}).all()
    return [without(batch, {(row.kind, row.id): row.upto for row in found}, rows) for batch in batches]


def without(batch: Batch, tombstones: Mapping[tuple[str, int], int], rows: Sequence[Row]) -> Batch:
    """Return a batch without what tombstones name; `rows` are the tweets of all batches that come with it."""
    if not tombstones:
        return batch

    def lies(kind: str, row: Row) -> bool:
        return bool(row["id"] <= tombstones.get((kind, row["author_id"]), -1))

    gone = {number for kind, number in tombstones if kind == "tweet"} | {r["id"] for r in rows if lies("author", r)}
    back = {row["author_id"] for row in rows if not lies("author", row)}  # accounts that X shows again
    tweets = [
        {**row, **NOWHERE} if lies("place", row) else row
        for row in batch.tweets
        if not gone & {row["id"], row["original_id"] if row["kind"] == "retweet" else None}
    ]
    authors = [row for row in batch.authors if ("author", row["id"]) not in tombstones or row["id"] in back]
    return replace(batch, tweets=tweets, authors=authors)


def save_tweets(connection: Connection, batches: Sequence[Batch]) -> Counter[int]:
    """Save tweets and move the counters of those that are new; returns how many became volume, by keyword."""
    hold_keywords(connection, [batch.keyword_id for batch in batches if batch.tweets])
    ordered = sorted(batches, key=lambda one: one.keyword_id)
    tweets = {(one.keyword_id, row["id"]): row for one in ordered for row in once(one.tweets, merged_tweet)}
    known = known_tweets(connection, tweets)
    new = [(key[0], row) for key, row in tweets.items() if key not in known]
    copy_tweets(connection, "tweet", new)
    heard = change_known_tweets(connection, {key: tweets[key] for key in known})
    volume = [(keyword, row) for keyword, row in new if row["matched"]] + heard
    move_terms(connection, new)
    move_trend(connection, volume)
    return Counter(keyword for keyword, _ in volume)


def known_tweets(connection: Connection, tweets: Mapping[tuple[int, int], Row]) -> set[tuple[int, int]]:
    """Return which of some tweets are stored.

    What is new then goes by COPY into the table itself: an INSERT that looks for conflicts writes each row by itself,
    and twice to the log.
    """
    if not tweets:
        return set()
    keywords, ids = zip(*tweets, strict=True)
    found = connection.execute(text(KNOWN_TWEETS), {"keywords": array(keywords), "ids": array(ids)})
    return {(keyword, number) for keyword, number in found.all()}


def copy_tweets(connection: Connection, table: str, tweets: Sequence[tuple[int, Row]]) -> None:
    """Send tweets, each with its keyword."""
    scalars = itemgetter(*SCALARS)
    if tweets:
        rows = ((keyword, array(row["mentioned_ids"]), *scalars(row)) for keyword, row in tweets)
        copy_values(connection, table, TWEET, rows)


def change_known_tweets(connection: Connection, tweets: Mapping[tuple[int, int], Row]) -> list[tuple[int, Row]]:
    """Raise the counts of tweets that are stored; returns those that X delivers itself for the first time."""
    if not tweets:
        return []
    copy_tweets(connection, "incoming_tweet", [(key[0], row) for key, row in tweets.items()])
    keywords, ids = zip(*tweets, strict=True)
    changed = connection.execute(text(CHANGE_KNOWN_TWEETS), {"keywords": array(keywords), "ids": array(ids)})
    return [(keyword, tweets[keyword, number]) for keyword, number, heard in changed if heard]


def hold_keywords(connection: Connection, keywords: Sequence[int]) -> None:
    """Lock keywords against removal until the commit: what a foreign key would do for each row, once a batch.

    Raises:
        UnknownKeywordError: one of them is not there.
    """
    held = select(Keyword.id).where(Keyword.id.in_(keywords)).order_by(Keyword.id)
    there = connection.execute(held.with_for_update(read=True, key_share=True)).scalars().all()
    if missing := set(keywords).difference(there):
        raise UnknownKeywordError(f"There is no keyword {', '.join(map(str, missing))}.")


def move_terms(connection: Connection, tweets: Iterable[tuple[int, Row]]) -> None:
    """Count the words of new tweets: a text counts once, at the hour it was written, however often it is retweeted."""
    moved: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
    for keyword, row in tweets:
        if row["terms"]:
            moved[keyword, (row["created_at"] - EPOCH) // HOUR, row["label"]] += row["terms"]
    if moved:
        rows = (
            (keyword, EPOCH + hour * HOUR, label, term, tweets)
            for (keyword, hour, label), terms in moved.items()
            for term, tweets in Counter(terms).items()
        )
        copy_values(connection, "incoming_term", TERM, rows)
        connection.execute(text(MOVE_TERMS))
        connection.execute(text(NOTE_DAYS.format(moved="incoming_term")))


def move_trend(connection: Connection, tweets: Iterable[tuple[int, Row]]) -> None:
    """Count tweets that became volume, and the voices of the minutes that they move, which cannot be added up."""
    moved: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    for keyword, row in tweets:
        moved[keyword, (row["created_at"] - EPOCH) // MINUTE, row["label"]].append(row["sentiment"] or 0)
    if moved:
        rows = ((keyword, EPOCH + at * MINUTE, label, *sums(scores)) for (keyword, at, label), scores in moved.items())
        copy_values(connection, "incoming_trend", TREND, rows)
        connection.execute(text(MOVE_TREND))
        connection.execute(text(NOTE_HOURS.format(moved="incoming_trend")))
        connection.execute(text(COUNT_VOICES))  # with a snapshot taken after the minutes were locked


def sums(scores: Sequence[float]) -> tuple[int, str, str]:
    """Return how many scores there are, their sum and that of their squares.

    VADER gives four decimals: as whole numbers they add up exactly.
    """
    whole = [round(score * 10_000) for score in scores if score]
    return len(scores), f"{sum(whole)}e-4", f"{sum(one**2 for one in whole)}e-8"


def save_authors(connection: Connection, batches: Sequence[Batch]) -> None:
    """Save the newest snapshot of each author."""
    authors = once((row for batch in batches for row in batch.authors), newer_author)
    if authors:
        copy(connection, "incoming_author", AUTHOR, authors)
        connection.execute(text(SAVE_AUTHORS))


def advance(connection: Connection, batches: Sequence[Batch], volume: Counter[int]) -> None:
    """Move each tracker's position to the end of its batch, and its counts by what became volume and what did not."""
    for batch in batches:
        stored = volume[batch.keyword_id]
        heard = sum(row["matched"] for row in batch.tweets)
        moved = {
            "position": batch.upto,
            "stored": SpoolOffset.stored + stored,
            "duplicate": SpoolOffset.duplicate + heard - stored,
        }
        connection.execute(update(SpoolOffset).filter_by(spool=batch.spool, tracker=batch.tracker).values(moved))


def bury(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert dead letters; one a spool position."""
    if rows:
        connection.execute(insert(DeadLetter).on_conflict_do_nothing(), [dict(row) for row in rows])


def once(rows: Iterable[Row], merge: Callable[[Row, Row], Row]) -> list[Row]:
    """Return rows in id order, merging those that share an id: Postgres refuses to upsert a row twice."""
    unique: dict[int, Row] = {}
    for row in rows:
        seen = unique.get(row["id"])
        unique[row["id"]] = row if seen is None else merge(seen, row)
    return [unique[number] for number in sorted(unique)]


def merged_tweet(one: Row, other: Row) -> Row:
    """Merge two sights of a tweet: the highest of each count, and matched if either was."""
    merged = {**one, "matched": one["matched"] or other["matched"]}
    raise_counts(merged, other)
    return merged


def raise_counts(tweet: dict[str, Any], other: Row) -> None:
    """Give a tweet the highest of each count that it and another sight of it tell."""
    for count in COUNTS:
        if known(other[count]) > known(tweet[count]):
            tweet[count] = other[count]


def newer_author(one: Row, other: Row) -> Row:
    """Of two snapshots of an author keep the later; at the same time the one with higher counts."""
    return max(one, other, key=lambda row: (row["seen_at"], *(known(row[count]) for count in SNAPSHOT_ORDER)))


def known(count: int | None) -> int:
    """Order unknown counts below every known one."""
    return -1 if count is None else count


SNAPSHOT_ORDER = ("tweet_count", "followers_count", "listed_count")

_MADE = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_{0} ON COMMIT DELETE ROWS AS SELECT {1} FROM {0} WITH NO DATA"
STAGING = ";".join(
    _MADE.format(table, ", ".join(columns))
    for table, columns in {"author": AUTHOR, "tweet": TWEET, "trend": TREND, "term": TERM}.items()
)

_NEWER = "({0}.seen_at, " + ", ".join(f"coalesce({{0}}.{count}, -1)" for count in SNAPSHOT_ORDER) + ")"
_SEQ = "pg_current_xact_id()::text::bigint"

NOWHERE = dict.fromkeys(("place", "country_code", "latitude", "longitude", "place_confidence"))
TOMBSTONES = """
SELECT kind, id, upto FROM tombstone
WHERE (kind = 'tweet' AND id = ANY(CAST(:tweets AS bigint[])))
  OR (kind <> 'tweet' AND id = ANY(CAST(:authors AS bigint[])))
"""

# OFFSET 0: each is looked for by its key. What the planner would do instead depends on how new its statistics are.
KNOWN_TWEETS = """
SELECT keyword_id, id FROM unnest(CAST(:keywords AS int[]), CAST(:ids AS bigint[])) AS of (keyword_id, id)
CROSS JOIN LATERAL (SELECT FROM tweet t WHERE t.keyword_id = of.keyword_id AND t.id = of.id OFFSET 0) AS there
"""

# Counts only grow. An original first known through a retweet is volume from the moment X delivers it itself: `heard`.
CHANGE_KNOWN_TWEETS = f"""
WITH known AS MATERIALIZED (
  SELECT t.keyword_id, t.id, i.matched AND NOT t.matched AS heard
  FROM unnest(CAST(:keywords AS int[]), CAST(:ids AS bigint[])) AS of (keyword_id, id)
  JOIN incoming_tweet i USING (keyword_id, id)
  JOIN tweet t USING (keyword_id, id)
  WHERE (i.matched AND NOT t.matched) OR {" OR ".join(f"i.{c} > coalesce(t.{c}, -1)" for c in COUNTS)}
  ORDER BY t.keyword_id, t.id FOR UPDATE OF t
)
UPDATE tweet t SET matched = t.matched OR i.matched, seq = {_SEQ},
  {", ".join(f"{c} = greatest(t.{c}, i.{c})" for c in COUNTS)}
FROM known JOIN incoming_tweet i USING (keyword_id, id)
WHERE t.keyword_id = known.keyword_id AND t.id = known.id RETURNING t.keyword_id, t.id, known.heard
"""  # noqa: S608 - built from our own column names

MOVE_TERMS = """
INSERT INTO term (keyword_id, hour, label, term, tweets)
SELECT keyword_id, hour, label, term, tweets FROM incoming_term ORDER BY keyword_id, hour, label, term COLLATE "C"
ON CONFLICT (keyword_id, hour, label, term) DO UPDATE SET tweets = term.tweets + excluded.tweets
"""

MOVE_TREND = f"""
INSERT INTO trend ({", ".join(TREND)}, voices)
SELECT {", ".join(TREND)}, 0 FROM incoming_trend ORDER BY keyword_id, minute, label
ON CONFLICT (keyword_id, minute, label) DO UPDATE SET
  tweets = trend.tweets + excluded.tweets,
  sentiment_sum = trend.sentiment_sum + excluded.sentiment_sum,
  sentiment_square_sum = trend.sentiment_square_sum + excluded.sentiment_square_sum
"""  # noqa: S608 - built from our own column names

# OFFSET 0 keeps the planner, which knows nothing of a temporary table, from reading the whole keyword for each minute.
COUNT_VOICES = """
UPDATE trend SET voices = heard.voices FROM (
  SELECT bin.keyword_id, bin.minute, t.label, count(DISTINCT t.author_id) AS voices
  FROM (SELECT DISTINCT keyword_id, minute FROM incoming_trend) AS bin CROSS JOIN LATERAL (
    SELECT label, author_id FROM tweet WHERE keyword_id = bin.keyword_id AND matched
      AND created_at >= bin.minute AND created_at < bin.minute + interval '1 minute' OFFSET 0
  ) AS t
  GROUP BY 1, 2, 3
) AS heard JOIN incoming_trend moved ON moved.keyword_id = heard.keyword_id AND moved.minute = heard.minute
  AND moved.label IS NOT DISTINCT FROM heard.label
WHERE trend.keyword_id = heard.keyword_id AND trend.minute = heard.minute
  AND trend.label IS NOT DISTINCT FROM heard.label
"""

# An author as before but for the time takes no new seq: then no index changes, and nobody need read the author again.
_PROFILE = [column for column in AUTHOR if column not in ("id", "seen_at")]
_OLD, _NEW = (", ".join(f"{table}.{column}" for column in _PROFILE) for table in ("author", "excluded"))
SAVE_AUTHORS = f"""
INSERT INTO author ({", ".join(AUTHOR)}) SELECT {", ".join(AUTHOR)} FROM incoming_author ORDER BY id
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in AUTHOR if c != "id")},
  seq = CASE WHEN ({_OLD}) IS NOT DISTINCT FROM ({_NEW}) THEN author.seq ELSE {_SEQ} END
WHERE {_NEWER.format("author")} < {_NEWER.format("excluded")}
"""  # noqa: S608 - built from our own column names
