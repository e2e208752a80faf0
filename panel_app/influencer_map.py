"""Influencer Map: where those who drive the conversation tweet from, as far as it is known."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
from bokeh.events import RangesUpdate
from bokeh.models import ColumnDataSource, HoverTool, Patch, Range1d, Scatter, Text
from bokeh.plotting import figure
from panel.io import hold

from core import queries
from panel_app import data, influencers, look
from panel_app.selection import Selection, View

WORLD = Path(__file__).parent / "world.json"
EARTH_RADIUS = 6_378_137.0  # metres, of web mercator (EPSG:3857)
EAST, NORTH = (-1.9e7, 2.0e7), (-7.2e6, 1.3e7)  # metres: the inhabited world
ASIDE = 0.45  # cells between the sentiments of one place
ASPECT = (EAST[1] - EAST[0]) / (NORTH[1] - NORTH[0])
CELLS = {False: 28, True: 11}  # across the view, of a desk and of a phone; who is in one cell is drawn as one group
NUMBER = (0.75, 0.45)  # cells that a number takes across and down
TOOLS = "pan,wheel_zoom,zoom_in,zoom_out,reset"
LAND = {False: ("#C9D3DC", "#F2F5F8"), True: ("#3A444D", "#1A1E22")}  # land, sea
MARK = ["x", "y", "size", "where", "people", "who", "score", "confidence"]  # what is drawn and told of a group
TIPS = [
    ("", "@where"),
    ("influencers", "@people{0,0}"),
    ("highest", "@who, score @score{0.0}"),
    ("place is right", "@confidence{0%} sure"),
]
HEAT = [("voices", "@voices{0,0}"), ("tweets", "@tweets{0,0}")]

PLACE = ["place", "country_code", "latitude", "longitude", "place_confidence"]
NOBODY = pd.DataFrame(columns=["score", "label", "name", "username", *PLACE, "percent"])
NOWHERE = pd.DataFrame(columns=["latitude", "longitude", "voices", "tweets"])


@functools.cache
def basemap() -> dict[str, Any]:
    """Return the outlines of all countries in web mercator metres, parted by NaN, as one shape; it must not be changed.

    The only country with a hole is South Africa, and Lesotho fills it.
    """
    parts = json.loads(WORLD.read_text())["p"]  # {"n": name, "e": [xs, ys], "h": [[xs, ys], ...]}, in km
    lines = [[one for part in parts for one in (*part["e"][axis], np.nan)][:-1] for axis in (0, 1)]
    return {name: np.array(line, dtype=np.float32) * 1000 for name, line in zip("xy", lines, strict=True)}


def placed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return those whose place is known, with web mercator metres `x` and `y`."""
    known = frame[frame["latitude"].notna() & frame["longitude"].notna()]
    north = np.radians(known["latitude"].astype(float).clip(-85, 85))
    east = np.radians(known["longitude"].astype(float))
    return known.assign(x=EARTH_RADIUS * east, y=EARTH_RADIUS * np.log(np.tan(np.pi / 4 + north / 2)))


