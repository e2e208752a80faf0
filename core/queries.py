"""Reads: each function answers one question and returns a Select with every value bound.

A range is given as `start` and `end` and means start <= created_at < end, in UTC; both are whole minutes, so that the
tweets of a range and its minutes of `trend` are the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Double,
    Select,
    String,
    Subquery,
    and_,
    any_,
    cast,
    column,
    func,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from core.models import (
    Account,
    Audience,
    Author,
    DeadLetter,
    Errand,
    Estimate,
    Event,
    Fill,
    Forecast,
    ForecastRun,
    Gap,
    Influence,
    InfluenceRun,
    Keyword,
    LoginSession,
    Paid,
    PastDay,
    PastHour,
    Pulse,
    Sampling,
    Spending,
    SpoolOffset,
    Term,
    Tombstone,
    Trend,
    Tweet,
    Usage,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF_MINUTE = timedelta(seconds=30)  # into a minute: the share of the stream that was read then holds for all of it
QUARTER = timedelta(minutes=15)  # how often influence is computed

HOUR, DAY, MICROSECOND = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
MOST_READ = 3_000  # tweets of a range that are read one by one, where no counter tells
MOST_PARTS = 240  # of a range, of each of which as many are read

BEST_FIRST = (Influence.score.desc(), Influence.rank, Influence.author_id)

Rows = Select[*tuple[Any, ...]]
ScalarRows = Select[int]


def keywords() -> Rows:
    """What is tracked now, by name."""
    return (
        select(
            *(Keyword.id, Keyword.name, Keyword.query, Keyword.language, Keyword.sensitive),
            *(Keyword.paused, Keyword.refused, Keyword.half_life_hours),
        )
        .where(Keyword.active)
        .order_by(Keyword.name)
    )


def tracking() -> Rows:
    """What is tracked, with when each keyword's newest tweet was written and how many came in the last 24 hours."""
    newest = select(Tweet.created_at).where(Tweet.keyword_id == Keyword.id, Tweet.matched)
    day = select(func.coalesce(func.sum(Trend.tweets), 0)).where(Trend.keyword_id == Keyword.id)
    return keywords().add_columns(
        newest.order_by(Tweet.created_at.desc()).limit(1).scalar_subquery().label("newest"),
        day.where(Trend.minute > func.now() - timedelta(hours=24)).scalar_subquery().label("tweets"),
    )


def replayed(spool: str) -> Rows:
    """What became of a spool's payloads: tweets stored and duplicate, payloads malformed and dead."""
    buried = select(func.count()).where(DeadLetter.spool == spool)
    ours = SpoolOffset.spool == spool
    return select(
        cast(func.coalesce(func.sum(SpoolOffset.stored).filter(ours), 0), BigInteger).label("stored"),
        cast(func.coalesce(func.sum(SpoolOffset.duplicate).filter(ours), 0), BigInteger).label("duplicate"),
        buried.where(DeadLetter.reason == "malformed").scalar_subquery().label("malformed"),
        buried.where(DeadLetter.reason != "malformed").scalar_subquery().label("dead"),
    )


def dead_letters() -> Rows:
    """Every payload that could not become rows, in the order they were dropped."""
    return select(DeadLetter.id, DeadLetter.payload).order_by(DeadLetter.id)


def dead_by_reason() -> Rows:
    """How many payloads could not become rows, by reason."""
    return select(DeadLetter.reason, func.count().label("payloads")).group_by(DeadLetter.reason).order_by("reason")


def newest_tweet(keyword_id: int) -> Rows:
    """When the newest tweet that X delivered for a keyword was written; no row when there is none."""
    return (
        select(Tweet.created_at)
        .where(Tweet.keyword_id == keyword_id, Tweet.matched)
        .order_by(Tweet.created_at.desc())
        .limit(1)
    )


def share(start: datetime, end: datetime) -> Rows:
    """The smallest `percent` of the stream that was read in a range."""
    return select(_share(start, end))


def trend(keyword_id: int, edges: Sequence[datetime]) -> Rows:
    """Tweets and sentiment sums per bin and label; empty bins have no row.

    `edges` say where each bin begins, counted from 0, and where the last one ends. Label NULL holds the tweets that
    were not scored; their sentiment sums say nothing. `percent` is the smallest share of the stream that was read in
    the bin, `estimated` how many tweets those that were read stand for.
    """
    in_part = select(Sampling.id).where(_sampled(PastHour.hour, PastHour.hour + HOUR)).exists()
    hours = _hours(keyword_id, edges, ~in_part)
    minutes = _within(hours, Trend, Trend.keyword_id == keyword_id, Trend.minute)
    middle = minutes.c.minute + HALF_MINUTE
    sums = _unnested(hours.c.labels, hours.c.tweets, hours.c.sentiment_sums, hours.c.sentiment_square_sums)
    columns = ("label", "tweets", "sentiment_sum", "sentiment_square_sum")
    whole = select(hours.c.hour.label("at"), *(one.label(name) for one, name in zip(sums.c, columns, strict=True)))
    every = union_all(
        whole.add_columns(literal(100).label("percent")).join_from(hours, sums, true()),
        select(minutes.c.minute, *(minutes.c[name] for name in columns), func.coalesce(Sampling.percent, 100))
        .select_from(minutes)
        .outerjoin(Sampling, _sampled(middle, middle)),
    ).subquery()
    return (
        select(
            _bin(every.c.at, edges),
            every.c.label,
            cast(func.sum(every.c.tweets), BigInteger).label("tweets"),
            cast(func.sum(every.c.sentiment_sum), Double).label("sentiment_sum"),
            cast(func.sum(every.c.sentiment_square_sum), Double).label("sentiment_square_sum"),
            func.sum(cast(every.c.tweets, Double) * 100.0 / every.c.percent).label("estimated"),
            func.min(every.c.percent).label("percent"),
        )
        .group_by("bin", every.c.label)
        .order_by("bin")
    )


def voices(keyword_id: int, edges: Sequence[datetime]) -> Rows:
    """Who spoke in each bin: `author_ids`, 8 bytes each, in pieces; whoever is in several of them is one voice."""
    return _ids(keyword_id, edges, Tweet.author_id, PastHour.author_ids)


def tweets_in(keyword_id: int, start: datetime, end: datetime) -> Rows:
    """Which tweets a range holds: `tweet_ids`, 8 bytes each, in pieces."""
    return _ids(keyword_id, (start, end), Tweet.id, PastHour.tweet_ids)


def top_influencers(keyword_id: int, label: int, limit: int = 5, until: datetime | None = None) -> Rows:
    """The highest scores of one sentiment in the newest window, with the author, their top tweet and the window's run.

    With `until` the newest is the last that ends by then, or the first there is, if none does.

    `deviation` is that of the sentiments of the author's own tweets in the window, `percent` the smallest share of the
    stream that was read in it. Ids are text, as X sends them: a frame would round a large number beside a NULL.
    """
    own = and_(Tweet.keyword_id == Influence.keyword_id, Tweet.author_id == Influence.author_id)
    within = and_(Tweet.created_at > InfluenceRun.window_start, Tweet.created_at <= Influence.window_end)
    deviation = select(func.stddev_samp(Tweet.sentiment)).where(own, within, Tweet.label.is_not(None))
    shown = aliased(Tweet)
    return (
        select(
            cast(Influence.author_id, String).label("author_id"),
            *(column for column in Influence.__table__.columns if column.key not in ("author_id", "top_tweet_id")),
            InfluenceRun.window_start,
            InfluenceRun.weights,
            deviation.correlate(Influence, InfluenceRun).scalar_subquery().label("deviation"),
            Author.name,
            Author.username,
            Author.profile_image_url,
            Author.synthetic,
            cast(shown.id, String).label("tweet_id"),
            shown.text,
            shown.created_at,
            _share(InfluenceRun.window_start, Influence.window_end),
        )
        .outerjoin(InfluenceRun, InfluenceRun.window_end == Influence.window_end)
        .outerjoin(Author, Author.id == Influence.author_id)
        .outerjoin(shown, and_(shown.keyword_id == Influence.keyword_id, shown.id == Influence.top_tweet_id))
        .where(*_ranked(keyword_id, label, until))
        .order_by(*BEST_FIRST)
        .limit(limit)
    )


