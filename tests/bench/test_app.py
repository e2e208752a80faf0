"""The benchmark's month is whole, and what it measures of the app is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import sqrt

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from bench import app, month
from core.config import Settings
from core.models import Base

END = datetime(2026, 6, 19, 12, tzinfo=UTC)
FIGURES = (
    "first_paint_p95_s",
    "live_p95_s",
    "interaction_p95_ms",
    "cpu_s_per_session",
    "mb_per_session",
    "row_to_screen_s",
)


def found(connection, sql):
    return connection.execute(text(sql)).one()


def test_the_counters_of_a_made_up_month_are_those_of_its_tweets(engine):
    month.fill(engine, 20_000, END)
    with engine.connect() as connection:
        tweets = found(connection, "SELECT count(*), count(label), sum(sentiment::numeric) FROM tweet WHERE matched")
        trend = "SELECT sum(tweets), sum(tweets) FILTER (WHERE label IS NOT NULL), sum(sentiment_sum) FROM trend"
        words = "SELECT sum(cardinality(string_to_array(text, ' '))) FROM tweet WHERE label IS NOT NULL"
        times = found(connection, "SELECT min(created_at), max(created_at) FROM tweet")
        [first] = found(connection, "SELECT count(*) FROM tweet WHERE keyword_id = 1")

        assert found(connection, trend) == tweets
        assert tweets[0] == 20_000
        assert found(connection, "SELECT sum(tweets) FROM term") == found(connection, words)
        assert (times[0] > END - month.SPAN, times[1]) == (True, END)
        assert first / 20_000 == pytest.approx(sqrt(1 / month.KEYWORDS), rel=0.1)
        assert found(connection, "SELECT min(rank), count(*) > 0 FROM influence") == (1, True)


def test_a_filled_database_has_every_index_again(engine):
    month.fill(engine, 1_000, END)

    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


@pytest.mark.browser
def test_each_figure_is_there_for_each_number_of_sessions(tmp_path):
    plan = app.Plan(clicks={1: 3, 2: 2}, think=0.1, paints=1, rows=1)
    with ThreadPoolExecutor(1) as pool:  # where no loop runs, as this thread's does once a test has had the browser
        figures = pool.submit(app.measure, Settings(home=tmp_path), 5_000, lambda _what: None, plan).result()

    for name in FIGURES:
        assert figures[name].keys() == {1, 2}
    assert figures["clicks"] == {1: 3, 2: 4}
    assert 0 < figures["cpu_s_per_session"][1] < 60
    assert 0 < figures["row_to_screen_s"][2] < 60
    assert figures["hello_live_s"] > 0
    assert figures["sql_ms"] > 0
