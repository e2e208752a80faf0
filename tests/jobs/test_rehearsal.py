"""What a rule would have done, from a file of counts."""

import json

import numpy as np
import pandas as pd
import pytest

from jobs.rehearsal import SeriesError, read, rehearsed

WEEK = pd.Timedelta(weeks=1)


@pytest.fixture
def file(tmp_path):
    """Write rows under the columns timestamp and value; returns the file."""

    def write(rows, columns="timestamp,value"):
        path = tmp_path / "counts.csv"
        path.write_text("\n".join([columns, *rows]) + "\n")
        return path

    return write


def rows(days=15, step="5min", zone="", seconds=53):
    """Return the rows of a calm keyword with a burst on the tenth day."""
    times = pd.date_range("2026-06-01", periods=int(days * 24 * 60 / 5), freq=step) + pd.Timedelta(seconds=seconds)
    burst = (times >= "2026-06-11T09:00") & (times < "2026-06-11T11:00")
    values = np.random.default_rng(1).poisson(np.where(burst, 60, 4))
    return [f"{time}{zone},{value}" for time, value in zip(times, values, strict=True)]


def windows_hit(name, folder):
    """Judge the rule on a real series as its labels do: hits, windows after calibration, false alerts, weeks."""
    told = rehearsed(read(folder / f"volume/Twitter_volume_{name}.csv"))
    times = [pd.Timestamp(one) for one in told["notifications"]]
    labelled = json.loads((folder / "volume/anomalies.json").read_text())[name]["windows"]
    windows = [(pd.Timestamp(begin), pd.Timestamp(end)) for begin, end in labelled]
    calibrated = pd.Timestamp("2015-03-05 21:42")
    hits = [any(begin <= one <= end for one in times) for begin, end in windows if end > calibrated]
    false = [one for one in times if not any(begin <= one <= end for begin, end in windows)]
    return sum(hits), len(hits), len(false), told["weeks"]


def test_eight_of_ten_labelled_windows_are_hit_at_few_false_alerts(test_data):
    if not (test_data / "volume").is_dir():
        pytest.skip("no volume series in the test data")

    judged = [windows_hit(name, test_data) for name in ("AAPL", "AMZN", "CVS")]

    assert sum(windows for _, windows, _, _ in judged) == 10
    assert sum(hits for hits, _, _, _ in judged) >= 8
    assert all(false / weeks <= 0.7 for _, _, false, weeks in judged)


def test_a_rehearsal_says_when_and_over_how_many_weeks(file):
    told = rehearsed(read(file(rows())))

    assert [one[:10] for one in told["notifications"]] == ["2026-06-11"]
    assert told["weeks"] == pytest.approx(8 / 7, abs=0.001)


def test_a_rehearsal_again_says_the_same(file):
    path = file(rows())

    assert rehearsed(read(path)) == rehearsed(read(path))


def test_times_are_told_as_they_were_given(file):
    naive = rehearsed(read(file(rows())))["notifications"]
    aware = rehearsed(read(file(rows(zone="+00:00"))))["notifications"]

    assert [f"{one}+00:00" for one in naive] == aware


def test_an_hour_that_the_clock_repeats_counts_once(file):
    once = rows(days=2)

    assert read(file(once + once[120:132])).equals(read(file(once)))


def test_counts_are_put_on_equal_steps_of_their_own_length(file):
    minutely = [f"2026-06-01 00:{minute:02}:07,1" for minute in range(60)]
    sevenths = [f"2026-06-01 {minute // 60:02}:{minute % 60:02}:00,7" for minute in range(0, 180, 7)]

    assert read(file(minutely)).sum() == 60
    assert read(file(sevenths)).index[1] - read(file(sevenths)).index[0] == pd.Timedelta(minutes=15)
    assert read(file(sevenths)).mean() == pytest.approx(15)


def test_a_step_without_a_value_is_not_a_step_of_nothing(file):
    lacking = rows(days=1)
    lacking[10] = lacking[10].split(",")[0] + ","

    assert np.isnan(read(file(lacking)).iloc[10])
    assert np.isnan(read(file(lacking[:20] + lacking[30:])).iloc[25])


@pytest.mark.parametrize(
    ("lines", "columns", "reason"),
    [
        ([], "timestamp,value", "no counts"),
        (["2026-06-01 00:00,1"], "timestamp,value", "no counts"),
        (["2026-06-01,1", "2026-06-02,1", "2026-06-03,1"], "timestamp,value", "an hour apart"),
        (["2026-06-01 00:00,1"], "time,count", "timestamp,value"),
        (["yesterday,1", "today,2"], "timestamp,value", "is not a CSV file"),
        (["2026-06-01 00:00,many"], "timestamp,value", "is not a CSV file"),
        (["2026-06-01 00:00,1", "2026-06-01 00:05,-1"], "timestamp,value", "no count"),
    ],
)
def test_a_file_that_is_not_a_series_is_refused_in_one_line(file, lines, columns, reason):
    with pytest.raises(SeriesError, match=reason) as refused:
        read(file(lines, columns))

    assert "\n" not in str(refused.value)