def candidates(keyword_id: int, label: int, limit: int = 200, until: datetime | None = None) -> Rows:
    """The points of the highest scores of one sentiment in the newest window, for another order under other weights."""
    points = (column for column in Influence.__table__.columns if column.key.endswith("_points"))
    return (
        select(
            cast(Influence.author_id, String).label("author_id"),
            Influence.label,
            Influence.rank,
            Influence.score,
            *points,
            InfluenceRun.weights,
            Author.name,
            Author.username,
            Author.synthetic,
        )
        .outerjoin(InfluenceRun, InfluenceRun.window_end == Influence.window_end)
        .outerjoin(Author, Author.id == Influence.author_id)
        .where(*_ranked(keyword_id, label, until))
        .order_by(*BEST_FIRST)
        .limit(limit)
    )


def moods(keyword_id: int, until: datetime | None = None) -> Rows:
    """How many voices the newest window puts in each mood; label NULL is those whose mood cannot be told."""
    return (
        select(Influence.label, func.count().label("voices"))
        .where(Influence.keyword_id == keyword_id, Influence.window_end == _newest(Influence, keyword_id, until))
        .group_by(Influence.label)
    )


def newest_run() -> Rows:
    """The influence run that began last: its window, how it ended or how far it is; no row when none has begun."""
    run = InfluenceRun
    return select(run.window_end, run.state, run.stage, run.started_at).order_by(run.started_at.desc()).limit(1)


def audience(keyword_id: int, until: datetime | None = None) -> Rows:
    """How many the voices of the newest window could speak to, at most; no row when no window has been computed.

    `percent` is the smallest share of the stream that was read in the window.
    """
    share = _share(InfluenceRun.window_start, Audience.window_end)
    return (
        select(*Audience.__table__.columns, InfluenceRun.window_start, share)
        .outerjoin(InfluenceRun, InfluenceRun.window_end == Audience.window_end)
        .where(Audience.keyword_id == keyword_id, Audience.window_end == _newest(Audience, keyword_id, until))
    )


def influence_windows(since: datetime) -> Rows:
    """The windows that end after a time and were begun: whether they are done, how often they were tried, and when."""
    run = InfluenceRun
    return select(run.window_end, run.state, run.attempts, run.started_at).where(run.window_end > since)


def weekly_scores(since: datetime, until: datetime, best: int = 50) -> Rows:
    """The mean score a week of whoever was among the best of any week, on each keyword that may show people.

    Of each day the last window is taken; who is not in it has 0 there. A week is named by its Monday.
    """
    run = InfluenceRun
    ended = run.window_end - MICROSECOND  # a window that ends at midnight is of the day before
    day = (
        select(func.max(run.window_end).label("window_end"), func.date_trunc("week", func.max(ended)).label("week"))
        .where(run.state == "done", run.window_end > since, run.window_end <= until)
        .group_by(func.date_trunc("day", ended))
        .cte("day")
    )
    in_week = select(day.c.week, func.count().label("days")).group_by(day.c.week).cte("in_week")
    score = (func.sum(Influence.score) / in_week.c.days).label("score")
    weekly = (
        select(Influence.keyword_id, day.c.week, Influence.author_id, score)
        .join(day, day.c.window_end == Influence.window_end)
        .join(in_week, in_week.c.week == day.c.week)
        .join(Keyword, Keyword.id == Influence.keyword_id)
        .where(Keyword.active, ~Keyword.sensitive)
        .group_by(Influence.keyword_id, day.c.week, in_week.c.days, Influence.author_id)
        .cte("weekly")
    )
    place = func.rank().over(partition_by=(weekly.c.keyword_id, weekly.c.week), order_by=weekly.c.score.desc())
    placed = select(weekly, place.label("place")).subquery()
    ever = select(placed.c.keyword_id, placed.c.author_id).where(placed.c.place <= best)
    return (
        select(weekly)
        .where(tuple_(weekly.c.keyword_id, weekly.c.author_id).in_(ever))
        .order_by(weekly.c.keyword_id, weekly.c.week, weekly.c.author_id)
    )


def foretold_since(origin: datetime) -> Rows:
    """The forecasts of days that were made from an origin on; no row when none was."""
    return select(ForecastRun.keyword_id).where(ForecastRun.subject == "tweets", ForecastRun.origin >= origin).limit(1)


def unjudged(due: datetime) -> Rows:
    """The forecasts that have come due by a time and were not judged yet."""
    return select(*inspect(Forecast).primary_key, Forecast.author_id).where(
        Forecast.actual.is_(None), Forecast.due <= due
    )


def forecasts(keyword_id: int, subject: str) -> Rows:
    """Every forecast of a keyword's people, tweets or mood, the newest first, with who is meant."""
    return (
        select(
            *(column for column in Forecast.__table__.columns if column.key not in ("keyword_id", "author_id")),
            cast(Forecast.author_id, String).label("author_id"),
            Author.name,
            Author.username,
            Author.synthetic,
        )
        .outerjoin(Author, Author.id == Forecast.author_id)
        .where(Forecast.keyword_id == keyword_id, Forecast.subject == subject)
        .order_by(Forecast.origin.desc(), Forecast.due, Forecast.way, Forecast.place)
    )


def forecast_runs(keyword_id: int) -> Rows:
    """The newest forecast of each subject of a keyword: what it looked back on, or why nothing was told."""
    run = ForecastRun
    columns = (run.subject, run.origin, run.ahead, run.history, run.refused, run.backtest, run.made_at)
    latest = func.rank().over(partition_by=run.subject, order_by=run.origin.desc()).label("latest")
    ranked = select(*columns, latest).where(run.keyword_id == keyword_id).subquery()
    return select(*(ranked.c[column.key] for column in columns)).where(ranked.c.latest == 1).order_by(ranked.c.subject)


def reaching(keyword_id: int, limit: int = 100) -> Rows:
    """The neutral and negative of the newest window with the highest scores, and what they reach and earned."""
    columns = ("label", "score", "sentiment", "scored", "followers_count", "retweet_count", "like_count")
    return (
        select(
            *(getattr(Influence, name) for name in columns),
            cast(Influence.author_id, String).label("author_id"),
            Author.name,
            Author.username,
        )
        .join(Author, Author.id == Influence.author_id)
        .where(Influence.keyword_id == keyword_id, Influence.window_end == _newest(Influence, keyword_id, None))
        .where(Influence.label < 1)
        .order_by(Influence.label, Influence.score.desc(), Influence.author_id)
        .limit(limit)
    )


