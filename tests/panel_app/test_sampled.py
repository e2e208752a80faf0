"""What every page says while it shows a sample."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.models import Audience, Influence, InfluenceRun, Sampling, Term, Trend, Tweet
from panel_app import app, audience, influencer_map, influencers, overview, pages, sampled, trend, words
from panel_app.selection import Selection

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


def test_the_sentence_names_the_shares_and_the_times_in_the_viewers_zone(keyword, put, view):
    put(
        Sampling,
        {"started_at": NOON - timedelta(days=3), "ended_at": NOON - timedelta(hours=23), "percent": 25},
        {"started_at": NOON - timedelta(hours=1), "percent": 5, "ended_at": None},
    )
    said = sampled.note(view(zone="Asia/Tokyo"))

    assert "<b>25 %</b> from 18 Jun 2026, 21:00 to 18 Jun 2026, 22:00" in said
    assert "<b>5 %</b> from 19 Jun 2026, 20:00 to 19 Jun 2026, 21:01" in said


def test_where_all_was_read_nothing_is_said(keyword, put, view):
    put(Sampling, {"started_at": NOON - timedelta(days=3), "ended_at": NOON - timedelta(days=2), "percent": 25})

    assert sampled.note(view()) == ""


def test_a_sample_is_in_the_data_of_every_chart_and_on_every_page(keyword, put, tweet_row, influence_row, visitor):
    keyword("nike")
    put(Tweet, tweet_row(1, label=1, sentiment=0.5, latitude=1.0, longitude=1.0))
    put(Trend, {"keyword_id": 1, "minute": NOON, "label": 1, "tweets": 3, "voices": 1, **dict.fromkeys(SUMS, 0.5)})
    put(Term, {"keyword_id": 1, "hour": NOON, "label": 1, "term": "shoe", "tweets": 3})
    put(InfluenceRun, RUN)
    put(Influence, influence_row(1))
    put(Audience, {"keyword_id": 1, "window_end": NOON, "tweets": 3, "voices": 1, "known": 0})
    put(Sampling, {"started_at": NOON - timedelta(hours=1), "percent": 5})
    selection = Selection(hours=24)
    view = selection.view

    frames = (
        trend.trend_of(view).iloc[-1:],
        words.terms_of(view, 1),
        influencers.top(view),
        influencer_map.places(view),
    )
    assert [frame["percent"].tolist() for frame in frames] == [[5]] * 4
    assert trend.trend_of(view)["estimated"].sum() == 60
    assert "A sample: about 60 in all." in overview.figures(view)
    assert "only 5 % were read" in audience.totals(view)
    assert "what a sample stands for" in trend.legend(view)
    analyst = visitor()
    for number in range(len(pages.PAGES)):
        menu = app.pmui.MenuList(items=[{"label": name} for name in pages.PAGES], active=number)
        shown = app.Body(selection, menu, list(pages.PAGES), analyst).view
        assert any("Sampled: to stay within the budget" in str(getattr(pane, "object", "")) for pane in shown)


SUMS = ("sentiment_sum", "sentiment_square_sum")
RUN = {"window_start": NOON - timedelta(hours=72), "window_end": NOON, "state": "done", "started_at": NOON}
