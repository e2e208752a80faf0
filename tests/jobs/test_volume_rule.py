"""Calm weeks stay within the budget of alerts, bursts are told once, and nothing is known before it happened."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.rehearsal import rehearsed
from jobs.volume_rule import BLOCK, BLOCKS_A_WEEK, LEAST_SCORE, Tail, judged, notifications, tail

DAY = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)
MONDAY = pd.Timestamp("2026-06-01", tz="UTC")


def calm(seed, per_hour=30.0, days=28, step=5, bursty=None, rhythm=True):
    """Draw the counts of a calm keyword: Poisson, or with each hour's rate drawn anew, by day and night."""
    rng = np.random.default_rng(seed)
    steps = 60 // step
    hours = np.arange(days * 24)
    rate = per_hour * (1 + 0.8 * np.sin(2 * np.pi * hours / 24) * rhythm)
    if bursty:
        rate = rate * rng.gamma(bursty, 1 / bursty, len(hours))
    counts = rng.poisson(np.repeat(rate / steps, steps)).astype(float)
    return pd.Series(counts, pd.date_range(MONDAY, periods=len(counts), freq=f"{step}min"))


def with_burst(counts, begin, hours=3, times=12):
    """Return counts with so many times as many for some hours."""
    there = (counts.index >= begin) & (counts.index < begin + hours * HOUR)
    return counts.mask(there, counts * times + 3)


def told(counts, per_week=1.0):
    return [pd.Timestamp(one) for one in rehearsed(counts, per_week)["notifications"]]


@pytest.mark.parametrize("bursty", [None, 5, 1])
@pytest.mark.parametrize("rhythm", [True, False])
@pytest.mark.parametrize("per_week", [1, 3])
def test_calm_weeks_stay_within_the_budget(bursty, rhythm, per_week):
    rates = (2, 5, 10, 30, 100, 1000)
    years = [calm(seed, rate, days=26 * 7, step=15, bursty=bursty, rhythm=rhythm) for seed, rate in enumerate(rates)]

    fired = sum(len(told(year, per_week)) for year in years)

    # 150 weeks; what a budget that is just kept may bring by chance beyond it is two standard deviations.
    assert fired <= per_week * 150 + 2 * (per_week * 150) ** 0.5


@pytest.mark.parametrize("bursty", [5, 1])
def test_the_first_week_after_calibration_stays_within_the_budget(bursty):
    fired = sum(len(told(calm(seed, days=14, step=15, bursty=bursty))) for seed in range(60))

    assert fired <= 60 + 2 * 60**0.5


def test_a_restless_keyword_spends_its_budget_rather_than_saving_it():
    fired = sum(len(told(calm(seed, days=26 * 7, step=15, bursty=1), per_week=3)) for seed in range(4))

    assert fired >= 100  # of 300: the budget is a promise, and what it allows is worth hearing


def test_a_burst_is_told_once_within_the_hour():
    begin = MONDAY + 20 * DAY + 9 * HOUR

    assert [begin < one <= begin + HOUR for one in told(with_burst(calm(1), begin))] == [True]


def test_a_burst_that_lasts_is_one_alert_and_a_second_one_after_quiet_hours_another():
    first, second = MONDAY + 15 * DAY, MONDAY + 22 * DAY

    fired = told(with_burst(with_burst(calm(2), first, hours=10), second))

    assert [one.floor("D") for one in fired] == [first, second]


def test_a_quiet_keyword_is_not_an_alert_for_a_handful_of_tweets():
    nothing = calm(3, per_hour=0.01)

    assert told(with_burst(nothing, MONDAY + 20 * DAY, hours=1, times=0).clip(upper=0.7)) == []
    assert len(told(with_burst(nothing, MONDAY + 20 * DAY, hours=2))) == 1


def test_a_busy_calm_keyword_needs_half_as_much_again():
    busy = calm(4, per_hour=6000, rhythm=False)
    begin = MONDAY + 20 * DAY

    assert told(with_burst(busy, begin, times=1.3)) == []
    assert len(told(with_burst(busy, begin, times=2))) == 1


def test_a_keyword_that_is_collected_since_yesterday_is_not_judged():
    frame = judged(with_burst(calm(5, days=3), MONDAY + 20 * HOUR))

    assert frame["threshold"].isna()[frame.index <= MONDAY + DAY].all()
    assert not frame.loc[frame.index <= MONDAY + DAY, "alarm"].any()
    assert not frame["calibrated"].any()