def rhythms(keyword_id: int, start: datetime, end: datetime, limit: int = 200) -> Rows:
    """How often those tweet who were positive in a window of the range: own `tweets`, `first` and `last` of it."""
    positive = (
        select(Influence.author_id, func.max(Influence.score).label("score"))
        .where(Influence.keyword_id == keyword_id, Influence.window_end > start, Influence.window_end <= end)
        .where(Influence.label == 1)
        .group_by(Influence.author_id)
        .order_by(func.max(Influence.score).desc(), Influence.author_id)
        .limit(limit)
        .subquery()
    )
    at = Tweet.created_at
    counted = (func.count().label("tweets"), func.min(at).label("first"), func.max(at).label("last"))
    return (
        select(cast(positive.c.author_id, String).label("author_id"), positive.c.score, Author.name, Author.username)
        .add_columns(*counted)
        .join(Tweet, Tweet.author_id == positive.c.author_id)
        .outerjoin(Author, Author.id == positive.c.author_id)
        .where(_delivered(keyword_id, start, end), Tweet.kind != "retweet")
        .group_by(positive.c.author_id, positive.c.score, Author.id)
        .order_by(positive.c.score.desc(), positive.c.author_id)
    )


def outsiders(
    keyword_id: int, terms: Collection[str], start: datetime, end: datetime, tweets: int = MOST_READ, limit: int = 200
) -> Rows:
    """Who is near a conversation and has no part in it: `addressed` by its authors, or using its `terms` elsewhere.

    `shared` is how many of the terms they use in their tweets on other keywords that are not sensitive, `sentiment` the
    mean of those, NULL where none was scored. So many tweets are read on each side at most: `_spread`, `_elsewhere`.
    """
    addressed = _addressed(keyword_id, start, end, tweets)
    others = and_(Keyword.active, ~Keyword.sensitive, Keyword.id != keyword_id)
    said = (Tweet.author_id, Tweet.text, Tweet.sentiment, Tweet.label)
    elsewhere = _elsewhere(others, start, end, tweets, *said).cte("elsewhere")
    using, mood = _using(elsewhere, terms), _mood_of(elsewhere)
    near = select(
        func.coalesce(addressed.c.id, using.c.author_id).label("id"),
        func.coalesce(addressed.c.authors, 0).label("addressed"),
        func.coalesce(using.c.shared, 0).label("shared"),
    ).select_from(addressed.outerjoin(using, using.c.author_id == addressed.c.id, full=True))
    closeness = (near.selected_columns.addressed + near.selected_columns.shared).desc()
    nearest = near.order_by(closeness).limit(5 * limit).subquery()
    # One by one: the planner, who takes them for many, would read every author there is.
    known = select(Author).where(Author.id == nearest.c.id, Author.followers_count.is_not(None)).limit(1).lateral()
    has_part = select(Tweet.id).where(Tweet.keyword_id == keyword_id, Tweet.author_id == nearest.c.id).exists()
    return (
        select(
            cast(known.c.id, String).label("author_id"),
            *(known.c.name, known.c.username, known.c.followers_count.label("followers")),
            *(nearest.c.addressed, nearest.c.shared, mood.c.sentiment),
        )
        .select_from(nearest)
        .join(known, true())
        .outerjoin(mood, mood.c.author_id == nearest.c.id)
        .where(~has_part)
        .order_by((nearest.c.addressed + nearest.c.shared).desc(), known.c.id)
        .limit(limit)
    )


def earned_by_hour(keyword_id: int, start: datetime, end: datetime, zone: str, tweets: int = MOST_READ) -> Rows:
    """What own tweets earn by the hour of the day in a zone: `total` and `squares` of ln(1 + retweets + likes).

    Of each hour of the range the newest tweets are read, as many of each, and so many in all at most.
    """
    hours = range(int((end - start) / HOUR))
    columns = (Tweet.created_at, Tweet.retweet_count, Tweet.like_count)
    some = _newest_of_each(keyword_id, [start + HOUR * at for at in hours], HOUR, tweets, *columns).subquery()
    earned = func.ln(1 + func.coalesce(some.c.retweet_count, 0) + func.coalesce(some.c.like_count, 0))
    hour = func.extract("hour", func.timezone(zone, some.c.created_at)).label("hour")
    sums = (func.sum(earned).label("total"), func.sum(earned * earned).label("squares"))
    return (
        select(hour, func.count().label("tweets"), *(cast(one, Double).label(one.name) for one in sums))
        .where(some.c.retweet_count.is_not(None))
        .group_by("hour")
        .order_by("hour")
    )


def place_moods(keyword_id: int, start: datetime, end: datetime, least: int = 10, tweets: int = MOST_READ) -> Rows:
    """How the scored tweets of each place are: their `total` sentiment and its `squares`; few voices have no row.

    So many tweets are read at most: see `_spread`.
    """
    columns = (Tweet.place, Tweet.author_id, Tweet.sentiment, Tweet.label)
    some = _spread(keyword_id, start, end, tweets, *columns).subquery()
    voices = func.count(some.c.author_id.distinct())
    return (
        select(
            some.c.place,
            voices.label("voices"),
            func.count().label("scored"),
            func.sum(some.c.sentiment).label("total"),
            func.sum(some.c.sentiment * some.c.sentiment).label("squares"),
        )
        .where(some.c.place.is_not(None), some.c.label.is_not(None))
        .group_by(some.c.place)
        .having(voices >= least)
        .order_by(voices.desc(), some.c.place)
    )


def answered(account_id: int, ago: timedelta) -> Rows:
    """Which advice somebody has answered lately, by its key."""
    lately = Event.at > func.now() - ago
    key = Event.detail["key"].astext.label("key")
    return select(key).where(Event.account_id == account_id, Event.kind == "advice", lately)


def influencer_places(
    keyword_id: int, start: datetime, end: datetime, limit: int = 1000, until: datetime | None = None
) -> Rows:
    """Where the highest scores of the newest window tweet from: the place of each one's latest tweet in the range.

    The place is NULL where it is unknown, so that the unknown can be counted; `percent` is the smallest share of the
    stream that was read in the range.
    """
    ranked = (
        select(Influence.author_id, Influence.score, Influence.label)
        .where(Influence.keyword_id == keyword_id, Influence.window_end == _newest(Influence, keyword_id, until))
        .order_by(Influence.score.desc(), Influence.author_id)
        .limit(limit)
        .subquery()
    )
    latest = (
        select(Tweet.place, Tweet.country_code, Tweet.latitude, Tweet.longitude, Tweet.place_confidence)
        .where(Tweet.keyword_id == keyword_id, Tweet.author_id == ranked.c.author_id)
        .where(Tweet.created_at >= start, Tweet.created_at < end)
        .order_by(Tweet.created_at.desc())
        .limit(1)
        .lateral()
    )
    return (
        select(ranked.c.score, ranked.c.label, Author.name, Author.username, *latest.c, _share(start, end))
        .select_from(ranked)
        .join(latest, true())
        .outerjoin(Author, Author.id == ranked.c.author_id)
        .order_by(ranked.c.score.desc(), ranked.c.author_id)
    )


