"""The app: its pages and the frame around each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
import param
from panel_material_ui.template.base import Page

from core import db, queries
from core.config import Settings
from panel_app import data, influencer_map, influencers, look, overview, sampled, trend, words
from panel_app.selection import RANGES, Selection

FONTS = Path(__file__).parent / "fonts"
FOLLOW_MILLISECONDS = 1000
SYNTHETIC = "Synthetic data: people and tweets on this page do not exist."
# In the document itself: a font declared inside a component would not be known to the canvas that draws the words.
FONT_FACE = '@font-face { font-family: "Talker Words"; font-weight: 700; src: url("/fonts/DejaVuSans-Bold.ttf"); }'
# The light blue that suits dark pages would be too bright for a bar with white letters.
BAR = {"MuiAppBar": {"styleOverrides": {"root": {"backgroundColor": "#1F3346", "& *": {"color": "#FFFFFF"}}}}}
THEME = {
    "light": {"palette": {"primary": {"main": "#1F4E79"}, "background": {"default": "#F5F7F9", "paper": "#FFFFFF"}}},
    "dark": {
        "palette": {"primary": {"main": "#8AB4E8"}, "background": {"default": "#15181B", "paper": "#1E1E1E"}},
        "components": BAR,
    },
}

# name in the menu, its icon, and the page
PAGES: dict[str, tuple[str, Callable[[Selection], pn.viewable.Viewable]]] = {
    "Overview": ("dashboard", overview.page),
    "Influence Score": ("leaderboard", influencers.page),
    "Influencer Map": ("public", influencer_map.page),
    "Word Clouds": ("cloud", words.page),
    "Hashtag Trend": ("show_chart", trend.page),
}


def dashboard() -> Page:
    """Build the app for one browser; a page is built the first time it is chosen."""
    selection = Selection(**asked_choices())
    menu = pmui.MenuList(
        items=[{"label": name, "icon": icon} for name, (icon, _) in PAGES.items()],
        active=asked_page(),
        sizing_mode="stretch_width",
    )
    phone = "Mobi" in (pn.state.headers.get("User-Agent") or "")
    shell = Page(
        title="TwitterTalker",
        sidebar=[menu],
        sidebar_open=not phone,
        sidebar_width=240,
        main=[body(selection, menu)],
        busy_indicator=None,
        theme_config=THEME,
    )
    # The page would tell every browser twice a callback whether the server is busy, at the cost of a core.
    with param.edit_constant(shell):
        shell.busy = False
    follow_the_browser(selection, shell)
    pn.state.add_periodic_callback(selection.refresh, FOLLOW_MILLISECONDS)
    return shell


def asked_page() -> int:
    """Return the number of the page that the address names, else the first."""
    asked = pn.state.session_args.get("page", [b""])[0].decode(errors="replace")
    names = [slug(name) for name in PAGES]
    return names.index(asked) if asked in names else 0


def asked_choices() -> dict[str, Any]:
    """Return the keyword and the range that the address names, as far as there are such."""
    args = {name: values[0].decode(errors="replace") for name, values in pn.state.session_args.items()}
    hours = {str(hours): hours for hours in RANGES.values()}
    asked: dict[str, Any] = {"keyword": args.get("keyword"), "hours": hours.get(args.get("hours", ""))}
    return {name: value for name, value in asked.items() if value is not None}


def slug(name: str) -> str:
    """Return a page's name as it stands in the address."""
    return name.lower().replace(" ", "-")


def follow_the_browser(selection: Selection, shell: Page) -> None:
    """Take the theme and the time zone from the browser."""
    selection.dark = shell.dark_theme
    shell.param.watch(lambda event: selection.param.update(dark=event.new), "dark_theme")
    browser = pn.state.browser_info
    if browser is not None:
        selection.zone = browser.timezone or "UTC"
        browser.param.watch(lambda event: selection.param.update(zone=event.new or "UTC"), "timezone")


