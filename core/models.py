"""The tables. Column names are X API v2's own; times are UTC; an unknown count is NULL, never 0."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# The transaction that last wrote the row. A reader that takes only rows below the oldest transaction in
# flight (pg_snapshot_xmin) can neither skip a row nor read half a batch: see jobs.extract.
WRITTEN_BY = sql("(pg_current_xact_id()::text::bigint)")


class Base(DeclarativeBase):
    """All tables share one naming of constraints, so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as declared
        datetime: DateTime(timezone=True),
        float: Double,
        str: String,
        bytes: LargeBinary,
    }


class Account(Base):
    """A person who signs in to the app."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    company: Mapped[str | None]
    interest: Mapped[str | None]  # what they said they want to track
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="viewer")  # viewer, analyst, admin
    usage: Mapped[bool] = mapped_column(server_default="true")  # may what they do be recorded?
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoginSession(Base):
    """A signed-in browser; deleting the row signs it out."""

    __tablename__ = "login_session"
    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Event(Base):
    """What people do in the app: usage and feedback, never content."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    kind: Mapped[str]
    detail: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")


class Export(Base):
    """How many tweets and people somebody has taken out of the app on a UTC day: X allows a number of them."""

    __tablename__ = "export"
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    objects: Mapped[int]


class Keyword(Base):
    """What is tracked: X gets `query`, people see `name`; while it is `paused`, X is not asked.

    `refused` says why X does not take the query.
    """

    __tablename__ = "keyword"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    query: Mapped[str]
    language: Mapped[str | None]
    sensitive: Mapped[bool] = mapped_column(server_default="false")
    refused: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default="true")
    paused: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    half_life_hours: Mapped[float | None]  # of what a tweet earned; NULL: the setting's


class Author(Base):
    """X's user object as last seen; `seen_at` is the time of the newest tweet that showed it."""

    __tablename__ = "author"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    username: Mapped[str | None]
    name: Mapped[str | None]
    location: Mapped[str | None]
    verified: Mapped[bool | None]
    profile_image_url: Mapped[str | None]
    created_at: Mapped[datetime | None]
    followers_count: Mapped[int | None] = mapped_column(BigInteger)
    following_count: Mapped[int | None] = mapped_column(BigInteger)
    tweet_count: Mapped[int | None] = mapped_column(BigInteger)
    listed_count: Mapped[int | None] = mapped_column(BigInteger)
    synthetic: Mapped[bool] = mapped_column(server_default="false")
    seen_at: Mapped[datetime]
    seq: Mapped[int] = mapped_column(BigInteger, server_default=WRITTEN_BY, index=True)

    __table_args__ = (Index("ix_author_synthetic", "synthetic", postgresql_where=sql("synthetic")),)


class Tweet(Base):
    """A tweet as seen for one keyword.

    `matched` is true when X delivered it for the keyword; an original known only through a retweet of it is
    kept for its author's credit, but is not volume. `label` is -1, 0 or 1; NULL means not scored. `mentioned_ids`
    are the accounts that the author addressed; a retweet addresses nobody. Of this table and the two below no foreign
    key guards `keyword_id`: it would look for the keyword at each row, which core.batches does once a batch.
    """

    __tablename__ = "tweet"
    keyword_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    author_id: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    kind: Mapped[str]  # original, retweet, quote, reply
    original_id: Mapped[int | None] = mapped_column(BigInteger)
    conversation_id: Mapped[int | None] = mapped_column(BigInteger)
    text: Mapped[str]
    lang: Mapped[str | None]
    mentioned_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    retweet_count: Mapped[int | None] = mapped_column(BigInteger)
    like_count: Mapped[int | None] = mapped_column(BigInteger)
    reply_count: Mapped[int | None] = mapped_column(BigInteger)
    quote_count: Mapped[int | None] = mapped_column(BigInteger)
    sentiment: Mapped[float | None]
    label: Mapped[int | None] = mapped_column(SmallInteger)
    place: Mapped[str | None]
    country_code: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    place_confidence: Mapped[float | None]
    matched: Mapped[bool] = mapped_column(server_default="true")
    seq: Mapped[int] = mapped_column(BigInteger, server_default=WRITTEN_BY, index=True)

    __table_args__ = (
        # What is counted in a range is in the index: on their pages the tweets of one keyword lie among all others'.
        Index(None, "keyword_id", "created_at", postgresql_include=["author_id", "sentiment", "label", "matched"]),
        Index(None, "keyword_id", "author_id"),
        Index(None, "keyword_id", "original_id", postgresql_where=sql("original_id IS NOT NULL")),
    )


