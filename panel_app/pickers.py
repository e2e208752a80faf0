"""What every page is chosen by: the keyword, the range, its two ends where somebody sets them, and how new it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import panel as pn
import panel_material_ui as pmui
import param
from panel.custom import JSComponent

from panel_app import coverage, cuts, look, pulse
from panel_app.selection import CUSTOM, Selection, known_zone

LOCAL = "%Y-%m-%dT%H:%M"  # how a browser writes a local time


class Between(JSComponent):
    """Two times of the viewer's clock; the browser's own pickers, which a keyboard and a phone know."""

    start: Any = param.String("")
    end: Any = param.String("")
    zone: Any = param.String("UTC")
    wrong: Any = param.String("")
    chosen: Any = param.List([], doc="what was sent last: both times, and a number that makes it new")
    dark: Any = param.Boolean(False)

    _esm = """
    export function render({ model, el }) {
      const form = document.createElement("form")
      form.noValidate = true
      form.innerHTML = `<label>From <input type="datetime-local" name="start" required></label>
        <label>to <input type="datetime-local" name="end" required></label>
        <span class="quiet"></span><button type="submit">Show</button><span role="alert" class="negative"></span>`
      const [zone, wrong] = [form.querySelector(".quiet"), form.querySelector(".negative")]
      const fill = () => {
        form.className = `talker between ${model.dark ? "dark" : "light"}`
        zone.textContent = model.zone
        for (const name of ["start", "end"]) {
          if (form.getRootNode().activeElement !== form[name]) form[name].value = model[name]
        }
      }
      form.addEventListener("submit", (event) => {
        event.preventDefault()
        model.chosen = [form.start.value, form.end.value, Date.now()]
      })
      for (const name of ["start", "end", "zone", "dark"]) model.on(name, fill)
      model.on("wrong", () => { wrong.textContent = model.wrong })  // what is wrong stays there to be mended
      fill()
      el.append(form)
    }
    """
    _stylesheets = [look.STYLE]  # noqa: RUF012 - Panel reads it as declared


def pickers(selection: Selection) -> tuple[pn.viewable.Viewable, ...]:
    """Build what stands beside a page's title."""
    chosen, shared = selection.param, {"margin": (4, 0), "align": "center"}
    keyword = pmui.Select.from_param(chosen.keyword, label="Keyword", width=200, size="small", **shared)
    span = pmui.RadioButtonGroup.from_param(chosen.hours, label="", size="small", sx=look.BUTTONS, **shared)
    return keyword, span, standing(selection)


def ends(selection: Selection) -> pn.Row:
    """Build the two ends of a custom range, when one is first wanted."""
    place = pn.Row(margin=0, sizing_mode="stretch_width", visible=False)

    def show(*_: object) -> None:
        place.visible = selection.hours == CUSTOM
        if place.visible and not len(place):
            place.append(between(selection))

    selection.param.watch(show, "hours")
    show()
    return place


def between(selection: Selection) -> Between:
    """Build the form in which somebody sets both ends."""
    form = Between(margin=(4, 0))

    def fill(*_: object) -> None:
        view = selection.view
        if view:
            zone = ZoneInfo(view.zone)
            times = {name: f"{getattr(view, name).astimezone(zone):{LOCAL}}" for name in ("start", "end")}
            form.param.update(**times, zone=view.zone, dark=view.dark)

    def take(*_: object) -> None:
        try:
            first, last, _ = form.chosen
            start, end = asked(first, last, selection.zone)
        except ValueError as error:
            form.wrong = str(error)
            return
        form.wrong = ""
        selection.choose(start, end)

    form.param.watch(take, "chosen")
    selection.param.watch(fill, "view")
    fill()
    return form


def asked(start: str, end: str, zone: str) -> tuple[datetime, datetime]:
    """Return two times that somebody wrote by their clock, in UTC.

    Raises:
        ValueError: they make no range; it says what to do.
    """
    try:
        first, last = (
            datetime.fromisoformat(time).replace(tzinfo=ZoneInfo(known_zone(zone))).astimezone(UTC)
            for time in (start, end)
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError("Set both times.") from error
    if first >= last:
        raise ValueError("Set an end that is later than the start.")
    if last - first > cuts.LONGEST:
        raise ValueError(f"Set {cuts.LONGEST.days} days at most.")
    return first, last


def standing(selection: Selection) -> pn.Row:
    """Return how new a page is, so that a still one is not taken for a broken one, and the way back to what moves."""
    clock = pn.pane.HTML("", stylesheets=[look.STYLE], margin=0, align="center")
    live = pmui.Button(label="Live", icon="play_arrow", variant="outlined", size="small", margin=(4, 8), visible=False)
    live.on_click(lambda _event: selection.go_live())

    gap = coverage.NONE

    def tick() -> None:
        if selection.view:
            kind, words = coverage.state(selection.view, gap, datetime.now(UTC))
            font = '<span class="font" aria-hidden="true">a</span>'
            clock.object = look.block(f'<span class="state-{kind}">{words}</span>{font}', selection.dark, "clock")

    def follow(*_: object) -> None:
        nonlocal gap
        live.visible = selection.hours == CUSTOM
        gap = coverage.now(selection.view) if selection.view else gap  # a view that is new knows of each gap
        tick()

    follow()
    selection.param.watch(follow, ["view", "hours"])
    pulse.each_second(tick)
    return pn.Row(clock, live, margin=0, align="center")
