"""The app: its pages and the frame around each."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
import param
from panel_material_ui.template.base import Page

from core import db, queries
from core.accounts import Visitor
from core.config import Settings
from panel_app import (
    address,
    ahead,
    alerts,
    auth,
    data,
    door,
    first_paint,
    health,
    lean_bokeh,
    look,
    pages,
    pickers,
    prompt,
    pulse,
    sampled,
    take_away,
    usage,
)
from panel_app.keys import Keys
from panel_app.scheme import Scheme
from panel_app.selection import Selection, Shown

FONTS = Path(__file__).parent / "fonts"
CHOICES = ["keyword", "hours", "window", "bar", "word", "mood"]  # whose use is counted
TITLE = {"fontSize": "1.6rem", "fontWeight": 700}
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


def dashboard() -> Page:
    """Build the app for one browser; a page is built the first time it is chosen."""
    visitor = auth.pages_visitor()
    selection = Selection(**address.asked(pn.state.session_args), dark=look.wants_dark(), zone=first_paint.zone())
    names = pages.pages_for(visitor)
    menu = menu_of(names)
    shell = Page(
        title="TwitterTalker",
        sidebar=[menu, who(visitor, selection)],
        sidebar_open=not look.on_phone(),
        sidebar_width=240,
        main=[Body(selection, menu, names, visitor).view, Scheme(width=0, height=0, margin=0)],
        dark_theme=selection.dark,
        busy_indicator=None,
        theme_config=THEME,
        template=first_paint.REST,
    )
    never_busy(shell)
    follow_the_browser(selection, shell)
    if look.on_phone():  # the menu lies on the page there
        menu.on_click(lambda _item: setattr(shell, "sidebar_open", False))
    pulse.each_second(selection.follow)
    leave_when_signed_out()
    return shell


def never_busy(shell: Page) -> None:
    """Let a page not be told whether the server is busy: each call would tell every browser twice.

    Nor may the server know the page for that: it would keep each one that was ever open.
    """
    with param.edit_constant(shell):
        shell.busy = False
    for watcher in list(pn.state.param.watchers["busy"]["value"]):
        if getattr(getattr(watcher.fn, "__self__", None), "self", None) is shell:
            pn.state.param.unwatch(watcher)


def menu_of(names: Sequence[str]) -> pmui.MenuList:
    """Build the menu, on the page that the address names."""
    icons = {name: about[0] for name, about in (*pages.PAGES.items(), *pages.DESK.items())}
    items = [{"label": name, "icon": icons[name]} for name in names]
    return pmui.MenuList(
        items=items, active=pages.asked_page(names, pn.state.session_args), sizing_mode="stretch_width"
    )


def who(visitor: Visitor, selection: Selection) -> pn.pane.HTML:
    """Return who is signed in, and the way out."""
    token = f'<input type="hidden" name="_xsrf" value="{look.safe(auth.pages_xsrf())}">'
    out = f'<form method="post" action="/logout">{token}<button type="submit">Sign out</button></form>'
    named = f'<p><b>{look.safe(visitor.name)}</b><br><span class="quiet">{visitor.role}</span></p>'

    def shown(dark: bool) -> str:
        return look.block(f'{named}<p><a href="/account">Your account</a></p>{out}', dark, "who")

    return look.pane(pn.bind(shown, selection.param.dark))


def leave_when_signed_out() -> None:
    """Reload a page whose session has ended: the server then leads to the login."""

    def check() -> None:
        if auth.has_ended() and pn.state.location:
            pn.state.location.reload = True

    pulse.each_second(check)


def follow_the_browser(selection: Selection, shell: Page) -> None:
    """Take the theme and the time zone from the browser."""
    shell.param.watch(lambda event: selection.param.update(dark=event.new), "dark_theme")
    browser = pn.state.browser_info
    if browser is None:
        return
    selection.zone = browser.timezone or selection.zone
    browser.param.watch(lambda event: selection.param.update(zone=event.new or selection.zone), "timezone")


class Body:
    """What stands beside the menu: title, choices, notes, and the chosen page."""

    def __init__(self, selection: Selection, menu: pmui.MenuList, names: Sequence[str], visitor: Visitor):
        self._selection, self._menu, self._names, self._visitor = selection, menu, names, visitor
        self._title = pmui.Typography("", variant="h1", sx=TITLE, margin=(4, 0), align="center")
        self._chooses = pickers.pickers(selection)
        self._between = pn.Column(pickers.ends(selection), margin=0)
        self._takes, self._taking = take_away.row(visitor, selection, lambda: pages.slug(self.chosen()))
        self._place = pn.Column(sizing_mode="stretch_width")
        self._opened = False
        self._built: dict[str, pn.viewable.Viewable] = {}
        self._looks: dict[str, Shown] = {}
        menu.param.watch(self._show, "active")
        menu.param.watch(self._viewed, "active")
        selection.param.watch(self._show, "missing")
        selection.param.watch(self._tell, [*CHOICES, "others", "way"])
        self._show()
        self._viewed()
        selection.param.watch(self._chose, CHOICES)
        self.view = self._laid_out()

    def chosen(self) -> str:
        """Return the name of the page that is open."""
        active = self._menu.active
        return self._names[active if isinstance(active, int) else active[0]]

    def _laid_out(self) -> pn.Column:
        feedback = usage.feedback_box(self._visitor, lambda: pages.slug(self.chosen()), lambda: self._selection.dark)
        head = pmui.FlexBox(
            self._title, *self._chooses, align_items="center", gap="4px 20px", sizing_mode="stretch_width"
        )
        sample = look.pane(pn.bind(sampled.note, self._selection.param.view))
        reading = look.pane(pn.bind(self._reads, self._selection.param.reading))
        return pn.Column(
            *(
                notice(self._selection),
                alerts.strip(self._selection),
                head,
                self._between,
                self._takes,
                sample,
                reading,
                self._place,
                feedback,
                Keys(width=0, height=0, margin=0),
            ),
            sizing_mode="stretch_width",
            max_width=1240,
            margin=(8, 16),
            styles={"max-height": "none"},  # else it ends with the window, and what is below a long page lies on it
        )

    def _reads(self, reading: int) -> str:
        words = f'<p class="quiet" role="status">{look.READING}</p>'
        return look.block(words, self._selection.dark, "reading") if reading else ""

    def _show(self, *_: object) -> None:
        name = self._title.object = self.chosen()
        self._tell()
        self._taking()
        for part in (*self._chooses, self._between):
            part.visible = name in pages.PAGES
        self._open(name)

    def _open(self, name: str) -> None:
        """Show a page; what it asks for when it is new is read ahead, except for the first one, which must be there."""
        selection = self._selection

        def show() -> None:
            if name == self.chosen():  # else another one was chosen meanwhile
                self._place[:] = [self._page(name)]

        def waiting(waits: bool) -> None:
            if waits:
                self._place[:] = []
            selection.wait(waits)

        if self._opened and name in pages.READ and name not in self._built and selection.view:
            ahead.then(functools.partial(pages.READ[name], selection, selection.view), show, waiting)
        else:
            show()
        self._opened = True

    def _page(self, name: str) -> pn.viewable.Viewable:
        selection = self._selection
        if name in pages.PAGES and selection.missing:
            return look.pane(look.block(look.empty("Nothing to show yet", selection.missing), selection.dark))
        for page, of in self._looks.items():
            of.look(page == name)
        if name not in self._built and name in pages.PAGES:
            self._looks[name] = Shown(selection, pages.READ[name])
            answering = (self._visitor,) if name in pages.PERSONAL else ()
            self._built[name] = pages.PAGES[name][1](self._looks[name], *answering)
        elif name not in self._built:
            self._built[name] = pages.DESK[name][2](selection, self._visitor)
        return self._built[name]

    def _tell(self, *_: object) -> None:
        tell_address(pages.slug(self.chosen()), self._selection)

    def _viewed(self, *_: object) -> None:
        page = pages.slug(self.chosen())
        ahead.later(lambda: usage.note(self._visitor, "view", page=page))

    def _chose(self, *events: param.parameterized.Event) -> None:
        for name in [event.name for event in events]:
            ahead.later(functools.partial(usage.note, self._visitor, "choice", what=name))


def tell_address(page: str, selection: Selection) -> None:
    """Keep the browser's address such that it leads somebody else to what is shown."""
    if pn.state.location:
        pn.state.location.search = f"?{urlencode(address.chosen(page, selection))}"