def terms(keyword_id: int, start: datetime, end: datetime, label: int, limit: int = 60) -> Rows:
    """The words and hashtags most tweets of one sentiment use, in the whole hours that the range touches.

    `percent` is the smallest share of the stream that was read in the range.
    """
    used = _used(_of(keyword_id), start, end)
    tweets = cast(func.sum(used.c.tweets), BigInteger).label("tweets")
    return (
        select(used.c.term, tweets, _share(start, end))
        .where(used.c.label == label)
        .group_by(used.c.term)
        .order_by(tweets.desc(), used.c.term)
        .limit(limit)
    )


def earnings(keyword_id: int, start: datetime, end: datetime, tweets: int = MOST_READ) -> Rows:
    """What each author's own tweets of the range earned: `followers`, `tweets` and `retweets`, NULL where unknown.

    So many tweets are read at most: see `_spread`.
    """
    some = _spread(keyword_id, start, end, tweets, Tweet.author_id, Tweet.retweet_count).subquery()
    return (
        select(
            func.max(Author.followers_count).label("followers"),
            func.count().label("tweets"),
            cast(func.sum(some.c.retweet_count), BigInteger).label("retweets"),
        )
        .join(Author, Author.id == some.c.author_id)
        .group_by(some.c.author_id)
        .order_by(some.c.author_id)
    )


def usual_earnings(start: datetime, end: datetime, each: int) -> Rows:
    """What tweets of all tracked keywords earn, by the `size` of their authors, ln(1 + followers) in steps of 1/4.

    Of each keyword the newest own tweets of the range, `each` at most, are taken: their number, the sum of their
    retweets, that of the `squares`, and how many `keywords` they are of in all.
    """
    newest = (
        select(Tweet.author_id, Tweet.retweet_count)
        .where(_delivered(Keyword.id, start, end), Tweet.kind != "retweet", Tweet.retweet_count.is_not(None))
        .order_by(Tweet.created_at.desc())
        .limit(each)
        .lateral()
    )
    earned, size = newest.c.retweet_count, (func.round(func.ln(1 + Author.followers_count) * 4) / 4).label("size")
    taken = (
        select(Keyword.id, earned, size)
        .select_from(Keyword)
        .join(newest, true())
        .join(Author, and_(Author.id == newest.c.author_id, Author.followers_count.is_not(None)))
        .where(Keyword.active)
        .cte("taken")
    )
    return (
        select(
            taken.c.size,
            func.count().label("tweets"),
            cast(func.sum(taken.c.retweet_count), BigInteger).label("retweets"),
            cast(func.sum(cast(taken.c.retweet_count, Double) * taken.c.retweet_count), Double).label("squares"),
            select(func.count(taken.c.id.distinct())).scalar_subquery().label("keywords"),
        )
        .group_by(taken.c.size)
        .order_by(taken.c.size)
    )


def contrast(keyword_id: int, other_id: int, start: datetime, end: datetime, limit: int = 3000) -> Rows:
    """How many tweets of two keywords use each word, in the whole hours that the range touches, most used first.

    `uses` and `other_uses` are of one word, `total` and `other_total` of all words of each keyword. Words of tweets
    that were not scored are left out, so that both sides are of the same languages.
    """
    used = _used(_of(keyword_id, other_id), start, end)
    uses, other_uses = (
        cast(func.coalesce(func.sum(used.c.tweets).filter(ours), 0), BigInteger)
        for ours in (used.c.keyword_id == keyword_id, used.c.keyword_id != keyword_id)
    )
    return (
        select(
            used.c.term,
            uses.label("uses"),
            other_uses.label("other_uses"),
            cast(func.sum(uses).over(), BigInteger).label("total"),
            cast(func.sum(other_uses).over(), BigInteger).label("other_total"),
        )
        .where(used.c.label.is_not(None))
        .group_by(used.c.term)
        .order_by((uses + other_uses).desc(), used.c.term)
        .limit(limit)
    )


def common_words(start: datetime, end: datetime, limit: int = 3000) -> Rows:
    """How many tweets of all tracked keywords use the commonest words: `tweets`, and `total` of all words."""
    words = _counted(select(Keyword.id).where(Keyword.active).subquery(), start, end)
    return words.order_by(words.selected_columns.tweets.desc(), words.selected_columns.term).limit(limit)


def own_words(keyword_id: int, terms: Collection[str], start: datetime, end: datetime) -> Rows:
    """How many tweets of a keyword use each of some words: `tweets`, and `total` of all its words."""
    own = _counted(_of(keyword_id), start, end).subquery()
    return select(own).where(own.c.term == any_(cast(list(terms), ARRAY(String))))


def words(keyword_id: int, start: datetime, end: datetime, limit: int = 2000) -> Rows:
    """How many tweets of each sentiment use the commonest words, in the whole hours that the range touches.

    `all_` of a sentiment is how many words its tweets use in all, each counted once a tweet.
    """
    used, labels = _used(_of(keyword_id), start, end), {"positive": 1, "neutral": 0, "negative": -1}
    uses = {
        name: func.coalesce(func.sum(used.c.tweets).filter(used.c.label == label), 0) for name, label in labels.items()
    }
    in_all = (cast(func.sum(count).over(), Double).label(f"all_{name}") for name, count in uses.items())
    return (
        select(used.c.term, *(cast(count, Double).label(name) for name, count in uses.items()), *in_all)
        .where(used.c.label.is_not(None))
        .group_by(used.c.term)
        .order_by(func.sum(used.c.tweets).desc(), used.c.term)
        .limit(limit)
    )


def term_authors(
    keyword_id: int, start: datetime, end: datetime, days: int = 14, limit: int = 3000, tweets: int = MOST_READ
) -> Rows:
    """How many authors use each term of a range: `authors`, and `before` in the same hours of the days before.

    The range is a day at most. Retweets are left out. An author counts once in it and once on each day before;
    `all_authors` and `all_before` count those who wrote anything. Asked are the terms that most tweets use, three at
    least; read are so many tweets of the range and of the days before at most, as many of each part of a day.
    """
    asked = _used_thrice(keyword_id, start, end, limit)
    begins, width = _parts(start, end, most=4)  # few, so that a burst before is counted whole
    earlier = [begin - DAY * back for back in range(1, days + 1) for begin in begins]
    said = (Tweet.author_id, Tweet.text, func.date_bin(DAY, Tweet.created_at, start).label("part"))
    now, before = (_newest_of_each(keyword_id, times, width, tweets, *said) for times in (begins, earlier))
    return _authors_of_terms(asked.cte("asked"), now, before)


def tag_authors(keyword_id: int, start: datetime, end: datetime, limit: int = 1000, tweets: int = MOST_READ) -> Rows:
    """How many authors of a keyword use each hashtag: `authors`, and `before` of those of all other keywords.

    The columns and the limits are those of `term_authors`; each author counts once.
    """
    asked = _used_thrice(keyword_id, start, end, limit).where(Term.term.startswith("#"))
    others = and_(Keyword.active, Keyword.id != keyword_id)
    said = (Tweet.author_id, Tweet.text, literal(0).label("part"))
    here, there = _spread(keyword_id, start, end, tweets, *said), _elsewhere(others, start, end, tweets, *said)
    return _authors_of_terms(asked.cte("asked"), here, there)


def texts_with(keyword_id: int, terms: Collection[str], start: datetime, end: datetime, limit: int = 2000) -> Rows:
    """The newest tweets of a range that use any of some words or hashtags: who wrote what; retweets are left out."""
    any_word = rf"(^|\W)({'|'.join(re.escape(term) for term in terms)})($|\W)"
    return (
        select(cast(Tweet.author_id, String).label("author_id"), Tweet.text)
        .where(_delivered(keyword_id, start, end), Tweet.kind != "retweet", Tweet.text.op("~*")(any_word))
        .order_by(Tweet.created_at.desc(), Tweet.id.desc())
        .limit(limit)
    )


