"""What somebody does is answered at once: neither Panel nor TCP waits for more, and nothing is tidied up first.

A message of Bokeh's goes out as several small writes. TCP keeps the second back until the first is acknowledged, which
the other side puts off for 40 ms (Nagle's algorithm and delayed acknowledgements: RFC 896, RFC 1122 4.2.3.2).
"""

from __future__ import annotations

import gc
import time
from typing import Any

from bokeh.server.urls import per_app_patterns
from panel.io import document
from panel.io.server import WSHandler
from panel.reactive import Syncable
from tornado.ioloop import IOLoop

TIDY = 300  # seconds between two searches for what pages that were left hold: .3 s for fifty that are open
DEBOUNCE = 5  # milliseconds that a change waits for others of the same part; Panel's own are 50


def install() -> None:
    """Answer at once from now on, in this process."""
    Syncable._debounce = DEBOUNCE
    document._garbage_collect = Broom().left
    take_the_place_of(WSHandler, Socket)


class Broom:
    """Lets go of pages that were left, seldom: to look for them Python looks through all others, and answers nobody.

    Panel would do so after each page, and Python by itself whenever pages hold a quarter more than they did.
    """

    def __init__(self) -> None:
        self._swept = float("-inf")
        self._waits = False

    def left(self) -> None:
        """Note, on the server's loop, that a page was left."""
        if not self._waits:
            self._waits = True
            IOLoop.current().call_later(max(0, self._swept + TIDY - time.monotonic()), self.sweep)

    def sweep(self) -> None:
        """Look through everything; what stays is not looked through by Python until the next time."""
        self._waits, self._swept = False, time.monotonic()
        gc.unfreeze()
        gc.collect()
        gc.freeze()


class Socket(WSHandler):
    """A browser's connection, on which every word goes out as it is said."""

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Take the connection."""
        self.set_nodelay(True)
        super().open(*args, **kwargs)


def take_the_place_of(kind: type, ours: type) -> None:
    """Let a class of ours answer from now on where one of Bokeh's or Panel's would: they are taken from a list."""
    at = next(number for number, (_, known, *_) in enumerate(per_app_patterns) if known is kind)
    per_app_patterns[at] = (per_app_patterns[at][0], ours)
