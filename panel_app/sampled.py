"""Says when only a sample of the tweets was read, for the sake of the budget: counts are then of what was read."""

from __future__ import annotations

import pandas as pd

from core import queries
from panel_app import look
from panel_app.selection import View


def of(view: View) -> pd.DataFrame:
    """Read when only a share of the stream was read in a view, and its percent."""
    return view.read(queries.sampling(view.start, view.end))


def spans(samples: pd.DataFrame, view: View) -> list[tuple[pd.Timestamp, pd.Timestamp, int]]:
    """Return when a view was sampled, in UTC, and the percent; what lasts ends with the view."""
    starts, ends = (pd.to_datetime(samples[column], utc=True) for column in ("started_at", "ended_at"))
    begin, last = pd.Timestamp(view.start), pd.Timestamp(view.end)
    rows = zip(starts, ends, samples["percent"], strict=True)
    return [(max(start, begin), last if pd.isna(end) else min(end, last), int(share)) for start, end, share in rows]


def note(view: View | None) -> str:
    """Return the sentence that stands on every page while a range holds sampled times; none while it does not."""
    found = spans(of(view), view) if view else []
    if not view or not found:
        return ""
    times = [
        f"<b>{percent} %</b> from {look.clock(start, view.zone)} to {look.clock(end, view.zone)}"
        for start, end, percent in found
    ]
    more = f" and {len(times) - 3} more times" if len(times) > 3 else ""
    words = f"Sampled: to stay within the budget only a share of the tweets was read: {', '.join(times[:3])}{more}."
    return look.block(f"{words} Counts are of the tweets that were read.", view.dark, "notice sampled")
