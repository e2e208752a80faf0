"""What every page follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Keyword, Tweet
from panel_app import cuts, data
from panel_app.selection import CUSTOM, RANGES, Selection, Shown, known_zone, moving

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

    assert Selection().view.end == datetime(2016, 6, 17, 0, 1, tzinfo=UTC)


def test_a_tweet_from_the_future_does_not_move_the_range_there(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1, created_at=datetime.now(UTC) + timedelta(days=1)))

    assert Selection().view.newest <= datetime.now(UTC)


def test_the_view_follows_the_keyword_the_range_and_new_commits(keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    put(Tweet, tweet_row(1), tweet_row(2, keyword_id=2))
    selection = Selection()
    selection.keyword = "puma"
    selection.hours = 1
    assert (selection.view.keyword_id, selection.view.hours, selection.view.newest) == (2, 1, NOON)

    put(Tweet, tweet_row(3, keyword_id=2, created_at=NOON + timedelta(minutes=1)))
    selection.refresh()
    assert selection.view.newest == NOON + timedelta(minutes=1)


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
def test_a_moving_range_begins_on_a_whole_bar_holds_the_newest_tweet_and_is_no_shorter_than_it_says(hours, second):
    newest = NOON + timedelta(seconds=second)
    start, end = moving(newest, hours, "", "Europe/Berlin")
    width = cuts.width_for(end - start)

    assert start == cuts.begun(start, width, "Europe/Berlin")
    assert end - timedelta(minutes=1) <= newest < end
    assert timedelta(hours=hours) <= end - start < timedelta(hours=hours + 1) + width


def test_a_range_that_somebody_chose_stays_while_tweets_come(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection(hours=6)
    selection.choose(NOON - timedelta(minutes=90, seconds=7), NOON - timedelta(minutes=30, seconds=7))
    put(Tweet, tweet_row(2, created_at=NOON + timedelta(hours=1)))
    selection.refresh()

    assert selection.view.start == NOON - timedelta(minutes=91)
    assert selection.view.end == NOON - timedelta(minutes=30)
    assert selection.view.newest == NOON + timedelta(hours=1)
    assert selection.view.span == "1 h 1 min"

    selection.go_live()
    assert selection.view.end == NOON + timedelta(minutes=61)
    selection.hours = CUSTOM
    assert selection.view.end == NOON - timedelta(minutes=30)


def test_custom_begins_with_the_range_that_was_there(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection(hours=6)
    before = selection.view
    selection.hours = CUSTOM

    assert (selection.view.start, selection.view.end) == (before.start, before.end)


@pytest.mark.parametrize(("sent", "taken"), [("Europe/Berlin", "Europe/Berlin"), ("../etc", "UTC"), ("", "UTC")])
def test_a_zone_the_machine_does_not_know_is_utc(sent, taken):
    assert known_zone(sent) == taken


def test_a_keyword_that_comes_while_the_list_is_read_is_on_the_list_a_second_later(
    keyword, put, tweet_row, monkeypatch
):
    keyword("nike")
    put(Tweet, tweet_row(1))
    read, coming = data.frame, ["puma"]

    def read_slowly(query, version=0):
        found = read(query, version)
        while coming:
            put(Keyword, {"name": coming.pop(), "query": "any"})
        return found

    selection = Selection()
    put(Tweet, tweet_row(2))
    monkeypatch.setattr(data, "frame", read_slowly)
    selection.follow()
    selection.follow()

    assert selection.param.keyword.objects == ["nike", "puma"]


def test_a_page_that_is_not_shown_stands_still_and_follows_when_it_is_shown_again(keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    put(Tweet, tweet_row(1), tweet_row(2, keyword_id=2))
    selection = Selection()
    page, other = Shown(selection), Shown(selection)
    drawn = []
    page.param.watch(lambda event: drawn.append(event.new.keyword), "view")
    page.look(False)
    selection.keyword = "puma"

    assert (drawn, page.view.keyword, other.view.keyword) == ([], "nike", "puma")
    page.look(True)
    page.look(True)
    assert drawn == ["puma"]


def test_what_is_chosen_on_a_page_is_chosen_on_all(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection()
    page, other = Shown(selection), Shown(selection)
    page.word, page.others = "shoe", ["puma"]
    page.choose(NOON - timedelta(hours=2), NOON)

    assert selection.word == other.word == "shoe"
    assert other.others == ["puma"]
    assert page.view == other.view == selection.view
    assert page.hours == CUSTOM


def test_a_view_stays_while_nothing_is_committed(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection()
    first = selection.view
    selection.follow()
    assert selection.view is first

    put(Tweet, tweet_row(2, created_at=NOON + timedelta(minutes=1)))
    selection.follow()
    assert selection.view.newest == NOON + timedelta(minutes=1)
