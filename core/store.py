"""Writes. Each public function is one transaction: all of it is in the database afterwards, or nothing."""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Connection, Engine, bindparam, case, delete, exists, func, null, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from core import syntax
from core.config import TalkerError
from core.models import (
    WRITTEN_BY,
    Audience,
    Author,
    DeadLetter,
    Errand,
    Fill,
    Gap,
    Influence,
    InfluenceRun,
    Keyword,
    Paid,
    Sampling,
    Spending,
    SpoolOffset,
    Tombstone,
    Tweet,
    Usage,
)

Row = Mapping[str, Any]

COUNTS = ("retweet_count", "like_count", "reply_count", "quote_count")
AUTHOR = tuple(column.key for column in Author.__table__.columns if column.key != "seq")
TWEET = tuple(column.key for column in Tweet.__table__.columns if column.key != "seq")
TREND = ("keyword_id", "minute", "label", "tweets", "sentiment_sum", "sentiment_square_sum")
TERM = ("keyword_id", "hour", "label", "term", "tweets")
AUDIENCE = tuple(column.key for column in Audience.__table__.columns)
INFLUENCE = tuple(column.key for column in Influence.__table__.columns)
COPIED_AT_ONCE = 10_000  # rows of influence held in memory


class SupersededError(TalkerError):
    """A run that was taken for dead comes late: another one of its window has begun."""


class KeywordError(TalkerError):
    """A keyword that cannot be tracked, or is not."""


class UnknownKeywordError(LookupError):
    """Tweets of a keyword that was removed from the database."""


# Some row is at fault: sent again, it is refused again.
REFUSALS = (DataError, IntegrityError, UnicodeEncodeError, UnknownKeywordError)


def add_keyword(
    engine: Engine,
    name: str,
    *,
    query: str | None = None,
    language: str | None = None,
    sensitive: bool = False,
    half_life_hours: float | None = None,
    longest: int = syntax.LONGEST,
) -> int:
    """Track a keyword, or track it again with a new query; returns its id.

    Without a query X is asked for the name itself, as a phrase if it is no single word. `longest` is what X allows for
    a rule.

    Raises:
        KeywordError: the name is empty, longer than 64 characters, or has control characters or quotes, or the language
            is no code.
        QueryError: X would refuse the query.
    """
    name = name.strip()
    if not 0 < len(name) <= 64 or not name.isprintable() or '"' in name:
        raise KeywordError(f"A keyword has 1 to 64 printable characters without quotes, which {name[:70]!r} has not.")
    if language and not re.fullmatch(syntax.LANGUAGE, language):
        raise KeywordError(f"{language!r} is no code of a language, such as en.")
    asked: dict[str, Any] = {
        "query": query or query_of(name),
        "language": language,
        "sensitive": sensitive,
        "active": True,
        "refused": None,
        "paused": False,
    }
    if half_life_hours is not None:
        asked["half_life_hours"] = half_life_hours
    syntax.parsed(str(asked["query"]), longest - syntax.OURS)
    statement = insert(Keyword).values(name=name, **asked).on_conflict_do_update(index_elements=["name"], set_=asked)
    with engine.begin() as connection:
        return connection.execute(statement.returning(Keyword.id)).scalar_one()


def query_of(name: str) -> str:
    """Return what X is asked for where nobody wrote a query: the name, as a phrase if it is no single word."""
    return name if re.fullmatch(r"[#@]\w+|\w{3,}", name) else f'"{name}"'


def remove_keyword(engine: Engine, name: str) -> None:
    """Stop tracking a keyword; what was collected stays.

    Raises:
        KeywordError: no such keyword is tracked.
    """
    statement = update(Keyword).where(Keyword.name == name.strip(), Keyword.active).values(active=False)
    with engine.begin() as connection:
        if not connection.execute(statement.returning(Keyword.id)).first():
            raise KeywordError(f"{name!r} is not tracked; `talker track list` shows what is.")


