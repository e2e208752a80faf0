"""Keywords that share a rule: who shares with whom, and whose a tweet is then."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from zlib import crc32

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import parse
from actors.packs import COMMON, PACK, Judge, asked
from core import syntax
from local_x import rules as theirs
from local_x.rule_store import RuleStore
from tests.actors.conftest import MONDAY


def judge(*keywords):
    """A judge that knows some keywords."""
    one = Judge()
    one.learn(keywords)
    return one


def nothing_new():
    """There are no new keywords."""


def row(name, query=None, language=None):
    return SimpleNamespace(name=name, query=query or name, language=language)


def test_each_keyword_has_its_own_rule_while_there_is_room():
    shared, homeless = asked([row("nike", "nike OR #nike", "en"), row("puma")], room=2, longest=1024)

    assert [(one.names, one.value, one.tag()) for one in shared] == [
        (("nike",), "(nike OR #nike) lang:en", "tt:nike"),
        (("puma",), "(puma)", "tt:puma"),
    ]
    assert homeless == {}


def test_the_shortest_share_a_rule_and_those_we_cannot_judge_share_none():
    keywords = [row("nike"), row("long", "a" * 90), row("sneaker"), row("bios", "bio:x")]
    shared, homeless = asked(keywords, room=3, longest=1024)

    assert sorted((one.tag(), one.value) for one in shared) == [
        (f"{PACK}{crc32(b'((sneaker) OR (nike))'):08x}", "((sneaker) OR (nike))"),
        ("tt:bios", "(bio:x)"),
        ("tt:long", f"({'a' * 90})"),
    ]
    assert homeless == {}


@given(st.lists(st.integers(3, 300), unique=True, max_size=40), st.integers(0, 12), st.sampled_from([400, 1024]))
def test_every_keyword_has_a_place_in_one_rule_or_is_told_that_it_has_none(lengths, room, longest):
    keywords = [row(f"n{length}", "x" * length) for length in lengths]
    shared, homeless = asked(keywords, room, longest)

    placed = [name for one in shared for name in one.names]
    assert sorted([*placed, *homeless]) == sorted(one.name for one in keywords)
    assert len(shared) <= room
    for one in shared:
        assert len(one.value + COMMON) <= longest
        syntax.parsed(one.value)
        theirs.parsed(one.value)


WORDS = ["cat", "dog", "owl", "café", "o'clock", "20"]
ATOMS = [*WORDS, *(f"#{word}" for word in WORDS[:4]), "@ann_example", "from:bob_example", "from:@bob_example", "from:9"]
ATOMS += ['"cat dog"', '"dog: owl"', "lang:fr", "lang:en", "is:reply", "is:quote", "is:retweet", "is:verified"]
ATOMS += ["has:links", "has:hashtags", "has:mentions"]

atoms = st.sampled_from(ATOMS)
leaves = atoms | atoms.map("-{}".format)


def written(joiner, parts):
    return f"({joiner.join(parts)})"


trees = st.recursive(
    leaves,
    lambda inner: st.builds(written, st.sampled_from([" ", " OR "]), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)
texts = st.lists(
    st.sampled_from(
        [*WORDS, "CAT", "#Cat", "#café", "cats", "@ann_example", "dog,", "https://example.com/cat", "owl!", "’", "\n"]
    ),
    max_size=7,
).map(" ".join)


@st.composite
def messages(draw):
    """A stream message as the small X makes it, of any kind."""
    kind = draw(st.sampled_from([None, "replied_to", "quoted", "retweeted"]))
    data = {"id": "1", "text": draw(texts), "lang": draw(st.sampled_from(["en", "fr"])), "author_id": "9"}
    included = {"users": [{"id": "9", "username": "Bob_example", "verified": draw(st.booleans())}]}
    if kind:
        data["referenced_tweets"] = [{"type": kind, "id": "2"}]
        if draw(st.booleans()):
            included["tweets"] = [{"id": "2", "text": draw(texts), "lang": "en", "author_id": "8"}]
    return {"data": data, "includes": included}


@settings(max_examples=1500)
@given(trees, messages())
def test_we_judge_a_query_as_the_small_x_does(tree, message):
    query = f"(cat {tree}) OR (#owl {tree})"

    assert syntax.parsed(query).matches(parse.seen(message)) is theirs.parsed(query)(theirs.seen(message))


@settings(max_examples=100)
@given(st.lists(trees, min_size=2, max_size=8, unique=True), st.data())
def test_a_tweet_of_a_shared_rule_goes_to_the_keywords_whose_own_rules_would_have_had_it(told, queries, data):
    keywords = [row(f"k{number}", f"{query} (cat OR #oneminutechoir)") for number, query in enumerate(queries)]
    shared, homeless = asked(keywords, room=1, longest=100_000)
    store = RuleStore()
    store.add(
        {"value": one.part, "tag": one.name} for one in (SimpleNamespace(name=k.name, part=k.query) for k in keywords)
    )
    (together,) = shared
    message = data.draw(st.sampled_from(told))

    theirs_own = {rule["tag"] for rule in store.matching(theirs.seen(message))}
    assert homeless == {}
    assert theirs.parsed(together.value, 100_000)(theirs.seen(message)) == bool(theirs_own)
    assert judge(*keywords).judged(message) == theirs_own


@pytest.fixture(scope="module")
def told(scenario):
    """What the small X says in a while: tweets, retweets, replies and quotes."""
    return list(islice(scenario.messages(MONDAY), 3_000))


def test_the_names_that_x_has_changed_are_known(told):
    message = next(one for one in told if one["data"].get("referenced_tweets", [{}])[0].get("type") == "retweeted")
    data = {**message["data"], "referenced_posts": message["data"]["referenced_tweets"]}
    renamed = {"data": data, "includes": {**message["includes"], "posts": message["includes"]["tweets"]}}
    del data["referenced_tweets"], renamed["includes"]["tweets"]

    assert parse.seen(renamed) == parse.seen(message)
    assert "is:retweet" in parse.seen(renamed).facts


def shared_by(message, *tags):
    """A payload of a message that rules with some tags found."""
    return orjson.dumps({**message, "matching_rules": [{"id": "7", "tag": tag} for tag in tags]})


def test_a_payload_of_a_shared_rule_gets_its_keywords_tags_and_keeps_the_others(caplog):
    knows = judge(row("Nike"), row("puma"), row("adidas"))
    message = {"data": {"id": "1", "text": "nike & puma"}, "includes": {"users": []}}
    told = orjson.loads(knows.addressed(shared_by(message, PACK + "1", "theirs", PACK + "2"), nothing_new))

    assert [one["tag"] for one in told.pop("matching_rules")] == ["theirs", "tt:nike", "tt:puma"]
    assert told == message
    nobody = shared_by({"data": {"id": "2", "text": "shoes"}}, PACK + "1")
    assert parse.tags_of(orjson.loads(knows.addressed(nobody, nothing_new))) == frozenset()
    assert caplog.messages == ["Dropped {2}: X found it by a shared rule, we by no keyword of it."]


def test_a_rule_that_was_not_met_before_may_be_for_new_keywords():
    knows = judge(row("nike"))
    learned = []

    def refresh():
        learned.append(knows.learn([row("nike"), row("puma")]))

    for rule in ("1", "1", "2"):
        told = knows.addressed(shared_by({"data": {"id": "1", "text": "puma"}}, PACK + rule), refresh)
        assert parse.tags_of(orjson.loads(told)) == {"tt:puma"}
    assert len(learned) == 2


OTHERS = [b'{"data":{"id":"1"},"matching_rules":[{"tag":"tt:nike"}]}', b'["tt: several 1"]', b'"tt: several 1" {', b""]


@pytest.mark.parametrize("payload", OTHERS)
def test_any_other_payload_stays_as_it_is(payload):
    assert judge(row("nike")).addressed(payload, nothing_new) == payload


def test_what_cannot_be_read_is_nobody_s():
    knows = judge(row("nike"), row("x", "a OR"))

    assert [knows.judged(document) for document in (None, [], {"data": []}, {"data": {}})] == [set()] * 4
