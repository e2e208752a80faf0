"""The bill as everybody who reads from X adds to it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from actors import parse
from actors.budget import Bill, Budget, Prices
from core import store

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


@pytest.fixture
def at(engine):
    """Make a budget at a time."""
    return lambda now, **prices: Budget(engine, Prices(**prices), lambda: now)


def test_a_post_is_billed_once_a_utc_day(at):
    new = [
        at(NOON).spend(posts=[1, 2]),
        at(NOON + timedelta(hours=11, minutes=59)).spend(posts=[2, 3]),
        at(NOON + timedelta(hours=12)).spend(posts=[2, 3]),
    ]

    assert new == [2, 1, 2]
    assert at(NOON).month() == Bill(5, 0, 0, pytest.approx(0.025))
    assert at(NOON + timedelta(hours=12)).today() == Bill(2, 0, 0, pytest.approx(0.01))


def test_users_and_requests_have_their_own_prices(at):
    at(NOON).spend(posts=[1], users=[1, 2], requests=1)
    at(NOON).spend(users=[2], requests=1)

    assert at(NOON, post=1, user=10, request=100).today() == Bill(1, 2, 2, 221)


def test_of_our_count_and_x_s_the_higher_one_holds_day_by_day(at, engine):
    yesterday = NOON - timedelta(days=1)
    at(yesterday).spend(posts=[1, 2, 3])
    at(NOON).spend(posts=[4])
    store.save_usage(engine, {date(2026, 6, 18): 2, date(2026, 6, 19): 5})

    assert at(NOON).today().posts == 5
    assert at(NOON).month().posts == 8


def test_what_is_read_beside_the_stream_leaves_it_a_fifth_of_the_day(at):
    budget = at(NOON, daily=1.0, post=0.1)
    budget.spend(posts=[1, 2, 3])

    assert budget.may_read(posts=5)
    assert not budget.may_read(posts=6)
    assert budget.unpaid([1, 2, 9]) == 1


def test_a_month_begins_anew(at):
    at(datetime(2026, 6, 30, 23, 59, tzinfo=UTC)).spend(posts=[1])

    assert at(datetime(2026, 7, 1, tzinfo=UTC)).month().posts == 0


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 71), st.sets(st.integers(1, 9), max_size=6)), max_size=8))
def test_however_often_and_in_which_order_it_is_told_the_bill_counts_distinct_posts_a_day(engine, reads):
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE spending, paid"))
    start = datetime(2026, 6, 17, tzinfo=UTC)
    for hour, ids in sorted(reads, key=lambda read: read[0] // 24):  # a day's bill may be told in any order
        store.spend(engine, start + timedelta(hours=hour), posts=ids)
        store.spend(engine, start + timedelta(hours=hour), posts=ids)

    billed = Budget(engine, Prices(), lambda: start).month().posts
    assert billed == len({(hour // 24, one) for hour, ids in reads for one in ids})


def test_a_message_costs_its_tweet_and_those_it_brings_with_it():
    included = [{"id": "2", "text": "b"}, {"id": "1", "text": "a"}]
    for tweets in ("tweets", "posts"):
        message = {"data": {"id": "1", "text": "a"}, "includes": {tweets: included, "users": [{"id": "7"}]}}
        assert parse.ids_of(message) == {1, 2}
    assert parse.ids_of({"data": [{"id": "1", "text": "a"}, {"id": "3", "text": "c"}]}) == {1, 3}
    assert parse.ids_of({"data": [{"id": "7", "username": "ann"}]}) == parse.ids_of(None) == set()
