"""Influencer Map: where those who drive the conversation tweet from, as far as it is known."""

from __future__ import annotations

import json
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
CELLS = 28  # across the view; influencers in one cell are drawn as one group
TOOLS = ["pan", "wheel_zoom", "zoom_in", "zoom_out", "reset"]
LAND = {False: ("#C9D3DC", "#F2F5F8"), True: ("#3A444D", "#1A1E22")}  # land, sea


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


def grouped(known: pd.DataFrame, width: float) -> pd.DataFrame:
    """Return one row for each group of near influencers of one sentiment, in a view so many metres wide.

    A group stands at its middle and is named for its highest score. However far one looks in, a city stays one group:
    a profile's place is no finer than that, and nobody's street is guessed.
    """
    cell = width / CELLS
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
    return groups.assign(x=beside, where=where, who=who, size=9 + 4 * groups["people"] ** 0.5)


def points(groups: pd.DataFrame, label: int, dark: bool) -> hv.Points:
    """Draw the groups of one sentiment, in its colour and its shape."""
    tips = [("", "@where"), ("influencers", "@people{0,0}"), ("highest", "@who, score @score{0.0}")]
    hover = HoverTool(tooltips=[*tips, ("place is right", "@confidence{0%} sure")])
    details = ["where", "people", "who", "score", "confidence", "size"]
    some = hv.Points(groups[groups["label"] == label], ["x", "y"], details)
    edge = LAND[dark][1]
    style = {"color": look.colours(dark)[label], "marker": look.MARKERS[label], "line_color": edge, "alpha": 0.85}
    return some.opts(size="size", tools=[hover], default_tools=TOOLS, **style)


def world(dark: bool = False) -> hv.Polygons:
    """Draw the countries, from this machine alone."""
    land, sea = LAND[dark]
    return hv.Polygons(basemap(), ["x", "y"]).opts(
        color=land, line_color=sea, line_width=0.6, tools=[], default_tools=TOOLS
    )


def plot(frame: pd.DataFrame, width: float = EAST[1] - EAST[0], dark: bool = False) -> hv.Overlay:
    """Draw the influencers over the world, in groups as wide as the view asks."""
    groups = grouped(placed(frame), width)
    return framed(hv.Overlay([world(dark), *(points(groups, label, dark) for label in look.LABELS)]))


def framed(chart: hv.Overlay) -> hv.Overlay:
    """Set a map's frame: no axes, equal metres both ways, zoom by wheel and pinch."""
    frame: dict[str, Any] = {"responsive": True, "aspect": ASPECT, "xaxis": None, "yaxis": None}
    frame |= {"xlim": EAST, "ylim": NORTH, "show_frame": False, "show_legend": False}
    return chart.opts(opts.Overlay(active_tools=["wheel_zoom"], hooks=[look.frameless], **frame))


def places(view: View) -> pd.DataFrame:
    """Read the influencers of a view and their places; nobody for a sensitive keyword."""
    found = view.read(queries.influencer_places(view.keyword_id, view.start, view.end))
    return found.iloc[: 0 if view.sensitive else None]


def summary(view: View) -> str:
    """Return what the map shows in words, with those it cannot show."""
    if view.sensitive:
        return look.block(look.empty("No people here", influencers.SENSITIVE), view.dark)
    frame = places(view)
    if frame.empty:
        return look.block(look.empty("No influence scores yet", influencers.NO_SCORES), view.dark)
    known = placed(frame)
    by_label = "".join(
        f"<span>{look.mood(label)} {look.number((known['label'] == label).sum())}</span>" for label in look.LABELS
    )
    unknown = len(frame) - len(known)
    words = (
        f"<p><b>{look.number(len(known))}</b> of the {look.number(len(frame))} top influencers are on the map; "
        f"the place of <b>{look.number(unknown)}</b> is unknown. Places come from tweets and profiles: point at one to "
        "see how sure it is.</p>"
    )
    return look.block(f'{words}<div class="legend">{by_label}</div>', view.dark)


def page(selection: Selection) -> pn.Column:
    """Build the page; the map stays, what lies on it follows."""
    extent = hv.streams.RangeX(x_range=EAST)
    chosen = hv.streams.Params(selection, ["view"])

    def layer(label: int) -> hv.DynamicMap:
        def drawn(view: View, x_range: tuple[float, float] | None) -> hv.Points:
            west, east = x_range or EAST
            return points(grouped(placed(places(view)), east - west), label, view.dark)

        return hv.DynamicMap(drawn, streams=[chosen, extent])

    land = hv.DynamicMap(lambda view: world(view.dark), streams=[chosen])
    layers = [layer(label) for label in look.LABELS]
    extent.source = layers[0]
    chart = framed(land * layers[0] * layers[1] * layers[2])
    return pn.Column(
        look.pane(pn.bind(summary, selection.param.view)),
        pn.pane.HoloViews(chart, sizing_mode="scale_width", linked_axes=False, margin=(6, 0)),
        sizing_mode="stretch_width",
    )
