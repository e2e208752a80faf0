"""Tells what a rule would have done over a history, before it is switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.config import TalkerError
from jobs.volume_rule import HOUR, USUAL, judged, notifications, step_of

WEEK = pd.Timedelta(weeks=1)
MINUTE = pd.Timedelta(minutes=1)
QUARTER = 15  # minutes: the steps of counts whose own do not divide an hour


class SeriesError(TalkerError):
    """A file of counts cannot be read."""


def rehearsed(counts: pd.Series, per_week: float = 1.0) -> dict[str, Any]:
    """Tell when the volume rule would have spoken over a history, of which the first seven days only calibrate it.

    Times are written as those of the history are: with their zone if they have one.
    """
    begin, end = counts.index[0] + USUAL, counts.index[-1] + step_of(counts)
    frame = judged(counts, per_week)
    live = frame["alarm"] & frame["calibrated"].astype(bool) & (frame.index > begin)
    told = [moment.isoformat() for moment in notifications(live)]
    return {"notifications": told, "weeks": round(max(0.0, (end - begin) / WEEK), 4), "per_week": per_week}


def read(path: Path) -> pd.Series:
    """Read the counts of a CSV file with the columns timestamp and value.

    Several values of one step are averaged, so that an hour that a clock change repeats does not count twice; in steps
    without a value nobody listened.

    Raises:
        SeriesError: a column is missing, a time or value cannot be read, or the steps are longer than an hour.
    """
    try:
        table = pd.read_csv(path, usecols=["timestamp", "value"])
        times = pd.to_datetime(table["timestamp"], utc=True, format="mixed")
        values = pd.to_numeric(table["value"]).astype(float)
    except (ValueError, TypeError, OverflowError) as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        raise SeriesError(f"{path} is not a CSV file of timestamp,value: {reason}") from error
    if times.isna().any() or (values < 0).any() or np.isinf(values).any():
        raise SeriesError(f"{path} has a row without a time, or a value that is no count.")
    index = pd.DatetimeIndex(times)
    if len(table) and pd.Timestamp(str(table["timestamp"].iloc[0])).tzinfo is None:
        index = index.tz_localize(None)
    return regular(pd.Series(values.to_numpy(), index=index).sort_index(), str(path))


def regular(given: pd.Series, name: str) -> pd.Series:
    """Put counts on equal steps: those they have if these divide an hour, else quarter hours."""
    moments = given.dropna().index.unique()
    apart = pd.Timedelta(np.median(np.diff(moments.to_numpy()))) if len(moments) > 1 else HOUR * 2
    if apart > HOUR:
        raise SeriesError(f"{name} has no counts that are at most an hour apart.")
    minutes = max(1, round(apart / MINUTE))
    step = MINUTE * (minutes if 60 % minutes == 0 else QUARTER)
    means: pd.Series = given.dropna().resample(step, origin="epoch").mean()
    return means * (step / apart)
