"""Hashtag Trend: how much is said, in what mood, and when nobody was listening."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.models import HoverTool, NumeralTickFormatter
from holoviews import opts

from core import queries
from panel_app import look, sampled
from panel_app.selection import Selection, View

UNKNOWN = 9  # stands for label NULL, which no column may be named
STACK = {label: look.MOODS[label] for label in (-1, 0, 1)} | {UNKNOWN: "not scored"}
UNSCORED = {False: "#C3CBD3", True: "#57606A"}
GAP = "#D4A72C"
PAUSES = 3  # told in words
Z95 = 1.96  # 95 % of a normal distribution lies within this many standard errors of its mean


def bins(frame: pd.DataFrame, samples: pd.DataFrame, view: View) -> pd.DataFrame:
    """Return one row for each bin of the view, empty bins too, in the viewer's time.

    Columns: `time` and `until`, tweets by sentiment, their sum `tweets`, and over the `scored` n of them the `mean`
    with the ends `low` and `high` of its 95 % interval, m ± 1.96 s / √n (NaN where n is too small to know).
    `percent` is the smallest share of the stream that was read in the bin; the tweets stand for `estimated` ones.
    """
    edges = pd.date_range(view.start, view.end, freq=view.bin_width, name="time")
    counts = frame.assign(label=frame["label"].fillna(UNKNOWN).astype(int)).pivot_table(
        index="time", columns="label", values="tweets", aggfunc="sum"
    )
    counts = counts.reindex(index=edges, columns=list(STACK)).fillna(0).astype(int)
    counts.columns = pd.Index(STACK.values())
    scored = frame[frame["label"].notna()].groupby("time")[["tweets", "sentiment_sum", "sentiment_square_sum"]].sum()
    n, total, squares = (scored.reindex(edges)[column].astype(float) for column in scored)
    mean = total / n
    variance = ((squares - n * mean**2) / (n - 1).where(n > 1)).clip(lower=0)
    reach = Z95 * np.sqrt(variance / n)
    table = counts.assign(tweets=counts.sum(axis="columns"), scored=n.fillna(0).astype(int), mean=mean)
    table = table.assign(low=(mean - reach).clip(-1, 1), high=(mean + reach).clip(-1, 1))
    table = table.assign(estimated=frame.groupby("time")["estimated"].sum().reindex(edges).fillna(0), percent=100)
    for start, end, percent in sampled.spans(samples, view):
        within = (edges <= end) & (edges > start - pd.Timedelta(view.bin_width))
        table.loc[within, "percent"] = table["percent"].clip(upper=percent)
    table = table.reset_index()
    until = look.local(table["time"] + view.bin_width, view.zone)
    return table.assign(time=look.local(table["time"], view.zone), until=until)


def silences(gaps: pd.DataFrame, view: View) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return when the stream was not listening, in the viewer's time; one that lasts ends with the view."""
    starts, ends = (pd.to_datetime(gaps[column], utc=True) for column in ("started_at", "ended_at"))
    within = [
        (max(start, pd.Timestamp(view.start)), min(view.end if pd.isna(end) else end, pd.Timestamp(view.end)))
        for start, end in zip(starts, ends, strict=True)
    ]
    parts = pd.DataFrame(within, columns=["start", "end"], dtype="datetime64[us, UTC]")
    return list(zip(*(look.local(parts[side], view.zone) for side in parts), strict=True))


def volume(table: pd.DataFrame, gaps: list[Any], dark: bool = False) -> hv.Overlay:
    """Draw the tweets of each bin, stacked by sentiment."""
    colour = look.colours(dark) | {UNKNOWN: UNSCORED[dark]}
    tips = [("time", "@time{%d %b %H:%M}"), ("tweets", "@count{0,0} @mood of @tweets{0,0}")]
    hover = HoverTool(tooltips=tips, formatters={"@time": "datetime"})
    layers, base = [shade(gaps), whole(table, dark)], np.zeros(len(table), dtype=int)
    for label, name in STACK.items():
        drawn = table.assign(base=base, top=base + table[name], count=table[name], mood=name)
        bars = hv.Rectangles(drawn, ["time", "base", "until", "top"], ["count", "mood", "tweets"])
        layers.append(bars.opts(framewise=True, color=colour[label], line_width=0, tools=[hover], default_tools=[]))
        base = base + table[name].to_numpy()
    top = max(1.0, base.max() * 1.08, standing_for(table)["estimated"].max() * 1.08 if sampled_in(table) else 0)
    return hv.Overlay(layers).opts(opts.Overlay(height=260, ylim=(0, top), ylabel="tweets", **axes(table)))


