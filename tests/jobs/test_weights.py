"""The influence weights: learnt the same way each time, better than a single count, never turned round."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.weights import CRITERIA, FILE, load
from jobs import weights

counts = st.integers(0, 10**9)
people = st.fixed_dictionaries({name: counts | st.none() for name in CRITERIA})


def frame(person):
    return pd.DataFrame([person], columns=list(CRITERIA), dtype=float)


@pytest.fixture(scope="module")
def pairs_file(tmp_path_factory):
    """Pairs of made-up people, of whom the one listed more often is mostly the more influential."""
    random = np.random.default_rng(1)
    people = np.expm1(random.normal(5, 2, size=(120, len(CRITERIA))).clip(0))
    a, b = random.integers(0, len(people), (2, 600))
    listed = np.log1p(people[:, 1])
    pairs = pd.DataFrame({"Choice": (listed[a] - listed[b] + random.normal(0, 0.5, 600) > 0).astype(int)})
    for side, rows in (("A", a), ("B", b)):
        for place, column in enumerate(weights.COLUMNS.values()):
            pairs[f"{side}_{column}"] = people[rows, place]
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    pd.concat([pairs, pairs[:50]]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(pairs_file):
    return weights.train(pairs_file)


def test_training_twice_gives_the_same_file_with_the_day_of_the_first(pairs_file, trained, tmp_path):
    file = tmp_path / "kept.json"
    weights.save({**trained, "trained": {**trained["trained"], "day": "2026-01-01"}}, file)
    once = file.read_bytes()
    weights.save(weights.train(pairs_file, day="2026-01-02"), file)

    assert file.read_bytes() == once
    assert json.loads(once)["trained"]["day"] == "2026-01-01"


def test_other_weights_replace_those_that_were_kept(trained, tmp_path):
    file = tmp_path / "kept.json"
    weights.save({**trained, "default": "other"}, file)
    weights.save(trained, file)

    assert json.loads(file.read_text())["default"] == trained["default"]


def test_the_criterion_that_decides_gives_most_and_all_together_give_100(trained):
    for method in trained["methods"].values():
        most = {name: curve["points"][-1] for name, curve in method["curves"].items()}
        assert max(most, key=most.get) == "listed_count"
        assert math.isclose(sum(most.values()), 100, abs_tol=1e-5)


def test_a_pair_given_twice_counts_once(pairs_file):
    given_pairs = pd.read_csv(pairs_file)

    assert len(weights.read_pairs(pairs_file)) == len(given_pairs) - given_pairs.duplicated().sum() < len(given_pairs)


def test_no_person_is_on_both_sides_of_a_split(pairs_file):
    seen, unseen = weights.halves(weights.read_pairs(pairs_file), seed=3)
    who = [{tuple(row) for side in "AB" for row in weights.people(half, side).to_numpy()} for half in (seen, unseen)]

    assert who[0]
    assert who[1]
    assert not who[0] & who[1]


def test_a_file_that_is_not_of_pairs_is_named(tmp_path):
    (tmp_path / "other.csv").write_text("Choice,A_posts\n1,2\n")

    with pytest.raises(weights.PairsError, match="no column A_follower_count"):
        weights.train(tmp_path / "other.csv")
    with pytest.raises(weights.PairsError, match=r"missing\.csv"):
        weights.train(tmp_path / "missing.csv")


def test_the_weights_in_use_say_where_they_come_from():
    kept = json.loads(FILE.read_text())

    assert kept["trained"].keys() >= {"data_sha256", "pairs", "criteria", "seeds", "libraries"}
    assert kept["auc_on_unseen_people"].keys() == {"forest", "followers", "listed"}


def test_on_real_pairs_the_score_beats_followers_and_listed_alone(test_data):
    found = weights.evaluate(test_data / "influence" / "pairs_dev.csv")

    assert found["default"]["auc"] > max(found["followers"]["auc"], found["listed"]["auc"]) > 0.8


def test_evaluation_uses_the_weights_in_force_and_every_pair(pairs_file):
    found = weights.evaluate(pairs_file)

    assert found["pairs"] == len(weights.read_pairs(pairs_file))
    assert found["default"] == {"method": load().method, **found[load().method]}
    assert found["listed"]["auc"] > found["followers"]["auc"]


@given(people, st.sampled_from(CRITERIA), counts)
def test_more_of_anything_never_lowers_the_score(person, name, more):
    person = {**person, name: person[name] or 0}
    before, after = (weights.score(frame(p), load())[0] for p in (person, {**person, name: person[name] + more}))

    assert after >= before


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
