"""Every quarter hour once, in order, whatever fails or sleeps."""

from collections import Counter, namedtuple
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core import store
from core.batches import Batch, save_batch
from core.config import TalkerError
from core.models import InfluenceRun, PastDay, PastHour
from jobs.schedule import LOOK_BACK, Scheduler, due, windows

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
Begun = namedtuple("Begun", "window_end state attempts started_at")
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


def begun(end, state="done", attempts=1, started_at=None):
    """A window as the database tells of it; it began at its end unless told otherwise."""
    return Begun(end, state, attempts, started_at or end)


def test_nothing_is_due_until_the_next_quarter_hour():
    done = [begun(NOON)]

    assert due(done, NOON) == due(done, NOON + timedelta(minutes=14, seconds=59)) == []
    assert due(done, NOON + QUARTER) == [NOON + QUARTER]


def test_a_pause_is_caught_up_window_by_window():
    assert due([begun(NOON)], NOON + timedelta(minutes=50)) == [NOON + QUARTER, NOON + 2 * QUARTER, NOON + 3 * QUARTER]


def test_after_a_long_pause_only_the_latest_is_due():
    assert due([begun(NOON)], NOON + timedelta(days=2, minutes=3)) == [NOON + timedelta(days=2)]


def test_at_the_very_first_the_latest_is_due():
    assert due([], NOON + timedelta(minutes=7)) == [NOON]


def test_windows_missed_before_later_good_ones_are_due():
    missed = [begun(NOON), begun(NOON + QUARTER, "failed"), begun(NOON + 3 * QUARTER)]

    assert due(missed, NOON + timedelta(minutes=50)) == [NOON + QUARTER, NOON + 2 * QUARTER]


def test_what_failed_or_was_killed_is_tried_again_after_a_wait_that_doubles():
    for state in ("failed", "running"):
        for attempts, wait in ((1, 5), (2, 10), (3, 20), (4, 40)):
            found = [begun(NOON, state, attempts)]
            assert due(found, NOON + timedelta(minutes=min(wait, 15), seconds=-1)) == []
            assert NOON in due(found, NOON + timedelta(minutes=wait))


@given(times, st.lists(st.tuples(st.integers(-3, 20), st.sampled_from(["done", "failed"]), st.integers(1, 6))))
def test_what_is_due_is_aligned_in_order_recent_and_not_done(now, windows):
    found = {NOON + QUARTER * place: (state, attempts) for place, state, attempts in windows}
    ends = due([begun(end, *told) for end, told in found.items()], now)

    assert ends == sorted(set(ends))
    assert all(end.minute % 15 == 0 and now - LOOK_BACK < end <= now for end in ends)
    assert not any(found.get(end, ("failed",))[0] == "done" for end in ends)


@given(times, st.sets(st.integers(-9, 20)), st.sets(st.integers(0, 50), max_size=4))
def test_every_window_of_two_hours_is_done_in_the_end_or_tried_five_times(start, poison, refused):
    """`poison` are the windows that never can be computed, `refused` the ticks that find another run in progress."""
    known, tries = {}, Counter()
    for tick in range(60):
        now = start + tick * timedelta(minutes=5)
        for end in due(known.values(), now):
            if tick not in refused:
                tries[end] += 1
                state = "failed" if (end - NOON) // QUARTER in poison else "done"
                known[end] = begun(end, state, tries[end], now)

    ends = [end for end in tries if end <= now - LOOK_BACK]
    assert len(ends) == (max(ends) - min(ends)) // QUARTER + 1  # no hole
    assert all(tries[end] == (5 if known[end].state == "failed" else 1) for end in ends)


def test_a_backfill_computes_the_quarter_hours_from_one_time_to_another():
    some = windows(NOON + timedelta(minutes=7), NOON + timedelta(hours=2), hours=0.5)

    assert some == [NOON + timedelta(minutes=30 * number) for number in range(5)]
    assert windows(NOON, NOON, hours=24) == [NOON]


@pytest.mark.parametrize(("minutes", "hours"), [(-1, 1.0), (60, 0.3)])
def test_a_backfill_of_nothing_or_between_quarters_is_refused(minutes, hours):
    with pytest.raises(TalkerError, match="whole quarters"):
        windows(NOON, NOON + timedelta(minutes=minutes), hours)


