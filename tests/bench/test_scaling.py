"""The simulation knows what queues do."""

from bench.scaling import SHARE, needs, processors, simulate

COSTS = {"read": 25.0, "spool": 4.0, "route": 1.5, "score": 50.0, "commit": 15.0, "postgres": 25.0}


def test_a_stage_gets_the_processors_that_its_share_of_time_asks_for():
    assert processors(1_000, 100) == 1  # a tenth of one
    assert processors(7_000, 100) == 1  # all that SHARE allows
    assert processors(7_001, 100) == 2


def test_what_works_below_its_share_is_as_late_as_a_batch():
    for times in (1, 10, 100):
        found = needs(5_800 * times, COSTS)
        assert max(found["trackers_busy"], found["postgres_busy"]) <= SHARE + 0.05
        assert found["lag_p99_s"] < 1


def test_too_few_trackers_or_cores_fall_behind():
    enough = simulate(58_000, 6, 3, COSTS)
    few_trackers = simulate(58_000, 3, 3, COSTS)
    few_cores = simulate(58_000, 6, 1, COSTS)

    assert few_trackers["trackers_busy"] > 0.95
    assert few_cores["postgres_busy"] > 0.95
    assert min(few_trackers["lag_p99_s"], few_cores["lag_p99_s"]) > 3 * enough["lag_p99_s"]
