"""Tracking: who may change what is tracked, and what the page says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import select

from core import accounts, queries, store
from core.models import Event, Gap, Keyword, Trend, Tweet
from panel_app import tracking
from panel_app.selection import Selection
from tests.panel_app.conftest import PAYLOAD, minute_row


def row(**fields):
    """A row of `queries.tracking` from defaults."""
    known = {"name": "nike", "query": "nike", "language": None, "sensitive": False, "paused": False, "refused": None}
    return pd.Series(known | {"newest": datetime.now(UTC), "tweets": 5} | fields)


def tracked(engine):
    with engine.connect() as connection:
        return [one.name for one in connection.execute(queries.keywords())]


def test_a_viewer_cannot_track_whatever_their_browser_sends(engine, visitor):
    viewer = visitor("viewer")
    wrong = tracking.change(viewer, "add", lambda: store.add_keyword(engine, "nike"))

    assert wrong == tracking.NOT_ALLOWED
    assert tracked(engine) == []


def test_an_analyst_who_lost_the_role_or_the_session_cannot_either(engine, visitor):
    analyst = visitor("analyst")
    accounts.set_role(engine, analyst.account_id, "viewer")
    assert tracking.change(analyst, "add", lambda: store.add_keyword(engine, "nike")) == tracking.NOT_ALLOWED

    accounts.set_role(engine, analyst.account_id, "analyst")
    accounts.end_sessions(engine, analyst.account_id)
    assert "signed out" in tracking.change(analyst, "add", lambda: store.add_keyword(engine, "nike"))
    assert tracked(engine) == []


def test_an_analyst_tracks_and_it_is_noted_that_they_did_but_not_what(engine, visitor):
    assert tracking.change(visitor(), "add", lambda: store.add_keyword(engine, "nike")) == ""

    assert tracked(engine) == ["nike"]
    with engine.connect() as connection:
        assert connection.execute(select(Event.kind, Event.detail)).all() == [("track", {"what": "add"})]


def test_what_cannot_be_tracked_is_said(engine, visitor):
    assert "64 printable" in tracking.change(visitor(), "add", lambda: store.add_keyword(engine, " "))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Last tweet 0 s ago, 5 in the last 24 h"),
        ({"newest": None}, "No tweet yet"),
        ({"paused": True}, "Paused"),
        ({"refused": "too broad"}, "X refuses it: too broad"),
    ],
)
def test_a_keyword_says_how_it_stands(fields, said):
    assert said in tracking.state(row(**fields), None)[1]


def test_while_the_stream_is_interrupted_every_keyword_says_so(put):
    assert tracking.silence() is None
    put(Gap, {"started_at": datetime.now(UTC), "reason": "budget"})

    assert "Not listening: budget" in tracking.state(row(), tracking.silence())[1]


def test_the_page_lists_what_is_tracked_and_follows_it(engine, keyword, put, tweet_row, visitor):
    keyword("nike", query="nike OR #nike", sensitive=True)
    put(Tweet, tweet_row(1, created_at=datetime.now(UTC) - timedelta(minutes=4)))
    put(Trend, minute_row(minute=datetime.now(UTC).replace(second=0, microsecond=0), tweets=7))
    page = tracking.Keywords(Selection(), visitor())
    page.show(tracking.data.now(queries.tracking()))
    ((words, _),) = page._rows.values()
    for part in ("nike OR #nike", "sensitive", "Last tweet 4 min ago, 7 in"):
        assert part in words.object

    page.do("remove", lambda: store.remove_keyword(engine, "nike"), "gone")
    assert "Nothing is tracked yet" in page.view[0].object


def test_a_paused_keyword_is_still_shown_and_goes_on_when_told(engine, keyword, visitor):
    keyword("nike")
    page = tracking.Keywords(Selection(), visitor())
    page.do("pause", lambda: store.change_keyword(engine, "nike", paused=True), "paused")
    assert "Paused" in next(iter(page._rows.values()))[0].object
    assert Selection().keyword == "nike"

    page.do("pause", lambda: store.change_keyword(engine, "nike", paused=False), "resumed")
    with engine.connect() as connection:
        assert connection.execute(select(Keyword.paused)).scalars().all() == [False]


def test_a_query_is_shown_as_x_gets_it_or_with_the_column_of_what_is_wrong():
    assert "(nike) lang:en -is:nullcast" in tracking.previewed("nike", "", "en", False)
    assert "(&quot;my brand&quot;) -is:nullcast" in tracking.previewed("my brand", "", "", False)
    wrong = tracking.previewed("nike", "nike OR (shoes", "", False)
    assert "Column 9" in wrong
    assert "<mark>(shoes</mark>" in wrong


def test_what_is_typed_is_shown_escaped():
    typed = tracking.previewed(PAYLOAD, PAYLOAD, "", False)
    kept = tracking.described(row(name=PAYLOAD, query=PAYLOAD, refused=PAYLOAD), PAYLOAD, False)

    assert "<img" not in typed + kept
    assert kept.count("&lt;img") == 3
