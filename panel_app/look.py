"""How things look: colours and glyphs of the sentiments, numbers and times with units, panes.

Everything that becomes HTML goes through `safe`: names, places and tweets are strangers' text.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import panel as pn
import panel_material_ui as pmui

LABELS = (1, 0, -1)
MOODS = {1: "positive", 0: "neutral", -1: "negative"}
GLYPHS = {1: "▲", 0: "●", -1: "▼"}
MARKERS = {1: "triangle", 0: "circle", -1: "inverted_triangle"}
# At least 5.2:1 on white and 6.6:1 on the dark page, and apart for every common colour blindness.
LIGHT = {1: "#0072B2", 0: "#6B6B6B", -1: "#B84A00"}
DARK = {1: "#56B4E9", 0: "#B0B0B0", -1: "#F0883E"}

READING = "Reading…"
SYNTHETIC = "Synthetic data: people and tweets on this page do not exist."

SCHEME = "Sec-Ch-Prefers-Color-Scheme"  # the header in which a browser says that it wants dark pages

STYLE = (Path(__file__).parent / "look.css").read_text()

# Words keep their case and stay on one line on a button.
BUTTONS = {"& .MuiToggleButton-root": {"textTransform": "none", "whiteSpace": "nowrap", "padding": "5px 12px"}}

FOLDED = {"borderRadius": "10px", "& .MuiTypography-h2": {"fontSize": "1rem", "fontWeight": 500}}  # and its title

# A row of a list, with its buttons.
CARD: dict[str, Any] = {
    "elevation": 0,
    "variant": "outlined",
    "sizing_mode": "stretch_width",
    "sx": {"padding": "14px 18px", "borderRadius": "10px"},
}


def colours(dark: bool) -> dict[int, str]:
    """Return the colour of each label on a light or dark page."""
    return DARK if dark else LIGHT


def safe(text: object) -> str:
    """Escape text for HTML; every stranger's word passes here, whichever pane shows it."""
    return html.escape(str(text))


def block(body: str, dark: bool, kind: str = "") -> str:
    """Wrap HTML so that the style sheet knows the page's theme."""
    return f'<div class="talker {"dark" if dark else "light"} {kind}">{body}</div>'


def pane(body: Any) -> pn.pane.HTML:
    """Return a pane for our own HTML, or for a function that makes it; its content changes in place."""
    return pn.pane.HTML(body, stylesheets=[STYLE], sizing_mode="stretch_width", margin=(6, 0))


def on_phone(headers: Mapping[str, Any] | None = None) -> bool:
    """Say whether the page, or what asks with some headers, is on a phone, which calls itself so."""
    return "Mobi" in (asked_with(headers).get("User-Agent") or "")


def wants_dark(headers: Mapping[str, Any] | None = None) -> bool:
    """Say whether the browser asks for dark pages, if it says so before it has one; the others say it later."""
    return asked_with(headers).get(SCHEME) == "dark"


