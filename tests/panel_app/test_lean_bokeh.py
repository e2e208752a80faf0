"""With less bookkeeping of defaults a document is the same, and so is what is sent of it."""

from __future__ import annotations

import json

import panel_material_ui as pmui
import pytest
from bokeh.core.has_props import HasProps
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.core.serialization import Serializer
from bokeh.document import Document
from bokeh.model import util
from bokeh.models import Title
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
        for name in ("has_unstable_default", "_get_default"):
            monkeypatch.setattr(PropertyDescriptor, name, PropertyDescriptor.__dict__[name])
        monkeypatch.setattr(util, "visit_immediate_value_references", util.visit_immediate_value_references)
        monkeypatch.setattr(Serializer, "_encoders", dict(Serializer._encoders))
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


def test_a_page_holds_the_same_models_and_so_it_does_when_one_has_changed(lean):
    def held():
        page = built()
        before = {one.id for one in page.models}
        page.roots[0].children[0].title.text = "another"
        page.roots[0].children[0].title = Title(text="a third")
        return before, {one.id for one in page.models}

    before = held()
    lean()

    assert held() == before
    assert before[0] != before[1]


def test_a_class_of_models_is_told_to_each_browser_alike(lean):
    def told():
        return [json.dumps(built().to_json().content["defs"], default=str) for _ in range(2)]

    before = told()
    lean()

    assert told() == before
    assert "panel" in before[0]


def test_every_default_is_what_bokeh_says(lean):
    models = [*built().models]
    before = [one.properties_with_values(include_undefined=True) for one in models]
    lean()

    assert [one.properties_with_values(include_undefined=True) for one in models] == before
