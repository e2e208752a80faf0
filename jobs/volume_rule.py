"""Decides when a keyword is talked about unusually much, so that it says so at most so many times a week.

The score is the last hour's tweets over what is usual, the mean hour of the week before. How high it must be is learnt
from the keyword itself: of every six hours of the last four weeks the highest score is kept, and a generalised Pareto
distribution of the higher half of them (peaks over threshold) tells the score that is passed as often as the budget
allows. Peaks, not single scores, because neighbouring hours are nearly the same: it is alerts that are budgeted. The
scores of crises stay in, or each would make the next ones too cheap.

Everything is decided from what lay before it, by the same functions whether live or over a whole history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Numbers = npt.NDArray[np.float64]

HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)
BLOCK = pd.Timedelta(hours=6)  # one peak is kept of each, and after an alert there is none until it was quiet so long
USUAL = pd.Timedelta(days=7)  # whose mean hour is usual; it ends an hour before, for the hour itself is not
MEMORY = pd.Timedelta(days=28)
BLOCKS_A_WEEK = pd.Timedelta(weeks=1) // BLOCK
CALIBRATED = 20  # blocks: five days of scores, of which the first takes a day of counts
COLD = 4  # blocks: with fewer nothing can be said
CAUTION = 6  # blocks: of n peaks n / (n + CAUTION) of the budget is spent, for few peaks tell the tail badly
COLD_SCORE = 3.0  # what a score must pass while little is known
LEAST_SCORE = 1.5  # what it must pass anyway: a calm, busy keyword is not worth a word for a tenth more
LEAST_TWEETS = 10  # an hour
COVERED = 0.75  # of an hour must have been listened to
STEADIER = 1  # tweets an hour, added on both sides, so that a quiet keyword's score does not jump with each tweet
HEAVIEST = 0.5  # the tail's shape: with more, one peak would set every threshold


@dataclass(frozen=True)
class Tail:
    """How high the peaks of six hours rise: a share `above` the score `start`, and a Pareto beyond it."""

    start: float
    above: float
    scale: float
    shape: float

    def level(self, chance: float) -> float:
        """Return the score that a block passes with a chance; at least where the tail starts."""
        ratio = self.above / chance
        if ratio <= 1:
            return self.start
        if self.shape == 0:
            return self.start + self.scale * float(np.log(ratio))
        return self.start + self.scale * float(ratio**self.shape - 1) / self.shape

    def chance(self, score: float) -> float:
        """Return the chance that a block's peak passes a score; at most that of the tail itself."""
        beyond = max(0.0, score - self.start)
        if self.scale == 0:
            return self.above if beyond == 0 else 0.0
        if self.shape == 0:
            return self.above * float(np.exp(-beyond / self.scale))
        return self.above * float((1 + self.shape * beyond / self.scale) ** (-1 / self.shape))


def tail(peaks: Numbers) -> Tail:
    """Fit the tail of some blocks' peaks: above their median, by probability-weighted moments, which need few."""
    start = float(np.median(peaks))
    excesses = np.sort(peaks[peaks > start]) - start
    if not len(excesses):
        return Tail(start, 0.0, 0.0, 0.0)
    mean, n = float(excesses.mean()), len(excesses)
    weighted = float((excesses * np.arange(n - 1, -1, -1)).mean() / max(1, n - 1))
    shape = min(HEAVIEST, max(0.0, 2 - mean / (mean - 2 * weighted))) if mean > 2 * weighted else HEAVIEST
    return Tail(start, n / len(peaks), mean * (1 - shape), shape)


