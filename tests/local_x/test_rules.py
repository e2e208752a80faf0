"""X's rule language, against a matcher that works on the rule's tree by brute force."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_x.rules import InvalidRule, parsed, seen

WORDS = ["cat", "dog", "owl"]
ATOMS = [
    *WORDS,
    *(f"#{word}" for word in WORDS),
    "@ann_example",
    "from:bob_example",
    '"cat dog"',
    "lang:fr",
    "is:reply",
    "has:links",
]


def message(text, *, lang="en", author="bob_example", kind=None, original=None):
    data = {"id": "1", "text": text, "lang": lang, "author_id": "9"}
    includes = {"users": [{"id": "9", "username": author, "verified": False}]}
    if kind:
        data["referenced_tweets"] = [{"type": kind, "id": "2"}]
    if original:
        includes["tweets"] = [{"id": "2", "text": original}]
    return {"data": data, "includes": includes}


def matches(rule, *args, **fields):
    return parsed(rule)(seen(message(*args, **fields)))


def brute(atom, parts, tweet):
    """Judge one operator by looking at the list of the text's parts."""
    words = [part.lstrip("#@") for part in parts if not part.startswith("http")]
    pairs = list(pairwise(words))
    if atom == '"cat dog"':
        return ("cat", "dog") in pairs
    if atom.startswith(("#", "@")):
        return atom in parts
    by_name = {
        "from:bob_example": tweet["author"] == "bob_example",
        "lang:fr": tweet["lang"] == "fr",
        "is:reply": tweet["kind"] == "replied_to",
        "has:links": any(part.startswith("http") for part in parts),
    }
    return by_name.get(atom, atom in words)


def evaluated(tree, parts, tweet):
    match tree:
        case ("or", branches):
            return any(evaluated(branch, parts, tweet) for branch in branches)
        case ("and", branches):
            return all(evaluated(branch, parts, tweet) for branch in branches)
        case ("not", atom):
            return not brute(atom, parts, tweet)
        case atom:
            return brute(atom, parts, tweet)


def written(tree):
    match tree:
        case ("or", branches):
            return "(" + " OR ".join(map(written, branches)) + ")"
        case ("and", branches):
            return "(" + " ".join(map(written, branches)) + ")"
        case ("not", atom):
            return f"-{atom}"
        case atom:
            return atom


leaves = st.sampled_from(ATOMS) | st.tuples(st.just("not"), st.sampled_from(ATOMS))
trees = st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(["or", "and"]), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)
tweets = st.fixed_dictionaries(
    {
        "author": st.sampled_from(["bob_example", "ann_example"]),
        "lang": st.sampled_from(["en", "fr"]),
        "kind": st.sampled_from([None, "replied_to"]),
    }
)
texts = st.lists(
    st.sampled_from([*WORDS, "#cat", "#dog", "@ann_example", "bird", "https://example.com/cat"]), max_size=6
)


@given(trees, texts, tweets)
def test_a_rule_matches_what_its_tree_matches(tree, parts, tweet):

    rule = f"(cat {written(tree)}) OR (#owl {written(tree)})"
    expected = evaluated(("or", [("and", ["cat", tree]), ("and", ["#owl", tree])]), parts, tweet)
    assert matches(rule, " ".join(parts), **tweet) == expected


@given(st.text(alphabet='ab "()-:#@OR~', max_size=40))
def test_any_text_is_a_rule_or_refused(text):
    with suppress(InvalidRule):
        parsed(text)(seen(message("a b")))


def test_and_binds_before_or():
    assert matches("cat OR dog owl", "cat")
    assert not matches("(cat OR dog) owl", "cat")


def test_case_does_not_matter_but_accents_do():
    assert matches("CaFé", "cafÉ time")
    assert not matches("cafe", "café")


def test_an_apostrophe_may_be_straight_or_curly():
    assert matches('"father\'s day"', "Happy Father’s Day!")


def test_a_hashtag_is_matched_whole_and_a_link_is_no_word():
    assert not matches("#cat", "#cats")
    assert not matches("cat", "https://example.com/cat")
    assert matches("cat", "#cat")


def test_a_retweet_is_matched_on_its_whole_original_and_a_quote_on_both_texts():
    assert matches("owl", "RT @bob_example: cat…", kind="retweeted", original="cat and owl")
    assert matches("cat owl", "cat", kind="quoted", original="owl")
    assert not matches('"cat owl"', "cat", kind="quoted", original="owl")


def test_a_sample_is_a_share_of_the_tweets_and_always_the_same_ones():
    def kept(rule):
        some = [message("cat") for _ in range(400)]
        for number, one in enumerate(some):
            one["data"]["id"] = str(number)
        return {one["data"]["id"] for one in some if parsed(rule)(seen(one))}

    assert 60 < len(kept("cat sample:25")) < 140
    assert kept("cat sample:25") < kept("cat sample:50")


REFUSED = [
    *("", "-", "- cat", "-cat", "--cat", "is:retweet", "lang:en", "cat OR lang:en", "-(cat dog)", "cat OR", "OR cat"),
    *("(cat", "cat)", '"cat', "()", "cat is:nullcast", "cat -sample:10", "cat sample:0", "cat is:funny", "cat foo:bar"),
    *("cat and dog", "cat or dog", "#", "cat …", "a" * 1025, "(" * 300 + "cat" + ")" * 300),
]
TAKEN = ["cat -is:nullcast", "cat (is:retweet OR lang:en)", "cat -has:links", "@ann_example", "from:9", "a" * 1024]


@pytest.mark.parametrize("rule", REFUSED)
def test_what_x_refuses_is_refused(rule):
    with pytest.raises(InvalidRule):
        parsed(rule)


@pytest.mark.parametrize("rule", TAKEN)
def test_what_x_takes_is_taken(rule):
    assert callable(parsed(rule))
