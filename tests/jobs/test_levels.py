"""The scenario's airline is a crisis and its joys are not; gaps are silent; in one go or in steps it is the same."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from actors import sentiment
from jobs.levels import Watched, severity, watch
from local_x import snowflake
from local_x.scenario import Scenario
from local_x.stories import INCIDENT
from tests.jobs.crowd import MONDAY, STEP, steps_of, tweets

HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)
NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)  # a Saturday: the wave of Friday 14:00 is there, and has ebbed away


@pytest.fixture(scope="module")
def told_by_the_scenario():
    """Tell what the scenario says of a keyword as the tracker would store it; retweets are not scored."""
    scenario = Scenario(1, NOW)
    events = list(scenario.events(NOW - timedelta(hours=72), NOW))

    def tell(keyword):
        rows = []
        for event in events:
            if keyword not in event.post.subject.names:
                continue
            who, score = event.reaction.person if event.reaction else event.post.person, None
            if event.reaction is None or event.reaction.kind != "retweeted":
                data = scenario.message(event)["data"]
                score = sentiment.score(data["text"], keyword) if sentiment.scored(data["lang"]) else None
            rows.append((snowflake.seconds(event.id), who, score, sentiment.label(score)))
        said = pd.DataFrame(rows, columns=["created_at", "author_id", "sentiment", "label"])
        times = pd.to_datetime(said["created_at"], unit="s", utc=True)
        return said.astype({"sentiment": float, "label": float}).assign(created_at=times)

    return tell


def heard(said):
    """Tell the tweets of a stretch of time, as the database does."""
    return lambda begin, end: said[(said["created_at"] >= begin) & (said["created_at"] < end)]


def alerts(said, steps=None, since=None):
    steps = steps_of(said) if steps is None else steps
    return watch(steps, heard(said), Watched(since or steps.index[0]), per_week=1)[0]


@pytest.fixture(scope="module")
def airline(told_by_the_scenario):
    return told_by_the_scenario("aerolume")


def test_the_incident_is_a_warning_within_half_an_hour_and_a_crisis_two_evaluations_later(airline):
    incident = pd.Timestamp(NOW - INCIDENT)

    told = [one for one in alerts(airline) if one.at > incident]

    assert [one.level for one in told] == ["warning", "crisis"]
    assert told[0].at - incident <= HOUR / 2
    assert told[1].at - told[0].at <= 2 * STEP
    assert told[1].episode == told[0].at
    assert told[1].numbers["mood"]["negative_excess"] >= 50
    assert told[1].numbers["mood"]["negative_voices"] >= 20


def test_before_the_incident_nothing_is_a_warning(airline):
    calm = airline[airline["created_at"] < pd.Timestamp(NOW - INCIDENT)]

    assert {one.level for one in alerts(calm)} <= {"watch", "good news"}


@pytest.mark.parametrize("keyword", ["#FridayFeeling", "#OneMinuteChoir"])
def test_a_wave_of_joy_is_never_a_warning(told_by_the_scenario, keyword):
    told = alerts(told_by_the_scenario(keyword))

    assert {one.level for one in told} == {"good news"}


def test_a_great_wave_that_is_a_little_less_glad_than_usual_is_no_warning():
    told = alerts(both(calm_days(mean=0.67), outrage(mean=0.55)))

    assert {one.level for one in told} <= {"watch", "good news"}


def calm_days(days=16, per_day=1000, mean=0.2):
    return tweets(MONDAY, days * 1440, days * per_day, mean)


def outrage(mean=-0.3, hours=2, number=1200, authors=10**9, at=12 * DAY):
    return tweets(MONDAY + at, hours * 60, number, mean, seed=9, authors=authors)


def both(*parts):
    return pd.concat(parts).sort_values("created_at", kind="stable", ignore_index=True)


def test_a_crisis_is_told_once_however_long_it_lasts_and_again_after_six_quiet_hours():
    said = both(calm_days(), outrage(hours=5, number=3000), outrage(at=13 * DAY))

    told = [one.level for one in alerts(said) if one.level != "watch"]

    assert told == ["warning", "crisis", "warning", "crisis"]


def test_however_sudden_a_crisis_was_a_warning_one_evaluation_before():
    told = [one for one in alerts(both(calm_days(), outrage(number=12_000))) if one.level != "watch"]

    assert [one.level for one in told] == ["warning", "crisis"]
    assert told[1].at - told[0].at == STEP
    assert told[0].numbers["mood"]["negative_excess"] >= 50


def test_the_same_volume_in_the_usual_mood_is_good_news_and_in_no_known_mood_a_watch():
    said = both(calm_days(), outrage(mean=0.4))
    silent = said.assign(label=np.nan, sentiment=np.nan)

    assert [one.level for one in alerts(said)] == ["good news"]
    assert [one.level for one in alerts(silent)] == ["watch"]


def test_the_same_mood_at_the_usual_volume_is_no_more_than_a_watch():
    begin = MONDAY + 12 * DAY
    said = calm_days()
    worse = (said["created_at"] >= begin) & (said["created_at"] < begin + 4 * HOUR)
    said.loc[worse, "sentiment"] -= 0.5

    assert [one.level for one in alerts(said)] == ["watch"]


def test_a_few_accounts_make_no_crisis_and_two_make_no_watch():
    assert "crisis" not in [one.level for one in alerts(both(calm_days(), outrage(authors=19)))]
    silent = both(calm_days(per_day=20), outrage(authors=2, number=300))

    assert alerts(silent) == []


def test_amid_a_gap_and_just_after_it_nothing_is_said():
    said = both(calm_days(), outrage(hours=3))
    steps = steps_of(said)
    begin = MONDAY + 12 * DAY
    steps.loc[begin : begin + 2 * HOUR, "tweets"] = np.nan

    told = alerts(said, steps)

    assert told[0].at >= begin + 2 * HOUR + HOUR / 2


def test_judging_in_steps_is_judging_in_one_go_and_doing_it_again_changes_nothing(airline):
    whole = steps_of(airline)
    begin = whole.index[-1] - 6 * HOUR
    in_one_go = watch(whole, heard(airline), Watched(whole.index[0]), per_week=1)
    state, in_steps = Watched(whole.index[0]), []
    for end in [begin, *whole.index[whole.index > begin][:45]]:
        some, state = watch(whole[whole.index < end], heard(airline), state, per_week=1)
        in_steps += some

    assert in_steps == [one for one in in_one_go[0] if one.at <= state.until]
    assert len(in_steps) >= 2
    assert watch(whole, heard(airline), Watched(whole.index[0]), per_week=1) == in_one_go


def test_a_slow_burn_is_told_where_no_moment_is_worth_a_word():
    days = [tweets(MONDAY + day * DAY, 1440, 200, 0.3 - 0.012 * max(0, day - 14), seed=day) for day in range(30)]

    told = alerts(both(*days))

    assert [one.level for one in told if one.level == "slow burn"][:1] == ["slow burn"]
    assert {one.level for one in told} <= {"slow burn", "watch"}


def test_severity_is_the_powers_of_ten_of_both_chances_between_1_and_10():
    assert severity(1e-3, 1e-4) == 7
    assert severity(0.2, None) == 1
    assert severity(0.0, 1e-30) == 10