class Trend(Base):
    """Volume and mood per keyword, minute and label; NULL label = not scored (retweets, other languages).

    `voices` counts distinct authors inside this minute and label only: it does not add up over rows.
    The sums are exact decimals, so that the order of batches cannot change them.
    """

    __tablename__ = "trend"
    keyword_id: Mapped[int]
    minute: Mapped[datetime]
    label: Mapped[int | None] = mapped_column(SmallInteger)
    tweets: Mapped[int]
    voices: Mapped[int]
    sentiment_sum: Mapped[float] = mapped_column(Numeric(16, 4, asdecimal=False))
    sentiment_square_sum: Mapped[float] = mapped_column(Numeric(20, 8, asdecimal=False))

    __table_args__ = (UniqueConstraint("keyword_id", "minute", "label", postgresql_nulls_not_distinct=True),)
    __mapper_args__ = {"primary_key": ["keyword_id", "minute", "label"]}  # noqa: RUF012 - a real one takes no NULL


class Term(Base):
    """How many tweets used a word or hashtag (it starts with #), per keyword, hour and label."""

    __tablename__ = "term"
    keyword_id: Mapped[int]
    hour: Mapped[datetime]
    label: Mapped[int | None] = mapped_column(SmallInteger)
    term: Mapped[str]
    tweets: Mapped[int]

    __table_args__ = (UniqueConstraint("keyword_id", "hour", "label", "term", postgresql_nulls_not_distinct=True),)
    __mapper_args__ = {"primary_key": ["keyword_id", "hour", "label", "term"]}  # noqa: RUF012


class PastHour(Base):
    """What an hour of a keyword adds up to once it is over: see core.past. All but the key is NULL until then.

    `labels`, `tweets` and the sums belong together: those of `trend`. `tweet_ids` are those of its tweets, `author_ids`
    of whoever wrote them, each once: 8 bytes an id, for there are thousands.
    """

    __tablename__ = "past_hour"
    keyword_id: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    labels: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    tweets: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    sentiment_sums: Mapped[list[float] | None] = mapped_column(ARRAY(Numeric(asdecimal=False)))
    sentiment_square_sums: Mapped[list[float] | None] = mapped_column(ARRAY(Numeric(asdecimal=False)))
    tweet_ids: Mapped[bytes | None]
    author_ids: Mapped[bytes | None]

    __table_args__ = (Index("ix_past_hour_due", "keyword_id", "hour", postgresql_where=sql("author_ids IS NULL")),)


class PastDay(Base):
    """How many tweets of a UTC day that is over used each term, per label; all but the key is NULL until then.

    `terms`, `labels` and `tweets` belong together: those of `term`.
    """

    __tablename__ = "past_day"
    keyword_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    terms: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    labels: Mapped[list[int | None] | None] = mapped_column(ARRAY(SmallInteger))
    tweets: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))

    __table_args__ = (Index("ix_past_day_due", "keyword_id", "day", postgresql_where=sql("terms IS NULL")),)


class Gap(Base):
    """A time in which the stream was not listening, why, and what filled it afterwards, or why nothing does."""

    __tablename__ = "gap"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    reason: Mapped[str]
    filled_by: Mapped[str | None]
    not_filled: Mapped[str | None]


class Fill(Base):
    """How far a gap is filled for a keyword: search tells the newest first, and has told all from `until_id` on."""

    __tablename__ = "fill"
    gap_id: Mapped[int] = mapped_column(ForeignKey("gap.id", ondelete="CASCADE"), primary_key=True)
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    until_id: Mapped[int] = mapped_column(BigInteger)
    tweets: Mapped[int]
    done: Mapped[bool]
    problem: Mapped[str | None]


class Errand(Base):
    """When something that is to be done from time to time was last done."""

    __tablename__ = "errand"
    name: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]


class Sampling(Base):
    """A time in which only a share of the stream was read, for the sake of the budget, and its whole percent."""

    __tablename__ = "sampling"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    percent: Mapped[int] = mapped_column(SmallInteger)


class SpoolOffset(Base):
    """How far a tracker has committed a spool, moved in the same transaction as what it read there."""

    __tablename__ = "spool_offset"
    spool: Mapped[str] = mapped_column(primary_key=True)
    tracker: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    stored: Mapped[int] = mapped_column(BigInteger)
    duplicate: Mapped[int] = mapped_column(BigInteger)


