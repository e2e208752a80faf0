"""What somebody does is answered at once: neither Panel nor TCP waits for more, and nothing is tidied up first.

A message of Bokeh's goes out as several small writes. TCP keeps the second back until the first is acknowledged, which
the other side puts off for 40 ms (Nagle's algorithm and delayed acknowledgements: RFC 896, RFC 1122 4.2.3.2).
"""

from __future__ import annotations

from typing import Any

from bokeh.server.urls import per_app_patterns
from panel.io import document
from panel.io.server import WSHandler
from panel.reactive import Syncable

TIDY = 60  # seconds after a page was left until Python looks through what all others hold: .3 s for fifty
DEBOUNCE = 5  # milliseconds that a change waits for others of the same part; Panel's own are 50


def install() -> None:
    """Answer at once from now on, in this process."""
    Syncable._debounce = DEBOUNCE
    document.GC_DEBOUNCE = TIDY
    take_the_place_of(WSHandler, Socket)


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
