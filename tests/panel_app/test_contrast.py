"""What sets a mood's words apart, checked against the formula written out and against what must hold."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from panel_app import contrast

COUNTS = pd.DataFrame(
    {
        "term": ["late", "shoe", "great", "rare"],
        "positive": [5.0, 400.0, 150.0, 1.0],
        "negative": [90.0, 200.0, 4.0, 0.0],
        "all_positive": [4000.0] * 4,
        "all_negative": [2000.0] * 4,
    }
)


def test_a_score_is_that_of_monroe_and_others():
    background = 500 * (150 + 4) / (4000 + 2000)
    ours, theirs = 150 + background, 4 + background
    delta = math.log(ours / (4500 - ours)) - math.log(theirs / (2500 - theirs))
    found = contrast.z_scores(COUNTS["positive"], COUNTS["negative"], 4000, 2000)

    assert found[2] == pytest.approx(delta / math.sqrt(1 / ours + 1 / theirs))


def test_a_word_that_all_use_alike_is_no_contrast_however_common_nor_is_a_rare_one():
    assert contrast.apart(COUNTS, "positive", ["negative"])["term"].tolist() == ["great"]
    assert contrast.apart(COUNTS, "negative", ["positive"])["term"].tolist() == ["late"]


def test_what_is_more_ours_is_as_much_less_theirs():
    ours = contrast.z_scores(COUNTS["positive"], COUNTS["negative"], 4000, 2000)
    theirs = contrast.z_scores(COUNTS["negative"], COUNTS["positive"], 2000, 4000)

    assert ours.tolist() == pytest.approx((-theirs).tolist())


def test_no_words_have_no_contrast():
    assert contrast.apart(COUNTS.iloc[:0], "positive", ["negative"]).empty
