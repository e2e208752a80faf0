"""Decides when the mood about a keyword has turned, against the keyword's own past.

VADER's means are compressed and shifted, so a mean says something only beside what it usually is. Each author counts
once, with the mean of what they wrote, so that one loud account is no crowd; who only retweets has no say here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from jobs.volume_rule import DAY, HOUR, moments, step_of

WINDOWS = tuple(pd.Timedelta(minutes=minutes) for minutes in (15, 60, 180, 360))
LONGEST = WINDOWS[-1]
ENOUGH = 100  # authors: with fewer a turn from 20 to 50 % negative is missed as often as not
BEFORE = pd.Timedelta(days=14)
CHANCE = 1e-3  # that the mood only seems to have turned
CHANCE_ALONE = 1e-5  # where volume says nothing: asked each minute, a thousandth comes true every month
ANGRY = 0.1  # of what is said, negative beyond what is usual
DROP = 0.08  # on VADER's compressed scale; about .27 of what people would say
REFERENCE, WATCHED = 14, 14  # days, of a slow burn
EVERYDAY = 0.03  # by how much a day's mean differs from the next one's without a reason
SLACK, BURNT = 0.5, 5.0  # of the sum of daily deviations, in standard deviations


@dataclass(frozen=True)
class Usual:
    """The mood of the two weeks before: mean, standard deviation and number of scored tweets, share of negative.

    `lately` is the mean of the last of these days, as far as it can be told: what is worse than the two weeks but as
    bad as yesterday has not turned now, see `slow_burns`.
    """

    mean: float
    lately: float
    deviation: float
    scored: int
    negative: float


@dataclass(frozen=True)
class Mood:
    """The mood of a window: its authors' mean, and how likely one as low is if nothing has changed."""

    minutes: int
    voices: int
    mean: float
    chance: float
    drop: float
    negative_excess: float  # tweets more than usual
    negative_voices: int

    def turned(self, chance: float = CHANCE) -> bool:
        """Say whether the mood is worse, beyond chance and by enough to matter."""
        return self.chance < chance and self.drop >= DROP

    def angry(self) -> bool:
        """Say whether people are against something, and not just less glad of it than usual."""
        return self.negative_excess >= ANGRY * self.voices


def usual(steps: pd.DataFrame, at: pd.Timestamp) -> Usual | None:
    """Return the usual mood at a time: of the two weeks up to six hours before its full hour; None with too little.

    `steps` has `scored`, `sentiment_sum`, `square_sum` and `negative` by the start of each step.
    """
    end = at.floor(HOUR) - LONGEST
    index = moments(steps)
    past = steps.iloc[index.searchsorted(end - BEFORE) : index.searchsorted(end)]
    scored, total, squares, negative = past[["scored", "sentiment_sum", "square_sum", "negative"]].sum()
    if scored < ENOUGH:
        return None
    mean = total / scored
    deviation = np.sqrt(max(0.0, squares / scored - mean**2))
    last, last_total = steps.iloc[index.searchsorted(end - DAY) : index.searchsorted(end)][
        ["scored", "sentiment_sum"]
    ].sum()
    lately = last_total / last if last >= ENOUGH else mean
    return Usual(float(mean), float(lately), float(deviation), int(scored), float(negative / scored))


def mood(tweets: pd.DataFrame, at: pd.Timestamp, before: Usual) -> Mood | None:
    """Return the mood of the smallest window up to a time in which enough authors spoke; None where too few did.

    `tweets` are the scored ones, oldest first: `created_at`, `author_id`, `sentiment`, `label`.
    """
    times = pd.DatetimeIndex(tweets["created_at"])
    last = times.searchsorted(at)
    for window in WINDOWS:
        said = tweets.iloc[times.searchsorted(at - window) : last]
        if len(said) >= ENOUGH and said["author_id"].nunique() >= ENOUGH:
            return felt(said, int(window / pd.Timedelta(minutes=1)), before)
    return None


def felt(said: pd.DataFrame, minutes: int, before: Usual) -> Mood:
    """Weigh what was said in a window against what is usual."""
    authors, which = np.unique(said["author_id"].to_numpy(), return_inverse=True)
    sums = np.bincount(which, weights=said["sentiment"].to_numpy(dtype=float))
    mean = float((sums / np.bincount(which)).mean())
    error = before.deviation * np.sqrt(1 / len(authors) + 1 / before.scored)
    drop = min(before.mean, before.lately) - mean
    chance = float(norm.sf(drop / error)) if error > 0 else float(drop <= 0)
    negative = said["label"].to_numpy() == -1
    excess = float(negative.sum() - before.negative * len(said))
    voices = len(np.unique(said["author_id"].to_numpy()[negative]))
    return Mood(minutes, len(authors), mean, chance, drop, excess, voices)


def worth_a_look(steps: pd.DataFrame, since: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the ends of steps after a time up to which the tweets of some window look worse, whoever wrote them.

    A cheap look, without the authors, at whether it is worth to count these: what it finds is judged by `mood`.
    """
    step = step_of(steps)
    recent = steps.iloc[moments(steps).searchsorted(since - LONGEST) :]
    ends = moments(recent) + step
    past = {hour: usual(steps, hour) for hour in ends[ends > since].floor(HOUR).unique()}
    means = np.array([min(one.mean, one.lately) if (one := past.get(hour)) else np.nan for hour in ends.floor(HOUR)])
    found = np.zeros(len(recent), dtype=bool)
    for window in WINDOWS:
        sums = recent[["scored", "sentiment_sum"]].rolling(int(window / step), min_periods=1).sum()
        mean = sums["sentiment_sum"] / sums["scored"].where(sums["scored"] >= ENOUGH)
        found |= (mean.to_numpy() <= means - DROP) & (ends > since)
    return ends[found]


def slow_burns(steps: pd.DataFrame) -> Iterator[tuple[pd.Timestamp, dict[str, float]]]:
    """Yield the ends of days up to which the daily mean sank further and further, too little each day to be noticed.

    A one-sided cumulative sum of the last two weeks' days, against the two weeks before them.
    """
    days = steps[["scored", "sentiment_sum"]].resample(DAY).sum()
    days = days[moments(days) + DAY <= moments(steps)[-1] + step_of(steps)]
    means = days["sentiment_sum"] / days["scored"].where(days["scored"] >= ENOUGH)
    ends = moments(days) + DAY
    for end in range(REFERENCE + WATCHED, len(days) + 1):
        burn = burnt(means.iloc[end - REFERENCE - WATCHED : end].to_numpy())
        if burn:
            yield ends[end - 1], burn


def burnt(means: np.ndarray) -> dict[str, float] | None:
    """Return the numbers of a slow burn if these days' means, the older half the reference, are one."""
    reference, watched = means[:REFERENCE], means[REFERENCE:]
    if np.isnan(means).mean() > 1 / 4 or np.isnan(watched[-1]):
        return None
    mean = float(np.nanmean(reference))
    spread = max(EVERYDAY, float(np.nanstd(reference, ddof=1)))
    total = 0.0
    for one in watched[~np.isnan(watched)]:
        total = max(0.0, total + (mean - one) / spread - SLACK)
    drop = mean - float(np.nanmean(watched[-3:]))
    return {"sum": total, "mean_before": mean, "drop": drop} if total > BURNT and drop >= DROP else None
