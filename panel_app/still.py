"""The trend as a still picture, as SVG: on the report, and on a page until its live plot is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
        yield "gap", across(start, view), across(end, view), 0.0, 1.0
    most = max(1, int(bars["tweets"].max()))
    for row in bars.to_dict("records"):
        low = 0
        for name in trend.STACK.values():
            if row[name]:
                left, right = (across(row[edge], view) for edge in ("start", "end"))
                yield name, left, right, low / most, (low + row[name]) / most
            low += row[name]


def across(time: pd.Timestamp, view: View) -> float:
    """Return how far into the range a time is: 0 at its start, 1 at its end."""
    first, last = pd.Timestamp(view.start), pd.Timestamp(view.end)
    return float((pd.Timestamp(time) - first) / (last - first))


def volume(bars: pd.DataFrame, gaps: Gaps, view: View) -> str:
    """Return the tweets of each bar by sentiment, stacked."""
    label = f"Tweets over time, at most {look.number(bars['tweets'].max())} in a bar"
    return drawing(label, "".join(map(rectangle, shapes(bars, gaps, view))))


def rectangle(shape: Shape) -> str:
    """Return one bar or gap on a plane of 1,000 by 1,000."""
    name, *edges = shape
    left, right, low, top = (1000 * edge for edge in edges)
    size = f'x="{left:.1f}" y="{1000 - top:.1f}" width="{right - left:.1f}" height="{top - low:.1f}"'
    return f'<rect class="{name.replace(" ", "-")}" {size}/>'


def mood(bars: pd.DataFrame, view: View) -> str:
    """Return the mean sentiment of each bar, from -1 at the bottom to 1 at the top, within its 95 % interval."""
    rows = bars[bars["scored"] > 0].to_dict("records")
    spots = [(across(row["start"] + (row["end"] - row["start"]) / 2, view), row["mean"]) for row in rows]
    line = " ".join(f"{1000 * at:.1f},{500 - 500 * mean:.1f}" for at, mean in spots)
    known = (row for row in rows if not pd.isna(row["low"]))
    bands = (
        ("band", *(across(row[edge], view) for edge in ("start", "end")), (1 + row["low"]) / 2, (1 + row["high"]) / 2)
        for row in known
    )
    label = "Mean sentiment over time, with its 95 % interval"
    return drawing(label, "".join(map(rectangle, bands)) + f'<polyline points="{line}"/>')


def drawing(label: str, parts: str) -> str:
    """Return shapes on a plane of 1,000 by 1,000 that fills the place it has, and what they show, for who sees none."""
    size = 'viewBox="0 0 1000 1000" preserveAspectRatio="none"'
    return f'<svg class="still" {size} role="img" aria-label="{label}">{parts}</svg>'


def times(view: View) -> str:
    """Return the times below a picture, each where it is."""
    marks = (
        f'<span style="left:{100 * across(pd.Timestamp(time), view):.1f}%">{name}</span>'
        for time, name in cuts.ticks(view.start, view.end, view.zone)
    )
    return f'<div class="times quiet">{"".join(marks)}</div>'