class DeadLetter(Base):
    """A payload that could not become rows, whole, with the reason."""

    __tablename__ = "dead_letter"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    spool: Mapped[str]
    position: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]  # malformed: X's fault; refused: the database's word
    detail: Mapped[str]
    payload: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (UniqueConstraint("spool", "position"),)


class Spending(Base):
    """What X's bill has of ours: posts and users read, and requests that cost by themselves, per UTC hour."""

    __tablename__ = "spending"
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # post, user, request
    amount: Mapped[int] = mapped_column(BigInteger)


class Paid(Base):
    """The posts and users that are on the bill of a UTC day: X does not bill one again on the same day."""

    __tablename__ = "paid"
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # post, user
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class Usage(Base):
    """How many posts X itself counts for a UTC day, as it last said."""

    __tablename__ = "usage"
    day: Mapped[date] = mapped_column(primary_key=True)
    posts: Mapped[int] = mapped_column(BigInteger)
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Estimate(Base):
    """How many posts a day a query would bring, as X counted the last seven days; `problem` says why that is not known.

    Whoever wants to know asks by a row, for the reader alone speaks with X.
    """

    __tablename__ = "estimate"
    query: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answered_at: Mapped[datetime | None]
    posts_a_day: Mapped[float | None]
    problem: Mapped[str | None]


class Pulse(Base):
    """What the reader and the supervisor last told of themselves, and when."""

    __tablename__ = "pulse"
    name: Mapped[str] = mapped_column(primary_key=True)  # reader, supervisor
    at: Mapped[datetime]
    told: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Tombstone(Base):
    """What must not come back: ids only, kept so that no replay, late retry or search brings it back.

    `kind` is tweet; author, whose tweets with ids up to `upto` are gone (an account that returns later tweets anew); or
    place, an author whose tweets up to `upto` lost their place. `seq` tells the lake's keeper what is new.
    """

    __tablename__ = "tombstone"
    kind: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    upto: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    seq: Mapped[int] = mapped_column(BigInteger, server_default=WRITTEN_BY, index=True)


class InfluenceRun(Base):
    """One run of the influence job; `state` is running, done or failed, `stage` how far it came.

    The stages are extract, compute and load; a run that is done has none. `attempts` is how often the window was begun
    since it was last done.
    """

    __tablename__ = "influence_run"
    window_end: Mapped[datetime] = mapped_column(primary_key=True)
    window_start: Mapped[datetime]
    state: Mapped[str]
    stage: Mapped[str | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    tweets: Mapped[int | None] = mapped_column(BigInteger)
    authors: Mapped[int | None] = mapped_column(BigInteger)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    seconds: Mapped[float | None]
    executors: Mapped[int | None]
    weights: Mapped[str | None]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(server_default="1")


class Influence(Base):
    """An author's influence on a keyword in the window that ends at `window_end`.

    score = reach + resonance, 0..100; reach is the points of followers, lists and posts, resonance those of engagement
    and mentions. Points are NULL where the criterion is unknown: the others then share its weight. `retweet_count` and
    `like_count` are what the author's own tweets on the keyword earned, `mentions` how many others addressed the
    author. `sentiment` is the mean over the `scored` of the tweets that could be scored, NULL when none could.

    `rank` counts from 1 within keyword, window and label; `rank_low` to `rank_high` is where it lies in nine of ten
    resamples of the tweets, NULL for those not near the top. `share` is how many of the author's own tweets that the
    window holds, on whatever keyword, are on this one.
    """

    __tablename__ = "influence"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    window_end: Mapped[datetime] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    score: Mapped[float]
    reach: Mapped[float]
    resonance: Mapped[float]
    followers_points: Mapped[float | None]
    listed_points: Mapped[float | None]
    tweet_points: Mapped[float | None]
    engagement_points: Mapped[float | None]
    mentions_points: Mapped[float | None]
    rank: Mapped[int | None]
    rank_low: Mapped[int | None]
    rank_high: Mapped[int | None]
    followers_count: Mapped[int | None] = mapped_column(BigInteger)
    listed_count: Mapped[int | None] = mapped_column(BigInteger)
    tweet_count: Mapped[int | None] = mapped_column(BigInteger)
    retweet_count: Mapped[int | None] = mapped_column(BigInteger)
    like_count: Mapped[int | None] = mapped_column(BigInteger)
    mentions: Mapped[int | None]
    tweets: Mapped[int]
    share: Mapped[float | None]
    scored: Mapped[int]
    sentiment: Mapped[float | None]
    label: Mapped[int | None] = mapped_column(SmallInteger)
    first_tweet_at: Mapped[datetime | None]
    last_tweet_at: Mapped[datetime | None]
    top_tweet_id: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (Index(None, "keyword_id", "window_end", "label", "score"),)


class Audience(Base):
    """How many could have heard of a keyword in a window: at most the followers of all who tweeted on it, summed up.

    Followers of two voices are counted twice, hence at most. `known` is how many of the `voices` have a known count;
    `followers_count` is NULL when none has.
    """

    __tablename__ = "audience"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    window_end: Mapped[datetime] = mapped_column(primary_key=True)
    tweets: Mapped[int] = mapped_column(BigInteger)
    voices: Mapped[int] = mapped_column(BigInteger)
    known: Mapped[int] = mapped_column(BigInteger)
    followers_count: Mapped[int | None] = mapped_column(BigInteger)


class AlertRule(Base):
    """How much a keyword may alert: its budget by volume, and until when nothing of it is sent."""

    __tablename__ = "alert_rule"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    per_week: Mapped[float] = mapped_column(server_default="1")
    muted_until: Mapped[datetime | None]


class AlertWatch(Base):
    """How far a keyword is judged for alerts, when it last was both loud and sour, and what goes on, if anything."""

    __tablename__ = "alert_watch"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    until: Mapped[datetime]
    both_at: Mapped[datetime | None]
    began: Mapped[datetime | None]
    level: Mapped[str | None]
    last_at: Mapped[datetime | None]


class Alert(Base):
    """An episode that began, or got worse, with all the numbers that made it so; `episode` is when it began."""

    __tablename__ = "alert"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    level: Mapped[str]  # watch, warning, crisis, good news, slow burn
    episode: Mapped[datetime]
    numbers: Mapped[dict[str, object]] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index(None, "at"),)


