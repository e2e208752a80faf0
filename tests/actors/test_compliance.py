"""What X says in a stream that it deleted or changed is done, in each form in which it says so."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from actors.compliance import Order, ordered
from actors.forget import written_until
from actors.supervisor import Supervisor
from core import batches
from core.erasure import Gone
from core.models import Author, Trend, Tweet

AT = "2026-06-19T12:00:00.000Z"
UNTIL = written_until(datetime(2026, 6, 19, 12, tzinfo=UTC))
TWEET = {"tweet": {"id": "11", "author_id": "7"}, "event_at": AT}
USER = {"user": {"id": "7"}, "event_at": AT}


def tweets(*ids):
    return Gone(frozenset(ids))


def author(upto=UNTIL):
    return Gone(authors=frozenset([7]), upto=upto)


EVENTS = [
    ({"data": {"delete": TWEET}}, Order("forget", tweets(11), "X: delete")),
    ({"delete": TWEET}, Order("forget", tweets(11), "X: delete")),
    ({"delete": {"status": {"id": 11, "id_str": "11", "user_id": 7}}}, Order("forget", tweets(11), "X: delete")),
    ({"data": {"drop": TWEET}}, Order("forget", tweets(11), "X: drop")),
    ({"data": {"undrop": TWEET}}, Order("welcome", tweets(11), "X: undrop")),
    ({"data": {"withheld": {**TWEET, "withheld_in_countries": ["DE"]}}}, Order("forget", tweets(11), "X: withheld")),
    (
        {"status_withheld": {"id": 11, "user_id": 7, "withheld_in_countries": ["DE"]}},
        Order("forget", tweets(11), "X: status_withheld"),
    ),
    (
        {
            "data": {
                "tweet_edit": {"tweet": {"id": "13"}, "initial_tweet_id": "11", "edit_tweet_ids": ["11", "12", "13"]}
            }
        },
        Order("forget", tweets(11, 12), "X: tweet_edit"),
    ),
    ({"data": {"user_delete": USER}}, Order("forget", author(), "X: user_delete")),
    ({"data": {"user_suspend": USER}}, Order("forget", author(), "X: user_suspend")),
    ({"data": {"user_protect": USER}}, Order("forget", author(), "X: user_protect")),
    ({"data": {"user_withheld": USER}}, Order("forget", author(), "X: user_withheld")),
    ({"data": {"user_unprotect": USER}}, Order("welcome", author(), "X: user_unprotect")),
    ({"data": {"scrub_geo": {**USER, "up_to_tweet_id": "99"}}}, Order("scrub", author(99), "scrub_geo")),
    ({"scrub_geo": {"user_id": 7, "up_to_status_id": 99}}, Order("scrub", author(99), "scrub_geo")),
]


@pytest.mark.parametrize(("message", "order"), EVENTS)
def test_an_event_is_understood(message, order):
    assert list(ordered(message)) == [order]


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {"errors": [{"title": "operational-disconnect"}]},
        {"data": {"user_profile_modification": USER}},
        {"data": {"delete": {"favorite": {"id": "1", "user_id": "2"}}}},
        {"data": [{"start": AT, "tweet_count": 3}]},
        {"announcement": {"type": "not_in_any_documentation", "id": 11}},
    ],
)
def test_anything_else_orders_nothing(message):
    assert list(ordered(message)) == []


names = st.sampled_from(["delete", "tweet_edit", "scrub_geo", "user_delete", "withheld", "tweet", "id", "user", "data"])
values = st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["11", AT])


@given(st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner)))
def test_whatever_comes_it_never_fails(message):
    list(ordered(message))


@pytest.fixture
def supervise(engine, keyword, tmp_path, tweet_row, author_row):
    """Three tweets of two authors are stored; the supervisor then reads what else the stream says."""
    keyword(active=False)
    place = {"place": "Oslo", "country_code": "NO", "latitude": 59.9, "longitude": 10.7, "place_confidence": 1.0}
    rows = [
        tweet_row(11, author_id=7, **place),
        tweet_row(12, author_id=7, **place),
        tweet_row(13, author_id=8, **place),
    ]
    authors = [author_row(7), author_row(8)]
    batches.save_batch(engine, batches.Batch(1, "s", "nike", 1, [{**row, "terms": []} for row in rows], authors))
    supervisor = Supervisor(engine.url.render_as_string(hide_password=False), tmp_path / "spool.sqlite")

    def said(*messages):
        supervisor.spool.append([json.dumps(message).encode() for message in messages])
        while supervisor.step():
            pass
        assert supervisor.spool.depth() == 0

    yield said
    supervisor.spool.close()


def rows(engine, *columns):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]


def test_a_deletion_in_the_stream_is_done_before_it_is_let_go_of(engine, supervise):
    supervise({"data": {"delete": TWEET}})

    assert rows(engine, Tweet.id) == [(12,), (13,)]
    assert rows(engine, Trend.tweets) == [(2,)]


def test_a_suspended_user_in_the_stream_goes_with_all_tweets(engine, supervise):
    supervise({"data": {"user_suspend": USER}})

    assert (rows(engine, Tweet.id), rows(engine, Author.id)) == ([(13,)], [(8,)])


def test_scrubbed_places_go_and_the_tweets_stay(engine, supervise):
    supervise({"data": {"scrub_geo": {**USER, "up_to_tweet_id": "11"}}})

    assert rows(engine, Tweet.id, Tweet.place) == [(11, None), (12, "Oslo"), (13, "Oslo")]
