"""The trend as a still picture says what its bars say."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Gap, Trend, Tweet
from panel_app import still, trend
from panel_app.selection import Selection
from tests.panel_app.conftest import NOON, minute_row


@pytest.fixture
def told(keyword, put, tweet_row):
    """A view of two hours with tweets of three kinds, and one without anybody listening."""
    keyword("nike")
    put(Tweet, tweet_row(1))
    moods = [minute_row(label=label, tweets=tweets, sentiment_sum=label) for label, tweets in ((1, 3), (-1, 2))]
    put(Trend, *moods, minute_row(label=None, tweets=5), minute_row(minute=NOON - timedelta(hours=1), tweets=4))
    put(Gap, {"started_at": NOON - timedelta(hours=9), "ended_at": NOON - timedelta(hours=8), "reason": "HTTP 503"})
    return Selection(hours=24).view


def test_bars_are_stacked_as_high_as_there_are_tweets_and_gaps_over_all(told):
    drawn = list(still.shapes(trend.trend_of(told), [(told.start, told.end)], told))
    gap, earlier, *stack = drawn

    assert gap == ("gap", 0, 1, 0, 1)
    assert (earlier[0], earlier[3:]) == ("neutral", (0, 0.4))
    assert [name for name, *_ in stack] == ["negative", "positive", "not scored"]
    assert [one[3:] for one in stack] == [pytest.approx(ends) for ends in ((0, 0.2), (0.2, 0.5), (0.5, 1))]
    assert {one[1:3] for one in stack} == {stack[0][1:3]}
    assert earlier[2] <= stack[0][1]


@given(places=st.lists(st.floats(0, 1)))
def test_times_are_where_they_are_in_the_range(places):
    view = SimpleNamespace(start=NOON, end=NOON + timedelta(hours=1))
    times = pd.Series([NOON + timedelta(hours=place) for place in places], dtype="datetime64[us, UTC]")

    assert still.across(times, view) == pytest.approx(places, abs=1e-6)


def test_a_picture_says_what_it_shows(told):
    picture = still.trend_of(told)

    assert 'aria-label="Tweets over time, at most 10 in a bar"' in picture
    assert picture.count('<rect class="gap"') == 1
    assert picture.count('class="not-scored"') == 1
