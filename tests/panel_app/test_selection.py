"""What every page follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Tweet
from panel_app.selection import BIN_MINUTES, RANGES, Selection, View, known_zone

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


def test_an_app_that_tracks_nothing_says_how_to_track(door):
    selection = Selection()

    assert selection.view is None
    assert "talker track add" in selection.missing


def test_a_keyword_without_tweets_says_so(keyword, door):
    keyword("nike")

    assert "No tweet about nike" in Selection().missing


def test_the_range_ends_with_the_newest_tweet(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1, created_at=datetime(2016, 6, 17, tzinfo=UTC)))

    assert Selection().view.end == datetime(2016, 6, 17, tzinfo=UTC)


def test_a_tweet_from_the_future_does_not_move_the_range_there(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1, created_at=datetime.now(UTC) + timedelta(days=1)))

    assert Selection().view.end <= datetime.now(UTC)


def test_the_view_follows_the_keyword_the_range_and_new_commits(keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    put(Tweet, tweet_row(1), tweet_row(2, keyword_id=2))
    selection = Selection()
    selection.keyword = "puma"
    selection.hours = 1
    assert (selection.view.keyword_id, selection.view.hours, selection.view.end) == (2, 1, NOON)

    put(Tweet, tweet_row(3, keyword_id=2, created_at=NOON + timedelta(minutes=1)))
    selection.refresh()
    assert selection.view.end == NOON + timedelta(minutes=1)


def test_nothing_is_drawn_again_when_nothing_was_committed(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection()
    changes = []
    selection.param.watch(changes.append, "view")
    selection.refresh()

    assert changes == []


def test_a_keyword_tracked_later_can_be_chosen(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection()
    keyword("adidas")
    put(Tweet, tweet_row(2))
    selection.refresh()

    assert selection.param.keyword.objects == ["adidas", "nike"]
    assert selection.keyword == "nike"


@given(hours=st.sampled_from(list(RANGES.values())), second=st.integers(0, 10**7))
def test_a_range_begins_on_a_whole_bin_and_is_no_shorter_than_it_says(hours, second):
    view = View(keyword="nike", keyword_id=1, hours=hours, end=NOON + timedelta(seconds=second))

    assert view.start.timestamp() % (60 * BIN_MINUTES[hours]) == 0
    assert timedelta(hours=hours) <= view.end - view.start < timedelta(hours=hours) + view.bin_width
    assert view.before[1] == view.start


@pytest.mark.parametrize(("sent", "taken"), [("Europe/Berlin", "Europe/Berlin"), ("../etc", "UTC"), ("", "UTC")])
def test_a_zone_the_machine_does_not_know_is_utc(sent, taken):
    assert known_zone(sent) == taken