def terms_seen(keyword_id: int, terms: Collection[str], start: datetime, end: datetime) -> Rows:
    """Which of some terms were used in the whole hours of a range."""
    wanted = Term.term == any_(cast(list(terms), ARRAY(String)))
    within = (Term.hour >= start, Term.hour < end)
    return select(Term.term).where(Term.keyword_id == keyword_id, *within, wanted).distinct()


def crowded_places(keyword_id: int, start: datetime, end: datetime, degrees: int = 2, least: int = 10) -> Rows:
    """Where many tweet from: squares of some degrees with their middle; one with few voices has no row.

    Nobody can be told from it, so that it may be shown of sensitive keywords, too.
    """
    north, east = (
        func.floor(column / literal_column(str(int(degrees)))) for column in (Tweet.latitude, Tweet.longitude)
    )
    middle = [((square + 0.5) * degrees).label(name) for name, square in (("latitude", north), ("longitude", east))]
    voices = func.count(Tweet.author_id.distinct()).label("voices")
    return (
        select(*middle, voices, func.count().label("tweets"))
        .where(_delivered(keyword_id, start, end), Tweet.latitude.is_not(None), Tweet.longitude.is_not(None))
        .group_by(north, east)
        .having(func.count(Tweet.author_id.distinct()) >= least)
        .order_by(voices.desc())
    )


def tweets_with(
    keyword_id: int, start: datetime, end: datetime, term: str, label: int | None = None, limit: int = 20
) -> Rows:
    """The newest tweets that use a word or hashtag, of one sentiment or of all; retweets are left out."""
    whole_word = rf"(^|\W){re.escape(term)}($|\W)"
    asked = [Tweet.kind != "retweet", Tweet.text.op("~*")(whole_word)]
    return (
        select(
            cast(Tweet.id, String).label("tweet_id"),
            cast(Tweet.author_id, String).label("author_id"),
            Tweet.text,
            Tweet.created_at,
            Tweet.label,
            Tweet.retweet_count,
            Author.name,
            Author.username,
            Author.profile_image_url,
            Author.synthetic,
        )
        .outerjoin(Author, Author.id == Tweet.author_id)
        .where(_delivered(keyword_id, start, end), *asked, *([] if label is None else [Tweet.label == label]))
        .order_by(Tweet.created_at.desc(), Tweet.id.desc())
        .limit(limit)
    )


def gaps(start: datetime, end: datetime) -> Rows:
    """When the stream was not listening within the range; `ended_at` is NULL while it still is not."""
    return (
        select(Gap.started_at, Gap.ended_at, Gap.reason, Gap.filled_by, Gap.not_filled)
        .where(Gap.started_at < end, or_(Gap.ended_at.is_(None), Gap.ended_at > start))
        .order_by(Gap.started_at)
    )


def open_gap() -> Rows:
    """The gap that has not ended yet; no row while the stream listens."""
    return select(Gap.id).where(Gap.ended_at.is_(None)).limit(1)


def gap_to_fill(until: datetime) -> Rows:
    """The oldest gap that ended until a time and of which it is not decided yet what fills it."""
    undecided = (Gap.ended_at <= until, Gap.filled_by.is_(None), Gap.not_filled.is_(None))
    return select(Gap.id, Gap.started_at, Gap.ended_at, Gap.reason).where(*undecided).order_by(Gap.started_at).limit(1)


def fills(gap_id: int, ended_at: datetime) -> Rows:
    """The keywords that were tracked before a gap ended and still are, each with how far the gap is filled for it."""
    of_gap = and_(Fill.keyword_id == Keyword.id, Fill.gap_id == gap_id)
    tracked = (Keyword.id, Keyword.name, Keyword.query, Keyword.language, Keyword.created_at)
    return (
        select(*tracked, Fill.until_id, func.coalesce(Fill.tweets, 0).label("tweets"), Fill.done, Fill.problem)
        .outerjoin(Fill, of_gap)
        .where(Keyword.active, Keyword.created_at < ended_at)
        .order_by(Keyword.name)
    )


def most_shared(keyword_id: int, since: datetime, limit: int = 100) -> ScalarRows:
    """The ids of the tweets since a time that earned most, of those that can earn something: not of retweets."""
    earned = func.coalesce(Tweet.retweet_count, 0) + func.coalesce(Tweet.like_count, 0)
    return (
        select(Tweet.id)
        .where(Tweet.keyword_id == keyword_id, Tweet.created_at > since, Tweet.kind != "retweet")
        .order_by(earned.desc(), Tweet.id.desc())
        .limit(limit)
    )


def errand(name: str) -> Rows:
    """When an errand was last done; no row when it never was."""
    return select(Errand.done_at).where(Errand.name == name)


def ids_of(kind: str) -> ScalarRows:
    """Every id that is stored of a kind, tweets or users, in order."""
    return select(Tweet.id).distinct().order_by(Tweet.id) if kind == "tweets" else select(Author.id).order_by(Author.id)


def spent(since: datetime) -> Rows:
    """What X's bill has of ours for each UTC day since one began, by kind: post, user, request."""
    day = cast(Spending.hour, Date).label("day")  # every session runs in UTC
    amount = cast(func.sum(Spending.amount), BigInteger).label("amount")
    return select(day, Spending.kind, amount).where(Spending.hour >= since).group_by("day", Spending.kind)


def usage(since: date) -> Rows:
    """How many posts X itself counts for each day since one, where we know."""
    return select(Usage.day, Usage.posts, Usage.asked_at).where(Usage.day >= since).order_by(Usage.day)


def paid(day: date, kind: str, ids: Collection[int]) -> Rows:
    """Which of some posts or users are on the bill of a UTC day already: they cost nothing more."""
    return select(Paid.id).where(Paid.day == day, Paid.kind == kind, Paid.id.in_(ids))


def estimate(query: str) -> Rows:
    """What is known of how much a query would bring; no row when nobody asked."""
    return select(*Estimate.__table__.columns).where(Estimate.query == query)


def unanswered(since: datetime) -> Rows:
    """The estimate that somebody waits for longest, of those asked since a time."""
    waiting = (Estimate.answered_at.is_(None), Estimate.asked_at > since)
    return select(Estimate.query).where(*waiting).order_by(Estimate.asked_at).limit(1)


def pulses() -> Rows:
    """What the reader and the supervisor last told of themselves."""
    return select(Pulse.name, Pulse.at, Pulse.told).order_by(Pulse.name)


def reading() -> Rows:
    """What is read of the stream now: the percent of a sample, and why nothing is; each NULL where it is not so."""
    sample = select(Sampling.percent).where(Sampling.ended_at.is_(None)).order_by(Sampling.id.desc()).limit(1)
    gap = select(Gap.reason).where(Gap.ended_at.is_(None)).order_by(Gap.id.desc()).limit(1)
    return select(sample.scalar_subquery().label("percent"), gap.scalar_subquery().label("gap"))


def sampling(start: datetime, end: datetime) -> Rows:
    """When only a share of the stream was read within the range, in percent; `ended_at` is NULL while it still is."""
    return (
        select(Sampling.started_at, Sampling.ended_at, Sampling.percent)
        .where(_sampled(start, end))
        .order_by(Sampling.started_at)
    )