def whole(table: pd.DataFrame, dark: bool = False) -> hv.Rectangles:
    """Draw what the tweets of a sampled bin stand for, behind them."""
    tips = [("time", "@time{%d %b %H:%M}"), ("about", "@estimated{0,0} in all"), ("read", "@tweets{0,0}, @percent %")]
    hover = HoverTool(tooltips=tips, formatters={"@time": "datetime"})
    drawn = standing_for(table).assign(base=0)
    bars = hv.Rectangles(drawn, ["time", "base", "until", "estimated"], ["tweets", "percent"])
    style = {
        "fill_color": UNSCORED[dark],
        "fill_alpha": 0.15,
        "line_color": look.colours(dark)[0],
        "line_dash": "dashed",
    }
    return bars.opts(framewise=True, tools=[hover], default_tools=[], **style)


def standing_for(table: pd.DataFrame) -> pd.DataFrame:
    """Return the bins that were sampled."""
    return table[table["percent"] < 100]


def sampled_in(table: pd.DataFrame) -> bool:
    """Say whether a bin was sampled."""
    return not standing_for(table).empty


def sentiment(table: pd.DataFrame, gaps: list[Any], dark: bool = False) -> hv.Overlay:
    """Draw the mean sentiment of each bin and how sure it is."""
    colour = look.colours(dark)[1]
    tips = [("time", "@time{%d %b %H:%M}"), ("mean", "@mean{+0.00}, n = @scored{0,0}")]
    hover = HoverTool(tooltips=[*tips, ("95 %", "@low{+0.00} to @high{+0.00}")], formatters={"@time": "datetime"})
    middle = table[["mean"]].assign(time=table["time"] + (table["until"] - table["time"]) / 2)
    band = hv.Rectangles(table, ["time", "low", "until", "high"], ["mean", "scored"])
    line = hv.Curve(middle, "time", "mean").opts(framewise=True, color=colour, line_width=2, default_tools=[])
    zero = hv.HLine(0).opts(color="#8894A0", line_width=1, line_dash="dotted")
    band = band.opts(framewise=True, color=colour, fill_alpha=0.25, line_width=0, tools=[hover], default_tools=[])
    return (shade(gaps) * zero * band * line).opts(
        opts.Overlay(height=180, ylim=(-1, 1), ylabel="mean sentiment", **axes(table))
    )


def shade(gaps: list[Any]) -> hv.VSpans:
    """Shade the times without a stream: a gap is shown as a gap, never as zero."""
    return hv.VSpans(gaps).opts(framewise=True, color=GAP, alpha=0.3, line_width=0, default_tools=[])


def axes(table: pd.DataFrame) -> dict[str, Any]:
    """Return what both plots share: the range is chosen above, so nothing pans or catches a finger's scroll."""
    number = NumeralTickFormatter(format="0,0[.]0")
    shared = {"xlabel": "", "yformatter": number, "toolbar": None, "default_tools": [], "show_legend": False}
    return shared | {"responsive": True, "show_grid": True, "xlim": (table["time"].min(), table["until"].max())}


def plot(frame: pd.DataFrame, gaps: pd.DataFrame, samples: pd.DataFrame, view: View) -> hv.Layout:
    """Draw volume above mood, on one time axis."""
    table, quiet = bins(frame, samples, view), silences(gaps, view)
    return (volume(table, quiet, view.dark) + sentiment(table, quiet, view.dark)).cols(1)


def trend_of(view: View) -> pd.DataFrame:
    """Read the bins of a view."""
    return bins(view.read(queries.trend(view.keyword_id, view.start, view.end, view.bin_width)), sampled.of(view), view)


def chart(selection: Selection) -> pn.pane.HoloViews:
    """Return the live plot: its bars move, its canvas stays."""

    def follow(draw: Callable[..., hv.Overlay]) -> hv.DynamicMap:
        def drawn(view: View) -> hv.Overlay:
            return draw(trend_of(view), silences(view.read(queries.gaps(view.start, view.end)), view), view.dark)

        return hv.DynamicMap(drawn, streams=[hv.streams.Params(selection, ["view"])])

    both = (follow(volume) + follow(sentiment)).cols(1).opts(opts.Layout(toolbar=None))
    return pn.pane.HoloViews(both, sizing_mode="stretch_width", linked_axes=False)


