"""Counts are refreshed by look-ups, over HTTP from the small X; volume does not move."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from actors.budget import Budget, Prices
from actors.lanes import Stretch
from actors.lookup import Lookup, NotNow
from actors.refresh import Refresher
from actors.spool import Spool
from actors.tracker import KeywordTracker
from core import store
from core.models import Author, Tombstone, Tweet
from local_x.fields import EVERYTHING
from local_x.rule_store import RuleStore
from local_x.server import LocalX, running
from local_x.stream import recorded
from tests.actors.conftest import MONDAY, TOKEN

CHOIR = "#oneminutechoir"
LATER = MONDAY + timedelta(minutes=5)


@pytest.fixture
def x(scenario):
    return LocalX(scenario, TOKEN, speed=0)


@pytest.fixture
def heard(scenario, engine):
    """What the stream said of the choir in the last hour is stored, with half of the counts."""
    rules = RuleStore()
    rules.add([{"value": CHOIR, "tag": f"tt:{CHOIR}"}])
    store.add_keyword(engine, CHOIR)
    lines = list(enumerate(recorded(scenario, rules, EVERYTHING, hours=1), 1))
    tracker = KeywordTracker(engine.url.render_as_string(hide_password=False))
    tracker.add([Stretch(1, CHOIR, CHOIR, "history", lines[-1][0], lines)])
    with engine.begin() as connection:  # since then the counts have doubled
        connection.execute(text("UPDATE tweet SET retweet_count = retweet_count / 2, like_count = like_count / 2"))
    return [json.loads(body)["data"] for _, body in lines]


@pytest.fixture
def refresher(x, engine, tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    with running(x) as url:

        def make(daily=1000.0, now=LATER):
            budget = Budget(engine, Prices(daily=daily), lambda: now)
            return Refresher(engine, spool, Lookup(TOKEN, url), budget, clock=lambda: now)

        yield make
    spool.close()


def counts(engine):
    with engine.connect() as connection:
        rows = connection.execute(
            select(Tweet.id, Tweet.retweet_count, Tweet.like_count).where(Tweet.kind != "retweet")
        )
        return {row.id: (row.retweet_count or 0) + (row.like_count or 0) for row in rows}


def top(engine, number=100):
    return sorted(counts(engine).items(), key=lambda one: (-one[1], -one[0]))[:number]


def volume(engine):
    asked = (
        "SELECT keyword_id, minute, label, tweets, voices FROM trend ORDER BY 1, 2, 3",
        "SELECT count(*) FILTER (WHERE matched), count(*) FROM tweet",
        "SELECT spool, stored, duplicate FROM spool_offset",
    )
    with engine.connect() as connection:
        return [connection.execute(text(one)).all() for one in asked]


def test_the_counts_of_the_most_shared_rise_to_what_x_says_today(engine, heard, refresher, x):
    before = dict(top(engine))
    refresher().step()

    today = {id: x.archive.tweet(id)["data"]["public_metrics"] for id in before}
    after = counts(engine)
    assert {id: after[id] for id in before} == {
        id: one["retweet_count"] + one["like_count"] for id, one in today.items()
    }
    assert sum(after[id] > before[id] for id in before) > 10
    assert x.buckets["tweets"].used == 1


def test_what_has_not_risen_is_not_written_anew(engine, heard, refresher):
    refresher().step()
    written = select(Tweet.id, Tweet.seq).order_by(Tweet.id)
    with engine.connect() as connection:
        before = connection.execute(written).all()
    refresher().step()

    with engine.connect() as connection:
        assert connection.execute(written).all() == before


def test_volume_and_its_counters_do_not_move(engine, heard, refresher):
    before = volume(engine)
    refresher().step()

    assert volume(engine) == before


def test_an_author_s_profile_is_that_of_today(engine, heard, refresher):
    with engine.begin() as connection:
        connection.execute(text("UPDATE author SET followers_count = 1, name = 'old'"))
    one = top(engine)[0][0]
    refresher().step()

    asked = select(Author.name, Author.seen_at).join(Tweet, Tweet.author_id == Author.id).where(Tweet.id == one)
    with engine.connect() as connection:
        name, seen_at = connection.execute(asked).one()
    assert name != "old"
    assert seen_at == LATER


def test_a_tweet_that_x_does_not_find_is_forgotten_and_one_that_is_hidden_too(engine, heard, refresher, x):
    (deleted, _), (hidden, _) = top(engine, 2)
    x.remove(deleted)
    x.remove(hidden, reason="suspended")
    refresher().step()

    assert not counts(engine).keys() & {deleted, hidden}
    with engine.connect() as connection:
        reasons = {row.id: row.reason for row in connection.execute(select(Tombstone.id, Tombstone.reason))}
    assert reasons[deleted] == "X: resource-not-found"
    assert reasons[hidden] == "X: not-authorized-for-resource"


def test_when_x_finds_next_to_nothing_nothing_is_forgotten(engine, heard, refresher, x):
    before = counts(engine).keys()
    x.remove(*(id for id, _ in top(engine, 60)))
    refresher().step()

    assert counts(engine).keys() == before


def test_what_is_on_today_s_bill_is_refreshed_when_there_is_no_money_left(engine, heard, refresher, x):
    poor = refresher(daily=0.01)
    (paid, _), *_ = top(engine)
    poor._budget.spend(posts=[paid])
    before = counts(engine)
    poor.step()

    after = counts(engine)
    assert [id for id in before if after[id] > before[id]] == [paid]


def test_a_round_is_a_quarter_of_an_hour_and_asks_once_for_each_keyword(engine, heard, refresher, x):
    store.add_keyword(engine, "nobody says this")
    one = refresher()

    assert [one.step() for _ in range(3)] == [1.0, 1.0, 900.0]
    assert x.buckets["tweets"].used == 1


def test_with_nothing_stored_yet_it_looks_again_soon(engine, refresher, x):
    store.add_keyword(engine, CHOIR)
    one = refresher()

    assert [one.step() for _ in range(2)] == [1.0, 60.0]
    assert x.buckets["tweets"].used == 0


def test_a_rate_limit_is_waited_out_and_the_keyword_is_not_passed_over(engine, heard, refresher, x):
    x.order("rate_limit", on="tweets", seconds=60)
    one = refresher()
    with pytest.raises(NotNow):
        one.step()
    one.step()

    assert x.buckets["tweets"].used == 2


def test_renamed_fields_are_read_too(engine, heard, refresher, x):
    x.change(names="new")
    before = counts(engine)
    refresher().step()

    assert counts(engine) != before
