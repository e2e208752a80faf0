"""The Alerts page and the strip on every page: what they say, who may change it, that strangers' text stays text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core import alerts as kept
from core.models import Alert, AlertMark, AlertRule, Event, Rehearsal, Trend, Tweet
from panel_app import alerts
from panel_app.selection import Selection
from tests.panel_app.conftest import PAYLOAD, Tags, minute_row

NUMBERS = {
    "volume": {"tweets": 339.0, "usual": 114.5, "score": 2.94, "threshold": 5.25, "chance": 0.05, "calibrated": True},
    "mood": {"voices": 203, "mean": -0.26, "chance": 1e-9, "negative_excess": 83.0, "negative_voices": 60},
    "mood_before": {"mean": 0.15},
    "severity": 9.0,
}
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
BEGAN = NOW - timedelta(minutes=30)


@pytest.fixture
def incident(put, keyword, tweet_row):
    """A keyword with a warning that became a crisis."""

    def make(name="Aerolume", levels=("warning", "crisis"), **fields):
        id = keyword(name, **fields)
        put(Tweet, tweet_row(keyword_id=id, created_at=NOW, text=PAYLOAD))
        put(Trend, minute_row(keyword_id=id, minute=NOW))
        for number, level in enumerate(levels):
            at = BEGAN + timedelta(minutes=5 * number)
            put(Alert, {"keyword_id": id, "at": at, "level": level, "episode": BEGAN, "numbers": NUMBERS})
        return id

    return make


def opened(visitor):
    shown = alerts.Alerts(Selection(hours=24), visitor)
    shown.show()
    return shown


def test_the_page_tells_an_episode_with_the_numbers_that_fired_it(incident, visitor):
    incident()

    words = Tags(opened(visitor()).listed.object).text

    assert words.index("Crisis") < words.index("Warning")
    assert "339 tweets in an hour; usual are 114" in words
    assert "\N{MINUS SIGN}0.26 among 203 people; usual is +0.15" in words
    assert "83 negative tweets more than usual" in words
    assert "Severity 9.0 of 10" in words


def test_what_strangers_call_a_keyword_or_write_stays_text(incident, visitor):
    incident(PAYLOAD)
    shown, strip = opened(visitor()), alerts.strip(Selection())

    for pane in (shown.listed, shown.why, shown.before, strip):
        tags = Tags(pane.object)
        assert "img" not in tags.tags
        assert tags.handlers == []
    assert PAYLOAD in Tags(strip.object).text


def test_who_sees_to_it_is_noted_and_the_strip_is_gone(engine, incident, visitor):
    incident()
    shown = opened(visitor())
    assert alerts.strip(Selection()).visible
    assert shown.seen.visible

    shown.seen.clicks += 1

    with engine.connect() as connection:
        assert len(connection.execute(select(AlertMark)).all()) == 2
        assert connection.execute(select(Event.kind, Event.detail)).all() == [("alert", {"what": "acknowledge"})]
    assert not shown.seen.visible
    assert "seen to" in shown.listed.object
    assert alerts.urgent(alerts.data.now(kept.told(BEGAN)), "UTC") == ""


def test_what_gets_worse_after_somebody_saw_to_it_is_told_again(engine, incident, put, visitor):
    id = incident(levels=("warning",))
    opened(visitor()).seen.clicks += 1

    put(Alert, {"keyword_id": id, "at": NOW, "level": "crisis", "episode": BEGAN, "numbers": NUMBERS})

    assert "Crisis" in alerts.urgent(alerts.data.now(kept.told(BEGAN)), "UTC")


def test_a_viewer_looks_and_changes_nothing(engine, incident, visitor):
    incident()
    shown = opened(visitor("viewer"))

    for button in (shown.seen, shown.quiet, shown.keep):
        button.clicks += 1
        assert alerts.NOT_ALLOWED in Tags(shown.answer.object).text

    with engine.connect() as connection:
        assert connection.execute(select(AlertMark)).all() == connection.execute(select(AlertRule)).all() == []


def test_a_keyword_is_muted_and_unmuted_and_keeps_its_budget(engine, incident, visitor):
    id = incident()
    shown = opened(visitor())
    shown.budget.value = 2.0
    shown.keep.clicks += 1

    shown.quiet.clicks += 1
    with engine.connect() as connection:
        per_week, until = connection.execute(select(AlertRule.per_week, AlertRule.muted_until)).one()
    assert per_week == 2.0
    assert timedelta(hours=7) < until - datetime.now(UTC) <= timedelta(hours=8)
    assert shown.quiet.label == "Unmute"
    assert "Mute until" in shown.before.object

    shown.quiet.clicks += 1
    with engine.connect() as connection:
        assert connection.execute(select(AlertRule.keyword_id, AlertRule.muted_until)).all() == [(id, None)]


def test_a_budget_says_what_it_would_have_told(incident, put, visitor):
    id = incident()
    times = [{"at": (NOW - timedelta(days=day)).isoformat(), "level": "watch"} for day in (1, 2, 3)]
    for per_week, told in ((1.0, times), (5.0, [])):
        span = {"since": NOW - timedelta(days=30), "until": NOW}
        put(Rehearsal, {"keyword_id": id, "per_week": per_week, "told": told} | span)
    shown = opened(visitor())
    assert "In the last 30 days this budget would have told 3 alerts:" in Tags(shown.before.object).text

    shown.budget.value = 5.0
    assert "would have told 0 alerts." in Tags(shown.before.object).text

    shown.budget.value = 2.0
    assert "is being made" in Tags(shown.before.object).text


def test_good_news_and_watches_are_on_their_page_and_on_no_other(incident, visitor):
    incident(levels=("watch", "good news"))

    assert "Good news" in opened(visitor()).listed.object
    assert not alerts.strip(Selection()).visible


def test_without_an_alert_the_page_says_so(put, keyword, tweet_row, visitor):
    put(Tweet, tweet_row(keyword_id=keyword(), created_at=NOW))

    shown = opened(visitor())

    assert "No alert in the last 30 days" in shown.listed.object
    assert shown.why.object == ""
    assert not shown.seen.visible


def test_an_alert_of_a_keyword_that_has_no_threshold_yet_is_told_without_one():
    volume = {"tweets": 374.0, "usual": 90.0, "score": 2.5, "threshold": None, "chance": None, "calibrated": False}

    told = alerts.numbers({"numbers": {"volume": volume, "mood": None, "mood_before": None}})

    assert told == "374 tweets in an hour; usual are 90. Score 2.5."