def notice(selection: Selection) -> pn.pane.HTML:
    """Return the banner that says so when people on the pages were invented, as soon as there are such people."""

    def banner(dark: bool) -> str:
        return look.block(look.SYNTHETIC, dark, "notice")

    pane = look.pane(pn.bind(banner, selection.param.dark))
    pane.visible = False

    def tell(*_: object) -> None:
        version = selection.view.version if selection.view else 0
        pane.visible = pane.visible or bool(data.frame(queries.synthetic(), version)["synthetic"][0])

    selection.param.watch(tell, "view")
    tell()
    return pane


def serve(settings: Settings, port: int) -> pn.io.server.Server:
    """Return a server of the app, not yet started, on the address of the settings.

    Raises:
        SchemaError: the database has another schema than this version.
        ConfigError: a setting would open the door wider than somebody means.
    """
    pn.extension(raw_css=[FONT_FACE])
    hv.extension("bokeh")
    hv.opts.defaults(hv.opts.Overlay(hooks=[look.unlined]))
    hv.renderer("bokeh").webgl = False  # without a graphics card it takes seconds to draw what a canvas does at once
    lean_bokeh.install()
    first_paint.install()
    prompt.install()
    db.check(data.engine())
    accounts = auth.Accounts(data.engine(), settings, port, door.PAGES)
    server: pn.io.server.Server = pn.serve(
        {"/": dashboard},
        address=settings.app_address,
        port=port,
        extra_patterns=[door.STYLE, *health.PAGES],
        **accounts.options(),
        static_dirs={"fonts": str(FONTS)},
        title="TwitterTalker",
        start=False,
        show=False,
        verbose=False,
    )
    accounts.keep_sweeping()
    threading.Thread(
        target=ahead.keep_ready, args=(pages.READY, threading.Event()), name="keep ready", daemon=True
    ).start()
    return server