def body(selection: Selection, menu: pmui.MenuList) -> pn.Column:
    """Build what stands beside the menu: title, choices, notes, and the chosen page."""
    title = pmui.Typography(
        "", variant="h1", sx={"fontSize": "1.6rem", "fontWeight": 700}, margin=(4, 0), align="center"
    )
    place = pn.Column(sizing_mode="stretch_width")
    built: dict[str, pn.viewable.Viewable] = {}

    def chosen() -> str:
        return list(PAGES)[menu.active if isinstance(menu.active, int) else menu.active[0]]

    def tell(*_: object) -> None:
        tell_address(slug(chosen()), selection)

    def show(*_: object) -> None:
        name = title.object = chosen()
        tell()
        if selection.missing:
            place[:] = [look.pane(look.block(look.empty("Nothing to show yet", selection.missing), selection.dark))]
            return
        if name not in built:
            built[name] = PAGES[name][1](selection)
        place[:] = [built[name]]

    menu.param.watch(show, "active")
    selection.param.watch(show, "missing")
    selection.param.watch(tell, ["keyword", "hours"])
    show()
    return pn.Column(
        notice(selection),
        pmui.FlexBox(title, *choices(selection), align_items="center", gap="4px 20px", sizing_mode="stretch_width"),
        look.pane(pn.bind(sampled.note, selection.param.view)),
        place,
        sizing_mode="stretch_width",
        max_width=1240,
        margin=(8, 16),
    )


def tell_address(page: str, selection: Selection) -> None:
    """Keep the browser's address such that it leads somebody else to what is shown."""
    if pn.state.location:
        chosen: dict[str, Any] = {"page": page, "keyword": selection.keyword, "hours": selection.hours}
        pn.state.location.update_query(**{name: value for name, value in chosen.items() if value is not None})


def choices(selection: Selection) -> tuple[pn.viewable.Viewable, ...]:
    """Build the pickers that every page follows, and the clock."""
    chosen, shared = selection.param, {"margin": (4, 0), "align": "center"}
    keyword = pmui.Select.from_param(chosen.keyword, label="Keyword", width=200, size="small", **shared)
    span = pmui.RadioButtonGroup.from_param(chosen.hours, label="", size="small", sx=look.BUTTONS, **shared)
    return keyword, span, last_tweet(selection)


def notice(selection: Selection) -> pn.pane.HTML:
    """Return the banner that says so when people on the pages were invented."""
    made_up = bool(data.frame(queries.synthetic(), data.watch().version(0))["synthetic"][0])

    def banner(dark: bool) -> str:
        return look.block(SYNTHETIC, dark, "notice")

    pane = look.pane(pn.bind(banner, selection.param.dark))
    pane.visible = made_up
    return pane


def last_tweet(selection: Selection) -> pn.pane.HTML:
    """Return a clock that says how old the newest tweet is, so that a still page is not taken for a broken one."""
    clock = pn.pane.HTML("", stylesheets=[look.STYLE], margin=0, align="center")

    def tick() -> None:
        if selection.view:
            age = look.ago((datetime.now(UTC) - selection.view.end).total_seconds())
            clock.object = look.block(
                f'last tweet {age}<span class="font" aria-hidden="true">a</span>', selection.dark, "clock"
            )

    tick()
    pn.state.add_periodic_callback(tick, FOLLOW_MILLISECONDS)
    return clock


def serve(settings: Settings, port: int) -> pn.io.server.Server:
    """Return a server of the app, not yet started, on the address of the settings.

    Raises:
        SchemaError: the database has another schema than this version.
    """
    pn.extension(raw_css=[FONT_FACE])
    hv.extension("bokeh")
    db.check(data.engine())
    hosts = {settings.app_address, "localhost"} if settings.app_address == "127.0.0.1" else {settings.app_address}
    server: pn.io.server.Server = pn.serve(
        {"/": dashboard},
        address=settings.app_address,
        port=port,
        websocket_origin=[f"{host}:{port}" for host in hosts],
        static_dirs={"fonts": str(FONTS)},
        title="TwitterTalker",
        start=False,
        show=False,
        verbose=False,
    )
    return server
