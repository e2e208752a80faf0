"""Recent search and counts, against what the scenario says happened."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_x.fields import UnknownField
from local_x.rules import InvalidRule
from local_x.search import WINDOW as WINDOW_PARAMETERS
from local_x.search import Window, unaccented
from local_x.snowflake import first_id

MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)
SEARCH = "/2/tweets/search/recent"
COUNTS = "/2/tweets/counts/recent"
BEGIN, END = MONDAY - timedelta(minutes=40), MONDAY - timedelta(minutes=20)
WINDOW = {"start_time": BEGIN.isoformat(), "end_time": END.isoformat()}


@pytest.fixture
def choir(scenario):
    """The window's tweets that have the choir's hashtag in their own text, oldest first; no retweets."""
    return [
        message["data"]
        for message in scenario.messages(BEGIN, END)
        if "#oneminutechoir" in message["data"]["text"].casefold() and not message["data"]["text"].startswith("RT ")
    ]


def pages(served, **params):
    """Yield all pages of a search."""
    page = served.get(SEARCH, **params)
    yield page
    while token := page["meta"].get("next_token"):
        page = served.get(SEARCH, **params, next_token=token)
        yield page


def ids(found):
    return [tweet["id"] for page in found for tweet in page.get("data", ())]


def test_search_finds_everything_in_the_window_once_newest_first(serve, choir):
    found = list(pages(serve(), query="#oneminutechoir", max_results=50, **WINDOW))
    assert len(choir) > 100
    assert ids(found) == [tweet["id"] for tweet in reversed(choir)]
    for page in found:
        data, meta = page["data"], page["meta"]
        assert (meta["newest_id"], meta["oldest_id"]) == (data[0]["id"], data[-1]["id"])
        assert meta["result_count"] == len(data) <= 50


def test_search_goes_on_after_an_id_and_ends_before_one(serve, choir):
    since, until = choir[30]["id"], choir[60]["id"]
    found = ids(pages(serve(), query="#oneminutechoir", max_results=10, since_id=since, until_id=until))
    assert found == [tweet["id"] for tweet in reversed(choir[31:60])]


def test_search_knows_what_the_stream_has_told_and_nothing_later(serve):
    served = serve()
    served.messages(40)
    told, found = served.local_x.emitted(), ids([served.get(SEARCH, query="#oneminutechoir", max_results=100)])
    assert sum(int(one) > told[-1] for one in found) <= 1  # it was on its way as we left
    assert int(found[0]) > told[0]


def test_a_search_has_the_asked_fields_and_includes_each_object_once(serve):
    expansions = {"expansions": "author_id,referenced_tweets.id", "tweet.fields": "public_metrics"}
    page = serve().get(SEARCH, query="#oneminutechoir", max_results=100, **expansions, **WINDOW)
    assert {"author_id", "public_metrics", "text"} <= page["data"][0].keys()
    users = [user["id"] for user in page["includes"]["users"]]
    assert len(users) == len(set(users))
    assert {tweet["author_id"] for tweet in page["data"]} <= set(users)


def test_a_tweet_found_has_the_counts_of_today(serve):
    fields = {"tweet.fields": "public_metrics", **WINDOW}
    page = serve().get(SEARCH, query="#oneminutechoir", max_results=100, **fields)
    assert max(tweet["public_metrics"]["retweet_count"] for tweet in page["data"]) > 0


def test_counts_are_what_search_finds_bin_by_bin(serve, choir):
    body = serve().get(COUNTS, query="#oneminutechoir", granularity="minute", **WINDOW)
    minutes = Counter(datetime.fromisoformat(tweet["created_at"]).replace(second=0, microsecond=0) for tweet in choir)
    assert {datetime.fromisoformat(one["start"]): one["tweet_count"] for one in body["data"]} == {
        BEGIN + timedelta(minutes=number): minutes[BEGIN + timedelta(minutes=number)] for number in range(20)
    }
    assert body["meta"]["total_tweet_count"] == len(choir)


def test_days_are_cut_at_the_ends_of_the_window(serve):
    window = {"start_time": "2026-06-21T23:00:00Z", "end_time": "2026-06-22T01:30:00Z"}
    data = serve().get(COUNTS, query="from:nobody", granularity="day", **window)["data"]
    assert [(one["start"][5:16], one["end"][5:16]) for one in data] == [
        ("06-21T23:00", "06-22T00:00"),
        ("06-22T00:00", "06-22T01:30"),
    ]


def test_nothing_found_is_no_data(serve):
    assert serve().get(SEARCH, query="nobodywritesthis", **WINDOW) == {"meta": {"result_count": 0}}


@pytest.mark.parametrize(
    "asked",
    [
        {"query": ""},
        {"query": "lang:en"},
        {"query": "a" * 513},
        {"query": "cat", "max_results": "9"},
        {"query": "cat", "max_results": "many"},
        {"query": "cat", "since_id": "1"},
        {"query": "cat", "since_id": "x"},
        {"query": "cat", "start_time": "2026-06-01T00:00:00Z"},
        {"query": "cat", "start_time": "yesterday"},
        {"query": "cat", "next_token": "?"},
        {"query": "cat", "tweet.fields": "mood"},
        {"query": "cat", "colour": "red"},
    ],
)
def test_what_x_refuses_to_search_is_refused(serve, asked):
    answer = serve().ask("GET", SEARCH, **asked)
    assert answer.status_code == 400
    assert answer.json()["title"] == "Invalid Request"


@given(st.dictionaries(st.sampled_from(sorted(WINDOW_PARAMETERS)), st.text("0123456789-:TZ+abc ", max_size=24)))
def test_any_parameters_are_a_window_or_refused(asked):
    end = first_id(MONDAY)
    with suppress(UnknownField, InvalidRule):
        assert Window.asked(asked, end).last <= end


def test_a_query_of_512_characters_is_searched(serve):
    assert serve().ask("GET", SEARCH, query="a" * 512, **WINDOW).status_code == 200
    assert serve().ask("GET", COUNTS, query="cat", granularity="week").status_code == 400


def test_accents_do_not_matter_to_search():
    assert unaccented("Café à São Paulo #fríday") == "Cafe a Sao Paulo #friday"
