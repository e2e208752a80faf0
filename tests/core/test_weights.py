"""Curves that turn counts into points, and the file they are kept in."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import ConfigError
from core.weights import CRITERIA, Curve, Weights, load, of_version, trained

CURVE = Curve(at=(1.0, 2.0, 4.0), points=(0.0, 10.0, 14.0))


def saved(path, *weights):
    path.write_text(
        json.dumps({"default": weights[0].method, "methods": {one.method: one.written() for one in weights}})
    )
    return path


@pytest.mark.parametrize(("z", "points"), [(0, 0), (1, 0), (1.5, 5), (2, 10), (3, 12), (4, 14), (9, 14)])
def test_points_lie_straight_between_knots_and_flat_outside(z, points):
    assert math.isclose(CURVE.of(math.expm1(z)), points, abs_tol=1e-9)


def test_weights_that_score_differently_have_different_versions():
    steeper = Curve(CURVE.at, (0.0, 11.0, 14.0))

    assert Weights.of("a", {"x": CURVE}).version == Weights.of("a", {"x": CURVE}).version
    assert Weights.of("a", {"x": CURVE}).version != Weights.of("a", {"x": steeper}).version


def test_what_is_written_is_what_is_loaded_by_default_and_by_name(tmp_path):
    first, second = Weights.of("first", {"x": CURVE}), Weights.of("second", {"x": Curve((0.0, 1.0), (0.0, 100.0))})
    path = saved(tmp_path / "weights.json", first, second)

    assert [load("", path), load("first", path), load("second", path)] == [first, first, second]


def test_a_method_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = saved(tmp_path / "weights.json", Weights.of("first", {"x": CURVE}))

    with pytest.raises(ConfigError, match="TALKER_WEIGHTS_METHOD='magic' is not a method; there are first"):
        load("magic", path)


@pytest.mark.parametrize("method", trained()["methods"])
def test_of_each_method_in_the_product_every_criterion_has_a_curve_and_all_give_100(method):
    weights = load(method)

    assert tuple(weights.curves) == CRITERIA
    assert math.isclose(sum(curve.full for curve in weights.curves.values()), 100, abs_tol=1e-4)
    assert weights.version == Weights.of(method, weights.curves).version


@pytest.mark.parametrize("method", trained()["methods"])
@given(name=st.sampled_from(CRITERIA), count=st.floats(0, 1e12), more=st.floats(0, 1e12))
def test_of_each_method_in_the_product_no_curve_ever_falls(method, name, count, more):
    curve = load(method).curves[name]

    assert 0 <= curve.of(count) <= curve.of(count + more) + 1e-9 <= curve.full + 1e-8


def test_weights_are_found_by_their_version_if_they_are_still_kept(tmp_path):
    first, second = Weights.of("first", {"x": CURVE}), Weights.of("second", {"x": Curve((0.0, 1.0), (0.0, 100.0))})
    path = saved(tmp_path / "weights.json", first, second)

    assert of_version(second.version, path) == second
    assert of_version("older", path) is None
    assert of_version(None, path) is None
