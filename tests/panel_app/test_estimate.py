"""What is told of a keyword's volume and cost before it is tracked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from core import store
from core.config import Settings
from panel_app import estimate, tracking
from panel_app.selection import Selection

NOW = datetime(2026, 6, 19, 12, tzinfo=UTC)


def told(**fields):
    known = {"asked_at": NOW, "answered_at": NOW, "posts_a_day": 1234.5, "problem": None}
    return estimate.told(pd.DataFrame([known | fields]), NOW + timedelta(seconds=3), Settings())


@pytest.mark.parametrize(
    ("fields", "style", "said"),
    [
        ({}, "positive", "About 1,200 posts a day, about $6.17 a day"),
        ({"posts_a_day": 0.4}, "positive", "Less than 1 post a day, less than $0.01 a day"),
        ({"posts_a_day": 0.0}, "positive", "About 0 posts a day, about $0.00 a day"),
        ({"posts_a_day": 9000.0}, "negative", "above the budget of $10.00 a day: X would be asked for a sample"),
        ({"answered_at": None}, "quiet", "Asking X"),
        ({"answered_at": None, "asked_at": NOW - timedelta(minutes=1)}, "negative", "Is talker up running?"),
        ({"posts_a_day": None, "problem": "X refuses to count: no"}, "negative", "Not known: X refuses to count: no."),
        ({"posts_a_day": None, "problem": "the day\u2019s budget"}, "negative", "Not known: the day"),
    ],
)
def test_an_estimate_is_told_with_its_cost_or_why_it_is_not_known(fields, style, said):
    found = told(**fields)

    assert found[0] == style
    assert said in found[1]


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        (("nike", "", ""), "(nike)"),
        (("my brand", "", "en"), '("my brand") lang:en'),
        (("", "", ""), ""),
        (("nike", "nike OR (", ""), ""),
    ],
)
def test_x_is_asked_for_what_the_rule_would_be_and_never_for_what_it_would_refuse(typed, query):
    assert estimate.query_for(*typed) == query


def asking(visitor, query="(nike)"):
    may = lambda what, doing: tracking.change(visitor, what, doing)  # noqa: E731 - it is handed on
    return estimate.Estimate(Selection(), lambda: query, may)


def test_what_an_analyst_asks_is_shown_when_it_is_answered(engine, keyword, visitor):
    one = asking(visitor("analyst"))
    one.ask()
    assert "Asking X" in one._words.object
    store.answer_estimate(engine, "(nike)", datetime.now(UTC), 20.0, None)
    one.look()

    assert "About 20 posts a day, about $0.10 a day" in one._words.object


def test_a_viewer_cannot_ask_for_it_costs_money(visitor, engine):
    one = asking(visitor("viewer"))
    one.ask()

    assert tracking.NOT_ALLOWED in one._words.object
    assert estimate.data.now(estimate.queries.estimate("(nike)")).empty
