"""A gap is filled by recent search, over HTTP from the small X, as far as X and the budget let us."""

import json
import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from actors.budget import Budget, Prices
from actors.gaps import FILLED, GapFiller, search_query
from actors.lanes import Stretch
from actors.lookup import Lookup, NotNow
from actors.parse import MARK
from actors.spool import Spool
from actors.tracker import KeywordTracker
from core import store
from core.models import Fill, Gap, Keyword, Tweet
from local_x.server import LocalX, running
from tests.actors.conftest import MONDAY, TOKEN

CHOIR = "#oneminutechoir"
BEGIN, END = MONDAY - timedelta(minutes=40), MONDAY - timedelta(minutes=20)


@pytest.fixture
def x(scenario):
    """A small X whose stream nobody listens to."""
    return LocalX(scenario, TOKEN, speed=0)


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    yield spool
    spool.close()


@pytest.fixture
def filler(x, engine, spool):
    """Make fillers that ask the small X, at half past nine on its Monday; one after the other, as after a crash."""
    with running(x) as url:

        def make(daily=1000.0, now=MONDAY + timedelta(minutes=5)):
            budget = Budget(engine, Prices(daily=daily), lambda: now)
            return GapFiller(engine, spool, Lookup(TOKEN, url), budget, pace=0.0, clock=lambda: now)

        yield make


@pytest.fixture
def track(engine):
    """Track a keyword since long ago."""

    def tracked(name=CHOIR, **fields):
        store.add_keyword(engine, name)
        with engine.begin() as connection:
            long_ago = {"created_at": MONDAY - timedelta(days=30)}
            connection.execute(update(Keyword).where(Keyword.name == name).values(long_ago | fields))

    return tracked


def missed(engine, start=BEGIN, end=END, reason="network"):
    store.open_gap(engine, start, reason)
    store.close_gaps(engine, end)


def fill(filler):
    while filler.step() == 0.0:
        pass


def decided(engine):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(Gap.filled_by, Gap.not_filled).order_by(Gap.id))]


def stored(engine, spool):
    """Let the tracker have what is in the spool; returns the ids of the tweets that are then stored as volume."""
    url = engine.url.render_as_string(hide_password=False)
    payloads = spool.read(0, 10_000)
    if payloads:
        KeywordTracker(url).add([Stretch(1, CHOIR, CHOIR, spool.name, payloads[-1][0], payloads)])
    with engine.connect() as connection:
        return set(connection.execute(select(Tweet.id).where(Tweet.matched)).scalars())


@pytest.fixture
def said(scenario):
    """What was said of the choir in the gap and the half minutes around it, without retweets."""
    margin = timedelta(seconds=30)
    messages = [message["data"] for message in scenario.messages(BEGIN - margin, END + margin)]
    return {int(one["id"]) for one in messages if CHOIR in one["text"].casefold() and not one["text"].startswith("RT ")}


def test_all_that_search_knows_of_the_gap_is_stored_and_the_gap_says_what_filled_it(engine, spool, filler, track, said):
    track()
    missed(engine)
    fill(filler())

    assert len(said) > 100
    assert stored(engine, spool) == said
    assert decided(engine) == [(FILLED, None)]


def test_its_pages_come_with_the_tag_of_the_keyword_s_rule(engine, spool, filler, track):
    track()
    missed(engine)
    filler().step()

    [(_, body)] = spool.read(0, 10)
    assert [rule["tag"] for rule in json.loads(body)["matching_rules"]] == [MARK + CHOIR]


