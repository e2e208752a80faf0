"""Both methods find what decides; no curve falls, even where the pairs would have it so."""

import math

import numpy as np
import pandas as pd
import pytest

from core.weights import CRITERIA
from jobs import methods, pairs


@pytest.fixture(scope="module")
def read(pairs_file):
    return pairs.read(pairs_file)


@pytest.fixture(scope="module", params=methods.METHODS)
def learnt(request, read):
    return methods.METHODS[request.param](read, np.ones(len(read)), 0)


def slopes(curve):
    return np.diff(curve.points) / np.diff(curve.at)


def test_the_criterion_that_decides_gives_most_and_all_together_give_100(learnt):
    most = {name: curve.full for name, curve in learnt.curves.items()}

    assert max(most, key=most.get) == "listed_count"
    assert math.isclose(sum(most.values()), 100, abs_tol=1e-4)


def test_no_curve_falls_though_the_pairs_speak_against_followers(learnt):
    assert tuple(learnt.curves) == CRITERIA
    for curve in learnt.curves.values():
        assert (slopes(curve) > 0).all()


def test_every_curve_goes_on_rising_up_to_its_stated_reference(learnt):
    assert {name: curve.at[-1] for name, curve in learnt.curves.items()} == {
        name: round(math.log1p(count), 6) for name, count in methods.REFERENCES.items()
    }


def test_an_additive_curve_bends_down_only(read):
    """Here only who is on very many lists is chosen: a free curve would bend up."""
    listed = np.log1p(read.a["listed_count"]), np.log1p(read.b["listed_count"])
    giants = pairs.Pairs(read.a, read.b, read.who, (listed[0].clip(6) > listed[1].clip(6)).to_numpy(float))
    for curve in methods.additive(giants, np.ones(len(read)), 0).curves.values():
        assert (np.diff(slopes(curve)) < 1e-4).all()


def test_to_exchange_a_and_b_changes_no_additive_curve(read):
    turned = pairs.Pairs(read.b, read.a, read.who[:, ::-1], 1 - read.chosen)
    one, other = (methods.additive(way, np.ones(len(read)), 0).curves for way in (read, turned))

    for name in CRITERIA:
        assert one[name].points == pytest.approx(other[name].points, abs=0.01)


def test_a_pair_of_double_weight_counts_as_two(read):
    some = np.arange(len(read)) % 3 == 0
    twice = np.concatenate([np.arange(len(read)), np.flatnonzero(some)])
    doubled = pairs.Pairs(
        pd.concat([read.a, read.a[some]]), pd.concat([read.b, read.b[some]]), read.who[twice], read.chosen[twice]
    )
    weighed = methods.additive(read, np.where(some, 2.0, 1.0), 0).curves

    for name, curve in methods.additive(doubled, np.ones(len(doubled)), 0).curves.items():
        assert curve.points == pytest.approx(weighed[name].points, abs=0.01)


def test_retweets_and_mentions_share_a_curve_because_the_pairs_cannot_tell_them_apart(read):
    curves = methods.additive(read, np.ones(len(read)), 0).curves

    assert curves["engagement"] == curves["mentions"]
