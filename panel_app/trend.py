"""Hashtag Trend: how much is said, in what mood, and when nobody was listening."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.events import SelectionGeometry
from bokeh.layouts import column
from bokeh.models import (  # type: ignore[attr-defined]
    BoxSelectTool,
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    Line,
    NumeralTickFormatter,
    Quad,
    Range1d,
    Segment,
    Span,
    VStrip,
)
from bokeh.plotting import figure
from panel.io import hold

from core import queries
from panel_app import coverage, cuts, data, look, sampled, totals
from panel_app.selection import AUTO, Selection, View

UNKNOWN = 9  # stands for label NULL, which no column may be named
STACK = {label: look.MOODS[label] for label in (-1, 0, 1)} | {UNKNOWN: "not scored"}
UNSCORED = {False: "#C3CBD3", True: "#57606A"}
GAP = "#D4A72C"
Z95 = 1.96  # 95 % of a normal distribution lies within this many standard errors of its mean


def bins(frame: pd.DataFrame, heard: pd.DataFrame, samples: pd.DataFrame, view: View) -> pd.DataFrame:
    """Return one row for each bar of the view, empty ones too.

    Columns: `time` and `until` in the viewer's time, `start` and `end` in UTC; tweets by sentiment, their sum `tweets`,
    the `voices` who wrote them, and over the `scored` n of them the `mean` with the ends `low` and `high` of its 95 %
    interval, m ± 1.96 s / √n (NaN where n is too small to know). `percent` is the smallest share of the stream that was
    read in the bar; the tweets stand for `estimated` ones.
    """
    edges = pd.DatetimeIndex(view.edges)
    all_bins = pd.RangeIndex(len(edges) - 1, name="bin")
    counts = frame.assign(label=frame["label"].fillna(UNKNOWN).astype(int)).pivot_table(
        index="bin", columns="label", values="tweets", aggfunc="sum"
    )
    counts = counts.reindex(index=all_bins, columns=list(STACK)).fillna(0).astype(int)
    counts.columns = pd.Index(STACK.values())
    scored = frame[frame["label"].notna()].groupby("bin")[["tweets", "sentiment_sum", "sentiment_square_sum"]].sum()
    n, total, squares = (scored.reindex(all_bins)[column].astype(float) for column in scored)
    mean = total / n
    variance = ((squares - n * mean**2) / (n - 1).where(n > 1)).clip(lower=0)
    reach = Z95 * np.sqrt(variance / n)
    table = counts.assign(tweets=counts.sum(axis="columns"), scored=n.fillna(0).astype(int), mean=mean)
    table = table.assign(low=(mean - reach).clip(-1, 1), high=(mean + reach).clip(-1, 1))
    voices = heard.set_index("bin")["voices"].reindex(all_bins).fillna(0).astype(int)
    estimated = frame.groupby("bin")["estimated"].sum().reindex(all_bins).fillna(0)
    table = table.assign(voices=voices, estimated=estimated, percent=100, start=edges[:-1], end=edges[1:])
    for start, end, percent in sampled.spans(samples, view):
        within = (table["start"] <= end) & (table["end"] > start)
        table.loc[within, "percent"] = table["percent"].clip(upper=percent)
    times = {name: look.local(table[of], view.zone) for name, of in (("time", "start"), ("until", "end"))}
    return table.assign(**times).reset_index(drop=True)


def stacked(bars: pd.DataFrame, view: View) -> pd.DataFrame:
    """Return the tweets of each bar of `drawn` by sentiment, with ends and colours: negative ones lowest, and hatched.

    For colour does not stand alone.
    """
    colour = look.colours(view.dark) | {UNKNOWN: UNSCORED[view.dark]}
    counts = bars[list(STACK.values())].to_numpy().T
    tops = counts.cumsum(axis=0)
    mood, bar = counts.nonzero()
    names, inks, hatches = (
        np.array([of[label] for label in STACK], dtype=object)
        for of in (STACK, colour, dict.fromkeys(STACK, " ") | {-1: "/"})
    )
    shared = {name: bars[name].to_numpy()[bar] for name in ("start", "end", "tweets", "voices", "when", "about")}
    heights = {"base": tops - counts, "top": tops, "count": counts}
    return pd.DataFrame(
        shared
        | {name: height[mood, bar] for name, height in heights.items()}
        | {"mood": names[mood], "colour": inks[mood], "hatch": hatches[mood]}
    )


def drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Return the bars with what is told of each, and times as Bokeh takes them: without a zone, in UTC."""
    about = [
        f"{look.signed(m)}, n = {n:,}" if n else "not scored"
        for m, n in zip(table["mean"], table["scored"], strict=True)
    ]
    when = [spoken(*ends) for ends in zip(table["time"], table["until"], strict=True)]
    times = {name: table[name].dt.tz_localize(None) for name in ("start", "end")}
    return table.assign(when=when, about=about, **times)