def refuse_keywords(engine: Engine, refused: Mapping[str, str]) -> None:
    """Note which keywords X refuses, and why, by name; it takes all others."""
    why = case(refused, value=Keyword.name) if refused else null()
    with engine.begin() as connection:
        connection.execute(update(Keyword).where(Keyword.refused.is_distinct_from(why)).values(refused=why))


def change_keyword(engine: Engine, name: str, **changes: bool) -> None:
    """Pause a keyword or let it go on (`paused`), or mark it as `sensitive` or not.

    Raises:
        KeywordError: no such keyword is tracked.
    """
    statement = update(Keyword).where(Keyword.name == name, Keyword.active).values(**changes)
    with engine.begin() as connection:
        if not connection.execute(statement.returning(Keyword.id)).first():
            raise KeywordError(f"{name!r} is not tracked any more.")


def open_gap(engine: Engine, started_at: datetime, reason: str) -> int:
    """Record that the stream stopped listening; returns the gap's id."""
    with engine.begin() as connection:
        statement = insert(Gap).values(started_at=started_at, reason=reason).returning(Gap.id)
        return connection.execute(statement).scalar_one()


def close_gaps(engine: Engine, ended_at: datetime) -> None:
    """Record that the stream listens again: every open gap ends now."""
    with engine.begin() as connection:
        connection.execute(update(Gap).where(Gap.ended_at.is_(None)).values(ended_at=ended_at))


def spend(
    engine: Engine, at: datetime, *, posts: Iterable[int] = (), users: Iterable[int] = (), requests: int = 0
) -> int:
    """Put on X's bill what was delivered at a time; returns how many posts and users are new on it.

    A post or user that is on the same UTC day's bill already costs nothing, so it is safe to repeat but for `requests`.
    """
    at = at.astimezone(UTC)
    with engine.begin() as connection:
        new = {kind: pay(connection, at, kind, ids) for kind, ids in (("post", posts), ("user", users))}
        for kind, amount in (new | {"request": requests}).items():
            if amount:
                charge(connection, at, kind, amount)
    return sum(new.values())


def pay(connection: Connection, at: datetime, kind: str, ids: Iterable[int]) -> int:
    """Remember what is paid for on a day, and forget older days; returns how many were not yet."""
    day = at.date()
    rows = [{"day": day, "kind": kind, "id": one} for one in sorted(set(ids))]
    if not rows:
        return 0
    connection.execute(delete(Paid).where(Paid.day < day - timedelta(days=1)))
    statement = insert(Paid).on_conflict_do_nothing().returning(Paid.id)
    return len(connection.execute(statement, rows).all())


