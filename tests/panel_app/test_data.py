"""The door: what is read once, and what is noticed."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier

import pytest

from core import queries
from core.config import ConfigError
from core.models import Keyword, Tweet
from panel_app import data
from tests.conftest import NOON


def test_a_frame_is_read_once_a_version(door, engine, keyword):
    keyword("nike")
    first = door.frame(queries.keywords(), version=1)
    keyword("puma")

    assert door.frame(queries.keywords(), version=1) is first
    assert list(door.frame(queries.keywords(), version=2)["name"]) == ["nike", "puma"]


def test_what_is_asked_of_many_at_once_is_read_once_too(door, keyword):
    keyword("nike")
    hours = [NOON + timedelta(hours=hour) for hour in range(9)]

    assert door.frame(queries.trend(1, hours), 1) is door.frame(queries.trend(1, list(hours)), 1)
    assert door.frame(queries.trend(1, hours), 1) is not door.frame(queries.trend(1, hours[1:]), 1)


def test_what_is_read_beside_is_read_at_the_same_time_and_answered_in_order():
    both = Barrier(2, timeout=10)  # passed by none of them alone

    assert data.at_once(lambda: ("first", both.wait())[0], lambda: ("second", both.wait())[0]) == ["first", "second"]


def test_values_are_bound_and_part_queries_that_read_alike(door, keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    put(Tweet, tweet_row(1, keyword_id=2))

    assert len(door.frame(queries.newest_tweet(1))) == 0
    assert len(door.frame(queries.newest_tweet(2))) == 1


def test_new_tweets_raise_the_version_of_their_keyword_alone(door, keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    door.watch().look()
    nike, puma = door.watch().version(1), door.watch().version(2)
    put(Tweet, tweet_row(1))

    assert door.watch().version(1) > nike
    assert door.watch().version(2) == puma


def test_a_new_keyword_raises_every_version(door, put):
    before = door.watch().version(1)
    put(Keyword, {"name": "nike", "query": "nike"})

    assert door.watch().version(1) > before


def test_what_was_kept_under_a_keywords_number_is_never_found_under_the_number_of_another_state(
    door, keyword, put, tweet_row
):
    keyword("nike")
    for number in range(1, 4):  # busy, while nobody tracks anything new
        put(Tweet, tweet_row(number))
        door.frame(queries.keywords(), door.watch().version(1))
    for name in ("puma", "umbro", "vans"):
        put(Keyword, {"name": name, "query": name})

        assert name in list(door.frame(queries.keywords(), door.watch().version(0))["name"])


def test_an_app_without_a_database_says_what_is_missing(monkeypatch):
    monkeypatch.delenv("TALKER_DATABASE_URL", raising=False)

    with pytest.raises(ConfigError, match="TALKER_DATABASE_URL"):
        data.engine.__wrapped__()


def test_what_is_kept_is_made_once_a_view_and_again_when_its_version_is_another_or_all_is_let_go_of(view):
    made = []
    told = data.kept(lambda of: made.append(of.version) or str(of.version))

    assert [told(view()), told(view()), told(view(version=2))] == ["0", "0", "2"]
    assert made == [0, 2]
    data.forget()
    told(view())
    assert made == [0, 2, 0]
