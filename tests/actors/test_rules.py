import logging

import pytest
import tweepy
from sqlalchemy import select, update

from actors import rules
from actors.connection import at
from actors.packs import Asked
from actors.rules import BATCH, Rule, RuleKeeper
from core import store
from core.models import Keyword
from local_x.server import LocalX, running

TOKEN = "canary-token"
PUMA = Rule("(puma) lang:en -is:nullcast", "tt:puma")
NIKE = Rule("(nike) -is:nullcast", "tt:nike")


@pytest.fixture
def serve(scenario):
    """Serve a small X; returns it and a function that makes a client of it."""
    opened = []

    def start(**settings):
        x = LocalX(scenario, TOKEN, **settings)
        opened.append(running(x))
        url = opened[-1].__enter__()
        return x, lambda: at(tweepy.StreamingClient(TOKEN), url)

    yield start
    for one in opened:
        one.__exit__(None, None, None)


def reconcile(client, wanted):
    """Reconcile as the keeper does; returns why X refuses a rule, by its tag."""
    refused = rules.reconcile(client, wanted, rules.listed(client), room=rules.MOST)
    return {rule.tag: why for rule, why in refused.items()}


def known(x):
    """The rules that X has."""
    return {Rule(rule["value"], rule.get("tag", "")) for rule in x.rules.listed().get("data", [])}


def writes(x):
    """How many changes of rules were asked of X."""
    return x.buckets["rules_write"].used


def test_rules_become_the_tracked_keywords_and_others_rules_stay(serve):
    x, client = serve()
    theirs = Rule("somebody else", "theirs")
    client().add_rules([tweepy.StreamRule(value=theirs.value, tag=theirs.tag)])
    refused = [reconcile(client(), wanted) for wanted in ({NIKE}, {NIKE}, {PUMA})]

    assert refused == [{}, {}, {}]
    assert known(x) == {theirs, PUMA}


def test_a_rule_that_x_refuses_is_told_at_its_keyword_and_never_sent(serve):
    x, client = serve()
    refused = reconcile(client(), {Rule("(a OR) -is:nullcast", "tt:a"), NIKE})

    assert list(refused) == ["tt:a"]
    assert refused["tt:a"]
    assert known(x) == {NIKE}


def test_a_keyword_that_only_has_a_new_name_keeps_its_rule_s_value(serve):
    x, client = serve()
    reconcile(client(), {NIKE})
    renamed = Rule(NIKE.value, "tt:Nike Inc")

    assert reconcile(client(), {renamed}) == {}
    assert known(x) == {renamed}


def test_many_rules_go_in_few_requests(serve):
    x, client = serve()
    many = {Rule(f"word{number}", f"tt:{number}") for number in range(BATCH + 1)}
    reconcile(client(), many)

    assert known(x) == many
    assert writes(x) == 4  # two batches, each asked about in a dry run and then added
    reconcile(client(), set())
    assert known(x) == set()
    assert writes(x) == 6


def test_why_x_refuses_a_keyword_is_said_in_one_line_and_stands_at_it(serve, engine, caplog):
    x, client = serve()
    store.add_keyword(engine, "adidas")
    store.add_keyword(engine, "puma", query="bio:puma")  # the small X does not know bio:
    keeper = RuleKeeper(engine, client)
    with caplog.at_level(logging.WARNING, logger="actors.rules"):
        keeper.keep()
        keeper.forget()
        keeper.keep()

    assert {rule.tag for rule in keeper.in_force} == {rule.tag for rule in known(x)} == {"tt:adidas"}
    assert caplog.messages == ["X refuses the rule of puma: There is no operator 'bio:puma'."]
    assert stored(engine) == {"puma": "There is no operator 'bio:puma'."}


def stored(engine):
    """Why X refuses a keyword, as its row says."""
    with engine.connect() as connection:
        told = select(Keyword.name, Keyword.refused).where(Keyword.refused.is_not(None))
        return dict(connection.execute(told).all())


def test_keywords_that_outnumber_x_s_cap_share_rules(serve, engine):
    x, client = serve(rule_cap=3)
    client().add_rules([tweepy.StreamRule(value="somebody else", tag="theirs")])
    for name in ("adidas", "nike", "puma", "new balance"):
        store.add_keyword(engine, name)
    keeper = RuleKeeper(engine, client)
    keeper.keep()

    own = Rule('("new balance") -is:nullcast', "tt:new balance")
    asked = Asked(("adidas", "nike", "puma"), "((adidas) OR (nike) OR (puma))")
    shared = rules.as_rule(asked, percent=100)
    assert known(x) == {Rule("somebody else", "theirs"), own, shared}
    assert (keeper.in_force, keeper.refused) == ({own, shared}, {})
    store.remove_keyword(engine, "nike")
    store.remove_keyword(engine, "puma")
    keeper.keep()
    assert {rule.tag for rule in known(x)} == {"theirs", "tt:adidas", "tt:new balance"}


def test_a_keyword_that_finds_no_place_in_x_s_rules_is_told(serve, engine):
    _, client = serve(rule_cap=1)
    for name in ("a" * 60, "b" * 60):
        store.add_keyword(engine, name)
    keeper = RuleKeeper(engine, client, longest=120)
    keeper.keep()

    assert stored(engine) == {"b" * 60: "X allows 1 rules of 120 characters, and this finds no place in them."}


def test_a_share_of_the_stream_is_asked_for_in_every_rule_and_of_none_there_is_no_rule(serve, engine):
    x, client = serve(rule_cap=2)
    for name in ("adidas", "nike"):
        store.add_keyword(engine, name)
    keeper = RuleKeeper(engine, client)
    asked = []
    for percent in (100, 25, 0):
        keeper.keep(percent)
        asked.append({rule.value for rule in known(x)})

    assert asked == [
        {"(adidas) -is:nullcast", "(nike) -is:nullcast"},
        {"(adidas) -is:nullcast sample:25", "(nike) -is:nullcast sample:25"},
        set(),
    ]


def test_nothing_is_asked_of_x_while_nothing_changed(serve, engine):
    x, client = serve()
    store.add_keyword(engine, "nike")
    keeper = RuleKeeper(engine, client)
    for _ in range(3):
        keeper.keep()

    assert x.buckets["rules_read"].used == 1


def test_a_keyword_that_is_no_longer_tracked_loses_its_rule_at_once(serve, engine):
    x, client = serve()
    store.add_keyword(engine, "nike")
    keeper = RuleKeeper(engine, client)
    keeper.keep()
    with engine.begin() as connection:
        connection.execute(update(Keyword).values(active=False))
    keeper.keep()

    assert known(x) == keeper.in_force == set()


def test_rules_that_somebody_deleted_are_back_within_a_minute(serve, engine, monkeypatch):
    x, client = serve()
    store.add_keyword(engine, "nike")
    keeper = RuleKeeper(engine, client)
    keeper.keep()
    x.rules.delete_all()
    keeper.keep()
    assert known(x) == set()

    later = rules.time.monotonic() + rules.RECONCILE_SECONDS
    monkeypatch.setattr("actors.rules.time.monotonic", lambda: later)
    keeper.keep()
    assert known(x) == {NIKE}