def legend(view: View) -> str:
    """Return the colours in words, and whose time the axis shows."""
    moods = "".join(look.mood(label) for label in look.LABELS)
    rest = '<span class="unscored">not scored (retweets, other languages)</span><span class="gap">not listening</span>'
    if not sampled.of(view).empty:
        rest += '<span class="stands-for">what a sample stands for</span>'
    minutes = view.bin_width.total_seconds() / 60
    width = f"{minutes:.0f} min" if minutes < 60 else f"{minutes / 60:.0f} h"
    time = f'<span class="quiet">a bar is {width} · times in {look.safe(view.zone)}</span>'
    gaps = pauses(view.read(queries.gaps(view.start, view.end)), view)
    return look.block(f'<div class="legend">{moods}{rest}{time}</div>{gaps}', view.dark)


def pauses(gaps: pd.DataFrame, view: View) -> str:
    """Return in words when nobody was listening, why, and what filled the time since, if anything did; newest first."""
    lines = [
        f"<li>{start:%d %b %H:%M} to {end:%d %b %H:%M}: {look.safe(row['reason'])}; {look.safe(filling(row))}</li>"
        for (start, end), row in zip(silences(gaps, view), gaps.to_dict("records"), strict=True)
    ]
    more = f"<li>and {len(lines) - PAUSES} more</li>" if len(lines) > PAUSES else ""
    return f'<ul class="quiet">Not listening{"".join(lines[::-1][:PAUSES])}{more}</ul>' if lines else ""


def filling(gap: Mapping[Any, Any]) -> str:
    """Say what fills a gap: what search finds has no retweets, so its volume is not that of the times around it."""
    filled_by, not_filled = (None if pd.isna(gap[name]) else str(gap[name]) for name in ("filled_by", "not_filled"))
    if filled_by:
        return f"filled by {filled_by}" + (f"; not for {not_filled}" if not_filled else "")
    return f"not filled: {not_filled}" if not_filled else "not filled"


def summary(table: pd.DataFrame, keyword: str) -> str:
    """Return the chart in a sentence, for those who do not see it."""
    busiest = table.iloc[int(table["estimated"].argmax())]
    most = f"{'about ' if busiest['percent'] < 100 else ''}{look.number(busiest['estimated'])}"
    n = int(table["scored"].sum())
    mean = (table["mean"] * table["scored"]).sum() / n if n else None
    return (
        f"<p><b>{look.number(table['tweets'].sum())} tweets</b> about <b>{look.safe(keyword)}</b>, mean sentiment "
        f"<b>{look.mean(mean, n)}</b>. Busiest at {busiest['time']:%d %b %H:%M} with "
        f"{most} tweets.{about(table)}</p>"
    )


def about(table: pd.DataFrame) -> str:
    """Return in a sentence how many tweets a sample stands for; nothing where all were read."""
    return f" A sample: about {look.number(table['estimated'].sum())} in all." if sampled_in(table) else ""


def numbers(table: pd.DataFrame) -> str:
    """Return the chart as a table, newest first."""
    names = ("time", *STACK.values(), "tweets", "share read", "about in all", "mean sentiment")
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f"<tr><td>{row['time']:%d %b %H:%M}</td>"
        + "".join(f"<td>{look.number(row[name])}</td>" for name in (*STACK.values(), "tweets"))
        + f"<td>{row['percent']} %</td><td>{look.number(row['estimated'])}</td>"
        + f"<td>{look.mean(row['mean'], row['scored'])}</td></tr>"
        for row in table.iloc[::-1].to_dict("records")
    )
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""

    def said(view: View) -> str:
        return look.block(summary(trend_of(view), view.keyword), view.dark)

    def counted(view: View) -> str:
        return look.block(numbers(trend_of(view)), view.dark)

    view = selection.param.view
    return pn.Column(
        look.pane(pn.bind(said, view)),
        look.pane(pn.bind(legend, view)),
        chart(selection),
        pmui.Card(
            objects=[look.pane(pn.bind(counted, view))],
            title="The numbers",
            collapsed=True,
            sizing_mode="stretch_width",
        ),
        sizing_mode="stretch_width",
    )
