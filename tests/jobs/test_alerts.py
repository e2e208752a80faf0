"""From rows of trend and tweet to rows of alert: once, in steps as in one go, and sent only while fresh."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import func, insert, select

from core import alerts
from core.models import Alert, AlertRule, AlertWatch, Delivery, Gap, Rehearsal, Sampling, Trend, Tweet
from jobs.alerts import AlertClock, on_ray, rehearse_here, rehearse_one, steps
from jobs.levels import STEP
from tests.jobs.crowd import tweets

HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
NOW = pd.Timestamp(datetime.now(UTC)).floor("h") - HOUR
BEGIN = NOW - 5 * DAY


@pytest.fixture
def put(engine, keyword, tweet_row):
    """Store drawn tweets of a keyword as the trackers do; returns the keyword's id."""

    def store(said, keyword_id=None):
        keyword_id = keyword_id or keyword()
        said = said.assign(minute=said["created_at"].dt.floor("min"))
        counts = said.groupby(["minute", "label"])["sentiment"].agg(["size", "sum", lambda one: (one**2).sum()])
        names = ["tweets", "sentiment_sum", "sentiment_square_sum"]
        trend = counts.set_axis(names, axis=1).reset_index().assign(keyword_id=keyword_id, voices=1)
        rows = said.drop(columns="minute").to_dict("records")
        first = said["created_at"].iloc[0].value // 1000
        with engine.begin() as connection:
            connection.execute(insert(Trend), trend.to_dict("records"))
            some = [tweet_row(id=first + number, keyword_id=keyword_id, **one) for number, one in enumerate(rows)]
            connection.execute(insert(Tweet), some)
        return keyword_id

    return store


@pytest.fixture
def clock(database_url, engine):
    """An alert clock that is only looked at when a test says so."""
    made = AlertClock(database_url)
    made.stop()
    return made


def calm():
    return tweets(BEGIN, 5 * 1440, 5 * 500, 0.2)


def outrage(hours=1, at=NOW):
    return tweets(at, int(hours * 60), int(600 * hours), -0.3, seed=9)


def both(*parts):
    return pd.concat(parts).sort_values("created_at", kind="stable", ignore_index=True)


def told(engine):
    with engine.connect() as connection:
        return connection.execute(select(Alert.level, Alert.at, Alert.episode).order_by(Alert.at)).all()


def test_an_outrage_becomes_a_warning_and_a_crisis_with_the_numbers_that_fired_them(engine, put, clock):
    put(both(calm(), outrage()))

    assert clock.tick() >= 2
    assert [one.level for one in told(engine)][-2:] == ["warning", "crisis"]
    with engine.connect() as connection:
        numbers = connection.execute(select(Alert.numbers).where(Alert.level == "crisis")).scalar_one()
    assert numbers["mood"]["negative_voices"] >= 20
    assert numbers["volume"]["tweets"] > numbers["volume"]["usual"]


def test_looking_again_or_anew_tells_nothing_twice(engine, put, clock):
    put(both(calm(), outrage()))
    clock.tick()
    before = told(engine)

    assert clock.tick() == 0
    with engine.begin() as connection:
        connection.execute(AlertWatch.__table__.delete())
    assert clock.tick() == 0  # as after a restart that lost everything: the same alerts are known
    assert told(engine) == before
    with engine.connect() as connection:
        assert connection.execute(select(AlertWatch.until)).scalar_one() > before[-1].at


def test_looking_each_few_minutes_tells_the_same_as_looking_once(engine, put, clock):
    whole = both(calm(), outrage())
    keyword_id = put(whole[whole["created_at"] < NOW])
    clock.tick()
    for minutes in range(0, 60, 10):
        begin = NOW + pd.Timedelta(minutes=minutes)
        part = whole[(whole["created_at"] >= begin) & (whole["created_at"] < begin + pd.Timedelta(minutes=10))]
        put(part, keyword_id)
        clock.tick()
    bit_by_bit = told(engine)
    with engine.begin() as connection:
        for table in (Alert, AlertWatch):
            connection.execute(table.__table__.delete())

    clock.tick()

    assert told(engine) == bit_by_bit
    assert len(bit_by_bit) >= 2


def test_the_step_that_is_not_over_waits(engine, put, clock):
    put(both(calm(), outrage()))
    clock.tick()

    with engine.connect() as connection:
        until, newest = connection.execute(
            select(AlertWatch.until, select(func.max(Trend.minute)).scalar_subquery())
        ).one()
    assert until == pd.Timestamp(newest).floor(STEP)