def spoken(start: pd.Timestamp, end: pd.Timestamp) -> str:
    """Return when a bar begins and ends."""
    if end - start >= pd.Timedelta(hours=23):
        return f"{start:%a %d %b}"
    return f"{start:%a %d %b %H:%M} \N{EN DASH} {end:%H:%M}"


def whole(bars: pd.DataFrame) -> pd.DataFrame:
    """Return what the tweets of each sampled bar of `drawn` stand for."""
    return standing_for(bars)[["start", "end", "estimated", "when", "tweets", "percent"]]


def standing_for(table: pd.DataFrame) -> pd.DataFrame:
    """Return the bars that were sampled."""
    return table[table["percent"] < 100]


def sampled_in(table: pd.DataFrame) -> bool:
    """Say whether a bar was sampled."""
    return not standing_for(table).empty


class Plot:
    """Volume above mood, on one time axis: made once for a page, then only its rows change.

    It is Bokeh's own, for HoloViews takes ten times as long to draw it anew, which every page does at each commit.
    """

    def __init__(self) -> None:
        names = ("gaps", "whole", "bars", "voices", "band", "mean")
        self.rows: dict[str, Any] = {name: ColumnDataSource() for name in names}
        self._times, self._top = Range1d(start=0, end=1), Range1d(start=0, end=1)
        self._ticks = FixedTicker()
        self._volume = self._figure(260, self._top, "tweets")
        self._mood = self._figure(180, Range1d(start=-1, end=1), "mean sentiment")
        self._inks: list[Any] = []  # glyphs whose colour is the theme's
        self._draw_volume()
        self._draw_mood()
        self.whole = column(self._volume, self._mood, sizing_mode="stretch_width")

    def show(self, table: pd.DataFrame, gaps: list[Any], view: View) -> None:
        """Show the bars of a view, and when nobody was listening."""
        bars = drawn(table)
        self._times.update(start=milliseconds(view.start), end=milliseconds(view.end))
        most = max(1.0, table["tweets"].max(), table["estimated"].max() if sampled_in(table) else 0)
        self._top.end = 1.08 * float(most)
        named = {milliseconds(time): name for time, name in cuts.ticks(view.start, view.end, view.zone)}
        self._ticks.ticks = list(named)
        for one in (self._volume, self._mood):
            one.xaxis[0].major_label_overrides = named
        middle = bars["start"] + (bars["end"] - bars["start"]) / 2
        spans = [tuple(time.tz_localize(None) for time in gap) for gap in gaps]
        rows = {
            "gaps": pd.DataFrame(spans, columns=["start", "end"]),
            "whole": whole(bars),
            "bars": stacked(bars, view),
            "voices": bars.loc[bars["voices"] > 0, ["start", "end", "voices"]],
            "band": bars[["start", "end", "low", "high", "when", "about"]],
            "mean": bars[["mean"]].assign(middle=middle),
        }
        for name, frame in rows.items():
            self.rows[name].data = {column: frame[column].to_numpy() for column in frame}
        self._paint(view.dark)

    def listen(self, hear: Callable[[Any], None]) -> None:
        """Let a window be drawn on both plots, and tell of it."""
        for one in (self._volume, self._mood):
            tool = BoxSelectTool(dimensions="width", renderers=[])
            one.add_tools(tool)
            one.toolbar.active_drag = tool
            one.on_event(SelectionGeometry, hear)

    def _figure(self, height: int, y_range: Range1d, label: str) -> Any:
        """Make one plot; nothing pans, for the range is chosen elsewhere, or brushed.

        Its clock is UTC, which neither skips an hour nor has one twice, and the ticks say what the viewer's shows.
        """
        made = figure(
            height=height,
            sizing_mode="stretch_width",
            x_range=self._times,
            y_range=y_range,
            y_axis_label=label,
            tools="",
            toolbar_location=None,
            outline_line_color=None,
        )
        made.xaxis[0].ticker = made.xgrid[0].ticker = self._ticks
        made.yaxis[0].formatter = NumeralTickFormatter(format="0,0[.]0")
        self._add(made, "gaps", VStrip(x0="start", x1="end", fill_color=GAP, fill_alpha=0.3, line_color=None))
        return made

    def _add(self, to: Any, name: str, glyph: Any) -> Any:
        """Draw rows by one glyph, which `figure.quad` and the like would make three of: nothing here is selected."""
        return to.add_glyph(self.rows[name], glyph)

    def _draw_volume(self) -> None:
        ends: dict[str, Any] = {"left": "start", "right": "end"}
        outline = self._add(
            self._volume, "whole", Quad(**ends, top="estimated", bottom=0, fill_alpha=0.15, line_dash="dashed")
        )
        hatch: dict[str, Any] = {
            "hatch_pattern": "hatch",
            "hatch_color": "white",
            "hatch_alpha": 0.55,
            "hatch_scale": 7,
        }
        bar = Quad(**ends, top="top", bottom="base", fill_color="colour", line_color=None, **hatch)
        bars = self._add(self._volume, "bars", bar)
        line = Segment(x0="start", y0="voices", x1="end", y1="voices", line_width=1.5)
        lines = self._add(self._volume, "voices", line)
        self._inks += [outline.glyph, lines.glyph]
        stands_for = [("", "@when"), ("about", "@estimated{0,0} in all"), ("read", "@tweets{0,0}, @percent %")]
        counts = [("", "@mood: @count{0,0} of @tweets{0,0} tweets"), ("voices", "@voices{0,0}"), ("mean", "@about")]
        self._volume.add_tools(
            HoverTool(renderers=[outline], tooltips=stands_for),
            HoverTool(renderers=[bars], tooltips=[("", "@when"), *counts]),
        )

    def _draw_mood(self) -> None:
        self._mood.add_layout(Span(location=0, dimension="width", line_color="#8894A0", line_dash="dotted"))
        ends: dict[str, Any] = {"left": "start", "right": "end", "top": "high", "bottom": "low"}
        band = self._add(self._mood, "band", Quad(**ends, fill_alpha=0.25, line_color=None))
        line = self._add(self._mood, "mean", Line(x="middle", y="mean", line_width=2))
        self._inks += [band.glyph, line.glyph]
        tips = [("", "@when"), ("mean", "@about"), ("95 %", "@low{+0.00} to @high{+0.00}")]
        self._mood.add_tools(HoverTool(renderers=[band], tooltips=tips))

    def _paint(self, dark: bool) -> None:
        outline, lines, band, mean = self._inks
        colours = look.colours(dark)
        outline.update(fill_color=UNSCORED[dark], line_color=colours[0])
        lines.line_color = "#F2F5F8" if dark else "#15181B"
        band.fill_color = mean.line_color = colours[1]


