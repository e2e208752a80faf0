"""No way is worse than staying as it is, intervals hold what they promise, and nothing is known of the future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import prediction
from jobs.prediction import DAYS, PEOPLE, WAYS, days, horizon, people, ranks, scored

AUTHORS, KEYWORDS = 40, 3


def scores(kind, seed, weeks=40, authors=AUTHORS):
    """Make up weekly scores that stay, wander, rise and fall, burst, or do all of this."""
    dice, week = np.random.default_rng(seed), np.arange(weeks)[:, None]
    level = dice.normal(30, 12, authors).clip(2, 90)
    if kind == "mix":
        parts = ("level", "walk", "trend", "burst")
        return np.hstack([scores(part, seed + place, weeks, authors // 4) for place, part in enumerate(parts)])
    if kind == "level":
        values = level + dice.normal(0, 3, (weeks, authors))
    if kind == "walk":
        values = level + dice.normal(0, 2.5, (weeks, authors)).cumsum(axis=0)
    if kind == "trend":
        values = level + dice.normal(0, 0.6, authors) * week + dice.normal(0, 2, (weeks, authors))
    if kind == "burst":
        values = level / 2 + dice.normal(0, 2, (weeks, authors))
        for start, author in zip(*np.nonzero(dice.random(values.shape) < 0.06), strict=True):
            values[start:, author] += dice.exponential(30) * 0.5 ** np.arange(weeks - start)
        values[dice.random(values.shape) < 0.15] = 0
    return values.clip(0, 100)


def history(kind, seed, weeks=40):
    """The same for several keywords; returns the scores, and which keyword each author's are of."""
    values = np.hstack([scores(kind, 100 * seed + place, weeks) for place in range(KEYWORDS)])
    return values, np.repeat(np.arange(KEYWORDS), values.shape[1] // KEYWORDS)


def judged(kind, seed, weeks=40, ahead=4):
    rows = people(*history(kind, seed, weeks), ahead)
    return scored(rows[rows["step"] >= 3 * ahead - 1], ["step", "group"])


@pytest.mark.parametrize("kind", ["level", "walk", "trend", "burst", "mix"])
def test_what_is_shown_is_never_worse_than_persistence_and_intervals_hold_eight_of_ten(kind):
    cards = [judged(kind, seed) for seed in range(3)]
    recall = {way: np.mean([card["recall_at_5"][way] for card in cards]) for way in ("shown", *WAYS)}

    assert recall["shown"] >= recall["persistence"]
    assert np.mean([card["error"]["shown"] for card in cards]) <= np.mean(
        [card["error"]["persistence"] for card in cards]
    )
    assert 0.75 <= np.mean([card["coverage"] for card in cards]) <= 0.85


def test_the_model_is_shown_where_it_is_better_and_not_where_nothing_can_be_learnt():
    assert judged("burst", 1, weeks=60)["model_shown"] > 0.5
    assert judged("walk", 1, weeks=60)["model_shown"] == 0


def test_a_chance_comes_true_about_as_often_as_it_says():
    rows = pd.concat([people(*history("trend", seed), 4) for seed in range(3)])
    rows = rows[rows["shown"] & rows["actual"].notna() & rows["chance"].notna()]
    came = (rows["actual_place"] <= 5).groupby(pd.cut(rows["chance"], [0, 0.25, 0.5, 0.75, 1])).mean()

    assert np.allclose(came, rows.groupby(pd.cut(rows["chance"], [0, 0.25, 0.5, 0.75, 1]))["chance"].mean(), atol=0.15)


@given(st.integers(0, 10_000), st.integers(11, 21), st.sampled_from(["walk", "burst", "mix"]))
@settings(max_examples=5)
def test_whatever_the_future_holds_changes_nothing_of_what_was_told_of_people(seed, now, kind):
    values, groups = history(kind, seed % 50, weeks=24)
    other = values.copy()
    np.random.default_rng(seed).shuffle(other[now + 1 :])
    other[now + 1 :, ::2] = np.nan
    before, after = (rows[rows["step"] <= now][PEOPLE] for rows in (people(one, groups, 4) for one in (values, other)))

    pd.testing.assert_frame_equal(before, after)


@given(st.integers(0, 10_000), st.integers(21, 50))
@settings(max_examples=5)
def test_whatever_the_future_holds_changes_nothing_of_what_was_told_of_days(seed, now):
    values = volumes("weekly", seed % 50, steps=60)
    other = values.copy()
    np.random.default_rng(seed).shuffle(other[now + 1 :])
    other[now + 1 :: 3] = np.nan
    before, after = (rows[rows["step"] <= now][DAYS] for rows in (days(one, 5) for one in (values, other)))

    pd.testing.assert_frame_equal(before.reset_index(drop=True), after.reset_index(drop=True))


def volumes(kind, seed, steps=120, keywords=4):
    """Make up logarithms of daily counts."""
    dice, day = np.random.default_rng(seed), np.arange(steps)[:, None]
    values = dice.uniform(3, 8, keywords) + dice.normal(0, 0.2, (steps, keywords))
    if kind == "weekly":
        values = values + 0.5 * np.sin(2 * np.pi * day / 7 + dice.uniform(0, 6, keywords))
    if kind == "walk":
        values = values + dice.normal(0, 0.1, (steps, keywords)).cumsum(axis=0)
    if kind == "burst":
        for start, keyword in zip(*np.nonzero(dice.random(values.shape) < 0.05), strict=True):
            values[start:, keyword] += dice.exponential(1.5) * 0.4 ** np.arange(steps - start)
    return values


@pytest.mark.parametrize("kind", ["level", "weekly", "walk", "burst"])
def test_intervals_of_days_hold_eight_of_ten_and_the_shown_is_no_worse_than_persistence(kind):
    cards = []
    for seed in range(4):
        rows = days(volumes(kind, seed), 7)
        cards.append(scored(rows[rows["step"] >= 20], ["step", "series", "ahead"]))

    assert 0.75 <= np.mean([card["coverage"] for card in cards]) <= 0.86
    assert np.mean([card["error"]["shown"] for card in cards]) <= 1.01 * np.mean(
        [card["error"]["persistence"] for card in cards]
    )


def test_the_weekday_is_learnt():
    rows = days(volumes("weekly", 3), 3)
    card = scored(rows[rows["step"] >= 60], ["step", "series", "ahead"])

    assert card["model_shown"] > 0.9
    assert card["error"]["shown"] < 0.5 * card["error"]["persistence"]


def test_a_right_order_gains_more_than_a_wrong_one_and_strangers_gain_nothing():
    order = {"right": [1, 2, 3, 4, 5], "wrong": [5, 4, 3, 2, 1], "strangers": [9, np.inf, 7, 6, 8]}
    rows = pd.DataFrame([(name, place, came) for name in order for place, came in enumerate(order[name], 1)])
    found = prediction.ndcg(rows.set_axis(["step", "place", "actual_place"], axis=1), ["step"])

    assert found["right"] == pytest.approx(1)
    assert found["strangers"] == 0
    # By hand: each place k holds who came to be place 6 - k.
    assert found["wrong"] == pytest.approx(7.41883 / 10.27192, abs=1e-5)


def test_the_scale_of_errors_is_how_far_a_series_has_moved_by_then():
    values = np.array([[1.0], [4.0], [np.nan], [3.0], [10.0]])

    assert np.allclose(prediction.scale(values, 1)[:, 0], [np.nan, 3, 3, 3, 5], equal_nan=True)
    assert prediction.scale(values, 3)[3, 0] == 2


def test_the_horizon_is_a_third_of_the_history_at_most_and_too_little_is_refused():
    assert [horizon(weeks, 4) for weeks in (0, 7, 8, 9, 11, 12, 52)] == [0, 0, 2, 3, 3, 4, 4]


def test_who_is_not_there_has_no_place_and_what_is_unknown_no_rank():
    assert list(ranks(np.array([3.0, 0.0, 7.0]))) == [2, np.inf, 1]
    assert np.isnan(ranks(np.array([np.nan, 1.0]))[0])


def test_without_evidence_the_model_is_persistence():
    values = scores("walk", 1, weeks=4)
    ways, _ = prediction.people_ways(values, 4)

    assert np.allclose(ways["model"], values, atol=1e-6)


def test_where_nothing_moves_persistence_is_shown_for_there_is_nothing_to_beat():
    rows = days(np.full((40, 1), 3.0), 3)

    assert set(rows[rows["shown"]]["way"]) == {"persistence"}
