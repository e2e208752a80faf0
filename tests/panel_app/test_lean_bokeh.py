"""With less bookkeeping of defaults a document is the same, and so is what is sent of it."""

from __future__ import annotations

import json

import panel_material_ui as pmui
import pytest
from bokeh.core.has_props import HasProps
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.core.serialization import Serializer
from bokeh.document import Document
from bokeh.themes import Theme
from bokeh.util import serialization

from panel_app import lean_bokeh, look, patterns, trend

REPLACED = ("_overridden_defaults", "themed_values", "query_properties_with_values")


@pytest.fixture
def lean(monkeypatch):
    """Let Bokeh work as the app tells it to, and as before when the test is over."""

    def install():
        for name in REPLACED:
            monkeypatch.setattr(HasProps, name, HasProps.__dict__[name])
        monkeypatch.setattr(PropertyDescriptor, "has_unstable_default", PropertyDescriptor.has_unstable_default)
        lean_bokeh.install()

    return install


def built():
    """Build a page with plots, widgets and text, under a theme; its ids count from the same number each time."""
    serialization._simple_id = 999
    page = Document()
    page.theme = Theme(json={"attrs": {"Axis": {"axis_line_color": "#123456"}}})
    for made in (trend.Plot().whole, patterns.Plot().whole):
        page.add_root(made)
    widgets = (pmui.Select(options=["a", "b"], label="One"), pmui.Button(label="Two"), look.pane("<b>three</b>"))
    for widget in widgets:
        page.add_root(widget.get_root(page))
    return page


def test_a_document_is_the_same_and_so_is_the_second_look_at_it(lean):
    before = [json.dumps(Serializer().encode(page.to_json()), default=str) for page in [built()] for _ in range(2)]
    lean()
    after = [json.dumps(Serializer().encode(page.to_json()), default=str) for page in [built()] for _ in range(2)]

    assert "#123456" in before[0]
    assert after == before


def test_every_default_is_what_bokeh_says(lean):
    models = [*built().models]
    before = [one.properties_with_values(include_undefined=True) for one in models]
    lean()

    assert [one.properties_with_values(include_undefined=True) for one in models] == before