def alert_steps(keyword_id: int, start: datetime, end: datetime, step: timedelta) -> Rows:
    """Tweets, scored tweets, their sums and the negative among them by step; a step without tweets has no row.

    `tweets` are how many those that were read stand for, where only a sample was read.
    """
    middle = Trend.minute + HALF_MINUTE
    begin = func.date_bin(step, Trend.minute, EPOCH).label("step")
    scored = Trend.label.is_not(None)

    def total(column: Any, of: ColumnElement[bool]) -> ColumnElement[float]:
        return cast(func.coalesce(func.sum(column).filter(of), 0), Double)

    return (
        select(
            begin,
            cast(func.sum(Trend.tweets * 100.0 / func.coalesce(Sampling.percent, 100)), Double).label("tweets"),
            total(Trend.tweets, scored).label("scored"),
            total(Trend.sentiment_sum, scored).label("sentiment_sum"),
            total(Trend.sentiment_square_sum, scored).label("square_sum"),
            total(Trend.tweets, Trend.label == -1).label("negative"),
        )
        .outerjoin(Sampling, _sampled(middle, middle))
        .where(Trend.keyword_id == keyword_id, Trend.minute >= start, Trend.minute < end)
        .group_by("step")
        .order_by("step")
    )


def heard(keyword_id: int, start: datetime, end: datetime) -> Rows:
    """Who said what mood in a range, oldest first; NULL where a tweet was not scored."""
    return (
        select(Tweet.created_at, Tweet.author_id, Tweet.sentiment, Tweet.label)
        .where(_delivered(keyword_id, start, end))
        .order_by(Tweet.created_at, Tweet.id)
    )


def spike_voices(keyword_id: int, start: datetime, end: datetime, before: datetime, limit: int = 200) -> Rows:
    """Who is behind the tweets of a range: `tweets` with their retweets, and `earlier` those since `before`.

    A retweet is the original author's. `total` is of all, whoever it is, and the rows are those with the most.
    """
    original = aliased(Tweet)
    whose = func.coalesce(original.author_id, Tweet.author_id).label("author_id")
    here = Tweet.created_at >= start
    counts = (
        select(whose, func.count().filter(here).label("tweets"), func.count().filter(~here).label("earlier"))
        .outerjoin(original, and_(original.keyword_id == Tweet.keyword_id, original.id == Tweet.original_id))
        .where(_delivered(keyword_id, before, end))
        .group_by(whose)
        .subquery()
    )
    totals = (cast(func.sum(counts.c[name]).over(), BigInteger).label(f"all_{name}") for name in ("tweets", "earlier"))
    return (
        select(
            cast(counts.c.author_id, String).label("author_id"),
            *(counts.c.tweets, counts.c.earlier, *totals),
            *(Author.name, Author.username, Author.profile_image_url, Author.synthetic),
        )
        .outerjoin(Author, Author.id == counts.c.author_id)
        .order_by(counts.c.tweets.desc(), counts.c.author_id)
        .limit(limit)
    )


def spike_parts(keyword_id: int, start: datetime, end: datetime, before: datetime) -> Rows:
    """How many tweets of a range are of each kind and from each country, and `earlier` how many since `before`."""
    here = Tweet.created_at >= start
    return (
        select(
            *(Tweet.kind, Tweet.country_code),
            func.count().filter(here).label("tweets"),
            func.count().filter(~here).label("earlier"),
        )
        .where(_delivered(keyword_id, before, end))
        .group_by(Tweet.kind, Tweet.country_code)
    )


def spike_tweets(keyword_id: int, start: datetime, end: datetime, limit: int = 300) -> Rows:
    """The tweets of a range that were passed on most, with their authors; retweets are left out."""
    return (
        select(
            *(cast(Tweet.id, String).label("tweet_id"), cast(Tweet.author_id, String).label("author_id")),
            *(Tweet.text, Tweet.created_at, Tweet.label, Tweet.retweet_count),
            *(Author.name, Author.username, Author.profile_image_url, Author.synthetic),
        )
        .outerjoin(Author, Author.id == Tweet.author_id)
        .where(_delivered(keyword_id, start, end), Tweet.kind != "retweet")
        .order_by(func.coalesce(Tweet.retweet_count, 0).desc(), Tweet.id)
        .limit(limit)
    )


def commits_since(snapshot: str | None) -> Rows:
    """What was committed since an earlier answer's `snapshot`; the first time there is none.

    `keyword_ids` are the keywords with new or changed tweets, NULL when there are none. A snapshot, not the highest
    `seq`, tells what is new, because sequence order is not commit order. `others` changes with the small tables.
    """
    now = func.pg_current_snapshot()
    last: Any = now if snapshot is None else literal(snapshot).op("::")(literal_column("pg_snapshot"))
    oldest = cast(cast(func.pg_snapshot_xmin(last), String), BigInteger)
    unseen = ~func.pg_visible_in_snapshot(cast(Tweet.seq, String).op("::")(literal_column("xid8")), last)
    shown = tuple_(Keyword.id, Keyword.query, Keyword.language, Keyword.sensitive, Keyword.paused, Keyword.refused)
    others = (
        select(func.max(InfluenceRun.finished_at)),
        select(func.max(ForecastRun.made_at)),
        select(func.max(Tombstone.seq)),  # what is forgotten must leave the pages, too
        select(func.concat(func.count(Sampling.id), "/", func.count(Sampling.ended_at))),
        select(func.concat(func.count(Gap.id), "/", func.count(Gap.ended_at), "/", func.count(Gap.filled_by))),
        select(func.concat(func.count(Keyword.id), "/", func.sum(func.hashtext(cast(shown, String)))))
        .select_from(Keyword)
        .where(Keyword.active),
    )
    return select(
        cast(now, String).label("snapshot"),
        select(func.array_agg(Tweet.keyword_id.distinct()))
        .where(Tweet.seq >= oldest, unseen)
        .scalar_subquery()
        .label("keyword_ids"),
        func.concat_ws(" ", *(one.scalar_subquery() for one in others)).label("others"),
    )


def synthetic() -> Rows:
    """Whether any author was invented by the local X."""
    return select(select(Author.id).where(Author.synthetic).exists().label("synthetic"))


def people() -> Rows:
    """Who has an account, in which role, in how many browsers they are signed in, and when they were last seen."""
    return (
        select(
            *(Account.id, Account.name, Account.email, Account.company, Account.interest, Account.role),
            Account.created_at,
            func.count(LoginSession.id_hash).label("sessions"),
            func.max(LoginSession.seen_at).label("seen_at"),
        )
        .outerjoin(LoginSession)
        .group_by(Account.id)
        .order_by(Account.name, Account.id)
    )


def doings(days: int = 30) -> Rows:
    """How often people did what in the last days: `what` is the page they looked at, or what they chose."""
    what = func.coalesce(Event.detail["page"].astext, Event.detail["what"].astext, "").label("what")
    return (
        select(
            Event.kind,
            what,
            func.count().label("times"),
            func.count(Event.account_id.distinct()).label("people"),
            func.max(Event.at).label("latest"),
        )
        .where(Event.at > func.now() - timedelta(days=days), Event.kind != "feedback")
        .group_by(Event.kind, "what")
        .order_by(func.count().desc(), Event.kind, "what")
    )


