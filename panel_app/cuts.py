"""How a range is cut into bars by the viewer's clock: a day is theirs, of 23 or 25 hours when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WIDTHS = {
    "1 min": MINUTE,
    "5 min": timedelta(minutes=5),
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "3 h": timedelta(hours=3),
    "1 day": DAY,
}
LONGEST = timedelta(days=400)  # of a range
MOST, CLEAR = 400, 100  # bars that a plot holds at most, and among which one can still be told from its neighbour


def fitting(span: timedelta) -> list[str]:
    """Return the widths that part a range into neither too many bars nor a single one."""
    return [name for name, width in WIDTHS.items() if width < span <= MOST * width] or [
        next((name for name, width in WIDTHS.items() if span <= MOST * width), "1 day")
    ]


def width_for(span: timedelta, asked: str = "") -> timedelta:
    """Return the width that was asked for if it fits the range, else the finest that keeps bars apart."""
    names = fitting(span)
    clear = (name for name in names if span <= (CLEAR + 1) * WIDTHS[name])
    return WIDTHS[asked if asked in names else next(clear, names[-1])]


def edges(start: datetime, end: datetime, width: timedelta, zone: str) -> list[datetime]:
    """Return where the bars of a range begin, and where the last one ends; those at its ends may be cut short."""
    cuts = [begun(start, width, zone)]
    while cuts[-1] < end:
        cuts.append(following(cuts[-1], width, zone))
    return [start, *cuts[1:-1], end]


def begun(time: datetime, width: timedelta, zone: str) -> datetime:
    """Return when the bar that holds a time begins."""
    day = midnight(time, zone)
    return day if width >= DAY else day + (time - day) // width * width


def following(begin: datetime, width: timedelta, zone: str) -> datetime:
    """Return when the bar after the one that begins at a time begins."""
    if width < DAY:
        return begin + width
    return midnight(begin + timedelta(hours=36), zone)  # tomorrow's noon, give or take what clocks change by


def midnight(time: datetime, zone: str) -> datetime:
    """Return when the day that holds a time began, where the viewer is."""
    local = time.astimezone(ZoneInfo(zone))
    return datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def ticks(start: datetime, end: datetime, zone: str, most: int = 7) -> list[tuple[datetime, str]]:
    """Return a few round times of a range with what they are called, in the viewer's zone."""
    steps = [*(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)), DAY]
    step = next((step for step in steps if (end - start) / step <= most), DAY)
    every = max(1, -(-int((end - start) / step) // most))  # of days, where even one a day is too many
    found = [time for time in edges(start, end, step, zone)[:-1] if time == begun(time, step, zone)]
    return [(time, named(time, zone)) for time in found[::every]]


def named(time: datetime, zone: str) -> str:
    """Return the hour of a time, or the day that it begins."""
    local = time.astimezone(ZoneInfo(zone))
    return f"{local:%d %b}" if time == midnight(time, zone) else f"{local:%H:%M}"
