"""What is new stands out, what is as ever does not, and nobody makes a term emerge alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from core.emerging import Emerging, bag, chance, emerging, g2, voices

WORDS = [f"word{rank}" for rank in range(2000)]
COMMON = 1 / np.arange(3, 2003)  # how often each word is said: as in any language
COMMON /= COMMON.sum()
counts = st.integers(0, 400)


def written(dice, tweets, authors=300):
    """Make up tweets as pairs of an author and the words said, twelve each."""
    said = dice.choice(len(WORDS), (tweets, 12), p=COMMON)
    return [(dice.integers(authors), {WORDS[one] for one in words}) for words in said]


def compared(now, before):
    """Count both by distinct authors, and return the terms that emerge."""
    users = [{}, {}]
    for side, tweets in zip(users, (now, before), strict=True):
        for author, words in tweets:
            for word in words:
                side.setdefault(word, set()).add(author)
    rows = [(word, len(who), len(users[1].get(word, ()))) for word, who in users[0].items()]
    return emerging(rows, *(len({author for author, _ in tweets}) for tweets in (now, before)))


@given(counts, counts, counts, counts)
def test_g2_is_that_of_the_textbook_with_a_sign(here, there, others, others_before):
    assume(here + there and others + others_before and here + others and there + others_before)
    found = g2(here, there, here + others, there + others_before)
    table = [[here, others], [there, others_before]]
    textbook = chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic

    assert abs(found) == pytest.approx(textbook, abs=1e-6)
    assert found == pytest.approx(0, abs=1e-6) or (found > 0) == (here * others_before > there * others)


def test_a_g2_of_15_13_is_there_by_chance_once_in_ten_thousand():
    assert chance(15.137) == pytest.approx(1e-4, rel=0.01)
    assert chance(-15.137) == 1


def test_halves_of_one_hour_give_at_most_one_false_term_an_hour():
    dice, false, hours = np.random.default_rng(3), 0, 60
    for _ in range(hours):
        hour = written(dice, 800)
        false += len(compared(hour[:400], hour[400:]))

    assert false / hours <= 1


def test_an_hour_as_any_other_gives_at_most_one_false_term():
    dice = np.random.default_rng(4)
    past = written(dice, 8000, authors=6000)
    false = [len(compared(written(dice, 400), past)) for _ in range(20)]

    assert sum(false) / len(false) <= 1


@pytest.mark.parametrize("seed", range(6))
def test_a_term_in_two_percent_of_the_tweets_is_among_the_first_three(seed):
    dice = np.random.default_rng(seed)
    now = written(dice, 400, authors=4000)
    for place in dice.choice(400, 8, replace=False):
        now[place][1].add("#planted")

    assert "#planted" in [one.term for one in compared(now, written(dice, 8000, authors=6000))[:3]]


def test_twenty_copies_by_one_author_never_show():
    dice = np.random.default_rng(5)
    now = [*written(dice, 400), *[(7, {"#mine", "buy"})] * 20]

    assert not {"#mine", "buy"} & {one.term for one in compared(now, written(dice, 8000, authors=6000))}


def test_near_copies_are_one_voice_whoever_writes_them_and_whomever_they_address():
    campaign = [f"@user{one} Get the #best shoe now, only today! https://t.co/{one}" for one in range(20)]
    others = ["my train was late again", "why is nobody at gate 4?", "the best pizza in town"]

    assert voices(map(bag, campaign)) == 1
    assert voices(map(bag, [*campaign, "Get the #best shoe now, just today"])) == 1
    assert voices(map(bag, [*campaign, *others])) == 4
    assert voices([]) == 0


def test_with_nothing_to_compare_with_nothing_emerges():
    assert emerging([("late", 50, 0)], 100, 0) == []
    assert emerging([], 0, 0) == []


def test_the_surest_is_first_and_a_term_that_nobody_used_is_infinitely_more():
    found = emerging([("late", 40, 10), ("#storm", 60, 0), ("flight", 90, 900)], 100, 1000)

    assert [one.term for one in found] == ["#storm", "late"]
    assert found[0].times == math.inf
    assert found[1] == Emerging("late", 40, 10, found[1].g2, pytest.approx(40))


def test_what_is_surely_but_hardly_more_does_not_emerge():
    assert emerging([("flight", 1900, 10_000)], 3000, 30_000) == []


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 300)), max_size=40))
def test_whatever_is_listed_has_three_authors_is_twice_as_frequent_and_sure(pairs):
    found = emerging([(f"t{place}", *pair) for place, pair in enumerate(pairs)], 60, 300)

    assert all(one.authors >= 3 and one.times >= 2 and one.g2 > 15.13 for one in found)
    assert [one.g2 for one in found] == sorted((one.g2 for one in found), reverse=True)
