"""What is new shows as new, what one author repeats does not; hashtags that go with a keyword are not tracked yet."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from core.models import Term, Tweet
from panel_app import topics
from panel_app.selection import Selection
from tests.panel_app.conftest import NOON, PAYLOAD, Tags

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def talk(put, tweet_row):
    """Commit tweets by many authors, and count their words as the trackers do."""
    ids = iter(range(1, 100_000))

    def commit(text, authors, at=NOON - HOUR, keyword_id=1, own=""):
        rows = [
            tweet_row(next(ids), author_id=one, text=text + own.format(one), created_at=at, keyword_id=keyword_id)
            for one in authors
        ]
        put(Tweet, *rows)
        hour = at.replace(minute=0)
        words = {"hour": hour, "label": 0, "tweets": len(rows), "keyword_id": keyword_id}
        put(Term, *({"term": word.casefold(), **words} for word in dict.fromkeys(text.split())))

    return commit


@pytest.fixture
def usual(talk):
    """A week of usual talk, and usual talk now."""
    for back in range(1, 8):
        talk("shoe", range(40), NOON - HOUR - back * DAY)
    talk("shoe shop", range(20, 24), NOON - 2 * HOUR - 3 * DAY)


def test_what_is_new_is_first_and_marked_and_what_is_as_ever_is_not_there(keyword, usual, talk, view):
    keyword()
    talk("shoe #strike", range(200, 230))
    talk("shoe shop", range(300, 320), NOON - 2 * HOUR)
    talk("the same again", [7] * 20, NOON - 3 * HOUR)  # one author, twenty times
    found = topics.emerging_of(view(hours=6))

    assert found.rows["term"].tolist() == ["#strike", "shop"]
    assert found.rows["new"].tolist() == [True, False]
    assert (found.authors, found.before) == (51, 280)  # before: forty on each of seven days
    told = topics.told(view(hours=6))
    assert told.count(">new<") == 1
    assert "30 <small>58.8 %</small>" in told


def test_of_a_long_range_the_last_24_hours_are_now_and_it_moves_every_five_minutes(view):
    start, end = topics.hours_of(view(hours=168))
    assert end - start == DAY
    assert end == NOON

    whole = view(hours=0, start=NOON - HOUR, end=NOON - timedelta(minutes=3))
    assert topics.hours_of(whole) == (whole.start, whole.end)


def test_a_term_that_many_copy_from_one_another_is_marked(keyword, usual, talk, view):
    keyword()
    talk("#campaign buy this shoe", range(200, 230))
    talk("#strike", range(300, 330), NOON - 2 * HOUR, own=" a{0} b{0} c{0}")
    found = topics.emerging_of(view(hours=6)).rows.set_index("term")

    assert (found.loc["#campaign", "copies"], found.loc["#strike", "copies"]) == (True, False)
    assert topics.told(view(hours=6)).count(">copies<") >= 1


def test_without_a_past_nobody_can_tell_what_is_new(keyword, talk, view):
    keyword()
    talk("#strike now", range(30))

    assert topics.NOTHING_BEFORE in topics.told(view(hours=6))
    assert topics.NOTHING_NEW in topics.told(view(hours=6, keyword_id=2))


def test_hashtags_that_go_with_a_keyword_are_listed_unless_they_are_tracked(keyword, talk, view):
    for name in ("nike", "puma", "#Tracked"):
        keyword(name)
    talk("#running #tracked", range(40))
    talk("#everywhere", range(40), NOON - 2 * HOUR)
    talk("nothing", range(100, 200), keyword_id=2)
    talk("#everywhere", range(100, 190), keyword_id=2)
    found = topics.related_of(view(hours=6))

    assert found.rows["term"].tolist() == ["#running"]
    assert (found.authors, found.before) == (40, 100)


def test_a_keyword_alone_has_nothing_to_compare_hashtags_with(keyword, talk, view):
    keyword()
    talk("#running", range(40))

    assert topics.ALONE in topics.told_related(view(hours=6))


def test_of_a_sensitive_keyword_terms_of_fewer_than_five_are_not_shown(keyword, talk, usual, view):
    keyword()
    talk("secret", range(200, 204))

    assert topics.emerging_of(view(hours=6)).rows["term"].tolist() == ["secret"]
    assert topics.emerging_of(view(hours=6, sensitive=True)).rows.empty


def test_strangers_words_become_no_markup():
    row = {"term": PAYLOAD, "authors": 5, "before": 0, "g2": 40.0, "times": float("inf"), "new": True}
    tags = Tags(topics.table(topics.Terms(pd.DataFrame([row]), 10, 100), ("Term", "now", "before")))

    assert "img" not in tags.tags
    assert PAYLOAD in tags.text


def test_the_page_follows_the_keyword(keyword, usual, talk, put):
    keyword("nike")
    talk("shoe #strike", range(200, 230))
    talk("shoe", [1], NOON + timedelta(minutes=4))
    selection = Selection(hours=6)
    shown = topics.page(selection)[0]

    assert "#strike" in shown.object
