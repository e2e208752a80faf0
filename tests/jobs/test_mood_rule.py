"""A turned mood is told from chance, from one loud account and from too few voices."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.mood_rule import ENOUGH, Usual, burnt, mood, slow_burns, usual, worth_a_look
from tests.jobs.crowd import MINUTE, MONDAY, steps_of, tweets

CALM = Usual(mean=0.2, lately=0.2, deviation=0.5, scored=4000, negative=0.2)
NOW = MONDAY + pd.Timedelta(hours=6)


def talk(voices, mean, minutes=15, seed=1, each=1):
    """Draw what so many authors said in the minutes before NOW."""
    return tweets(NOW - minutes * MINUTE, minutes, voices * each, mean, seed=seed, authors=voices)


def test_a_mood_that_turned_is_evidence_and_the_usual_one_is_not():
    turned, same = mood(talk(200, -0.2), NOW, CALM), mood(talk(200, 0.2), NOW, CALM)

    assert turned.turned()
    assert turned.negative_excess > 50
    assert not same.turned()


def test_with_fewer_than_a_hundred_authors_there_is_no_mood():
    assert mood(talk(ENOUGH - 1, -0.9, each=5), NOW, CALM) is None
    assert mood(talk(ENOUGH, -0.9), NOW, CALM) is not None


def test_the_smallest_window_with_enough_authors_is_judged():
    assert [mood(talk(120, 0, minutes=minutes), NOW, CALM).minutes for minutes in (10, 50, 170, 350)] == [
        15,
        60,
        180,
        360,
    ]


def test_one_author_who_rages_on_counts_once():
    many = talk(150, 0.2)
    rage = many.iloc[:1].assign(sentiment=-0.9, label=-1, author_id=7)
    raging = pd.concat([many, *[rage] * 300]).sort_values("created_at", kind="stable")

    assert not mood(raging, NOW, CALM).turned()
    assert mood(raging, NOW, CALM).voices == 151


@given(seed=st.integers(0, 10_000))
def test_a_drop_too_small_to_matter_is_no_evidence_however_sure(seed):
    assert not mood(talk(5000, 0.17, seed=seed), NOW, CALM).turned()


def test_a_mood_that_is_as_bad_as_yesterday_has_not_turned_now():
    assert not mood(talk(200, -0.2), NOW, replace(CALM, lately=-0.2)).turned()
    assert mood(talk(200, -0.2), NOW, replace(CALM, lately=0.6)).drop == mood(talk(200, -0.2), NOW, CALM).drop


def test_what_is_usual_is_of_the_two_weeks_up_to_six_hours_before():
    past = tweets(MONDAY, 20 * 24 * 60, 20_000, 0.3, seed=2)
    steps = steps_of(past)
    at = steps.index[-1].floor("h")
    changed = steps.copy()
    changed.loc[at - pd.Timedelta(hours=6) :, "sentiment_sum"] = -1000.0
    changed.loc[: at - pd.Timedelta(days=15), "sentiment_sum"] = -1000.0

    assert usual(steps, at) == usual(changed, at)
    assert usual(steps, at).mean == pytest.approx(0.3, abs=0.02)
    assert usual(steps.iloc[:12], at) is None


def test_a_cheap_look_misses_no_mood_that_turned():
    past = tweets(MONDAY, 3 * 24 * 60, 6_000, 0.3, seed=3)
    begin = MONDAY + pd.Timedelta(days=3)
    rage = tweets(begin, 60, 600, -0.3, seed=4)
    both = pd.concat([past, rage])
    steps = steps_of(both)

    found = worth_a_look(steps, begin)

    assert len(found) >= 10
    turned = [
        at
        for at in steps.index[steps.index > begin]
        if (now := mood(both, at, usual(steps, at))) is not None and now.turned()
    ]
    assert set(turned) <= set(found)
    assert worth_a_look(steps_of(past), MONDAY + pd.Timedelta(days=2)).size <= 2


def test_a_mood_that_sinks_day_by_day_is_a_slow_burn_and_one_bad_day_is_not():
    sinking = [0.3] * 14 + [0.3 - 0.015 * day for day in range(14)]
    bad_day = [0.3] * 20 + [0.2] + [0.3] * 7
    noise = np.random.default_rng(1).normal(0, 0.01, 28)

    assert burnt(np.array(sinking) + noise)["drop"] > 0.08
    assert burnt(np.array(bad_day) + noise) is None


def test_a_slow_burn_is_told_at_the_end_of_a_day_from_whole_days_alone():
    days = [
        tweets(MONDAY + day * pd.Timedelta(days=1), 1440, 400, 0.3 - 0.02 * max(0, day - 14), seed=day)
        for day in range(30)
    ]

    told = [at for at, _ in slow_burns(steps_of(pd.concat(days)))]

    assert told
    assert all(at == at.floor("D") for at in told)
    assert told == [at for at, _ in slow_burns(steps_of(pd.concat([*days, talk(5, -1)])))]


@given(seed=st.integers(0, 5000))
def test_days_that_only_differ_as_days_do_are_no_slow_burn(seed):
    assert burnt(np.random.default_rng(seed).normal(0.3, 0.02, 28)) is None