def milliseconds(time: datetime) -> float:
    """Return a time as Bokeh's axes count it."""
    return time.timestamp() * 1000


@data.kept
def trend_of(view: View) -> pd.DataFrame:
    """Read the bars of a view; they must not be changed."""
    counts = view.read(queries.trend(view.keyword_id, view.edges))
    return bins(counts, totals.heard(view, tuple(view.edges)).bins, sampled.of(view), view)


def chart(selection: Selection) -> pn.pane.Bokeh:
    """Return the live plot: its bars move, its canvas stays; a window that is brushed becomes the range of all pages.

    On a phone nothing is brushed, for a finger that draws on the plot means to scroll; there the range's ends are set.
    """
    drawn = Plot()

    def follow(*_: object) -> None:
        view = selection.view
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(trend_of(view), coverage.silences(coverage.of(view), view), view)

    follow()
    selection.param.watch(follow, "view")
    if not look.on_phone():
        drawn.listen(lambda event: brushed(selection, event.geometry))
    return pn.pane.Bokeh(drawn.whole, sizing_mode="stretch_width")


def brushed(selection: Selection, drawn: Mapping[str, Any]) -> None:
    """Look at the window that was drawn, in milliseconds of a plot whose clock is UTC; a mere click draws none."""
    start, end = (datetime.fromtimestamp(drawn[side] / 1000, UTC) for side in ("x0", "x1"))
    if start < end:
        view = selection.view
        selection.choose(max(start, view.start), min(end, view.end))


@data.kept
def legend(view: View) -> str:
    """Return the colours in words, and whose time the axis shows."""
    moods = "".join(look.mood(label) for label in look.LABELS)
    rest = '<span class="unscored">not scored (retweets, other languages)</span><span class="voices">voices</span>'
    if gaps := coverage.pauses(coverage.of(view), view):
        rest += '<span class="gap">not listening</span>'
    if not sampled.of(view).empty:
        rest += '<span class="stands-for">what a sample stands for</span>'
    width = "1 day" if view.bin_width == cuts.DAY else look.span(view.bin_width)
    time = f'<span class="quiet">a bar is {width} · times in {look.safe(view.zone)}</span>'
    return look.block(f'<div class="legend">{moods}{rest}{time}</div>{gaps}', view.dark)