def asked_with(headers: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the headers given, or those with which the page was asked for that is at work now."""
    return pn.state.headers if headers is None else headers


def unlined(plot: Any, _element: object) -> None:
    """Take off the line that a dark theme draws around a plot, and a light one does not: a hook for HoloViews."""
    plot.state.outline_line_color = None


def mood(label: int) -> str:
    """Return a sentiment as glyph and word, coloured: colour never stands alone."""
    return f'<span class="{MOODS[label]}">{GLYPHS[label]} {MOODS[label].capitalize()}</span>'


def number(value: float | None) -> str:
    """Return a count with thousands parted, or a dash for unknown, which is not 0."""
    return "\N{EN DASH}" if value is None or pd.isna(value) else f"{value:,.0f}"


def counted(value: float, thing: str) -> str:
    """Return a number of things: 1 tweet, 2 tweets."""
    return f"{number(value)} {thing}{'' if value == 1 else 's'}"


def short(value: float | None) -> str:
    """Return a count in at most four characters and a unit: 1,234 is 1.2K."""
    if value is None or pd.isna(value) or value < 1_000:
        return number(value)
    scale, unit = next((s, u) for s, u in ((1e9, "B"), (1e6, "M"), (1e3, "K")) if value >= s * 0.9995)
    return f"{value / scale:.3g}{unit}"


def mean(sentiment: float | None, scored: float) -> str:
    """Return a mean sentiment with the number of tweets behind it."""
    if not scored or sentiment is None or pd.isna(sentiment):
        return "not scored"
    return f"{signed(sentiment)} <small>(n = {number(scored)})</small>"


def given(text: Any) -> str:
    """Return a text, empty where the database has none: a frame makes NaN of it."""
    return "" if pd.isna(text) else str(text)


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign, and no sign on zero."""
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if rounded else f"{0:.{digits}f}"


def ago(seconds: float) -> str:
    """Return an age in its largest whole unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"


def span(time: timedelta) -> str:
    """Return a length of time in its two largest units: 3 days, 2 h 30 min."""
    minutes = round(time.total_seconds() / 60)
    if minutes >= 2880 and not minutes % 1440:
        return f"{minutes // 1440} days"
    days, hours, rest = minutes // 1440, minutes // 60, minutes % 60
    if days >= 2:
        return f"{days} days {hours % 24} h" if hours % 24 else f"{days} days"
    return " ".join(f"{part} {unit}" for part, unit in ((hours, "h"), (rest, "min")) if part) or "0 min"


def clock(time: datetime, zone: str) -> str:
    """Return a time in the viewer's zone."""
    return f"{time.astimezone(ZoneInfo(zone)):%d %b %Y, %H:%M}"


def between(start: datetime, end: datetime, zone: str) -> str:
    """Return a range in the viewer's zone, which it names; the day is said twice only if there are two."""
    first, last = (time.astimezone(ZoneInfo(zone)) for time in (start, end))
    until = f"{last:%H:%M}" if last.date() == first.date() else f"{last:%d %b %Y, %H:%M}"
    return f"{first:%d %b %Y, %H:%M} \N{EN DASH} {until} ({zone})"


def local(times: pd.Series[Any], zone: str) -> pd.Series[Any]:
    """Return times as the viewer's wall clock shows them, without zone: Bokeh draws what it is given."""
    wall: pd.Series[Any] = times.dt.tz_convert(zone).dt.tz_localize(None)
    return wall


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows by column name."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def empty(title: str, what_to_do: str) -> str:
    """Return what stands where there is nothing to show: why, and what to do."""
    return f'<div class="empty"><b>{safe(title)}</b><p>{safe(what_to_do)}</p></div>'


def tile(name: str, figure: str, note: str) -> str:
    """Return one figure with its name and what it compares to."""
    return f'<div class="card"><span class="quiet">{name}</span>{figure}<small>{note}</small></div>'


def large(figure: str) -> str:
    """Return a figure in the size of a headline."""
    return f'<div class="figure">{figure}</div>'


def said(wrong: str, done: str, dark: bool) -> str:
    """Return what came of a click: what was wrong, or what is done."""
    style, role = ("negative", "alert") if wrong else ("", "status")
    return block(f'<p class="said {style}" role="{role}">{safe(wrong or done)}</p>', dark)


def ready() -> None:
    """Load matplotlib, before somebody waits: Panel asks of each header of a card whether it is a plot of that kind."""
    pn.panel(None)


def folded(title: str, build: Callable[[], pn.viewable.Viewable]) -> pmui.Card:
    """Return a part of a page behind its title, built when it is first opened."""
    # A plot that is put into the card itself while it opens is drawn before it has a size, which raises.
    inside = pn.Column(sizing_mode="stretch_width")
    shown: dict[str, Any] = {
        "title_variant": "h2",
        "variant": "outlined",
        "sx": FOLDED,
        "sizing_mode": "stretch_width",
        "margin": (8, 0),
    }
    card = pmui.Card(objects=[inside], title=title, collapsed=True, **shown)

    def fill(*_: object) -> None:
        if not card.collapsed and not len(inside):
            inside.append(build())

    card.param.watch(fill, "collapsed")
    return card
