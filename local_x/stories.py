"""The four stories of the small X: what is said about each keyword, how much, and when it turns.

Times are hours before or after `now`, the moment history ends and the live stream begins.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from local_x.people import Awake
from local_x.topics import AIRLINE, CHOIR, FATHERS_DAY, FRIDAY, Subject

HISTORY = timedelta(hours=72)
FADED = timedelta(hours=14)  # from the start of the wave until it has visibly faded
INCIDENT = timedelta(hours=5, minutes=30)  # before now
FRIDAY_NUMBER = 4

Shape = Sequence[tuple[float, float]]  # (hour, height), in between linear, outside 0

WAVE: Shape = ((0, 0), (0.4, 0.4), (2, 0.72), (4.5, 1), (6, 0.85), (9, 0.5), (12, 0.36), (14, 0.1), (16, 0.02), (18, 0))
OUTRAGE: Shape = ((0, 0), (0.25, 0.45), (0.7, 1), (2, 0.85), (4, 0.5), (6, 0.28), (10, 0.1), (18, 0.02), (30, 0))
FAMILY_DAY: Shape = ((-44, 0), (-34, 0.5), (-28, 1), (-20, 0.5), (-14, 0))
CATCHING_ON: Shape = ((-40, 0), (-14, 0.02), (-8, 0.07), (-4, 0.28), (-1.5, 0.8), (0, 1), (24 * 365 * 9, 1))

Mix = Mapping[str, float]  # topic -> tweets an hour, or their shares

FEELING: Mix = {"joy": 0.6, "plans": 0.27, "offers": 0.08, "irony": 0.05}
FAMILY: Mix = {"love": 0.5, "shop": 0.34, "missing": 0.1, "grumble": 0.06}
SINGING: Mix = {"delight": 0.5, "joining": 0.27, "questions": 0.13, "sceptics": 0.1}
FLYING: Mix = {"praise": 0.3, "routine": 0.5, "complaint": 0.2}
STRANDED: Mix = {
    "stranded": 0.42,
    "luggage": 0.18,
    "refund": 0.2,
    "irony": 0.08,
    "news": 0.07,
    "defence": 0.03,
    "statement": 0.02,
}


@dataclass(frozen=True, slots=True)
class Story:
    """A keyword and the talk about it.

    `mix` says how many tweets an hour each topic gets at a time, retweets not counted. `loud` is the share of
    big accounts among the authors; `sharing` and `fame` set how far tweets spread and how much that depends on
    the author's followers; `answers` is the mean number of replies and quotes.
    """

    name: str
    subject: Subject
    mix: Callable[[datetime], Mix]
    loud: float
    sharing: float
    fame: float
    answers: float


KEYWORDS = {
    "#FridayFeeling": '#fridayfeeling OR "friday feeling"',
    "Father's Day": '"father\'s day" OR #fathersday',
    "#OneMinuteChoir": '#oneminutechoir OR "one minute choir"',
    "Aerolume": "aerolume OR @flyaero_example OR #aerolume",
}


def stories(now: datetime) -> tuple[Story, ...]:
    """Return the four stories, placed so that the 72 hours before `now` show them all.

    Args:
        now: where history ends and the live stream begins; aware.
    """
    wave, day, hype, crisis = (partial(mix, now=now) for mix in (friday, fathers_day, choir, airline))
    return (
        Story("#FridayFeeling", FRIDAY, wave, loud=0.03, sharing=0.14, fame=0.25, answers=0.12),
        Story("Father's Day", FATHERS_DAY, day, loud=0.35, sharing=0.03, fame=0.1, answers=0.1),
        Story("#OneMinuteChoir", CHOIR, hype, loud=0, sharing=0.75, fame=0, answers=0.2),
        Story("Aerolume", AIRLINE, crisis, loud=0.05, sharing=0.2, fame=0.3, answers=0.3),
    )


def friday(at: datetime, now: datetime) -> Mix:
    """A calm week and the wave."""
    return mixed((FEELING, 40 * liveliness(at) + 1680 * height(WAVE, hours(at - wave_start(at, now)))))


def fathers_day(at: datetime, now: datetime) -> Mix:
    """Steady talk, more on the day itself."""
    return mixed((FAMILY, 42 * liveliness(at) * (1 + 1.6 * height(FAMILY_DAY, hours(at - now)))))


def choir(at: datetime, now: datetime) -> Mix:
    """Unknown three days ago, the talk of the week now, and so it stays."""
    return mixed((SINGING, liveliness(at) * (8 + 1000 * height(CATCHING_ON, hours(at - now)))))


def airline(at: datetime, now: datetime) -> Mix:
    """Everyday talk, and the incident that ebbs over hours."""
    outrage = height(OUTRAGE, hours(at - (now - INCIDENT)))
    return mixed((FLYING, 48 * liveliness(at)), (STRANDED, 820 * outrage))


def wave_start(at: datetime, now: datetime) -> datetime:
    """Return when the wave began that may still be felt at a time.

    In the history that is Friday 14:00 UTC if that Friday's wave is there from beginning to end. A history that ends
    on a Wednesday has no Friday, and one that ends on a Friday evening has only a rising half: then the wave
    stands at 14:00 of the latest day that shows it whole. In the live phase it comes on Fridays alone.
    """
    live = latest(at, 14, weekday=FRIDAY_NUMBER)
    if live >= now:
        return live
    real = latest(now - FADED, 14, weekday=FRIDAY_NUMBER)
    return real if real >= now - HISTORY else latest(now - FADED, 14)


def latest(at: datetime, hour: int, weekday: int | None = None) -> datetime:
    """Return the latest full hour of this number, on this weekday if given, that is not after a time."""
    found = at.replace(hour=hour, minute=0, second=0, microsecond=0)
    while found > at or weekday not in (None, found.weekday()):
        found -= timedelta(days=1)
    return found


def liveliness(at: datetime) -> float:
    """Return how much people write at a time compared with the mean: by the world's clocks, less at weekends."""
    weekend = 0.85 if at.weekday() > FRIDAY_NUMBER else 1.05
    return AWAKE.share(at.hour) * weekend


def height(shape: Shape, hour: float) -> float:
    """Return a shape's height at an hour."""
    right = bisect_right(shape, hour, key=lambda point: point[0])
    if right in (0, len(shape)):
        return 0.0
    (x0, y0), (x1, y1) = shape[right - 1], shape[right]
    return y0 + (y1 - y0) * (hour - x0) / (x1 - x0)


def hours(span: timedelta) -> float:
    """Return a time span in hours."""
    return span.total_seconds() / 3600


def mixed(*parts: tuple[Mix, float]) -> Mix:
    """Return the topics of all parts, each times its part's tweets an hour."""
    return {topic: share * rate for mix, rate in parts for topic, share in mix.items()}


AWAKE = Awake()
