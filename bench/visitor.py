"""A browser's side of the app without the drawing: it signs in, opens a page, clicks, and hears what follows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from secrets import token_hex
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import orjson
import requests
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

QUIET = 1.0  # seconds without a word after which everything that follows from a click has been said
PATIENCE = 60.0  # seconds after which nobody waits any longer
TOKEN = re.compile(r'"token":"([^"]+)"')
MOST = 64 << 20  # bytes of a message


def signed_in(app: str, email: str, password: str) -> str:
    """Log in by the form; returns the cookies that a browser would send from then on."""
    guest = requests.Session()
    guest.get(f"{app}/login").raise_for_status()
    form = {"_xsrf": guest.cookies["_xsrf"], "email": email, "password": password}
    guest.post(f"{app}/login", data=form, allow_redirects=False).raise_for_status()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in guest.cookies)


class Visitor:
    """One open page.

    `parts` are the widgets that it was told of last, by kind and label (or first option): the id of what holds their
    value. `figures` are the plots that came last.
    """

    def __init__(self, socket: WebSocketClientConnection):
        self._socket = socket
        self._heard = 0.0
        self._changed: set[str] = set()
        self._clocks: set[str] = set()
        self._reading, self._reader = False, ""
        self.parts: dict[tuple[str, str], str] = {}
        self.figures: list[str] = []
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, app: str, cookies: str, **address: str) -> Visitor:
        """Open a page as a browser does: the document over HTTP, then what is on it over a websocket."""
        page = HTTPRequest(f"{app}/?{urlencode(address)}", headers={"Cookie": cookies}, request_timeout=PATIENCE)
        token = TOKEN.search((await AsyncHTTPClient().fetch(page)).body.decode())
        assert token, "the page has no token: nobody is signed in"
        headers = {"Cookie": cookies, "Origin": app}
        request = HTTPRequest(f"{app.replace('http', 'ws', 1)}/ws", headers=headers, connect_timeout=PATIENCE)
        socket = await websocket_connect(request, subprotocols=["bokeh", token[1]], max_message_size=MOST)
        line: Any = socket.protocol
        line.stream.set_nodelay(True)  # as browsers do
        visitor = cls(socket)
        await visitor._receive()  # the server's greeting
        await visitor._send("PULL-DOC-REQ", {})
        while (await visitor._receive())[0] != "PULL-DOC-REPLY":
            pass
        visitor._listening = asyncio.create_task(visitor._listen())
        await visitor._send("PATCH-DOC", {"events": [happened("document_ready", [])]})  # Panel waits for it
        return visitor

    async def act(self, event: dict[str, Any], sign: str) -> float:
        """Do what a click does; returns the seconds until the last of what follows from it was heard.

        `sign` names what is changed in any case, and late: before it nobody is done. Where it never comes, these are
        PATIENCE.
        """
        began = perf_counter()
        self._heard, self._changed = 0.0, set()
        await self._send("PATCH-DOC", {"events": [event]})
        while sign not in self._changed or self._reading or perf_counter() - self._heard < QUIET:
            if perf_counter() - began > PATIENCE:
                return PATIENCE
            await asyncio.sleep(QUIET / 20)
        return self._heard - began

    async def close(self) -> None:
        """Close the page."""
        if self._listening:
            self._listening.cancel()
        self._socket.close()

    async def _listen(self) -> None:
        while True:
            await self._receive()

    async def _send(self, kind: str, content: dict[str, Any]) -> None:
        for part in ({"msgid": token_hex(8), "msgtype": kind}, {}, content):
            await self._socket.write_message(orjson.dumps(part).decode())

    async def _receive(self) -> tuple[str, Any]:
        """Take in one message; returns its kind and its content."""
        header = orjson.loads(await self._part())
        await self._part()
        content = orjson.loads(await self._part())
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._part()
        arrived = perf_counter()  # what we then do with it is no work of the app
        kind = header["msgtype"]
        if kind in ("PATCH-DOC", "PULL-DOC-REPLY"):
            self._take(content)
        if kind == "PATCH-DOC" and not all(target(event) in self._clocks for event in content["events"]):
            self._heard = arrived
            self._changed |= {event.get("attr", "") for event in content["events"]}
            self._wait(content["events"])
        return kind, content

    def _wait(self, events: list[dict[str, Any]]) -> None:
        """Note whether the page says that it reads: until it does no more, nothing is there."""
        for event in events:
            text = str(event.get("new", ""))
            if "talker" in text[:40] and "reading" in text[:60]:
                self._reader = target(event)
                self._reading = True
            elif self._reading and target(event) == self._reader and event.get("attr") == "text":
                self._reading = False

    async def _part(self) -> str | bytes:
        part = await self._socket.read_message()
        if part is None:
            raise ConnectionError("the app has closed a page")
        return part

    def _take(self, content: Any) -> None:
        """Note what a message tells of widgets, plots and the clock, which ticks by itself."""
        figures = []
        for model in models(content):
            values = model.get("attributes", {})
            if model["name"] == "Figure":
                figures.append(model["id"])
            elif "talker" in str(values.get("text", ""))[:40] and "clock" in values["text"][:60]:
                self._clocks.add(model["id"])
            elif isinstance(values.get("data"), dict) and "id" in values["data"]:
                inner = values["data"].get("attributes", {})
                options = inner.get("options") or [""]
                self.parts[values.get("class_name", ""), inner.get("label") or str(options[0])] = values["data"]["id"]
        self.figures = figures or self.figures


def target(event: dict[str, Any]) -> str:
    """Return the id of what an event changes."""
    return str((event.get("model") or {}).get("id", ""))


def models(content: Any) -> Iterator[dict[str, Any]]:
    """Yield every model that a message brings, outer ones first."""
    if isinstance(content, list):
        for one in content:
            yield from models(one)
    elif isinstance(content, dict):
        if content.get("type") == "object" and "id" in content:
            yield content
        for one in content.values():
            yield from models(one)


def changed(part: str, name: str, value: object) -> dict[str, Any]:
    """Return the event of a widget whose value was changed."""
    return {"kind": "ModelChanged", "model": {"id": part}, "attr": name, "new": value}


def brushed(figure: str, start: float, end: float) -> dict[str, Any]:
    """Return the event of a window that was drawn on a plot, in milliseconds."""
    geometry = {"type": "rect", "x0": start, "x1": end, "y0": 0, "y1": 1, "sx0": 0, "sx1": 1, "sy0": 0, "sy1": 1}
    values = [["model", {"id": figure}], ["geometry", mapped(geometry)], ["final", True]]
    return happened("selectiongeometry", values)


def happened(name: str, values: list[Any]) -> dict[str, Any]:
    """Return an event of Bokeh's own."""
    told = {"type": "event", "name": name, "values": {"type": "map", "entries": values}}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": told}


def mapped(values: dict[str, Any]) -> dict[str, Any]:
    """Return a dictionary as Bokeh writes one."""
    return {"type": "map", "entries": [list(one) for one in values.items()]}