def judged(counts: pd.Series, per_week: float = 1.0) -> pd.DataFrame:
    """Judge every moment of a series: would the rule say something there?

    Args:
        counts: tweets by the start of equal steps that divide an hour, NaN where nobody listened.
        per_week: how many alerts a week may have.

    Returns:
        By the end of each step, when it is known: `tweets` of the last hour, `usual`, `score`, `threshold` (NaN while
        nothing can be said), `calibrated`, `alarm`; `lively`, whether the score is one that is passed but once a day;
        and then the `chance` that six hours bring such a score.
    """
    frame = scored(counts)
    frame["block"] = block_of(frame)
    fitted = fits(frame["score"], pd.DatetimeIndex(frame["block"].unique()), per_week)
    frame = frame.join(fitted, on="block").drop(columns="block")
    enough = frame["tweets"] >= LEAST_TWEETS
    frame["alarm"] = enough & (frame["score"] > frame["threshold"])
    frame["lively"] = enough & (frame["score"] > frame["daily"])
    lively = frame.loc[frame["lively"], ["tail", "score"]]
    frame["chance"] = pd.Series([one.chance(score) for one, score in lively.to_numpy()], lively.index, dtype=float)
    return frame.drop(columns=["tail", "daily"])


def scored(counts: pd.Series) -> pd.DataFrame:
    """Return the last hour's tweets, what is usual and the score, by the end of each step."""
    step = step_of(counts)
    hour = HOUR // step
    # What a part of an hour lacks is taken to be as the rest of it; an hour with more missing is not judged.
    tweets = counts.rolling(hour, min_periods=int(np.ceil(COVERED * hour))).mean() * hour
    tweets = tweets.where(counts.notna())  # amid a gap nothing is said
    tweets.index = tweets.index + step
    mean = tweets.shift(hour).rolling(USUAL // step, min_periods=DAY // step).mean()
    # Anew each full hour only, for those who ask each minute.
    usual = mean.where(mean.index == moments(mean).floor(HOUR)).ffill(limit=hour - 1)
    score = (tweets + STEADIER) / (usual + STEADIER)
    return pd.DataFrame({"tweets": tweets, "usual": usual, "score": score})


def fits(score: pd.Series, blocks: pd.DatetimeIndex, per_week: float) -> pd.DataFrame:
    """Return the tail and the thresholds that hold in each of some blocks, from the four weeks before it."""
    peaks = score.groupby(block_of(score)).agg(["max", "count"])
    whole = peaks.loc[peaks["count"] >= COVERED * BLOCK / step_of(score), "max"]
    ends, heights = whole.index, whole.to_numpy()
    rows = []
    for block in blocks:
        first, last = ends.searchsorted(block - MEMORY), ends.searchsorted(block)
        rows.append(fit(heights[first:last], per_week))
    return pd.DataFrame(rows, index=blocks, columns=["tail", "threshold", "daily", "calibrated"])


def fit(peaks: Numbers, per_week: float) -> tuple[Tail, float, float, bool]:
    """Return the tail of some peaks, the scores passed in the budget and once a day, and whether enough is known."""
    if len(peaks) < COLD:
        return Tail(np.nan, 0.0, 0.0, 0.0), np.nan, np.nan, False
    found, calibrated = tail(peaks), len(peaks) >= CALIBRATED
    floor = LEAST_SCORE if calibrated else COLD_SCORE
    chance = per_week / BLOCKS_A_WEEK * len(peaks) / (len(peaks) + CAUTION)
    daily = max(LEAST_SCORE, found.level(BLOCK / DAY))
    return found, max(floor, found.level(chance)), daily, calibrated


def notifications(alarms: pd.Series) -> Iterator[pd.Timestamp]:
    """Yield the moments that are worth a word: where an alarm begins after six quiet hours."""
    last: pd.Timestamp | None = None
    for moment in alarms.index[alarms.to_numpy(dtype=bool)]:
        if last is None or moment - last >= BLOCK:
            yield moment
        last = moment


def moments(series: pd.Series | pd.DataFrame) -> pd.DatetimeIndex:
    """Return when each row was."""
    return pd.DatetimeIndex(series.index)


def block_of(series: pd.Series | pd.DataFrame) -> pd.DatetimeIndex:
    """Return the start of the six hours that each row belongs to."""
    return moments(series).floor(BLOCK)


def step_of(series: pd.Series | pd.DataFrame) -> pd.Timedelta:
    """Return how far apart the moments of a regular series are."""
    index = moments(series)
    return index[1] - index[0] if len(index) > 1 else HOUR