def test_a_tick_runs_what_failed_before_a_later_good_one_and_what_is_missing(engine, scheduler):
    computed(engine, NOON)
    token = store.start_influence_run(engine, NOON, NOON + QUARTER, "v")
    store.fail_influence_run(engine, NOON + QUARTER, token, "out of memory")
    computed(engine, NOON + 2 * QUARTER)
    with engine.begin() as connection:
        connection.execute(update(InfluenceRun).values(started_at=InfluenceRun.window_end))
    ran = []
    scheduler(ran).tick(NOON + 3 * QUARTER)

    assert ran == [(NOON + QUARTER).isoformat(), (NOON + 3 * QUARTER).isoformat()]


def test_attempts_at_a_window_are_counted_until_it_is_done(engine):
    def attempts():
        with engine.connect() as connection:
            return connection.execute(select(InfluenceRun.attempts)).scalar_one()

    counted = []
    for _ in range(3):
        token = store.start_influence_run(engine, NOON, NOON, "v")
        store.fail_influence_run(engine, NOON, token, "out of memory")
        counted.append(attempts())
    computed(engine, NOON)
    counted.append(attempts())
    computed(engine, NOON)

    assert [*counted, attempts()] == [1, 2, 3, 4, 1]


def test_a_run_that_fails_is_one_line_in_the_log_and_the_next_goes_on(engine, scheduler, caplog):
    computed(engine, NOON)
    ran = []
    failing = (NOON + QUARTER).isoformat()
    scheduler(ran, (failing,)).tick(NOON + timedelta(minutes=31))

    assert len(ran) == 2
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line == f"The influence run for {failing} failed: An influence run is in progress."


def refused():
    raise TalkerError("A run is in progress.")


def test_what_is_done_each_night_is_on_the_clock_and_its_failure_is_one_line(database_url, caplog):
    one = Scheduler(lambda end: {}, database_url, nightly=refused)
    (job,) = [job for job in one._clock.get_jobs() if job.args]
    job.func(*job.args)
    one.stop()

    assert job.trigger.get_next_fire_time(None, NOON) == NOON + timedelta(hours=15, minutes=8)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert line == "What is done between two runs waits for the next time: A run is in progress."


def test_what_is_done_between_two_runs_is_on_the_clock_amid_each_quarter_hour(database_url):
    one = Scheduler(lambda end: {}, database_url, between=refused)
    (job,) = [job for job in one._clock.get_jobs() if job.args]
    one.stop()
    times = [NOON]
    while times[-1] < NOON + timedelta(minutes=50):
        times.append(job.trigger.get_next_fire_time(None, times[-1] + timedelta(seconds=1)))

    assert times[1:] == [NOON + timedelta(minutes=minutes) for minutes in (8, 23, 38, 53)]


def test_a_run_may_be_had_at_once(scheduler):
    ran = []

    assert scheduler(ran).run_now() == {"window_end": None}
    assert scheduler(ran, (None,)).run_now() is None
    assert ran == [None, None]


def test_what_is_past_is_added_up_at_each_tick(engine, scheduler, keyword, tweet_row):
    keyword()
    save_batch(engine, Batch(1, "s", "nike", 1, [{**tweet_row(), "terms": ["shoe"]}]))
    scheduler([]).tick(NOON + timedelta(days=2))

    with engine.connect() as connection:
        assert connection.execute(select(PastHour.tweets)).all() == [([1],)]
        assert connection.execute(select(PastDay.terms)).all() == [(["shoe"],)]


def test_a_database_that_is_away_is_one_line_in_the_log(caplog):
    scheduler = Scheduler(lambda end: {}, "postgresql://nobody@127.0.0.1:1/none")
    scheduler.tick(NOON)
    scheduler.stop()

    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "Which influence windows are due is not known" in line


def test_the_clock_is_set_to_every_five_minutes_and_so_to_the_quarter_hours(scheduler):
    (job,) = scheduler([])._clock.get_jobs()
    times = [NOON]
    while times[-1] < NOON + QUARTER:
        times.append(job.trigger.get_next_fire_time(None, times[-1] + timedelta(seconds=1)))

    assert times == [NOON + timedelta(minutes=minutes) for minutes in (0, 5, 10, 15)]
    assert (job.max_instances, job.coalesce) == (1, True)
