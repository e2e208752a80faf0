"""`python -m bench.hello`: the least that a page of Panel can be, served the same way: what the app is measured by."""

from __future__ import annotations

import json
import sys

import panel as pn
from bokeh.plotting import figure
from panel_material_ui.template.base import Page

from panel_app.__main__ import free_port


def hello() -> Page:
    """Return a page with a word and a plot."""
    plot = figure(height=260, sizing_mode="stretch_width")
    plot.line([0, 1, 2], [0, 1, 0])
    return Page(title="hello", main=[pn.pane.HTML("<b id='hello'>hello</b>"), pn.pane.Bokeh(plot)])


if __name__ == "__main__":
    port = free_port("127.0.0.1")
    server = pn.serve({"/": hello}, address="127.0.0.1", port=port, start=False, show=False, verbose=False)
    server.start()
    sys.stdout.write(json.dumps({"app": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    server.io_loop.start()