def charge(connection: Connection, at: datetime, kind: str, amount: int) -> None:
    """Add to what an hour cost."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    statement = insert(Spending).values(hour=hour, kind=kind, amount=amount)
    more = {"amount": Spending.amount + statement.excluded.amount}
    connection.execute(statement.on_conflict_do_update(index_elements=["hour", "kind"], set_=more))


def sample(engine: Engine, at: datetime, percent: int) -> None:
    """Note that from a time on X was asked for so many percent of the stream; of 100 and of none there is no sample."""
    running = Sampling.ended_at.is_(None)
    with engine.begin() as connection:
        connection.execute(update(Sampling).where(running, Sampling.percent != percent).values(ended_at=at))
        if 0 < percent < 100 and not connection.execute(select(Sampling.id).where(running)).first():
            connection.execute(insert(Sampling).values(started_at=at, percent=percent))


def save_usage(engine: Engine, posts: Mapping[date, int]) -> None:
    """Keep how many posts X itself counts for some days."""
    if not posts:
        return
    statement = insert(Usage).values([{"day": day, "posts": count} for day, count in sorted(posts.items())])
    newer = {"posts": statement.excluded.posts, "asked_at": func.now()}
    with engine.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_=newer))


def save_fill(engine: Engine, gap_id: int, keyword_id: int, **far: Any) -> None:
    """Record how far a gap is filled for a keyword: `until_id`, `tweets`, `done` and perhaps the `problem`."""
    statement = insert(Fill).values(gap_id=gap_id, keyword_id=keyword_id, **far)
    with engine.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["gap_id", "keyword_id"], set_=far))


def decide_gap(engine: Engine, gap_id: int, *, filled_by: str | None, not_filled: str | None) -> None:
    """Record what filled a gap, or why nothing does, or both when it is filled in part."""
    decided = update(Gap).where(Gap.id == gap_id).values(filled_by=filled_by, not_filled=not_filled)
    with engine.begin() as connection:
        connection.execute(decided)


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


def end_errand(engine: Engine, name: str, at: datetime) -> None:
    """Record that an errand was done."""
    statement = insert(Errand).values(name=name, done_at=at)
    with engine.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"done_at": at}))


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


def start_influence_run(engine: Engine, window_start: datetime, window_end: datetime, weights: str) -> datetime:
    """Record that a window is being computed, for the first time or again; returns when, which is the run's token.

    There is one run at a time, so any other that still says "running" was killed: it is marked as failed. The attempts
    at a window are counted until one is done.
    """
    begun = {"window_start": window_start, "state": "running", "weights": weights, "started_at": func.clock_timestamp()}
    unknown = dict.fromkeys(("stage", "finished_at", "tweets", "authors", "rows", "seconds", "executors", "error"))
    statement = insert(InfluenceRun).values(window_end=window_end, **begun, **unknown)
    attempts = case((InfluenceRun.state == "done", 1), else_=InfluenceRun.attempts + 1)
    begun_again = {**begun, **unknown, "attempts": attempts}
    again = statement.on_conflict_do_update(index_elements=["window_end"], set_=begun_again)
    killed = update(InfluenceRun).where(InfluenceRun.state == "running", InfluenceRun.window_end != window_end)
    with engine.begin() as connection:
        connection.execute(killed.values(state="failed", error="It ended without a word: its process was killed."))
        return connection.execute(again.returning(InfluenceRun.started_at)).scalar_one()


def stage_influence_run(engine: Engine, window_end: datetime, token: datetime, stage: str) -> None:
    """Record how far a run has come."""
    ours = (InfluenceRun.window_end == window_end, InfluenceRun.started_at == token)
    with engine.begin() as connection:
        connection.execute(update(InfluenceRun).where(*ours).values(stage=stage))


def finish_influence_run(
    engine: Engine, window_end: datetime, token: datetime, rows: Iterable[Row], audience: Iterable[Row], **found: int
) -> dict[str, Any]:
    """Replace a window's scores and audience, thin out the history, and mark the run as done; returns the run's row.

    `rows` are rows of `influence` and `audience` of that table, both without `window_end`, read as they are sent;
    `found` is what the run tells of itself: tweets, authors, executors.

    Raises:
        SupersededError: the run that `token` names is no longer the one of this window; nothing is changed.
    """
    remaining, sent = iter(rows), 0
    with engine.begin() as connection:
        ours = select(InfluenceRun.state).filter_by(window_end=window_end, started_at=token).with_for_update()
        if connection.execute(ours).scalar() != "running":
            raise SupersededError(f"Another run of the window that ends at {window_end} has begun since.")
        forget_windows(connection, [window_end])
        while chunk := list(islice(remaining, COPIED_AT_ONCE)):
            copy(connection, "influence", INFLUENCE, ({**row, "window_end": window_end} for row in chunk))
            sent += len(chunk)
        copy(connection, "audience", AUDIENCE, ({**row, "window_end": window_end} for row in audience))
        run = _end_influence_run(window_end, token, state="done", stage=None, rows=sent, **found)
        done = dict(connection.execute(run).mappings().one())
        thin_history(connection, window_end)
        return done


def thin_history(connection: Connection, but: datetime) -> None:
    """Keep every window of the newest two days, then the last of each hour for 30 days, then of each day."""
    thinned = connection.execute(text(THINNED), {"but": but}).scalars().all()
    if thinned:
        forget_windows(connection, thinned)
        connection.execute(delete(InfluenceRun).where(InfluenceRun.window_end.in_(thinned)))


def forget_windows(connection: Connection, ends: Sequence[datetime]) -> None:
    """Remove the scores and audiences of some windows; by keyword, because the primary keys begin with it."""
    keywords = connection.execute(select(Keyword.id)).scalars().all()
    for table in (Influence, Audience):
        connection.execute(delete(table).where(table.keyword_id.in_(keywords), table.window_end.in_(ends)))


def fail_influence_run(engine: Engine, window_end: datetime, token: datetime, error: str) -> None:
    """Mark a run as failed and say why; what the window held before stays, and so does the stage it failed at."""
    with engine.begin() as connection:
        connection.execute(_end_influence_run(window_end, token, state="failed", error=error))


def _end_influence_run(window_end: datetime, token: datetime, **ended: Any) -> ReturningUpdate[Any]:
    now = func.clock_timestamp()
    times = {"finished_at": now, "seconds": func.extract("epoch", now - InfluenceRun.started_at)}
    ours = (InfluenceRun.window_end == window_end, InfluenceRun.started_at == token)
    statement = update(InfluenceRun).where(*ours).values(**times, **ended)
    return statement.returning(*InfluenceRun.__table__.columns)


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
    found = connection.execute(text(TOMBSTONES), {"tweets": _array(tweets), "authors": _array(authors)}).all()
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
    tweets = {(one.keyword_id, row["id"]): row for one in batches for row in once(one.tweets, merged_tweet)}
    values = itemgetter(*TWEET[1:])  # behind the keyword
    rows = ((keyword, *values(row)) for (keyword, _), row in tweets.items())
    copy_values(connection, "incoming_tweet", TWEET, rows)
    new = [(keyword, tweets[keyword, number]) for keyword, number in connection.execute(text(SAVE_NEW_TWEETS))]
    known = connection.execute(text(CHANGE_KNOWN_TWEETS)) if len(new) < len(tweets) else ()
    heard = [(keyword, tweets[keyword, number]) for keyword, number, was_heard in known if was_heard]
    volume = [(keyword, row) for keyword, row in new if row["matched"]] + heard
    move_terms(connection, new)
    move_trend(connection, volume)
    return Counter(keyword for keyword, _ in volume)


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
    moved: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for keyword, row in tweets:
        if row["terms"]:
            hour = row["created_at"].replace(minute=0, second=0, microsecond=0)
            moved[keyword, hour, row["label"]].update(row["terms"])
    if moved:
        rows = ((*key, term, tweets) for key, terms in moved.items() for term, tweets in terms.items())
        copy_values(connection, "incoming_term", TERM, rows)
        connection.execute(text(MOVE_TERMS))


def move_trend(connection: Connection, tweets: Iterable[tuple[int, Row]]) -> None:
    """Count tweets that became volume, and the voices of the minutes that they move, which cannot be added up."""
    moved: dict[tuple[Any, ...], list[int]] = {}
    for keyword, row in tweets:
        minute = row["created_at"].replace(second=0, microsecond=0)
        sums = moved.setdefault((keyword, minute, row["label"]), [0, 0, 0])
        sentiment = round((row["sentiment"] or 0) * 10_000)  # VADER gives four decimals; whole numbers add up exactly
        sums[0], sums[1], sums[2] = sums[0] + 1, sums[1] + sentiment, sums[2] + sentiment**2
    if moved:
        rows = ((*key, tweets, f"{one}e-4", f"{square}e-8") for key, (tweets, one, square) in moved.items())
        copy_values(connection, "incoming_trend", TREND, rows)
        connection.execute(text(MOVE_TREND))
        connection.execute(text(COUNT_VOICES))  # with a snapshot taken after the minutes were locked


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
    return [row for _, row in sorted(unique.items())]


def merged_tweet(one: Row, other: Row) -> Row:
    """Merge two sights of a tweet: the highest of each count, and matched if either was."""
    highest = {count: max((one[count], other[count]), key=known) for count in COUNTS}
    return {**one, **highest, "matched": one["matched"] or other["matched"]}


def newer_author(one: Row, other: Row) -> Row:
    """Of two snapshots of an author keep the later; at the same time the one with higher counts."""
    return max(one, other, key=lambda row: (row["seen_at"], *(known(row[count]) for count in SNAPSHOT_ORDER)))


def known(count: int | None) -> int:
    """Order unknown counts below every known one."""
    return -1 if count is None else count


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Send rows by COPY, several times as fast as INSERT."""
    copy_values(connection, table, columns, ([row[column] for column in columns] for row in rows))


