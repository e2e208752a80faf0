"""Labelled pairs: each once, people told apart, nobody on both sides of a split."""

import numpy as np
import pandas as pd
import pytest

from jobs import pairs


def rows_of(half):
    return {tuple(row) for side in (half.a, half.b) for row in side.to_numpy()}


def test_a_pair_given_twice_counts_once(pairs_file):
    given = pd.read_csv(pairs_file)

    assert len(pairs.read(pairs_file)) == len(given) - given.duplicated().sum() < len(given)


def test_people_bear_the_names_of_x_and_posts_become_a_total(pairs_file):
    first, table = pairs.read(pairs_file), pd.read_csv(pairs_file)

    assert first.a["followers_count"][0] == table["A_follower_count"][0]
    assert first.b["tweet_count"][0] == pairs.DAYS * table["B_posts"][0]


def test_everyone_is_there_once(pairs_file):
    read = pairs.read(pairs_file)

    assert rows_of(read) == {tuple(row) for row in read.everyone.to_numpy()}
    assert len(read.everyone) == len(rows_of(read)) == len(np.unique(read.who))


@pytest.mark.parametrize("parts", [2, 5])
def test_no_person_is_on_both_sides_of_a_split(pairs_file, parts):
    read = pairs.read(pairs_file)
    tested = []
    for seen, unseen in pairs.splits(read, parts, seed=3):
        assert seen.any()
        assert unseen.any()
        assert not rows_of(read.of(seen)) & rows_of(read.of(unseen))
        tested.append(unseen)

    assert (np.sum(tested, axis=0) <= 1).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.drop(columns="A_posts"), "no column A_posts"),
        (lambda table: table.replace({"A_posts": {table["A_posts"][0]: None}}), "A_posts has a value that is not"),
        (lambda table: table.assign(B_listed_count=-1), "B_listed_count has a value that is not a count"),
        (lambda table: table.assign(B_listed_count="many"), "B_listed_count has a value that is not a count"),
        (lambda table: table.assign(Choice=1), "both must occur"),
        (lambda table: table.assign(Choice=table["Choice"] + 1), "Choice must be 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(pairs_file, tmp_path, change, told):
    change(pd.read_csv(pairs_file)).to_csv(tmp_path / "other.csv", index=False)

    with pytest.raises(pairs.PairsError, match=told):
        pairs.read(tmp_path / "other.csv")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(pairs.PairsError, match=r"missing\.csv"):
        pairs.read(tmp_path / "missing.csv")
