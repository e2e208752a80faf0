"""When nobody was listening, and whether anybody is now: a gap is told as a gap, and a still page as still."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from core import queries
from panel_app import look
from panel_app.selection import View

QUIET = timedelta(minutes=2)  # without a tweet; a page that has been still for longer says so
PAUSES = 3  # told in words
NONE = pd.DataFrame(columns=["started_at", "ended_at", "reason"])


def of(view: View) -> pd.DataFrame:
    """Read when the stream was not listening in a view."""
    return view.read(queries.gaps(view.start, view.end))


def silences(gaps: pd.DataFrame, view: View) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return when the stream was not listening, in UTC; a gap that lasts ends with the view."""
    starts, ends = (pd.to_datetime(gaps[column], utc=True) for column in ("started_at", "ended_at"))
    first, last = pd.Timestamp(view.start), pd.Timestamp(view.end)
    return [
        (max(start, first), last if pd.isna(end) else min(end, last)) for start, end in zip(starts, ends, strict=True)
    ]


def pauses(gaps: pd.DataFrame, view: View) -> str:
    """Return in words when nobody was listening, why, and what filled the time since, if anything did; newest first."""
    lines = [
        f"<li>{stretch(start, end, view.zone)}: {look.safe(row['reason'])}; {look.safe(filling(row))}</li>"
        for (start, end), row in zip(silences(gaps, view), gaps.to_dict("records"), strict=True)
    ]
    more = f"<li>and {len(lines) - PAUSES} more</li>" if len(lines) > PAUSES else ""
    return f'<ul class="quiet">Not listening{"".join(lines[::-1][:PAUSES])}{more}</ul>' if lines else ""


def stretch(start: pd.Timestamp, end: pd.Timestamp, zone: str) -> str:
    """Return from when to when, in the viewer's zone."""
    first, last = (time.tz_convert(zone) for time in (start, end))
    return f"{first:%d %b %H:%M} to {last:%d %b %H:%M}"


def filling(gap: Mapping[Any, Any]) -> str:
    """Say what fills a gap: what search finds has no retweets, so its volume is not that of the times around it."""
    filled_by, not_filled = (None if pd.isna(gap[name]) else str(gap[name]) for name in ("filled_by", "not_filled"))
    if filled_by:
        return f"filled by {filled_by}" + (f"; not for {not_filled}" if not_filled else "")
    return f"not filled: {not_filled}" if not_filled else "not filled"


def now(view: View) -> pd.DataFrame:
    """Read the latest gap, which lasts if it has no end."""
    return view.read(queries.last_gaps(1))


def state(view: View, gap: pd.DataFrame, now: datetime) -> tuple[str, str]:
    """Say how new what is shown is, as a style and in words: live, quiet, not listening, or a range of its own."""
    age = now - view.newest
    last = f"last tweet {look.ago(age.total_seconds())}"
    if not view.hours:
        return "still", look.safe(look.between(view.start, view.end, view.zone))
    if not gap.empty and pd.isna(gap["ended_at"][0]):
        since = look.clock(gap["started_at"][0], view.zone)
        return "off", f"Not listening since {since}: {look.safe(gap['reason'][0])} · {last}"
    return ("live", f"Live · {last}") if age < QUIET else ("old", f"Quiet · {last}")