def feedback(limit: int = 100) -> Rows:
    """What people told us, newest first; the name is NULL once their account is gone."""
    told = (Event.detail["page"].astext.label("page"), Event.detail["text"].astext.label("text"))
    return (
        select(Event.at, Account.name, *told)
        .outerjoin(Account)
        .where(Event.kind == "feedback")
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(limit)
    )


def last_gaps(limit: int = 10) -> Rows:
    """The latest times in which the stream was not listening, newest first."""
    columns = (Gap.started_at, Gap.ended_at, Gap.reason, Gap.filled_by)
    return select(*columns).order_by(Gap.started_at.desc()).limit(limit)


def last_runs(limit: int = 5) -> Rows:
    """The latest runs of the influence job, newest first."""
    told = ("window_end", "state", "stage", "attempts", "started_at", "seconds", "tweets", "authors", "rows", "error")
    columns = (getattr(InfluenceRun, name) for name in told)
    return select(*columns).order_by(InfluenceRun.started_at.desc()).limit(limit)


def vital_signs() -> Rows:
    """What the trackers have committed of the spools there are, what is dead, and how the last good influence run was.

    `window_s` is how long that took, `window_age_s` how long ago it ended; both are NULL while there is none.
    """
    dead = select(func.count()).select_from(DeadLetter)
    last = (
        select(InfluenceRun.seconds, InfluenceRun.finished_at)
        .where(InfluenceRun.state == "done")
        .order_by(InfluenceRun.finished_at.desc())
        .limit(1)
        .subquery()
    )
    done = [select(func.coalesce(func.sum(one), 0)) for one in (SpoolOffset.stored, SpoolOffset.duplicate)]
    age = func.extract("epoch", func.now() - last.c.finished_at)
    return select(
        done[0].scalar_subquery().label("stored"),
        done[1].scalar_subquery().label("duplicate"),
        dead.where(DeadLetter.reason == "malformed").scalar_subquery().label("malformed"),
        dead.where(DeadLetter.reason == "refused").scalar_subquery().label("refused"),
        select(last.c.seconds).scalar_subquery().label("window_s"),
        select(age).select_from(last).scalar_subquery().label("window_age_s"),
    )


def positions() -> Rows:
    """How far each tracker has committed each spool."""
    counts = (SpoolOffset.position, SpoolOffset.stored, SpoolOffset.duplicate)
    return select(SpoolOffset.spool, SpoolOffset.tracker, *counts).order_by(SpoolOffset.spool, SpoolOffset.tracker)


def _used_thrice(keyword_id: int, start: datetime, end: datetime, limit: int) -> Select[Any]:
    """Return the terms that most tweets use in the whole hours that a range touches, three at least."""
    return (
        select(Term.term)
        .where(Term.keyword_id == keyword_id, Term.hour > start - HOUR, Term.hour < end)
        .group_by(Term.term)
        .having(func.sum(Term.tweets) >= 3)
        .order_by(func.sum(Term.tweets).desc(), Term.term)
        .limit(limit)
    )


def _addressed(keyword_id: int, start: datetime, end: datetime, tweets: int) -> Subquery:
    """Return whom the authors of a keyword name, and how many of them do."""
    said = _spread(keyword_id, start, end, tweets, Tweet.author_id, Tweet.mentioned_ids).subquery()
    named = select(said.c.author_id, func.unnest(said.c.mentioned_ids).label("id")).distinct().subquery()
    return select(named.c.id, func.count().label("authors")).group_by(named.c.id).subquery()


def _using(said: CTE, terms: Collection[str]) -> Subquery:
    """Return who uses some terms in what was said, and how many of them."""
    word = select(said.c.author_id, _words(said.c.text)).subquery()
    return (
        select(word.c.author_id, func.count(word.c.term.distinct()).label("shared"))
        .where(word.c.term == any_(cast(list(terms), ARRAY(String))))
        .group_by(word.c.author_id)
        .subquery()
    )


def _mood_of(said: CTE) -> Subquery:
    """Return the mean sentiment of each author's scored tweets in what was said."""
    mood = select(said.c.author_id, func.avg(said.c.sentiment).label("sentiment"))
    return mood.where(said.c.label.is_not(None)).group_by(said.c.author_id).subquery()


def _spread(keyword_id: int, start: datetime, end: datetime, tweets: int, *columns: Any) -> Select[Any]:
    """Return columns of a keyword's own tweets, so many at most: the newest of each equal part of a range."""
    return _newest_of_each(keyword_id, *_parts(start, end), tweets, *columns)


def _parts(start: datetime, end: datetime, most: int = MOST_PARTS) -> tuple[list[datetime], timedelta]:
    """Return when the equal parts of a range begin, and how long each is: an hour at most, or there are `most`."""
    parts = min(most, max(1, math.ceil((end - start) / HOUR)))
    width = (end - start) / parts
    return [start + width * at for at in range(parts)], width


