"""Writes. Each public function is one transaction: all of it is in the database afterwards, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    and_,
    bindparam,
    case,
    delete,
    func,
    inspect,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate

from core import syntax
from core.config import TalkerError
from core.copying import copy
from core.models import (
    Audience,
    Errand,
    Estimate,
    Fill,
    Forecast,
    ForecastRun,
    Gap,
    Influence,
    InfluenceRun,
    Keyword,
    Paid,
    Pulse,
    Sampling,
    Spending,
    Usage,
)

Row = Mapping[str, Any]

AUDIENCE = tuple(column.key for column in Audience.__table__.columns)
INFLUENCE = tuple(column.key for column in Influence.__table__.columns)
ASKED_FOR = timedelta(minutes=10)  # for so long somebody may wait for an estimate
COPIED_AT_ONCE = 10_000  # rows of influence held in memory


class SupersededError(TalkerError):
    """A run that was taken for dead comes late: another one of its window has begun."""


class KeywordError(TalkerError):
    """A keyword that cannot be tracked, or is not."""


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


def end_errand(engine: Engine, name: str, at: datetime) -> None:
    """Record that an errand was done."""
    statement = insert(Errand).values(name=name, done_at=at)
    with engine.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"done_at": at}))


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


# Of the windows of one hour, or day, all but the last.
def save_forecasts(engine: Engine, runs: Sequence[Row], forecasts: Sequence[Row]) -> int:
    """Keep what was told, and of which history; what was told before from the same origin stays. Returns how many runs.

    `forecasts` are those of all runs; each belongs to the run of the same keyword, subject and origin.
    """
    key = ("keyword_id", "subject", "origin")
    statement = insert(ForecastRun).on_conflict_do_nothing().returning(*(getattr(ForecastRun, name) for name in key))
    with engine.begin() as connection:
        made = {tuple(row) for run in runs for row in connection.execute(statement, [dict(run)])}
        ours = [dict(one) for one in forecasts if tuple(one[name] for name in key) in made]
        if ours:
            connection.execute(insert(Forecast), ours)
    return len(made)


def judge_forecasts(engine: Engine, judged: Sequence[Row]) -> None:
    """Keep what came of forecasts: of each row its key, `actual` and `actual_place`; a judgement stands."""
    key = [column.name for column in inspect(Forecast).primary_key]
    statement = update(Forecast).where(*(getattr(Forecast, name) == bindparam(f"of_{name}") for name in key))
    statement = statement.where(Forecast.actual.is_(None))
    statement = statement.values(actual=bindparam("found"), actual_place=bindparam("found_place"))
    with engine.begin() as connection:
        for one in judged:
            named = {f"of_{name}": one[name] for name in key}
            connection.execute(statement, {**named, "found": one["actual"], "found_place": one["actual_place"]})


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


def ask_estimate(engine: Engine, query: str) -> None:
    """Ask what a query would bring; an answer of the last day still holds, and is not paid for again."""
    stale = or_(Estimate.answered_at < func.now() - timedelta(days=1), Estimate.problem.is_not(None))
    anew = {"asked_at": func.now(), "answered_at": None, "posts_a_day": None, "problem": None}
    unheard = and_(Estimate.answered_at.is_(None), Estimate.asked_at < func.now() - ASKED_FOR)
    statement = insert(Estimate).values(query=query)
    with engine.begin() as connection:
        connection.execute(
            statement.on_conflict_do_update(index_elements=["query"], set_=anew, where=or_(stale, unheard))
        )


def answer_estimate(engine: Engine, query: str, at: datetime, posts_a_day: float | None, problem: str | None) -> None:
    """Keep what X says of a query, or why it says nothing."""
    told = {"answered_at": at, "posts_a_day": posts_a_day, "problem": problem}
    with engine.begin() as connection:
        connection.execute(update(Estimate).where(Estimate.query == query).values(told))


def tell(engine: Engine, name: str, at: datetime, told: Mapping[str, Any]) -> None:
    """Keep what a running part tells of itself, in place of what it told before."""
    row = {"at": at, "told": told}
    statement = insert(Pulse).values(name=name, **row).on_conflict_do_update(index_elements=["name"], set_=row)
    with engine.begin() as connection:
        connection.execute(statement)
