"""Influencer Map: where those who drive the conversation tweet from, as far as it is known."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
from bokeh.models import HoverTool
from holoviews import opts

from core import queries
from panel_app import influencers, look
from panel_app.selection import Selection, View

WORLD = Path(__file__).parent / "world.json"
EARTH_RADIUS = 6_378_137.0  # metres, of web mercator (EPSG:3857)
EAST, NORTH = (-1.9e7, 2.0e7), (-7.2e6, 1.3e7)  # metres: the inhabited world
ASIDE = 0.45  # cells between the sentiments of one place
ASPECT = (EAST[1] - EAST[0]) / (NORTH[1] - NORTH[0])
CELLS = {False: 28, True: 11}  # across the view, of a desk and of a phone; who is in one cell is drawn as one group
NUMBER = (0.75, 0.45)  # cells that a number takes across and down
TOOLS = ["pan", "wheel_zoom", "zoom_in", "zoom_out", "reset"]
LAND = {False: ("#C9D3DC", "#F2F5F8"), True: ("#3A444D", "#1A1E22")}  # land, sea

PLACE = ["place", "country_code", "latitude", "longitude", "place_confidence"]
NOBODY = pd.DataFrame(columns=["score", "label", "name", "username", *PLACE, "percent"])
NOWHERE = pd.DataFrame(columns=["latitude", "longitude", "voices", "tweets"])


@pn.cache
def basemap() -> list[dict[str, Any]]:
    """Return every country as one shape for hv.Polygons, in web mercator metres.

    Parts are parted by NaN and each has its list of holes; one shape costs a third of one for each part.
    """
    xs: list[Any] = []
    ys: list[Any] = []
    holes = []
    for part in json.loads(WORLD.read_text())["p"]:  # {"n": name, "e": [xs, ys], "h": [[xs, ys], ...]}, in km
        xs += [np.array(part["e"][0]) * 1e3, [np.nan]]
        ys += [np.array(part["e"][1]) * 1e3, [np.nan]]
        holes.append([np.column_stack(hole) * 1e3 for hole in part["h"]])
    return [{"x": np.concatenate(xs)[:-1], "y": np.concatenate(ys)[:-1], "holes": holes}]


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


def points(groups: pd.DataFrame, label: int, dark: bool) -> hv.Points:
    """Draw the groups of one sentiment, in its colour and its shape."""
    tips = [("", "@where"), ("influencers", "@people{0,0}"), ("highest", "@who, score @score{0.0}")]
    hover = HoverTool(tooltips=[*tips, ("place is right", "@confidence{0%} sure")])
    details = ["where", "people", "who", "score", "confidence", "size"]
    some = hv.Points(groups[groups["label"] == label], ["x", "y"], details)
    edge = LAND[dark][1]
    style = {"color": look.colours(dark)[label], "marker": look.MARKERS[label], "line_color": edge, "alpha": 0.85}
    return some.opts(size="size", tools=[hover], default_tools=TOOLS, **style)


def crowds(groups: pd.DataFrame, dark: bool) -> hv.Labels:
    """Write on each group how many it stands for, as far as that can be read."""
    many = readable(groups[groups["people"] > 1])
    many = many.assign(count=many["people"].map(look.short))
    ink = "#15181B" if dark else "white"
    return hv.Labels(many, ["x", "y"], "count").opts(
        text_color=ink, text_font_size="8pt", text_font_style="bold", default_tools=TOOLS
    )


def readable(groups: pd.DataFrame) -> pd.DataFrame:
    """Return the groups whose numbers lie on no larger group's; the others tell theirs when they are pointed at."""
    kept: list[dict[str, Any]] = []
    for one in look.rows(groups.sort_values("people", ascending=False, kind="stable")):
        across, down = (reach * one["cell"] for reach in NUMBER)
        if all(abs(one["x"] - other["x"]) >= across or abs(one["y"] - other["y"]) >= down for other in kept):
            kept.append(one)
    return pd.DataFrame(kept, columns=groups.columns)


