"""What an open page does every second."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

MILLISECONDS = 1000


def each_second(act: Callable[[], None]) -> None:
    """Call a function every second for as long as the page is open that is being built now.

    Straight by Bokeh: Panel would count each call as work, and tell every open page of the process that it is busy.
    """
    if pn.state.curdoc:
        pn.state.curdoc.add_periodic_callback(act, MILLISECONDS)
