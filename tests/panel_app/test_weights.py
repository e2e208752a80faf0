"""The weights in words and as a plot."""

import re
from html.parser import HTMLParser

import holoviews as hv
import pytest
from bokeh.models import GlyphRenderer, Whisker

from core.weights import CRITERIA, load, trained
from panel_app import weights
from panel_app.selection import Selection


class Asked(HTMLParser):
    """Collects what a page would ask for."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


METHODS = list(trained()["methods"])


@pytest.mark.parametrize("method", METHODS)
def test_the_plot_has_a_bar_with_its_interval_for_every_criterion(method):
    frame = weights.shares(trained(), method)
    reach, resonance, spans = weights.plot(frame).values()
    curves = load(method).curves

    assert [*reach["points"], *resonance["points"]] == [curves[name].full for name in CRITERIA]
    assert all(name.startswith("Reach: ") for name in reach["criterion"])
    assert all(name.startswith("Resonance: ") for name in resonance["criterion"])
    assert list(spans["criterion"]) == list(frame["criterion"])
    assert (spans["below"] + spans["above"] > 0).all()


def test_an_interval_is_seen_whole_above_its_bar_and_resonance_is_hatched():
    drawn = hv.render(weights.plot(weights.shares(trained(), METHODS[0])))
    bars = {
        one.data_source.data["criterion"][0].split(":")[0]: one.glyph.hatch_pattern
        for one in drawn.select({"type": GlyphRenderer})
    }

    assert [whisker.level for whisker in drawn.select({"type": Whisker})] == ["overlay"]
    assert bars == {"Reach": None, "Resonance": "/"}


def test_the_plot_is_drawn_from_nothing_but_its_frame():
    frame = weights.shares(trained(), METHODS[0]).assign(points=[5, 4, 3, 2, 1])
    reach, resonance, _ = weights.plot(frame).values()

    assert [*reach["points"], *resonance["points"]] == [5, 4, 3, 2, 1]


def test_the_plot_has_a_table_that_says_the_same():
    frame = weights.shares(trained(), METHODS[0]).head(1).assign(points=40.0, below=3.0, above=2.0)

    assert "<td>40.0</td><td>37.0</td><td>42.0</td>" in weights.twin(frame)


@pytest.mark.parametrize("method", METHODS)
def test_the_words_tell_figures_limits_and_version(method):
    kept = trained()
    words = weights.provenance(kept, method)
    found = kept["auc_on_unseen_people"]["tenths"]

    for told in (
        "likes",
        "any keyword",
        "Kaggle / PeerIndex",
        load(method).version,
        f"{kept['trained']['pairs']:,} pairs",
    ):
        assert told in words
    for way in (method, "followers", "listed"):
        assert f"{found[way]['auc']:.3f}" in words


def test_the_table_tells_the_points_of_some_counts():
    told = re.search(r"<td>followers</td><td>([\d.]+)</td><td>([\d.]+)</td>", weights.points(load()))
    curve = load().curves["followers_count"]

    assert [float(value) for value in told.groups()] == [round(curve.of(10), 1), round(curve.of(1000), 1)]


def test_the_page_explains_the_method_that_the_settings_choose(door, monkeypatch):
    assert load().version in weights.page(Selection())[1].object

    monkeypatch.setenv("TALKER_WEIGHTS_METHOD", "forest")
    assert load("forest").version in weights.page(Selection())[1].object


def test_the_file_shows_every_method_and_asks_nothing_of_anybody(tmp_path):
    weights.write(trained(), tmp_path / "plot.html")
    page = (tmp_path / "plot.html").read_text()

    for method in METHODS:
        assert weights.METHODS[method] in page
    asked = Asked()
    asked.feed(page)
    assert asked.addresses == []
