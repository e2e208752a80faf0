"""What is told is kept as it was told, judged when its time has come, and refused with too little behind it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, insert, select
from typer.testing import CliRunner

from core import erasure, queries
from core.models import Forecast, ForecastRun, Gap, Influence, InfluenceRun, Trend
from jobs import forecasts
from talker import app

MONDAY = datetime(2026, 6, 15, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@pytest.fixture
def ask(engine):
    def asked(statement):
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    return asked


@pytest.fixture
def scored_weeks(engine, influence_row):
    """Store a window a week for each row of scores, author by author; the last one ends at MONDAY."""

    def store(scores, keyword_id=1, last=MONDAY):
        ends = [last - WEEK * back - 3 * DAY for back in reversed(range(len(scores)))]
        run = {"state": "done", "started_at": MONDAY, "window_start": MONDAY}
        rows = [
            influence_row(author, keyword_id=keyword_id, window_end=end, score=float(score))
            for end, week in zip(ends, scores, strict=True)
            for author, score in enumerate(week, 1)
            if score
        ]
        with engine.begin() as connection:
            connection.execute(insert(InfluenceRun), [run | {"window_end": end} for end in ends])
            connection.execute(insert(Influence), rows)

    return store


def trend_row(day, tweets, mood, **fields):
    """A minute of a day with so many tweets, all scored."""
    sums = {"sentiment_sum": tweets * mood, "sentiment_square_sum": tweets * mood**2, "voices": 1}
    return {"keyword_id": 1, "minute": day + timedelta(hours=9), "label": 1, "tweets": tweets} | sums | fields


@pytest.fixture
def quiet_days(engine):
    """Store days of a hundred tweets a day up to MONDAY."""

    def store(days, keyword_id=1):
        rows = [trend_row(MONDAY - DAY * back, 100, 0.25, keyword_id=keyword_id) for back in range(1, days + 1)]
        with engine.begin() as connection:
            connection.execute(insert(Trend), rows)

    return store


def steady(weeks, authors=12):
    """Scores that stay nearly as they are: the lower an author's number, the higher."""
    dice = np.random.default_rng(1)
    return (90 - 5 * np.arange(authors) + dice.normal(0, 1, (weeks, authors))).clip(1, 100)


def test_a_keyword_with_a_history_gets_its_next_influencers_by_each_way(engine, keyword, scored_weeks, ask):
    keyword()
    scored_weeks(steady(16))
    forecasts.run(engine, MONDAY + timedelta(hours=5))
    told = select(Forecast.place, Forecast.author_id).where(Forecast.shown, Forecast.subject == "people")

    assert ask(told.order_by(Forecast.place))[:5] == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]
    assert ask(select(Forecast.way, func.count(), func.min(Forecast.due)).group_by(Forecast.way).order_by("way")) == [
        (way, 10, MONDAY + 4 * WEEK) for way in ("mean", "model", "persistence")
    ]
    (interval,) = ask(select(func.min(Forecast.high - Forecast.low)).where(Forecast.shown))
    assert interval[0] > 0
    (chances,) = ask(select(func.max(Forecast.chance), func.min(Forecast.chance)).where(Forecast.shown))
    assert chances[0] > 0.9 > 0.1 > chances[1]


def test_with_fewer_than_eight_weeks_nothing_is_told_and_it_says_why(engine, keyword, scored_weeks, quiet_days, ask):
    keyword()
    scored_weeks(steady(7))
    quiet_days(6)
    forecasts.run(engine, MONDAY)

    assert ask(select(Forecast)) == []
    assert ask(select(ForecastRun.subject, ForecastRun.refused).order_by(ForecastRun.subject)) == [
        ("mood", "It takes 8 days of history; there are 5."),
        ("people", "It takes 8 weeks of history; there are 7."),
        ("tweets", "It takes 8 days of history; there are 5."),
    ]


def test_it_looks_no_further_than_a_third_of_the_history(engine, keyword, scored_weeks, quiet_days, ask):
    keyword()
    scored_weeks(steady(10))
    quiet_days(13)
    forecasts.run(engine, MONDAY)

    ahead = dict(ask(select(ForecastRun.subject, ForecastRun.ahead)))
    assert ahead == {"people": 3, "tweets": 4, "mood": 4}
    assert ask(select(func.max(Forecast.due)).where(Forecast.subject == "tweets")) == [(MONDAY + 4 * DAY,)]


def test_of_sensitive_keywords_no_people_are_told(engine, keyword, scored_weeks, quiet_days, ask):
    keyword("private", sensitive=True)
    scored_weeks(steady(16))
    quiet_days(30)
    forecasts.run(engine, MONDAY)

    assert set(ask(select(ForecastRun.subject))) == {("tweets",), ("mood",)}


def test_a_forecast_stays_as_it_was_told_and_is_made_once_a_day(engine, keyword, scored_weeks, quiet_days, ask):
    keyword()
    scored_weeks(steady(16))
    quiet_days(20)
    assert forecasts.run(engine, MONDAY + timedelta(hours=1)) == 3
    told = select(*(column for column in Forecast.__table__.columns if not column.key.startswith("actual")))
    before = ask(told)
    assert forecasts.run(engine, MONDAY + timedelta(hours=9)) == 0
    assert forecasts.run(engine, MONDAY + DAY) == 2  # the days anew; of the week it was told already

    assert set(before) <= set(ask(told))