def test_in_the_first_week_a_score_must_be_three_times_the_usual():
    frame = judged(calm(6, days=6, rhythm=False))

    assert frame["threshold"].min() >= 3


@pytest.mark.parametrize("missing", [np.nan, 0.0])
def test_three_hours_without_counts_cause_no_alert(missing):
    whole = with_burst(calm(7, bursty=3), MONDAY + 24 * DAY)
    begins = [MONDAY + day * DAY + day * HOUR for day in range(8, 20)]
    base = told(whole)

    for begin in begins:
        lacking = whole.mask((whole.index >= begin) & (whole.index < begin + 3 * HOUR), missing)
        assert [one for one in told(lacking) if begin <= one <= begin + DAY] == [
            one for one in base if begin + 3 * HOUR <= one <= begin + DAY
        ]


def test_nothing_is_said_amid_a_gap_nor_in_the_first_minutes_after_it():
    begin = MONDAY + 20 * DAY
    frame = judged(with_burst(calm(8), begin).mask(lambda one: (one.index >= begin) & (one.index < begin + HOUR)))

    silent = frame.loc[(frame.index > begin + HOUR / 4) & (frame.index < begin + HOUR + 40 * pd.Timedelta(minutes=1))]
    assert silent["score"].isna().all()
    assert not silent["alarm"].any()
    assert frame.loc[begin + 2 * HOUR, "alarm"]


@pytest.mark.parametrize("shift", [HOUR, -HOUR])
def test_a_clock_change_causes_no_alert(shift):
    whole = calm(9, bursty=10)
    change = MONDAY + 20 * DAY + 2 * HOUR
    before, after = whole[whole.index < change], whole[whole.index >= change]
    local = pd.concat([before, after.set_axis(after.index + shift)]).groupby(level=0).mean()

    fired = told(local.resample("5min").mean())

    assert [one for one in fired if change - HOUR <= one <= change + DAY] == []


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), day=st.integers(8, 26), hour=st.integers(0, 23), data=st.data())
def test_what_comes_later_changes_nothing_that_was_decided(seed, day, hour, data):
    counts = with_burst(calm(seed, days=28, step=15, bursty=2), MONDAY + 12 * DAY)
    now = MONDAY + day * DAY + hour * HOUR
    other = counts.copy()
    other[other.index >= now] = data.draw(st.sampled_from([0.0, 1.0, 10_000.0, np.nan]))

    decided, again = judged(counts), judged(other)

    pd.testing.assert_frame_equal(decided[decided.index <= now], again[again.index <= now])


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), day=st.integers(8, 27))
def test_a_history_judged_bit_by_bit_is_judged_as_in_one_go(seed, day):
    counts = calm(seed, days=28, step=15, bursty=1)
    now = MONDAY + day * DAY
    so_far = judged(counts[counts.index < now])

    pd.testing.assert_frame_equal(so_far, judged(counts)[: len(so_far)])


@given(
    peaks=st.lists(st.floats(0, 100), min_size=4, max_size=120),
    often=st.floats(0.01, 0.4),
    rarer=st.floats(0.1, 1),
)
def test_a_rarer_alert_needs_a_higher_score(peaks, often, rarer):
    found = tail(np.array(peaks))

    assert found.level(often * rarer) >= found.level(often) >= found.start


@given(
    start=st.floats(0, 10), above=st.floats(0.1, 0.5), scale=st.floats(0.01, 10), shape=st.sampled_from([0, 0.2, 0.5])
)
def test_a_level_is_passed_as_often_as_was_asked_for(start, above, scale, shape):
    found = Tail(start, above, scale, shape)

    for chance in (0.1, 0.03, 0.001):
        assert found.chance(found.level(chance)) == pytest.approx(chance)


def test_peaks_of_a_known_tail_give_its_levels_back():
    rng = np.random.default_rng(1)
    drawn = 2 + rng.exponential(0.5, 4000)

    assert tail(drawn).level(1 / BLOCKS_A_WEEK) == pytest.approx(2 + 0.5 * np.log(BLOCKS_A_WEEK), rel=0.03)


def test_an_alert_is_told_where_it_begins_after_six_quiet_hours():
    times = pd.date_range(MONDAY, periods=48, freq="h")
    alarms = pd.Series(False, times)
    alarms.iloc[[3, 4, 8, 20, 25]] = True

    assert list(notifications(alarms)) == [times[3], times[20]]
    assert BLOCK == 6 * HOUR
    assert LEAST_SCORE == 1.5