class AlertMark(Base):
    """That somebody has seen to an alert."""

    __tablename__ = "alert_mark"
    keyword_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))
    marked_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (ForeignKeyConstraint(["keyword_id", "at"], ["alert.keyword_id", "alert.at"], ondelete="CASCADE"),)


class Delivery(Base):
    """An alert on its way to a channel; `state` is waiting, done or dead, and then `error` says why."""

    __tablename__ = "delivery"
    keyword_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="waiting")
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    error: Mapped[str | None]
    done_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(["keyword_id", "at"], ["alert.keyword_id", "alert.at"], ondelete="CASCADE"),
        Index(None, "due_at", postgresql_where=sql("state = 'waiting'")),
    )


class Rehearsal(Base):
    """What a budget of alerts would have told over a keyword's own past; `told` has the time and level of each."""

    __tablename__ = "rehearsal"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    per_week: Mapped[float] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    until: Mapped[datetime]
    told: Mapped[list[dict[str, str]]] = mapped_column(JSONB)


class ForecastRun(Base):
    """What was told of a keyword at an `origin`, up to which all was known, or why nothing was.

    `subject` is people, tweets or mood; `ahead` how many weeks or days were looked ahead, of a `history` of as many.
    `backtest` is the scorecard of the same predictions made at earlier times. Sensitive keywords have no people.
    """

    __tablename__ = "forecast_run"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[datetime] = mapped_column(primary_key=True)
    ahead: Mapped[int] = mapped_column(SmallInteger)
    history: Mapped[int] = mapped_column(SmallInteger)
    refused: Mapped[str | None]
    backtest: Mapped[dict[str, object]] = mapped_column(JSONB, server_default="{}")
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Forecast(Base):
    """What was expected, by each way, for the week or day that ends at `due`; never changed, but judged once it came.

    Of people there are ten a way, the highest `expected` score at `place` 1, with the `chance` to be among the first
    five; `actual_place` is NULL for somebody who was not there. `low` to `high` holds what comes in eight of ten cases.
    """

    __tablename__ = "forecast"
    keyword_id: Mapped[int] = mapped_column(ForeignKey("keyword.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    origin: Mapped[datetime] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(primary_key=True)
    way: Mapped[str] = mapped_column(primary_key=True)  # model, persistence, mean
    place: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    author_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    expected: Mapped[float]
    low: Mapped[float | None]
    high: Mapped[float | None]
    chance: Mapped[float | None]
    shown: Mapped[bool]
    actual: Mapped[float | None]
    actual_place: Mapped[int | None]
