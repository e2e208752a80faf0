"""Nothing waits whether more will follow."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import weakref
from concurrent.futures import ThreadPoolExecutor

import panel as pn
import pytest
from bokeh.server.urls import per_app_patterns
from panel.io import document
from panel.reactive import Syncable
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from panel_app import prompt


@pytest.fixture
def opened(monkeypatch):
    """Whether what is said goes out at once, of each connection to pages of this process, which answers promptly."""
    before, found = per_app_patterns.copy(), []
    monkeypatch.setattr(Syncable, "_debounce", Syncable._debounce)
    monkeypatch.setattr(document, "_garbage_collect", document._garbage_collect)
    prompt.install()
    (path, ours), at = next((one[:2], number) for number, one in enumerate(per_app_patterns) if "ws" in one[0])

    class Seen(ours):
        def open(self, *args, **kwargs):
            super().open(*args, **kwargs)
            line = self.ws_connection.stream.socket
            found.append(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    per_app_patterns[at] = (path, Seen)
    yield found
    per_app_patterns[:] = before


async def opens_a_page():
    """Open a page as a browser does."""
    port = {"address": "127.0.0.1", "port": 0, "start": False, "show": False, "verbose": False}
    server = pn.serve({"/": lambda: pn.pane.HTML("hello")}, **port)
    server.start()
    address = f"127.0.0.1:{server.port}"
    page = await AsyncHTTPClient().fetch(f"http://{address}/")
    token = re.search(r'"token":"([^"]+)"', page.body.decode())[1]
    request = HTTPRequest(f"ws://{address}/ws", headers={"Origin": f"http://{address}"})
    connection = await websocket_connect(request, subprotocols=["bokeh", token])
    await connection.read_message()
    connection.close()
    server.stop()


def test_every_word_of_a_connection_goes_out_as_it_is_said(opened):
    with ThreadPoolExecutor(1) as beside:  # a browser of other tests may have a loop in this thread
        beside.submit(asyncio.run, opens_a_page()).result()

    assert opened == [1]
    assert Syncable._debounce == prompt.DEBOUNCE  # and no change waits long for others


class Page:
    """What holds itself."""

    def __init__(self):
        self.me = self


def test_pages_that_were_left_are_let_go_of_once_in_a_while():
    broom = prompt.Broom()

    async def leave():
        page = weakref.ref(Page())
        broom.left()
        await asyncio.sleep(0.1)
        return page() is None

    gc.disable()
    try:
        with ThreadPoolExecutor(1) as beside:
            gone = [beside.submit(asyncio.run, leave()).result() for _ in range(2)]
    finally:
        gc.enable()
        gc.unfreeze()

    assert gone == [True, False]  # the first at once, the next when it is time again
