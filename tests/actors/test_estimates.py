"""How much a query would bring is asked of the small X, over HTTP and within the budget; its answer is kept."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from actors.budget import Budget, Prices
from actors.estimates import LOOK, NO_MONEY, Estimator, a_day
from actors.lookup import Lookup, NotNow
from core import store
from core.models import Estimate
from local_x.limits import Bucket
from local_x.search import counts
from local_x.server import LocalX, running
from tests.actors.conftest import TOKEN

CHOIR = "(#oneminutechoir)"


@pytest.fixture
def x(scenario):
    return LocalX(scenario, TOKEN, speed=0)


@pytest.fixture
def estimator(x, engine):
    with running(x) as url:

        def make(daily=1000.0):
            prices = Prices(daily=daily)
            return Estimator(engine, Lookup(TOKEN, url, silence=120), Budget(engine, prices))

        yield make


def kept(engine):
    with engine.connect() as connection:
        return connection.execute(select(*Estimate.__table__.columns)).mappings().one()


def test_the_posts_a_day_are_those_that_x_counts(estimator, engine, x):
    store.ask_estimate(engine, CHOIR)
    assert estimator().step() == 0

    told = counts(x.archive, {"query": CHOIR, "granularity": "hour"})
    assert told["meta"]["total_tweet_count"] > 100
    found = kept(engine)
    assert found["posts_a_day"] == pytest.approx(told["meta"]["total_tweet_count"] / 7, rel=0.01)
    assert found["problem"] is None
    assert Budget(engine, Prices()).today().requests == 1


def test_nothing_is_asked_of_x_while_nobody_wants_to_know(estimator, engine):
    assert estimator().step() == LOOK
    store.ask_estimate(engine, CHOIR)
    with engine.begin() as connection:
        connection.execute(update(Estimate).values(asked_at=Estimate.asked_at - timedelta(hours=1)))

    assert estimator().step() == LOOK
    assert Budget(engine, Prices()).today().requests == 0


def test_an_answer_holds_for_a_day_and_a_problem_does_not(estimator, engine):
    store.ask_estimate(engine, CHOIR)
    estimator(daily=0.0).step()
    assert kept(engine)["problem"] == NO_MONEY
    for _ in range(2):
        store.ask_estimate(engine, CHOIR)
        estimator().step()
    assert kept(engine)["problem"] is None
    assert Budget(engine, Prices()).today().requests == 1


@pytest.mark.parametrize(
    ("query", "problem"), [("(nike", "X refuses to count: "), (" ".join(["nike"] * 120), "512 characters at most")]
)
def test_why_x_does_not_count_is_kept(estimator, engine, query, problem):
    store.ask_estimate(engine, query)
    estimator().step()

    assert problem in kept(engine)["problem"]
    assert kept(engine)["posts_a_day"] is None


def test_a_question_waits_while_x_wants_us_to(estimator, engine, x):
    x.buckets["counts"] = Bucket(0)
    store.ask_estimate(engine, CHOIR)
    with pytest.raises(NotNow):
        estimator().step()

    assert kept(engine)["answered_at"] is None


def test_parts_of_days_count_as_parts():
    days = [("2026-06-21T12:00:00Z", "2026-06-22T00:00:00Z", 4), ("2026-06-22T00:00:00Z", "2026-06-22T12:00:00Z", 8)]
    told = {"data": [{"start": start, "end": end, "tweet_count": count} for start, end, count in days]}

    assert a_day(told) == 12
