"""The trend as a still picture, as SVG: on the report, and on a page until its live plot is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from panel_app import coverage, cuts, look, trend
from panel_app.selection import View

Gaps = Sequence[tuple[pd.Timestamp, pd.Timestamp]]
Shape = tuple[str, float, float, float, float]


def trend_of(view: View) -> str:
    """Read a view, and return its trend with its colours in words."""
    bars, gaps, below = trend.trend_of(view), coverage.silences(coverage.of(view), view), times(view)
    most = f"<span class='quiet most'>{look.number(bars['tweets'].max())}</span>"
    pictures = (
        f"<div class='volume'>{most}{volume(bars, gaps, view)}</div>{below}<div class='mood'>{mood(bars, view)}</div>"
    )
    return trend.legend(view) + look.block(pictures + below, view.dark)


def shapes(bars: pd.DataFrame, gaps: Gaps, view: View) -> Iterator[Shape]:
    """Yield the gaps and the bars of `trend.bins`: what each is, and its left, right, lower and upper edge, 0 to 1."""
    for start, end in gaps:
        left, right = across(pd.Series([start, end]), view)
        yield "gap", left, right, 0.0, 1.0
    most = max(1, int(bars["tweets"].max()))
    counts = bars[list(trend.STACK.values())].to_numpy()
    for left, right, count, top in zip(*edges(bars, view), counts / most, counts.cumsum(axis=1) / most, strict=True):
        for name, height, upper in zip(trend.STACK.values(), count, top, strict=True):
            if height:
                yield name, left, right, upper - height, upper


def edges(bars: pd.DataFrame, view: View) -> tuple[list[float], list[float]]:
    """Return how far into the range each bar begins and ends."""
    return across(bars["start"], view), across(bars["end"], view)


def across(times: pd.Series[Any], view: View) -> list[float]:
    """Return how far into the range times are: 0 at its start, 1 at its end."""
    return list((pd.to_datetime(times, utc=True) - view.start) / (view.end - view.start))


def volume(bars: pd.DataFrame, gaps: Gaps, view: View) -> str:
    """Return the tweets of each bar by sentiment, stacked."""
    label = f"Tweets over time, at most {look.number(bars['tweets'].max())} in a bar"
    return drawing(label, "".join(map(rectangle, shapes(bars, gaps, view))))


def rectangle(shape: Shape) -> str:
    """Return one bar or gap on a plane of 1,000 by 1,000."""
    name, *ends = shape
    left, right, low, top = (1000 * end for end in ends)
    size = f'x="{left:.1f}" y="{1000 - top:.1f}" width="{right - left:.1f}" height="{top - low:.1f}"'
    return f'<rect class="{name.replace(" ", "-")}" {size}/>'


def mood(bars: pd.DataFrame, view: View) -> str:
    """Return the mean sentiment of each bar, from -1 at the bottom to 1 at the top, within its 95 % interval."""
    known = bars[bars["scored"] > 0]
    means = 500 - 500 * known["mean"]
    starts, ends = edges(known, view)
    line = " ".join(
        f"{500 * (start + end):.1f},{mean:.1f}" for start, end, mean in zip(starts, ends, means, strict=True)
    )
    lows, highs = ((1 + known[end]) / 2 for end in ("low", "high"))
    bands = (("band", *one) for one in zip(starts, ends, lows, highs, strict=True) if not pd.isna(one[-1]))
    label = "Mean sentiment over time, with its 95 % interval"
    return drawing(label, "".join(map(rectangle, bands)) + f'<polyline points="{line}"/>')


def drawing(label: str, parts: str) -> str:
    """Return shapes on a plane of 1,000 by 1,000 that fills the place it has, and what they show, for who sees none."""
    size = 'viewBox="0 0 1000 1000" preserveAspectRatio="none"'
    return f'<svg class="still" {size} role="img" aria-label="{label}">{parts}</svg>'


def times(view: View) -> str:
    """Return the times below a picture, each where it is."""
    named = cuts.ticks(view.start, view.end, view.zone)
    places = across(pd.Series([time for time, _ in named], dtype="datetime64[us, UTC]"), view)
    marks = (
        f'<span style="left:{100 * place:.1f}%">{name}</span>' for place, (_, name) in zip(places, named, strict=True)
    )
    return f'<div class="times quiet">{"".join(marks)}</div>'