def copy_values(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Send rows, each the values of the columns, by COPY."""
    send(connection, f"COPY {table} ({', '.join(columns)}) FROM STDIN", rendered(rows))


def rendered(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows in COPY's text format."""
    return "".join(["\t".join([COPIED[type(value)](value) for value in row]) + "\n" for row in rows]).encode()


def send(connection: Connection, statement: str, lines: bytes) -> None:
    """Run a COPY from rendered lines."""
    driver: Any = connection.dialect.loaded_dbapi
    with closing(connection.connection.cursor()) as cursor:
        try:
            cast(Any, cursor).copy_expert(statement, io.BytesIO(lines))
        except driver.Error as error:  # SQLAlchemy does not see this statement, so its errors are made here
            raise DBAPIError.instance(statement, None, error, driver.Error, dialect=connection.dialect) from error


def _text(value: str) -> str:
    return value.translate(ESCAPES) if SPECIAL.search(value) else value


def _array(value: Iterable[int]) -> str:
    return f"{{{','.join(map(str, value))}}}"  # a literal: Postgres takes long to parse thousands of numbers one by one


SPECIAL = re.compile(r"[\\\t\n\r]")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

# How a value is written in COPY's text format (postgresql.org/docs/current/sql-copy.html); a list is one of numbers.
COPIED: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: r"\N",
    str: _text,
    int: str,
    float: repr,
    bool: str,
    datetime: datetime.isoformat,
    list: _array,
}

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