def summary(table: pd.DataFrame, found: pd.Series, view: View) -> str:
    """Return the chart in a sentence, for those who do not see it."""
    if not found["tweets"]:
        return look.empty(f"No tweet about {view.keyword} in this range", nothing(view))
    busiest = table.iloc[int(table["estimated"].argmax())]
    most = f"{'about ' if busiest['percent'] < 100 else ''}{look.number(busiest['estimated'])}"
    tweets, voices = (look.counted(found[f"{thing}s"], thing) for thing in ("tweet", "voice"))
    return (
        f"<p><b>{tweets}</b> by <b>{voices}</b> about <b>{look.safe(view.keyword)}</b>, "
        f"mean sentiment <b>{look.mean(*interval(table))}</b>. "
        f"Busiest {spoken(busiest['time'], busiest['until'])} with {most} tweets.{about(table)}</p>"
    )


@data.kept
def said(view: View) -> str:
    """Read a view and return its chart in a sentence."""
    return look.block(summary(trend_of(view), totals.of(view, view.start, view.end), view), view.dark)


def interval(table: pd.DataFrame) -> tuple[float | None, int]:
    """Return the mean sentiment over all bars, and of how many tweets it is."""
    n = int(table["scored"].sum())
    return (float((table["mean"] * table["scored"]).sum() / n) if n else None), n


def nothing(view: View) -> str:
    """Say what to do where a range holds no tweet."""
    newest = look.clock(view.newest, view.zone)
    return f"The newest one is of {newest}. Choose another range, or press Live to follow the newest tweets."


def about(table: pd.DataFrame) -> str:
    """Return in a sentence how many tweets a sample stands for; nothing where all were read."""
    return f" A sample: about {look.number(table['estimated'].sum())} in all." if sampled_in(table) else ""


def numbers(table: pd.DataFrame) -> str:
    """Return the chart as a table, newest first."""
    names = (
        "time",
        *STACK.values(),
        "tweets",
        "voices",
        "share read",
        "about in all",
        "mean sentiment",
        "95 % interval",
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f"<tr><td>{spoken(row['time'], row['until'])}</td>"
        + "".join(f"<td>{look.number(row[name])}</td>" for name in (*STACK.values(), "tweets", "voices"))
        + f"<td>{row['percent']} %</td><td>{look.number(row['estimated'])}</td>"
        + f"<td>{look.mean(row['mean'], row['scored'])}</td><td>{ends(row['low'], row['high'])}</td></tr>"
        for row in table.iloc[::-1].to_dict("records")
    )
    note = '<p class="quiet">Voices do not add up over bars: who tweets in two of them is one voice of the range.</p>'
    table_of = f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f'{note}<div class="scroll" tabindex="0">{table_of}</div>'


def ends(low: float, high: float) -> str:
    """Return an interval, or a dash where too few tweets make one."""
    return look.number(None) if pd.isna(low) else f"{look.signed(low)} to {look.signed(high)}"


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""
    view = selection.param.view
    return pn.Column(
        look.pane(pn.bind(said, view)),
        pmui.FlexBox(look.pane(pn.bind(legend, view)), bar_picker(selection), align_items="center", gap="4px 16px"),
        chart(selection),
        twin(selection),
        sizing_mode="stretch_width",
    )


def twin(selection: Selection) -> pmui.Card:
    """Build the chart as a table, for those who do not see it and who want to know exactly."""

    def counted(view: View) -> str:
        return look.block(numbers(trend_of(view)), view.dark)

    return look.folded("The numbers", lambda: look.pane(pn.bind(counted, selection.param.view)))


def bar_picker(selection: Selection) -> pmui.Select:
    """Build the choice of how wide a bar is; what would make too many or too few of them is not offered."""
    shared = {"label": "Bars", "width": 130, "size": "small", "margin": (4, 0)}
    picker = pmui.Select.from_param(selection.param.bar, **shared)

    def offer(*_: object) -> None:
        view = selection.view
        names = cuts.fitting(view.end - view.start) if view else []
        if selection.bar not in names:
            selection.bar = AUTO
        picker.options = {"Automatic": AUTO} | {name: name for name in names}

    selection.param.watch(offer, "view")
    offer()
    return picker
