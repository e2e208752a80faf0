from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.connection import Ended
from actors.waits import BUDGET_WAIT, CONNECTS, PERIOD, Connects, pause

NOON = datetime(2026, 6, 22, 12, tzinfo=UTC).timestamp()


def waits(ended, number):
    return [pause(ended, bad_ends, now=1000.0) for bad_ends in range(1, number + 1)]


def test_network_errors_wait_a_quarter_second_more_each_time():
    assert waits(Ended("network"), 4) == [0, 0.25, 0.5, 0.75]
    assert pause(Ended("network"), 1000, now=0) == 16


def test_server_errors_wait_twice_as_long_each_time():
    assert waits(Ended("http", status=503), 8) == [5, 10, 20, 40, 80, 160, 320, 320]


def test_a_rate_limit_waits_for_its_reset():
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1090"}

    assert pause(Ended("http", status=429, headers=headers), 1, now=1000.0) == 90


def test_a_connection_too_many_waits_until_x_has_noticed_that_the_old_one_is_gone():
    assert waits(Ended("http", status=429, headers={"x-rate-limit-remaining": "40"}), 3) == [20, 40, 80]


@pytest.mark.parametrize(
    "ended",
    [
        Ended("http", 429, problem={"title": "UsageCapExceeded"}),
        Ended("http", 403, problem={"title": "Forbidden", "type": "https://api.x.com/2/problems/usage-capped"}),
        Ended("http", 402, problem={"title": "CreditsDepleted", "detail": "Your account has no credits."}),
        Ended("closed", problem={"title": "UsageCapExceeded"}),
    ],
)
def test_without_money_nothing_is_tried_for_an_hour(ended):
    assert pause(ended, 1, now=0) == BUDGET_WAIT
    assert not ended.fatal()


def test_a_clean_close_reconnects_at_once_but_not_in_a_hot_loop():
    assert waits(Ended("closed"), 4) == [0, 5, 10, 20]


@given(st.sampled_from(["closed", "network", "http", "exception"]), st.integers(1, 10_000))
def test_no_wait_is_negative_or_longer_than_x_s_longest(outcome, bad_ends):
    assert 0 <= pause(Ended(outcome), bad_ends, now=0.0) <= 320


@given(st.text(), st.floats(0, 1e10))
def test_no_reset_that_x_could_name_stops_us_for_longer_than_its_window(reset, now):
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": reset}

    assert 1 <= pause(Ended("http", status=429, headers=headers), 1, now) <= PERIOD


@settings(max_examples=20)
@given(st.lists(st.floats(0, 30), min_size=60, max_size=100), st.sets(st.integers(0, 100), max_size=9))
def test_no_900_seconds_see_more_than_45_connects_however_often_we_start_anew(tmp_path_factory, tries, restarts):
    path = tmp_path_factory.mktemp("spool") / "spool.connects"
    connects, now, made = Connects(path), NOON, []
    for index, seconds in enumerate(tries):
        if index in restarts:
            connects = Connects(path)
        now += seconds + connects.wait(now + seconds)
        connects.spend(now)
        made.append(now)

    assert all(later - earlier >= PERIOD - 0.001 for earlier, later in zip(made, made[CONNECTS:], strict=False))


def test_a_clock_set_back_stops_us_for_one_period_at_most(tmp_path):
    connects = Connects(tmp_path / "spool.connects")
    for _ in range(CONNECTS):
        connects.spend(NOON)

    assert connects.wait(NOON - 86_400) == PERIOD
