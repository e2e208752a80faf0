"""Every quarter hour once, in order, whatever fails or sleeps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import store
from core.config import TalkerError
from jobs.schedule import CATCH_UP, Scheduler, due

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
times = st.integers(0, 60 * 24 * 7).map(lambda minutes: NOON + timedelta(minutes=minutes))


@pytest.fixture
def scheduler(database_url, engine):
    """Make a scheduler that notes what it runs in a list; it fails on the windows it is told to."""
    made = []

    def make(ran: list, failing: tuple = ()):
        def run(window_end):
            ran.append(window_end)
            if window_end in failing:
                raise TalkerError("An influence run is in progress.")
            return {"window_end": window_end}

        made.append(Scheduler(run, database_url))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def computed(engine, end):
    token = store.start_influence_run(engine, end - timedelta(hours=72), end, "v")
    store.finish_influence_run(engine, end, token, [], [], tweets=0, authors=0, executors=1)


def test_nothing_is_due_until_the_next_quarter_hour():
    assert due(NOON, NOON) == due(NOON, NOON + timedelta(minutes=14, seconds=59)) == []
    assert due(NOON, NOON + QUARTER) == [NOON + QUARTER]


def test_a_short_pause_is_caught_up_window_by_window():
    assert due(NOON, NOON + timedelta(minutes=50)) == [NOON + QUARTER, NOON + 2 * QUARTER, NOON + 3 * QUARTER]


def test_after_a_long_pause_only_the_latest_is_due():
    assert due(NOON, NOON + timedelta(days=2, minutes=3)) == [NOON + timedelta(days=2)]


def test_at_the_very_first_the_latest_is_due():
    assert due(None, NOON + timedelta(minutes=7)) == [NOON]


def test_a_clock_put_back_makes_nothing_due():
    assert due(NOON, NOON - timedelta(hours=1)) == []


@given(times, times)
def test_what_is_due_is_aligned_in_order_new_and_not_to_come(last, now):
    ends = due(last, now)

    assert ends == sorted(set(ends))
    assert len(ends) <= CATCH_UP
    assert all(end.minute % 15 == 0 and last < end <= now for end in ends)


@given(times, times)
def test_once_what_is_due_is_done_nothing_is(last, now):
    ends = due(last, now)

    assert due(ends[-1] if ends else last, now) == []


def test_a_tick_runs_what_is_missing_since_the_last_run_that_succeeded(engine, scheduler):
    computed(engine, NOON)
    token = store.start_influence_run(engine, NOON, NOON + QUARTER, "v")
    store.fail_influence_run(engine, NOON + QUARTER, token, "out of memory")
    ran = []
    scheduler(ran).tick(NOON + timedelta(minutes=31))

    assert ran == [(NOON + QUARTER).isoformat(), (NOON + 2 * QUARTER).isoformat()]


def test_a_run_that_fails_is_one_line_in_the_log_and_the_next_goes_on(engine, scheduler, caplog):
    computed(engine, NOON)
    ran = []
    failing = (NOON + QUARTER).isoformat()
    scheduler(ran, (failing,)).tick(NOON + timedelta(minutes=31))

    assert len(ran) == 2
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line == f"The influence run for {failing} failed: An influence run is in progress."


def test_a_run_may_be_had_at_once(scheduler):
    ran = []

    assert scheduler(ran).run_now() == {"window_end": None}
    assert scheduler(ran, (None,)).run_now() is None
    assert ran == [None, None]


def test_a_database_that_is_away_is_one_line_in_the_log(caplog):
    scheduler = Scheduler(lambda end: {}, "postgresql://nobody@127.0.0.1:1/none")
    scheduler.tick(NOON)
    scheduler.stop()

    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "Which influence windows are due is not known" in line


def test_the_clock_is_set_to_the_quarter_hours(scheduler):
    (job,) = scheduler([])._clock.get_jobs()

    assert job.trigger.get_next_fire_time(None, NOON + timedelta(seconds=1)) == NOON + QUARTER
    assert (job.max_instances, job.coalesce) == (1, True)
