"""The figures against the range before."""

from __future__ import annotations

from datetime import timedelta

from core.models import Tweet
from panel_app import overview
from panel_app.selection import Selection


def test_figures_stand_beside_those_of_the_range_before(keyword, put, tweet_row):
    keyword("nike")
    newest = tweet_row()["created_at"]
    put(
        Tweet,
        tweet_row(1, sentiment=0.5, label=1),
        tweet_row(2, author_id=2, sentiment=0.1, label=1),
        tweet_row(3, created_at=newest - timedelta(hours=30), sentiment=-0.1, label=-1),
    )
    shown = overview.figures(Selection(hours=24).view)

    assert "+100 % against the 24 h before" in shown
    assert "+0.30 <small>(n = 2)</small>" in shown
    assert "+0.40 against the 24 h before" in shown


def test_nothing_before_is_said_and_not_divided_by():
    assert overview.change(5, 0, "3 days") == "none in the 3 days before"