def heat(squares: pd.DataFrame, dark: bool) -> hv.Points:
    """Draw where many tweet from, without a mood and without anybody's place: the more voices the larger."""
    drawn = squares.assign(size=6 + 3 * squares["voices"].astype(float) ** 0.5)
    hover = HoverTool(tooltips=[("voices", "@voices{0,0}"), ("tweets", "@tweets{0,0}")])
    style = {"color": "#F0C75E" if dark else "#8A5A00", "marker": "square", "alpha": 0.45, "line_color": None}
    return hv.Points(drawn, ["x", "y"], ["voices", "tweets", "size"]).opts(
        size="size", tools=[hover], default_tools=TOOLS, **style
    )


@functools.cache  # of the same shapes HoloViews sends a page only the first
def world(dark: bool = False) -> hv.Polygons:
    """Draw the countries, from this machine alone."""
    land, sea = LAND[dark]
    return hv.Polygons(basemap(), ["x", "y"]).opts(
        color=land, line_color=sea, line_width=0.6, tools=[], default_tools=TOOLS
    )


def plot(frame: pd.DataFrame, width: float = EAST[1] - EAST[0], dark: bool = False) -> hv.Overlay:
    """Draw the influencers over the world, in groups as wide as the view asks."""
    groups = grouped(placed(frame), width)
    layers = (points(groups, label, dark) for label in look.LABELS)
    return framed(hv.Overlay([world(dark), *layers, crowds(groups, dark)]))


def framed(chart: hv.Overlay, phone: bool = False) -> hv.Overlay:
    """Set a map's frame: no axes, equal metres both ways, zoom by wheel and pinch; its tools where there is room."""
    frame: dict[str, Any] = {"responsive": True, "aspect": ASPECT, "xaxis": None, "yaxis": None}
    frame |= {"xlim": EAST, "ylim": NORTH, "show_frame": False, "show_legend": False}
    frame["toolbar"] = "below" if phone else "right"
    return chart.opts(opts.Overlay(active_tools=["wheel_zoom"], hooks=[look.frameless], **frame))


def places(view: View) -> pd.DataFrame:
    """Read the influencers of a view and their places; nobody for a sensitive keyword."""
    if view.sensitive:
        return NOBODY
    return view.read(queries.influencer_places(view.keyword_id, view.start, view.end, until=view.scored_until))


@functools.lru_cache(maxsize=100)  # four layers ask for the same
def groups_of(view: View, x_range: tuple[float, float], phone: bool) -> pd.DataFrame:
    """Read the influencers of a view in groups, as far apart as the eastings that are looked at ask."""
    return grouped(placed(places(view)), x_range[1] - x_range[0], phone)


def squares(view: View) -> pd.DataFrame:
    """Read where many tweet from; only of a sensitive keyword, for of others there are people to show."""
    if not view.sensitive:
        return placed(NOWHERE)
    return placed(view.read(queries.crowded_places(view.keyword_id, view.start, view.end)))


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
    phone = look.on_phone()
    extent = hv.streams.RangeX(x_range=EAST)
    chosen = hv.streams.Params(selection, ["view"])

    def layer(label: int) -> hv.DynamicMap:
        def drawn(view: View, x_range: tuple[float, float] | None) -> hv.Points:
            return points(groups_of(view, x_range or EAST, phone), label, view.dark)

        return hv.DynamicMap(drawn, streams=[chosen, extent])

    def counted(view: View, x_range: tuple[float, float] | None) -> hv.Labels:
        return crowds(groups_of(view, x_range or EAST, phone), view.dark)

    counts = hv.DynamicMap(counted, streams=[chosen, extent])
    crowded = hv.DynamicMap(lambda view: heat(squares(view), view.dark), streams=[chosen])
    land = hv.DynamicMap(lambda view: world(view.dark), streams=[chosen])
    layers = [layer(label) for label in look.LABELS]
    extent.source = layers[0]
    chart = framed(land * crowded * layers[0] * layers[1] * layers[2] * counts, phone)
    return pn.Column(
        look.pane(pn.bind(summary, selection.param.view)),
        pn.pane.HoloViews(chart, sizing_mode="scale_width", linked_axes=False, margin=(6, 0)),
        look.folded("The map as a table", lambda: look.pane(pn.bind(twin, selection.param.view))),
        sizing_mode="stretch_width",
    )
