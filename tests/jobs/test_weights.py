"""The influence weights: learnt the same way each time, better than a single count, never turned round."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from core.weights import CRITERIA, FILE, load
from jobs import weights
from jobs.pairs import read

counts = st.integers(0, 100) | st.integers(0, 10**12)
people = st.fixed_dictionaries({name: counts | st.none() for name in CRITERIA})


def frame(person):
    return pd.DataFrame([person], columns=list(CRITERIA), dtype=float)


@pytest.fixture(scope="module")
def steps():
    """How many fits the training has told of."""
    return []


@pytest.fixture(scope="module")
def trained(pairs_file, steps):
    return train(pairs_file, step=lambda: steps.append(1))


def train(path, **given):
    return weights.train(path, seeds=1, repeats=2, **given)


def test_training_twice_gives_the_same_file_with_the_day_of_the_first(pairs_file, trained, tmp_path):
    file = tmp_path / "kept.json"
    weights.save({**trained, "trained": {**trained["trained"], "day": "2026-01-01"}}, file)
    once = file.read_bytes()
    weights.save(train(pairs_file, day="2026-01-02"), file)

    assert file.read_bytes() == once
    assert json.loads(once)["trained"]["day"] == "2026-01-01"


def test_other_weights_replace_those_that_were_kept(trained, tmp_path):
    file = tmp_path / "kept.json"
    weights.save({**trained, "default": "other"}, file)
    weights.save(trained, file)

    assert json.loads(file.read_text())["default"] == trained["default"]


def test_what_is_saved_is_loaded_by_either_name(trained, tmp_path):
    weights.save(trained, tmp_path / "kept.json")

    for name, method in trained["methods"].items():
        assert load(name, tmp_path / "kept.json").written().items() <= method.items()


def test_the_better_method_on_unseen_people_is_the_default(trained):
    found = trained["auc_on_unseen_people"]["tenths"]

    assert found[trained["default"]]["auc"] == max(found[name]["auc"] for name in trained["methods"])


def test_an_interval_lies_around_what_the_repeats_found(trained):
    for method in trained["methods"].values():
        assert all(0 < method["low"][name] <= method["high"][name] < 100 for name in CRITERIA)
        assert sum(method["low"].values()) < 100 < sum(method["high"].values())


def test_progress_is_told_at_every_fit(trained, steps):
    assert trained["trained"]["seeds"] == 1
    assert len(steps) == weights.steps(seeds=1, repeats=2)


def test_the_weights_in_use_say_where_they_come_from():
    kept = json.loads(FILE.read_text())

    assert kept["trained"].keys() >= {"data_sha256", "pairs", "people", "criteria", "seeds", "libraries", "day"}
    for found in kept["auc_on_unseen_people"].values():
        assert found.keys() >= {"additive", "forest", "followers", "listed"}


def test_the_weights_in_use_outdo_any_single_count_on_people_not_seen_as_far_as_is_promised():
    kept = json.loads(FILE.read_text())
    found = kept["auc_on_unseen_people"]["tenths"]

    assert found[kept["default"]]["auc"] >= 0.85
    assert found[kept["default"]]["ahead"] >= 0.005


def test_on_real_people_not_seen_the_default_outdoes_followers_and_listed(test_data):
    kept = json.loads(FILE.read_text())
    found = weights.unseen(read(test_data / "influence" / "pairs_dev.csv"), parts=5, seeds=2).mean()

    assert found[kept["default"]] >= max(0.85, found["followers"] + 0.005, found["listed"] + 0.005)


@pytest.mark.parametrize("method", ["", "additive", "forest"])
def test_evaluation_uses_the_weights_in_force_and_every_pair(pairs_file, method):
    found = weights.evaluate(pairs_file, method)

    assert found["pairs"] == len(read(pairs_file))
    assert found["default"] == {"method": load(method).method, **found[load(method).method]}
    assert found["listed"]["auc"] > found["followers"]["auc"]


def test_evaluation_ranks_by_the_score_itself(pairs_file):
    pairs = read(pairs_file)
    both = [pd.Series([sum(load().curves[name].of(row[name]) for name in CRITERIA) for _, row in side.iterrows()])
            for side in (pairs.a, pairs.b)]  # fmt: skip

    assert weights.evaluate(pairs_file)["default"]["auc"] == round(roc_auc_score(pairs.chosen, both[0] - both[1]), 4)


@given(people, st.sampled_from(CRITERIA), counts)
def test_more_of_anything_never_lowers_the_score(person, name, more):
    person = {**person, name: person[name] or 0}
    before, after = (weights.score(frame(p), load())[0] for p in (person, {**person, name: person[name] + more}))

    assert after >= before


@settings(max_examples=40)
@given(people)
def test_a_score_lies_between_0_and_100_and_is_the_sum_of_its_parts(person):
    parts = weights.parts(frame(person), load()).iloc[0]
    score = weights.score(frame(person), load())[0]

    if all(count is None for count in person.values()):
        assert math.isnan(score)
    else:
        assert 0 <= score <= 100 + 1e-9
        assert math.isclose(score, parts.sum())


def test_an_unknown_count_is_left_out_and_not_taken_for_0():
    full = {name: math.expm1(curve.at[-1]) for name, curve in load().curves.items()}

    assert math.isclose(weights.score(frame({**full, "listed_count": None}), load())[0], 100)
    assert weights.score(frame({**full, "listed_count": 0}), load())[0] < 80


def test_small_middling_and_giant_accounts_lie_well_apart():
    columns = ["followers_count", "listed_count", "tweet_count", "engagement", "mentions"]
    rows = [(100, 1, 2_000, 1, 0), (10_000, 150, 20_000, 60, 20), (10_000_000, 20_000, 50_000, 5_000, 2_000)]
    small, middling, giant = weights.score(pd.DataFrame(rows, columns=columns), load())

    assert 0 < small < middling - 15
    assert middling + 15 < giant < 100


@pytest.mark.parametrize("name", CRITERIA)
def test_even_a_giant_who_gains_rises(name):
    giant = {"followers_count": 5e7, "listed_count": 5e5, "tweet_count": 5e5, "engagement": 5e5, "mentions": 5e5}
    before, after = (weights.score(frame(one), load())[0] for one in (giant, {**giant, name: 1.5 * giant[name]}))

    assert after > before + 0.01
