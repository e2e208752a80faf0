"""Turns what volume and mood say, step by step, into levels, and levels into what is worth a word.

A step is five minutes. It is looked for new ones each minute, but judging the minutes themselves would only ask about
all but the same tweets again, and "twice in a row" would mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from jobs.mood_rule import CHANCE_ALONE, LONGEST, Mood, Usual, mood, slow_burns, usual, worth_a_look
from jobs.volume_rule import BLOCK, judged, moments, step_of

VERSION = 2  # of all that decides; stored with each alert
STEP = pd.Timedelta(minutes=5)
LEAST_VOICES = 5  # in the hour of an alarm
EXCESS = 50  # negative tweets more than usual, and
CROWD = 20  # authors of negative ones, make a crisis of a warning
MAY_BE = 0.05  # chance, above which a lower mood need not be one
POSITIVE = 0.05  # from which on VADER calls a text so
RANKS = {"slow burn": 1, "good news": 1, "watch": 1, "warning": 2, "crisis": 3}

Heard = Callable[[pd.Timestamp, pd.Timestamp], pd.DataFrame]  # the tweets of a stretch of time, oldest first


@dataclass(frozen=True)
class Evaluation:
    """What is so at the end of a step: the level, whether volume and mood both say so, and the numbers."""

    at: pd.Timestamp
    level: str
    both: bool
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Episode:
    """What goes on: since when, the highest level that was told, and when it was last so."""

    began: pd.Timestamp
    level: str
    last: pd.Timestamp


@dataclass(frozen=True)
class Watched:
    """How far a keyword is judged, when both signs of a warning were last there, and what goes on, if anything."""

    until: pd.Timestamp
    both_at: pd.Timestamp | None = None
    episode: Episode | None = None


@dataclass(frozen=True)
class Alert:
    """Something worth a word: an episode begins or gets worse."""

    at: pd.Timestamp
    level: str
    episode: pd.Timestamp
    numbers: dict[str, Any] = field(default_factory=dict)


def watch(steps: pd.DataFrame, heard: Heard, before: Watched, per_week: float) -> tuple[list[Alert], Watched]:
    """Judge the steps since a keyword was last judged; returns what is worth a word, and how far it is judged now.

    Args:
        steps: all of the keyword, by their start: `tweets`, NaN where nobody listened, `scored`, `sentiment_sum`,
            `square_sum` and `negative`.
        heard: tells the tweets of a stretch of time: `created_at`, `author_id`, `sentiment` and `label`, which are
            empty where a tweet was not scored.
        before: what an earlier call returned.
        per_week: the budget of alerts by volume.

    What is said of a step depends on what lay before it alone: judging in one go or step by step is the same.
    """
    alerts: list[Alert] = []
    both_at, episode = before.both_at, before.episode
    for one in evaluations(steps, heard, before, per_week):
        begins = episode is None or one.at - episode.last >= BLOCK
        if begins or episode is None:
            episode = Episode(one.at, one.level, one.at)
        worse = RANKS[one.level] > RANKS[episode.level]
        if begins or worse:
            alerts.append(Alert(one.at, one.level, episode.began, one.numbers))
        episode = replace(episode, last=one.at, level=one.level if worse else episode.level)
        both_at = one.at if one.both else both_at
    return alerts, Watched(max(before.until, moments(steps)[-1] + step_of(steps)), both_at, episode)


def evaluations(steps: pd.DataFrame, heard: Heard, before: Watched, per_week: float) -> Iterator[Evaluation]:
    """Yield what is so at the end of each step after `before`, where there is a level; there is none amid a gap."""
    volume = judged(steps["tweets"], per_week)
    volume = volume[volume.index > before.until]
    if volume.empty:
        return
    sour = worth_a_look(steps, before.until)
    looks = volume["lively"] | volume["alarm"] | (volume.index.isin(sour) & volume["score"].notna())
    burns = {at: burn for at, burn in slow_burns(steps) if at > before.until}
    times = moments(volume)[looks.to_numpy(dtype=bool) | volume.index.isin(list(burns))]
    if times.empty:
        return
    tweets, both_at = heard(times[0] - LONGEST, times[-1]), before.both_at
    scored, rows = tweets[tweets["label"].notna()], volume.loc[times].to_dict("index")
    for at in times:
        past = usual(steps, at)
        now = mood(scored, at, past) if past else None
        row, follows = rows[at], both_at is not None and at - both_at == step_of(steps)
        level = level_of(row, past, now, follows, voices(tweets, at))
        both = level in ("warning", "crisis")
        both_at = at if both else both_at
        if level:
            yield Evaluation(at, level, both, numbers(row, past, now))
        elif at in burns:
            yield Evaluation(at, "slow burn", both, burns[at] | {"version": VERSION})


def level_of(row: Mapping[Any, Any], past: Usual | None, now: Mood | None, follows: bool, people: int) -> str | None:
    """Return the level at the end of a step.

    Args:
        row: what volume says of it.
        past: the usual mood.
        now: the mood now; either may be unknown.
        follows: whether the step before was a warning at least.
        people: how many the last hour has.
    """
    if row["lively"] and now and now.turned() and now.angry():
        crowd = now.negative_excess >= EXCESS and now.negative_voices >= CROWD
        return "crisis" if follows and crowd else "warning"
    if row["alarm"] and people >= LEAST_VOICES:
        return "good news" if past and now and glad(past, now) else "watch"
    return "watch" if now and now.turned(CHANCE_ALONE) else None


def glad(past: Usual, now: Mood) -> bool:
    """Say whether the mood is no worse than usual; where it only may be worse, it must be a good one still."""
    return now.mean >= past.mean or (now.chance > MAY_BE and now.mean >= POSITIVE)


def voices(tweets: pd.DataFrame, at: pd.Timestamp) -> int:
    """Return how many people the hour before a time has."""
    times = pd.DatetimeIndex(tweets["created_at"])
    hour = tweets.iloc[times.searchsorted(at - pd.Timedelta(hours=1)) : times.searchsorted(at)]
    return int(hour["author_id"].nunique())


def numbers(row: Mapping[Any, Any], past: Usual | None, now: Mood | None) -> dict[str, Any]:
    """Return what an alert was decided by, so that it can be explained and checked: no number is unknown to JSON."""
    named = ("tweets", "usual", "score", "threshold", "chance")
    volume = {name: None if np.isnan(row[name]) else float(row[name]) for name in named}
    return {
        "volume": volume | {"calibrated": bool(row["calibrated"])},
        "mood": asdict(now) if now else None,
        "mood_before": asdict(past) if past else None,
        "severity": severity(volume["chance"], now.chance if now and now.turned() else None),
        "version": VERSION,
    }


def severity(*chances: float | None) -> float:
    """Return 1 to 10: how unlikely all of it is by chance, in powers of ten."""
    power = sum(-np.log10(max(one, 1e-10)) for one in chances if one is not None)
    return round(float(min(10.0, max(1.0, power))), 1)