def test_what_has_come_due_is_judged_once(engine, keyword, scored_weeks, ask):
    keyword()
    scored_weeks(steady(16)[:, ::-1])  # the highest is author 12
    forecasts.run(engine, MONDAY)
    later = steady(4)[:, ::-1]
    later[-1, 11] = 0  # who was not there in the end
    scored_weeks(later, last=MONDAY + 4 * WEEK)
    forecasts.run(engine, MONDAY + 3 * WEEK)
    assert ask(select(func.count(Forecast.actual)).where(Forecast.origin == MONDAY)) == [(0,)]
    forecasts.run(engine, MONDAY + 4 * WEEK)
    told = select(Forecast.author_id, Forecast.actual, Forecast.actual_place).where(Forecast.origin == MONDAY)
    found = ask(told.where(Forecast.shown, Forecast.place <= 2).order_by(Forecast.place))

    assert found == [(12, 0.0, None), (11, pytest.approx(later[-1, 10]), 1)]


def test_days_are_judged_by_their_tweets_and_a_day_that_nobody_listened_to_is_not(engine, keyword, quiet_days, ask):
    keyword()
    quiet_days(20)
    forecasts.run(engine, MONDAY)
    with engine.begin() as connection:
        connection.execute(insert(Trend), [trend_row(MONDAY, 70, 0.5), trend_row(MONDAY + DAY, 3, 0.5)])
        deaf = {"started_at": MONDAY + DAY, "ended_at": MONDAY + DAY + timedelta(hours=3), "reason": "network"}
        connection.execute(insert(Gap), deaf)
    forecasts.run(engine, MONDAY + 3 * DAY)
    told = select(Forecast.actual).where(Forecast.origin == MONDAY, Forecast.shown).order_by(Forecast.due).limit(3)

    assert ask(told.where(Forecast.subject == "tweets")) == [(70.0,), (None,), (0.0,)]
    assert ask(told.where(Forecast.subject == "mood")) == [(0.5,), (None,), (None,)]  # no mood without tweets


def test_a_week_is_the_mean_of_its_days_and_who_is_missing_on_one_has_nothing_there(
    engine, keyword, influence_row, ask
):
    keyword()
    run = {"state": "done", "started_at": MONDAY, "window_start": MONDAY}
    ends = [MONDAY - timedelta(hours=hours) for hours in (0, 30, 31)]  # one of midnight, two of one day
    with engine.begin() as connection:
        connection.execute(insert(InfluenceRun), [run | {"window_end": end} for end in ends])
        scores = [(1, ends[0], 40.0), (1, ends[1], 60.0), (1, ends[2], 99.0), (2, ends[1], 30.0)]
        rows = [influence_row(author, window_end=end, score=score) for author, end, score in scores]
        connection.execute(insert(Influence), rows)

    found = ask(queries.weekly_scores(MONDAY - 2 * WEEK, MONDAY))
    assert found == [(1, MONDAY - WEEK, 1, 50.0), (1, MONDAY - WEEK, 2, 15.0)]


def test_who_is_forgotten_leaves_the_forecasts(engine, keyword, scored_weeks, ask):
    keyword()
    scored_weeks(steady(16))
    forecasts.run(engine, MONDAY)
    gone = erasure.Gone(frozenset(), frozenset({1}))
    erasure.forget(engine, gone, "asked", words=lambda *_: [], scrub=lambda payload, _: payload)

    assert (1,) not in ask(select(Forecast.author_id))
    assert (2,) in ask(select(Forecast.author_id))


def test_a_backtest_of_a_file_answers_in_stable_names(tmp_path):
    values = steady(30)
    rows = [
        {"keyword": keyword, "week": f"{MONDAY + WEEK * week:%Y-%m-%d}", "author": f"a{author}", "score": score}
        for keyword in ("nike", "puma")
        for week, scores in enumerate(values)
        for author, score in enumerate(scores)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    told = CliRunner().invoke(app, ["forecast", "backtest", "--csv", str(tmp_path / "scores.csv"), "--json"])
    card = json.loads(told.stdout)["people"]

    assert (card["history_weeks"], card["horizon_weeks"], card["keywords"], card["refused"]) == (30, 4, 2, {})
    assert card["forecasts"] == 2 * (30 - 4 - 11)
    for figure in ("recall_at_5", "ndcg_at_5", "error", "mase"):
        assert card[figure].keys() == {"shown", "model", "persistence", "mean"}
    assert 0.7 < card["coverage"] <= 1
    assert card["recall_at_5"]["shown"] >= 0.9
    assert 0.9 <= card["ndcg_at_5"]["shown"] <= 1
    assert card["mase"]["persistence"] == pytest.approx(1, abs=0.15)
    assert card["mase"]["mean"] < card["mase"]["persistence"]


def test_a_file_without_the_columns_is_one_clear_line(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")

    with pytest.raises(forecasts.HistoryError, match="keyword, week, author, score"):
        forecasts.from_file(tmp_path / "other.csv")


def test_without_any_history_a_backtest_has_nothing_to_say(engine):
    found = forecasts.backtest(forecasts.from_database(engine, MONDAY))

    assert {subject: card["forecasts"] for subject, card in found.items()} == {"people": 0, "tweets": 0, "mood": 0}