def _newest_of_each(
    keyword_id: int, begins: Sequence[datetime], width: timedelta, tweets: int, *columns: Any
) -> Select[Any]:
    """Return columns of the newest own tweets of several times, as many of each, and so many in all at most.

    Each is looked up in the index by itself, so that a busy keyword takes no longer than others.
    """
    begin = func.unnest(cast(list(begins), ARRAY(DateTime(timezone=True)))).column_valued("begin")
    within = _delivered(keyword_id, begin, begin + width)
    return _newest_by(select(begin), within, tweets // max(1, len(begins)), columns)


def _elsewhere(others: ColumnElement[bool], start: datetime, end: datetime, tweets: int, *columns: Any) -> Select[Any]:
    """Return columns of the newest own tweets of other keywords, as many of each, and so many in all at most."""
    each = select(tweets / func.greatest(func.count(), 1)).select_from(Keyword).where(others).scalar_subquery()
    return _newest_by(select(Keyword.id).where(others), _delivered(Keyword.id, start, end), each, columns)


def _newest_by(each: Select[Any], within: ColumnElement[bool], limit: Any, columns: tuple[Any, ...]) -> Select[Any]:
    """Return columns of the newest tweets within each row of something; retweets say nothing of their own."""
    newest = (
        select(*columns).where(within, Tweet.kind != "retweet").order_by(Tweet.created_at.desc()).limit(limit).lateral()
    )
    return each.join(newest, true()).with_only_columns(*newest.c)


def _authors_of_terms(asked: CTE, here: Select[Any], there: Select[Any]) -> Rows:
    """Count who uses the terms here and there, once in each part, and who says anything."""
    counts = []
    for name, part in (("here", here), ("there", there)):
        said = part.cte(name)
        word = select(said.c.author_id, said.c.part, _words(said.c.text)).subquery()
        used = select(word).where(word.c.term.in_(select(asked.c.term))).distinct().subquery()
        users = select(used.c.term, func.count().label("users")).group_by(used.c.term).subquery()
        everybody = select(said.c.author_id, said.c.part).distinct().subquery()
        counts.append((users, select(func.count()).select_from(everybody).scalar_subquery()))
    (now, all_now), (before, all_before) = counts
    return (
        select(now.c.term, now.c.users.label("authors"), func.coalesce(before.c.users, 0).label("before"))
        .add_columns(all_now.label("all_authors"), all_before.label("all_before"))
        .outerjoin(before, before.c.term == now.c.term)
        .order_by(now.c.term)
    )


def _words(text: Any) -> ColumnElement[str]:
    """Return the words and hashtags of a text, a row each, nearly as the trackers count them; as the column `term`."""
    apart = func.replace(func.translate(func.lower(text), "’\uff03", "'#"), "#", " #")
    word = func.btrim(func.regexp_split_to_table(apart, r"[^\w#'@]+"), "_'")
    return func.regexp_replace(word, "'s$", "").label("term")


def _hours(keyword_id: int, edges: Sequence[datetime], *even: ColumnElement[bool]) -> CTE:
    """Return the `hour`s that a range touches, with what is added up of those that lie in it, and in one bin, whole.

    Of the others all that is NULL, and so it is where `even` does not hold of the PastHour.
    """
    first, last = edges[0].replace(minute=0, second=0, microsecond=0), edges[-1] - MICROSECOND
    each = _times(first, last, HOUR)
    hour = each.c.time
    whole = (PastHour.hour >= edges[0], PastHour.hour + HOUR <= edges[-1], PastHour.author_ids.is_not(None))
    in_one = _bin(PastHour.hour, edges) == _bin(PastHour.hour + (HOUR - MICROSECOND), edges)
    of_hour = and_(PastHour.keyword_id == keyword_id, PastHour.hour == hour, *whole, in_one, *even)
    sums = (column for column in PastHour.__table__.columns if not column.primary_key)
    begin, end = func.greatest(hour, edges[0]).label("begin"), func.least(hour + HOUR, edges[-1]).label("end")
    return select(hour.label("hour"), begin, end, *sums).select_from(each).outerjoin(PastHour, of_hour).cte("hours")


def _times(first: datetime, last: datetime, step: timedelta) -> Any:
    """Return the times from one to another, a step apart, as a table with the column `time`."""
    time = column("time", DateTime(timezone=True))
    return func.generate_series(first, last, step).table_valued(time, name="each").render_derived()


def _within(spans: CTE, table: Any, of: ColumnElement[bool], time: Any) -> Subquery:
    """Return the rows of a table in those spans that are not added up."""
    rows = select(table).where(of, time >= spans.c.begin, time < spans.c.end).lateral()
    empty = spans.c.tweets.is_(None)
    return select(*rows.c).select_from(spans).join(rows, true()).where(empty).subquery()


def _unnested(*arrays: Any) -> Any:
    """Return arrays side by side, a row for each place."""
    names = [column(array.name, array.type.item_type) for array in arrays]
    return func.unnest(*arrays).table_valued(*names, name="summed").render_derived()


def _ids(keyword_id: int, edges: Sequence[datetime], of: Any, past: Any) -> Rows:
    """Return ids that tweets have, by bin: those of an hour that is added up, and those of the rest of a bin."""
    hours = _hours(keyword_id, edges)
    named = hours.c[past.key]
    rest = _within(hours, Tweet, and_(Tweet.keyword_id == keyword_id, Tweet.matched), Tweet.created_at)
    ids = func.string_agg(func.int8send(rest.c[of.key]), literal_column("''::bytea"))
    return select(
        union_all(
            select(_bin(hours.c.hour, edges), named.label(past.key)).where(named.is_not(None)),
            select(_bin(rest.c.created_at, edges), ids).group_by("bin"),
        ).subquery()
    )


def _used(keywords: Any, start: datetime, end: datetime) -> Subquery:
    """Return the `term`s of keywords with `label` and `tweets`, in pieces, in the whole hours that a range touches."""
    first = start.replace(minute=0, second=0, microsecond=0)
    last = EPOCH + math.ceil((end - EPOCH) / HOUR) * HOUR
    begun = first.replace(hour=0)
    each = _times(begun, last - MICROSECOND, DAY)
    day = each.c.time
    whole = (PastDay.day >= first, PastDay.day + DAY <= last, PastDay.terms.is_not(None))
    of_day = and_(PastDay.keyword_id == keywords.c.id, PastDay.day == day, *whole)
    begin, ends = func.greatest(day, first).label("begin"), func.least(day + DAY, last).label("end")
    sums = (PastDay.terms, PastDay.labels, PastDay.tweets)
    days = (
        select(keywords.c.id.label("of"), begin, ends, *sums)
        .select_from(keywords)
        .join(each, true())
        .outerjoin(PastDay, of_day)
        .cte("days")
    )
    used = _unnested(days.c.terms, days.c.labels, days.c.tweets)
    rest = _within(days, Term, Term.keyword_id == days.c.of, Term.hour)
    return union_all(
        select(days.c.of.label("keyword_id"), used.c.terms.label("term"), used.c.labels.label("label"), used.c.tweets)
        .select_from(days)
        .join(used, true()),
        select(rest.c.keyword_id, rest.c.term, rest.c.label, rest.c.tweets),
    ).subquery()


def _counted(keywords: Any, start: datetime, end: datetime) -> Select[Any]:
    """Return how many scored tweets of keywords use each word, `tweets`, and `total` of all words."""
    used = _used(keywords, start, end)
    tweets = cast(func.sum(used.c.tweets), BigInteger)
    in_all = cast(func.sum(tweets).over(), BigInteger).label("total")
    return select(used.c.term, tweets.label("tweets"), in_all).where(used.c.label.is_not(None)).group_by(used.c.term)


def _of(*keyword_ids: int) -> Any:
    """Return keywords by their ids, as a table with the column `id`."""
    return select(func.unnest(cast(list(keyword_ids), ARRAY(BigInteger))).label("id")).subquery()


def _delivered(keyword_id: Any, start: Any, end: Any) -> ColumnElement[bool]:
    return and_(Tweet.keyword_id == keyword_id, Tweet.matched, Tweet.created_at >= start, Tweet.created_at < end)


def _any_of(column: Any, ids: Collection[int]) -> ColumnElement[bool]:
    """Say that a column is one of some ids; they are bound as one array."""
    return column == any_(cast(list(ids), ARRAY(BigInteger)))  # type: ignore[no-any-return]


def _bin(time: Any, edges: Sequence[datetime]) -> ColumnElement[int]:
    """Return in which bin a time lies, as the column `bin`."""
    begins = cast(list(edges[:-1]), ARRAY(DateTime(timezone=True)))
    return (func.width_bucket(time, begins) - 1).label("bin")


def _sampled(start: Any, end: Any) -> ColumnElement[bool]:
    return and_(Sampling.started_at <= end, or_(Sampling.ended_at.is_(None), Sampling.ended_at > start))


def _share(start: Any, end: Any) -> ColumnElement[int]:
    """Return the smallest share of the stream that was read in a range, as the column `percent`."""
    least = func.coalesce(func.min(Sampling.percent), 100)
    return select(least).where(_sampled(start, end)).scalar_subquery().label("percent")


def _ranked(keyword_id: int, label: int, until: datetime | None) -> tuple[ColumnElement[bool], ...]:
    newest = Influence.window_end == _newest(Influence, keyword_id, until)
    return Influence.keyword_id == keyword_id, newest, Influence.label == label


def _newest(table: type[Influence | Audience], keyword_id: int, until: datetime | None) -> Any:
    """Return the end of the newest window; with `until` of the last that ends by then, or of the first there is."""
    here = table.keyword_id == keyword_id
    if until is None:
        return select(func.max(table.window_end)).where(here).scalar_subquery()
    last = select(func.max(table.window_end)).where(here, table.window_end <= until).scalar_subquery()
    return func.coalesce(last, select(func.min(table.window_end)).where(here).scalar_subquery())
