"""What somebody sees of a page before its scripts run: the frame at once, then what the server alone can draw of it.

The document goes out in three parts, each as soon as it is known: the frame, what is read from Postgres, and, once the
page is built, Panel's own, which takes the place of both when it is drawn.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bokeh.document import Document as BokehDocument
from bokeh.embed.bundle import Bundle
from bokeh.embed.util import RenderItem
from bokeh.server.tornado import BokehTornado
from panel.io.resources import LOCAL_DIST, Resources, bundle_resources, patch_model_css
from panel.io.server import DocHandler, html_page_for_render_items
from tornado.ioloop import IOLoop

from core import queries
from core.accounts import Visitor
from panel_app import address, auth, look, pages, prompt
from panel_app.selection import RANGES, Selection, View

HERE = Path(__file__).parent
STYLE = (HERE / "first_paint.css").read_text()
SCRIPT = (HERE / "first_paint.js").read_text()
REST = HERE / "html" / "page.html"  # the template of the last part: Panel's roots, and what brings them to life
ZONE = "zone"  # the cookie in which our script keeps the browser's time zone: Panel hears of it when a page is drawn

log = logging.getLogger(__name__)


def install() -> None:
    """Let pages go out in parts."""
    prompt.take_the_place_of(DocHandler, Document)


class Document(DocHandler):
    """Answers with a page, in parts."""

    async def get(self, *args: object, **kwargs: object) -> None:
        """Send all three parts; to strangers nothing but the way to the door."""
        if isinstance(self.current_user, Visitor):
            zone = self.get_cookie(ZONE, "UTC")
            self.request.zone = zone  # type: ignore[attr-defined]
            await self._paint(self.current_user, zone)
            session = await self.get_session()  # type: ignore[misc]
            self.write(built(session.document, session.token))
        else:
            super().get(*args, **kwargs)  # leads to the door, and is done

    def get_template_path(self) -> str:
        """Return where our templates lie."""
        return str(HERE / "html")

    async def _paint(self, visitor: Visitor, zone: str) -> None:
        names, args = pages.pages_for(visitor), self.request.arguments
        name = names[pages.asked_page(names, args)]
        dark = look.wants_dark(self.request.headers)
        choices = address.asked(args) | {"dark": dark, "zone": zone}
        self.set_header("Cache-Control", "no-store")
        links = {one: link(one, args) for one in names}
        css = (look.STYLE, STYLE)
        frame = {"name": name, "links": links, "dark": dark, "phone": look.on_phone(self.request.headers), "css": css}
        self.write(self.render_string("first_paint.html", **frame))
        self.flush()
        drawn = await IOLoop.current().run_in_executor(None, functools.partial(still, name, choices))
        scripts, styles = bundled(self.application)
        self.write(self.render_string("still.html", drawn=drawn, scripts=scripts, styles=styles, script=SCRIPT))
        self.flush()


@functools.cache
def bundled(application: BokehTornado) -> Bundle:
    """Return the tags of Bokeh's and Panel's scripts and style sheets, which are the same for every page."""
    found: Bundle = bundle_resources(None, Resources.from_bokeh(application.resources()))
    return found


def built(document: BokehDocument, token: str) -> str:
    """Return the last part of a page that is built."""
    document.template_variables["dist_url"] = LOCAL_DIST  # where what comes later finds its style sheets: here
    for root in document.roots:
        patch_model_css(root, dist_url=LOCAL_DIST)
    item = RenderItem(token=token, roots=document.roots, use_for_title=False)
    return html_page_for_render_items(("", ""), {}, [item], document.title, document.template)


def link(name: str, args: Mapping[str, list[bytes]]) -> str:
    """Return the address of another page on the same choices."""
    given = [(key, value) for key, values in args.items() if key != "page" for value in values]
    return f"?{urlencode([('page', pages.slug(name)), *given])}"


def zone() -> str:
    """Return the time zone of the browser that a page is made for now, as it was when it last had a page."""
    return str(getattr(auth.request(), ZONE, "UTC"))


def still(name: str, choices: Mapping[str, Any]) -> str:
    """Return what the server can draw of a page; what goes wrong here the page itself will tell."""
    try:
        selection = Selection(**choices)
        if name not in pages.PAGES or not selection.view:
            return ""
        drawn = pages.STILL.get(name)
        body = drawn(selection.view) if drawn else f'<p class="quiet" role="status">{look.READING}</p>'
        return chosen(selection) + notice(selection.view) + body
    except Exception:
        log.exception("A page is not drawn ahead of itself")
        return ""


def notice(view: View) -> str:
    """Return that people on the page were invented, where there are such."""
    synthetic = view.read(queries.synthetic())["synthetic"][0]
    return look.block(look.SYNTHETIC, view.dark, "notice") if synthetic else ""


def chosen(selection: Selection) -> str:
    """Return what a page is chosen by, as it will stand there."""
    hours = "".join(
        f"<span{' class=on' if hours == selection.hours else ''}>{name}</span>"
        for name, hours in (*RANGES.items(), ("Custom", 0))
    )
    keyword = f'<span class="keyword"><small>Keyword</small>{look.safe(selection.keyword)}</span>'
    return f'<div class="chosen">{keyword}<span class="hours">{hours}</span></div>'