def grouped(known: pd.DataFrame, width: float, phone: bool = False) -> pd.DataFrame:
    """Return one row for each group of near influencers of one sentiment, in a view so many metres wide.

    A group stands at its middle and is named for its highest score. However far one looks in, a city stays one group:
    a profile's place is no finer than that, and nobody's street is guessed.
    """
    cell = width / CELLS[phone]
    cells = [(known["x"] // cell).rename("column"), (known["y"] // cell).rename("row"), known["label"]]
    best_first = known.sort_values("score", ascending=False)
    groups = best_first.groupby(cells, sort=False).agg(
        x=("x", "mean"),
        y=("y", "mean"),
        people=("score", "size"),
        score=("score", "first"),
        name=("name", "first"),
        username=("username", "first"),
        place=("place", "first"),
        places=("place", "nunique"),
        confidence=("place_confidence", "mean"),
    )
    groups = groups.reset_index("label").reset_index(drop=True)
    more = (groups["places"] - 1).map(lambda n: f" and {n} more" if n > 0 else "").astype(str)  # nobody: no text
    where = groups["place"].fillna("unnamed place") + more
    who = groups["name"] + " @" + groups["username"]
    beside = groups["x"] - groups["label"] * cell * ASIDE  # the three sentiments of one place must not hide each other
    return groups.assign(x=beside, where=where, who=who, size=9 + 5 * groups["people"] ** 0.5, cell=cell)


def crowds(groups: pd.DataFrame) -> pd.DataFrame:
    """Return what is written on each group: how many it stands for, as far as that can be read."""
    many = readable(groups[groups["people"] > 1])
    return many.assign(count=many["people"].map(look.short))


def readable(groups: pd.DataFrame) -> pd.DataFrame:
    """Return the groups whose numbers lie on no larger group's; the others tell theirs when they are pointed at."""
    kept: list[dict[str, Any]] = []
    for one in look.rows(groups.sort_values("people", ascending=False, kind="stable")):
        across, down = (reach * one["cell"] for reach in NUMBER)
        if all(abs(one["x"] - other["x"]) >= across or abs(one["y"] - other["y"]) >= down for other in kept):
            kept.append(one)
    return pd.DataFrame(kept, columns=groups.columns)


def plot(frame: pd.DataFrame, dark: bool = False) -> Any:
    """Draw the influencers over the world, in groups as wide as the whole of it asks."""
    drawn = Plot()
    drawn.show(grouped(placed(frame), EAST[1] - EAST[0]), placed(NOWHERE), dark)
    return drawn.whole


class Plot:
    """The world and who is where: made once for a page, then only its rows change.

    It is Bokeh's own, for HoloViews takes ten times as long to draw it anew. There are no axes, metres are equal both
    ways, and one looks closer by wheel, pinch or button; the buttons are where there is room.
    """

    def __init__(self, phone: bool = False) -> None:
        self.rows: dict[Any, Any] = {name: ColumnDataSource() for name in ("heat", *look.LABELS, "counts")}
        self.whole: Any = figure(
            aspect_ratio=ASPECT,
            sizing_mode="scale_width",
            x_range=Range1d(start=EAST[0], end=EAST[1]),
            y_range=Range1d(start=NORTH[0], end=NORTH[1]),
            tools=TOOLS,
            active_scroll="wheel_zoom",
            toolbar_location="below" if phone else "right",
            outline_line_color=None,
            min_border=0,
        )
        self.whole.toolbar.logo = None
        self.whole.axis.visible = self.whole.grid.visible = False
        self._land = self._add(ColumnDataSource(basemap()), Patch(x="x", y="y", line_width=0.6)).glyph
        style: dict[str, Any] = {"x": "x", "y": "y", "size": "size"}
        heat = self._add(self.rows["heat"], Scatter(**style, marker="square", fill_alpha=0.45, line_color=None))
        some = {
            label: self._add(
                self.rows[label], Scatter(**style, marker=look.MARKERS[label], fill_alpha=0.85, line_alpha=0.85)
            )
            for label in look.LABELS
        }
        self._heat, self._marks = heat.glyph, {label: one.glyph for label, one in some.items()}
        number: dict[str, Any] = {"text_font_size": "8pt", "text_font_style": "bold"}
        number |= {"text_align": "center", "text_baseline": "middle"}
        self._numbers = self._add(self.rows["counts"], Text(x="x", y="y", text="count", **number)).glyph
        self.whole.add_tools(
            HoverTool(renderers=[heat], tooltips=HEAT), HoverTool(renderers=list(some.values()), tooltips=TIPS)
        )

    def show(self, groups: pd.DataFrame, squares: pd.DataFrame, dark: bool) -> None:
        """Show groups of influencers, or of a sensitive keyword areas where many tweet from, without a mood."""
        drawn: dict[Any, pd.DataFrame] = {label: groups[groups["label"] == label][MARK] for label in look.LABELS}
        drawn["counts"] = crowds(groups)[["x", "y", "count"]]
        sized = squares.assign(size=6 + 3 * squares["voices"].astype(float) ** 0.5)  # the more voices the larger
        drawn["heat"] = sized[["x", "y", "size", "voices", "tweets"]]
        for name, frame in drawn.items():
            self.rows[name].data = {column: list(frame[column]) for column in frame}
        self._paint(dark)

    def _add(self, rows: ColumnDataSource, glyph: Any) -> Any:
        """Draw rows by one glyph, which `figure.scatter` and the like would make three of: nothing here is selected."""
        return self.whole.add_glyph(rows, glyph)

    def _paint(self, dark: bool) -> None:
        land, sea = LAND[dark]
        self._land.update(fill_color=land, line_color=sea)
        self._heat.fill_color = "#F0C75E" if dark else "#8A5A00"
        self._numbers.text_color = "#15181B" if dark else "white"
        for label, marks in self._marks.items():
            marks.update(fill_color=look.colours(dark)[label], line_color=sea)


def places(view: View) -> pd.DataFrame:
    """Read the influencers of a view and their places; nobody for a sensitive keyword."""
    if view.sensitive:
        return NOBODY
    return view.read(queries.influencer_places(view.keyword_id, view.start, view.end, until=view.scored_until))


@data.kept
def groups_of(view: View, width: float, phone: bool) -> pd.DataFrame:
    """Read the influencers of a view in groups, as far apart as the metres that are looked at ask."""
    return grouped(placed(places(view)), width, phone)


@data.kept
def squares(view: View) -> pd.DataFrame:
    """Read where many tweet from; only of a sensitive keyword, for of others there are people to show."""
    if not view.sensitive:
        return placed(NOWHERE)
    return placed(view.read(queries.crowded_places(view.keyword_id, view.start, view.end)))


@data.kept
def summary(view: View) -> str:
    """Return what the map shows in words, with those it cannot show."""
    if view.sensitive:
        return look.block(f"<p>{influencers.SENSITIVE} {crowd(squares(view))}</p>", view.dark)
    frame = places(view)
    if frame.empty:
        return look.block(look.empty("No influence scores yet", influencers.NO_SCORES), view.dark)
    known = placed(frame)
    by_label = "".join(
        f"<span>{look.mood(label)} {look.number((known['label'] == label).sum())}</span>" for label in look.LABELS
    )
    unknown, moodless = len(frame) - len(known), int(known["label"].isna().sum())
    rest = f"; <b>{look.number(moodless)}</b> were not scored and are in the table only" if moodless else ""
    words = (
        f"<p><b>{look.number(len(known) - moodless)}</b> of the {look.number(len(frame))} top influencers are on the "
        f"map; the place of <b>{look.number(unknown)}</b> is unknown{rest}. Places come from tweets and profiles: "
        "point at one to see how sure it is.</p>"
    )
    return look.block(f'{words}<div class="legend">{by_label}</div>', view.dark)


def crowd(found: pd.DataFrame) -> str:
    """Say what the squares on the map are."""
    if found.empty:
        return "Nowhere do ten voices tweet from one area in this range, so nothing is on the map."
    return f"A square is an area of 2 degrees with ten voices or more; there are {look.number(len(found))}."


def twin(view: View) -> str:
    """Return the map as a table: places with their influencers by mood, those whose place is unknown last."""
    if view.sensitive:
        lines = (
            f"<tr><td>{row['latitude']:.0f}°, {row['longitude']:.0f}°</td><td>{look.number(row['voices'])}</td>"
            f"<td>{look.number(row['tweets'])}</td></tr>"
            for row in look.rows(squares(view))
        )
        return table(("middle of the area", "voices", "tweets"), "".join(lines), view)
    names = ("place", *(look.mood(label) for label in look.LABELS), "in all", "place is right")
    return table(names, "".join(map(place_row, look.rows(by_place(places(view))))), view)


def by_place(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each place, how many of each mood are there, and how sure it is; the unknown last."""
    known = frame["latitude"].notna()
    named = frame.assign(
        place=frame["place"].where(known).fillna("unnamed place").where(known, "unknown"), unknown=~known
    )
    for label in look.LABELS:
        named[look.MOODS[label]] = (named["label"] == label).astype(int)
    sums = {name: (name, "sum") for name in look.MOODS.values()}
    found = named.groupby(["unknown", "place"], as_index=False).agg(
        **sums, people=("score", "size"), sure=("place_confidence", "mean")
    )
    return found.sort_values(["unknown", "people", "place"], ascending=[True, False, True])


def place_row(row: dict[str, Any]) -> str:
    """Return one place as a row of the table."""
    counts = "".join(f"<td>{look.number(row[look.MOODS[label]])}</td>" for label in look.LABELS)
    sure = look.number(None) if row["unknown"] or pd.isna(row["sure"]) else f"{100 * row['sure']:.0f} %"
    return f"<tr><td>{look.safe(row['place'])}</td>{counts}<td>{look.number(row['people'])}</td><td>{sure}</td></tr>"


def table(names: Sequence[str], lines: str, view: View) -> str:
    """Return a table of places."""
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return look.block(f'<div class="scroll" tabindex="0">{body}</div>', view.dark)


def page(selection: Selection) -> pn.Column:
    """Build the page; the map stays, what lies on it follows."""
    return pn.Column(
        look.pane(pn.bind(summary, selection.param.view)),
        chart(selection),
        look.folded("The map as a table", lambda: look.pane(pn.bind(twin, selection.param.view))),
        sizing_mode="stretch_width",
    )


def chart(selection: Selection) -> pn.pane.Bokeh:
    """Return the live map: its groups move and part as one looks closer, its canvas stays."""
    phone, width = look.on_phone(), EAST[1] - EAST[0]
    drawn = Plot(phone)

    def follow(*_: object) -> None:
        view = selection.view
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(groups_of(view, width, phone), squares(view), view.dark)

    def look_closer(event: Any) -> None:
        nonlocal width
        if abs(event.x1 - event.x0 - width) > 1:  # metres; else the map was only moved
            width = event.x1 - event.x0
            follow()

    follow()
    selection.param.watch(follow, "view")
    drawn.whole.on_event(RangesUpdate, look_closer)
    return pn.pane.Bokeh(drawn.whole, sizing_mode="scale_width", margin=(6, 0))