def test_a_filler_that_dies_is_followed_by_one_that_goes_on_where_it_was(engine, spool, filler, track, said, x):
    track()
    missed(engine)
    for _ in range(50):
        if filler().step():
            break

    assert stored(engine, spool) == said
    assert x.buckets["search"].used == -(-len(said) // 100)


def test_a_page_that_comes_twice_since_nobody_noted_it_is_stored_once(engine, spool, filler, track, said, monkeypatch):
    track()
    missed(engine)
    with monkeypatch.context() as patched:

        def crash(*_, **__):
            raise sqlite3.OperationalError

        patched.setattr(store, "save_fill", crash)
        with pytest.raises(sqlite3.OperationalError):
            filler().step()
    fill(filler())

    assert spool.depth() == 1 + -(-len(said) // 100)
    assert stored(engine, spool) == said


def test_one_keyword_is_filled_after_the_other(engine, spool, filler, track):
    track()
    track("aerolume")
    missed(engine)
    fill(filler())

    tags = [json.loads(body)["matching_rules"][0]["tag"] for _, body in spool.read(0, 100)]
    assert sorted(set(tags)) == [MARK + CHOIR, MARK + "aerolume"]
    assert tags == sorted(tags)


def test_what_was_said_before_a_keyword_was_tracked_is_not_searched(engine, spool, filler, track, said):
    middle = BEGIN + (END - BEGIN) / 2
    track(created_at=middle)
    missed(engine)
    fill(filler())

    assert 0 < len(stored(engine, spool)) < len(said)


def test_a_rate_limit_is_waited_out(engine, spool, filler, track, said, x):
    track()
    missed(engine)
    x.order("rate_limit", on="search", seconds=90)
    waits = filler()
    with pytest.raises(NotNow) as raised:
        waits.step()
    assert 80 < raised.value.seconds <= 92
    fill(waits)

    assert stored(engine, spool) == said


def test_without_credit_x_is_asked_again_much_later(engine, filler, track, x):
    track()
    missed(engine)
    x.order("usage_cap", on="search")

    with pytest.raises(NotNow) as raised:
        filler().step()
    assert raised.value.seconds == 3600


def test_when_the_budget_is_for_the_stream_nothing_is_asked_and_the_gap_waits(engine, filler, track, x):
    track()
    missed(engine)

    with pytest.raises(NotNow, match="budget"):
        filler(daily=0.1).step()
    assert x.buckets["search"].used == 0
    assert decided(engine) == [(None, None)]


def test_what_is_read_is_on_the_bill(engine, filler, track, said):
    track()
    missed(engine)
    one = filler()
    fill(one)

    assert one._budget.today().posts >= len(said)


def test_what_was_too_dear_then_is_not_paid_now(engine, filler, track, x):
    track()
    missed(engine, reason="budget: the day's is used up")
    fill(filler())

    assert decided(engine) == [(None, "the budget was used up")]
    assert x.buckets["search"].used == 0


def test_a_gap_of_last_week_is_not_filled_and_says_so(engine, filler, track):
    track()
    missed(engine, BEGIN - timedelta(days=8), END - timedelta(days=8))
    fill(filler())

    assert decided(engine) == [(None, "older than the 7 days that X searches")]


def test_a_gap_without_a_keyword_is_not_filled_and_says_so(engine, filler, track):
    track(created_at=END + timedelta(minutes=1))
    missed(engine)
    fill(filler())

    assert decided(engine) == [(None, "no keyword was tracked")]


def test_a_query_that_search_does_not_take_leaves_the_others_filled(engine, filler, track):
    track()
    track("long", query=" OR ".join(f"word{number}" for number in range(60)))
    track("odd", query="bio:half")
    missed(engine)
    fill(filler())

    [(filled_by, not_filled)] = decided(engine)
    assert filled_by == FILLED
    assert "long: its query is longer than 512 characters" in not_filled
    assert "odd: X refuses its query" in not_filled


def test_an_open_gap_and_one_that_ended_just_now_wait(engine, filler, track):
    track()
    missed(engine, end=MONDAY + timedelta(minutes=4, seconds=30))
    store.open_gap(engine, END, "network")
    fill(filler())

    assert decided(engine) == [(None, None), (None, None)]


def test_renamed_fields_are_asked_for_by_their_new_names(engine, spool, filler, track, said, x):
    x.change(names="new")
    track()
    missed(engine)
    fill(filler())

    assert stored(engine, spool) == said
    with engine.connect() as connection:
        assert connection.execute(select(Fill.tweets)).scalar_one() == len(said)


@pytest.mark.parametrize(
    ("query", "language", "searched"),
    [
        ("shoe", None, "(shoe)"),
        ("shoe OR boot", "en", "(shoe OR boot) lang:en"),
        ("shoe -is:nullcast", None, "(shoe)"),
        ("shoe sample:50 -is:retweet", None, "(shoe -is:retweet)"),
        ('"a sample:50 shoe"', None, '("a sample:50 shoe")'),
    ],
)
def test_a_query_of_the_stream_becomes_one_of_search(query, language, searched):
    assert search_query(query, language) == searched