SAVE_NEW_TWEETS = f"""
INSERT INTO tweet ({", ".join(TWEET)}) SELECT {", ".join(TWEET)} FROM incoming_tweet ORDER BY keyword_id, id
ON CONFLICT DO NOTHING RETURNING keyword_id, id
"""  # noqa: S608 - built from our own column names

# Counts only grow. An original first known through a retweet is volume from the moment X delivers it itself: `heard`.
CHANGE_KNOWN_TWEETS = f"""
WITH known AS MATERIALIZED (
  SELECT t.keyword_id, t.id, i.matched AND NOT t.matched AS heard
  FROM tweet t JOIN incoming_tweet i USING (keyword_id, id)
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

SAVE_AUTHORS = f"""
INSERT INTO author ({", ".join(AUTHOR)}) SELECT {", ".join(AUTHOR)} FROM incoming_author ORDER BY id
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in AUTHOR if c != "id")}, seq = {_SEQ}
WHERE {_NEWER.format("author")} < {_NEWER.format("excluded")}
"""  # noqa: S608 - built from our own column names

# Of the windows of one hour, or day, all but the last.
THINNED = """
WITH newest AS (SELECT max(window_end) AS at FROM influence_run WHERE state = 'done')
SELECT window_end FROM (
  SELECT window_end, row_number() OVER (PARTITION BY CASE
    WHEN window_end > newest.at - interval '48 hours' THEN window_end
    WHEN window_end > newest.at - interval '30 days' THEN date_bin('1 hour', window_end - interval '1 us', 'epoch')
    ELSE date_bin('1 day', window_end - interval '1 us', 'epoch') END ORDER BY window_end DESC) AS place
  FROM influence_run, newest WHERE state = 'done'
) AS placed WHERE place > 1 AND window_end <> :but
"""
