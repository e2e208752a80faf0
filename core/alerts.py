"""What alerts leave in the database: how far each keyword is judged, what was told, who saw to it, what is delivered.

Each public function that writes is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Integer, Select, cast, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from core.config import TalkerError
from core.models import Alert, AlertMark, AlertRule, AlertWatch, Delivery, Keyword, Rehearsal, Trend

Row = Mapping[str, Any]
Rows = Select[*tuple[Any, ...]]

BUDGETS = (0.5, 1.0, 2.0, 5.0)  # alerts a week that can be chosen, and are rehearsed
FRESH = timedelta(hours=1)  # an alert about what is longer ago is shown, not sent


class BudgetError(TalkerError):
    """A budget of alerts that nobody can keep."""


def judged() -> Rows:
    """The tracked keywords with their rule, how far each is judged and rehearsed, and the newest minute with tweets."""
    newest = select(func.max(Trend.minute)).where(Trend.keyword_id == Keyword.id).scalar_subquery()
    rehearsed = (
        select(func.max(one).label(name)).where(Rehearsal.keyword_id == Keyword.id).scalar_subquery().label(name)
        for name, one in (("rehearsed_since", Rehearsal.since), ("rehearsed_until", Rehearsal.until))
    )
    return (
        select(
            *(Keyword.id, Keyword.name, newest.label("newest")),
            *(func.coalesce(AlertRule.per_week, 1.0).label("per_week"), AlertRule.muted_until),
            *(AlertWatch.until, AlertWatch.both_at, AlertWatch.began, AlertWatch.level, AlertWatch.last_at),
            *rehearsed,
        )
        .outerjoin(AlertRule, AlertRule.keyword_id == Keyword.id)
        .outerjoin(AlertWatch, AlertWatch.keyword_id == Keyword.id)
        .where(Keyword.active)
        .order_by(Keyword.id)
    )


def save_judged(engine: Engine, watch: Row, alerts: Sequence[Row], channels: Iterable[str]) -> int:
    """Keep how far a keyword is judged and what that told, and send what is new and fresh; returns how many are new.

    Doing it again changes nothing: an alert is known by its keyword and time.

    Args:
        engine: the database.
        watch: a row of `alert_watch`.
        alerts: rows of `alert`.
        channels: where to send them, unless the keyword is muted or its episode was seen to at this level.
    """
    with engine.begin() as connection:
        put = insert(AlertWatch).values(watch)
        connection.execute(put.on_conflict_do_update(index_elements=["keyword_id"], set_=dict(watch)))
        if not alerts:
            return 0
        made = insert(Alert).values(list(alerts)).on_conflict_do_nothing().returning(Alert.keyword_id, Alert.at)
        new = connection.execute(made).all()
        for one in new:
            send(connection, one.keyword_id, one.at, channels)
        return len(new)


def send(connection: Connection, keyword_id: int, at: datetime, channels: Iterable[str]) -> None:
    """Put an alert on its way to each channel, if it is fresh and its keyword is not muted."""
    muted = select(AlertRule.muted_until).where(AlertRule.keyword_id == keyword_id).scalar_subquery()
    wanted = connection.execute(
        select((func.now() - at < FRESH) & func.coalesce(muted < func.now(), muted.is_(None)))
    ).scalar_one()
    rows = [{"keyword_id": keyword_id, "at": at, "channel": channel} for channel in channels]
    if wanted and rows:
        connection.execute(insert(Delivery).values(rows).on_conflict_do_nothing())


def due(now: datetime, limit: int = 20) -> Rows:
    """The deliveries that are due, oldest first, with what they are about."""
    return (
        select(
            *(Delivery.keyword_id, Delivery.at, Delivery.channel, Delivery.attempts),
            *(Alert.level, Alert.episode, Alert.numbers, Keyword.name.label("keyword")),
        )
        .join(Alert, (Alert.keyword_id == Delivery.keyword_id) & (Alert.at == Delivery.at))
        .join(Keyword, Keyword.id == Delivery.keyword_id)
        .where(Delivery.state == "waiting", Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.keyword_id, Delivery.at, Delivery.channel)
        .limit(limit)
    )


def attempted(engine: Engine, delivery: Any, due_at: datetime) -> bool:
    """Count an attempt before it is made, with when to try again if nothing is heard; False if another made it."""
    ours = _this(delivery) & (Delivery.attempts == delivery.attempts) & (Delivery.state == "waiting")
    with engine.begin() as connection:
        done = connection.execute(update(Delivery).where(ours).values(attempts=delivery.attempts + 1, due_at=due_at))
        return done.rowcount == 1


def settled(engine: Engine, delivery: Any, state: str, error: str | None = None) -> None:
    """Keep how an attempt ended: done, waiting for the next one, or dead."""
    values = {"state": state, "error": error, "done_at": func.now() if state == "done" else None}
    with engine.begin() as connection:
        connection.execute(update(Delivery).where(_this(delivery)).values(values))


def _this(delivery: Any) -> Any:
    return tuple_(Delivery.keyword_id, Delivery.at, Delivery.channel) == (
        delivery.keyword_id,
        delivery.at,
        delivery.channel,
    )


def save_rehearsals(engine: Engine, rows: Sequence[Row]) -> None:
    """Keep what budgets would have told; an earlier rehearsal of the same is replaced."""
    put = insert(Rehearsal).values(list(rows))
    kept = {name: put.excluded[name] for name in ("since", "until", "told")}
    with engine.begin() as connection:
        connection.execute(put.on_conflict_do_update(index_elements=["keyword_id", "per_week"], set_=kept))


def set_rule(engine: Engine, keyword_id: int, per_week: float, muted_until: datetime | None) -> None:
    """Set a keyword's budget of alerts, and until when it is mute.

    Raises:
        BudgetError: the budget is none that can be chosen.
    """
    if per_week not in BUDGETS:
        raise BudgetError(f"A budget is one of {', '.join(map(str, BUDGETS))} alerts a week, not {per_week}.")
    values = {"per_week": per_week, "muted_until": muted_until}
    put = insert(AlertRule).values(keyword_id=keyword_id, **values)
    with engine.begin() as connection:
        connection.execute(put.on_conflict_do_update(index_elements=["keyword_id"], set_=values))


def acknowledge(engine: Engine, keyword_id: int, episode: datetime, account_id: int | None) -> None:
    """Note that somebody sees to an episode; what it may still become is told all the same."""
    marks = select(Alert.keyword_id, Alert.at, cast(account_id, Integer)).where(
        Alert.keyword_id == keyword_id, Alert.episode == episode
    )
    put = insert(AlertMark).from_select(["keyword_id", "at", "account_id"], marks).on_conflict_do_nothing()
    with engine.begin() as connection:
        connection.execute(put)


def told(since: datetime, keyword_id: int | None = None, limit: int = 100) -> Rows:
    """The alerts since a time, newest first: of one keyword or of all, with whether somebody has seen to each."""
    asked = (
        select(
            *(Alert.keyword_id, Keyword.name.label("keyword"), Alert.at, Alert.level, Alert.episode, Alert.numbers),
            AlertMark.marked_at,
        )
        .join(Keyword, Keyword.id == Alert.keyword_id)
        .outerjoin(AlertMark, (AlertMark.keyword_id == Alert.keyword_id) & (AlertMark.at == Alert.at))
        .where(Alert.at >= since, Keyword.active)
    )
    if keyword_id is not None:
        asked = asked.where(Alert.keyword_id == keyword_id)
    return asked.order_by(Alert.at.desc(), Alert.keyword_id).limit(limit)


def rule(keyword_id: int) -> Rows:
    """A keyword's budget of alerts, and until when it is mute; no row where both are the usual."""
    return select(AlertRule.per_week, AlertRule.muted_until).where(AlertRule.keyword_id == keyword_id)


def rehearsals(keyword_id: int) -> Rows:
    """What each budget would have told over a keyword's own past."""
    columns = (Rehearsal.per_week, Rehearsal.since, Rehearsal.until, Rehearsal.told)
    return select(*columns).where(Rehearsal.keyword_id == keyword_id).order_by(Rehearsal.per_week)


def undelivered() -> Rows:
    """How many deliveries wait or are dead, with the last error of each."""
    return (
        select(Delivery.channel, Delivery.state, func.count().label("alerts"), func.max(Delivery.error).label("error"))
        .where(Delivery.state != "done")
        .group_by(Delivery.channel, Delivery.state)
        .order_by(Delivery.channel, Delivery.state)
    )