def test_amid_a_gap_nobody_is_alarmed_and_a_sample_counts_for_what_it_stands_for(engine, put):
    keyword_id = put(calm())
    end = (NOW - DAY).floor(STEP)
    with engine.begin() as connection:
        gap = {"started_at": end - 3 * HOUR, "ended_at": end - 2 * HOUR, "reason": "x"}
        connection.execute(insert(Gap), [gap])
        connection.execute(insert(Sampling), [{"started_at": end - HOUR, "ended_at": end, "percent": 10}])

    found = steps(engine, keyword_id, end)

    silent = found["tweets"].isna()
    assert list(found.index[silent]) == list(pd.date_range(end - 3 * HOUR, end - 2 * HOUR - STEP, freq=STEP))
    assert found["tweets"].iloc[-11:].sum() == pytest.approx(10 * found["scored"].iloc[-11:].sum())


def test_only_what_is_fresh_and_of_no_mute_keyword_is_sent(engine, keyword):
    loud, mute = keyword("loud"), keyword("mute")
    with engine.begin() as connection:
        until = datetime.now(UTC) + timedelta(hours=1)
        connection.execute(insert(AlertRule), {"keyword_id": mute, "per_week": 1, "muted_until": until})
    now = datetime.now(UTC)
    for id_, at in ((loud, now), (mute, now), (loud, now - timedelta(hours=2))):
        row = {"keyword_id": id_, "at": at, "level": "watch", "episode": at, "numbers": {}}
        assert alerts.save_judged(engine, {"keyword_id": id_, "until": at}, [row], ["hook"]) == 1

    with engine.connect() as connection:
        assert connection.execute(select(Delivery.keyword_id, Delivery.at)).all() == [(loud, now)]


def test_a_rehearsal_tells_for_each_budget_what_it_would_have_told(engine, put, database_url, clock):
    keyword_id = put(both(calm(), outrage()))

    clock.rehearse()

    with engine.connect() as connection:
        rows = connection.execute(select(Rehearsal.per_week, Rehearsal.told).order_by(Rehearsal.per_week)).all()
    assert [row.per_week for row in rows] == list(alerts.BUDGETS)
    assert all([one["level"] for one in row.told][-2:] == ["warning", "crisis"] for row in rows)
    again = rehearse_one(database_url, keyword_id)
    assert [row["told"] for row in again] == [row.told for row in rows]


def test_a_keyword_is_rehearsed_at_once_and_again_when_as_much_again_is_known(engine, put, database_url):
    asked = []

    def rehearse(ids):
        asked.append(len(ids))
        return rehearse_here(engine, ids, [1.0])

    clock = AlertClock(database_url, rehearse=rehearse)
    clock.stop()
    keyword_id = put(tweets(BEGIN, 120, 120, 0.2))
    clock.rehearse()
    put(tweets(BEGIN + 2 * HOUR, 60, 60, 0.2), keyword_id)
    clock.rehearse()
    put(tweets(BEGIN + 3 * HOUR, 90, 90, 0.2), keyword_id)
    clock.rehearse()

    assert asked == [1, 0, 1]


@pytest.mark.cluster
def test_all_keywords_are_rehearsed_on_ray_as_they_are_here(ray_cluster, engine, put, keyword, database_url):
    first, second = put(both(calm(), outrage()), keyword("first")), put(calm(), keyword("second"))
    here = rehearse_here(engine, [first, second], [1.0])

    assert on_ray(database_url, [1.0])([first, second]) == here
    assert [row["keyword_id"] for row in here] == [first, second]


def test_a_budget_that_nobody_can_choose_is_refused(engine, keyword):
    with pytest.raises(alerts.BudgetError, match="alerts a week"):
        alerts.set_rule(engine, keyword(), 99, None)


def test_who_sees_to_an_episode_has_seen_to_all_of_it(engine, put, clock):
    keyword_id = put(both(calm(), outrage()))
    clock.tick()
    episode = told(engine)[-1].episode

    alerts.acknowledge(engine, keyword_id, episode, None)

    with engine.connect() as connection:
        rows = connection.execute(alerts.told(BEGIN)).all()
    assert all((row.marked_at is not None) == (row.episode == episode) for row in rows)
