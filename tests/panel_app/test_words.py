"""The clouds: words stay inside, a point finds its word, a word finds its tweets."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import Author, Term, Trend, Tweet
from panel_app import words
from panel_app.selection import ALL, APART, COMMON, Selection

TERMS = pd.DataFrame({"term": ["delayed", "refund", "#fail", "rude"], "tweets": [90, 40, 12, 3]})


@given(st.lists(st.tuples(st.text("abcdefgh#é", min_size=1, max_size=9), st.integers(1, 10**6)), max_size=15))
@settings(max_examples=15, deadline=None)
def test_every_word_stays_inside_the_cloud(terms):
    frame = pd.DataFrame(dict(terms).items(), columns=["term", "tweets"])
    boxes = words.cloud(frame)[["x0", "y0", "x1", "y1"]].values.tolist()

    assert all(-1 <= x0 <= x1 <= words.WIDTH + 1 for x0, _, x1, _ in boxes)
    assert all(-1 <= y0 <= y1 <= words.HEIGHT + 1 for _, y0, _, y1 in boxes)


def test_a_cloud_keeps_still_while_its_counts_grow_a_little():
    more = TERMS.assign(tweets=[91, 40, 12, 3])
    before, after = words.cloud(TERMS), words.cloud(more)

    assert before.drop(columns="count").equals(after.drop(columns="count"))
    assert dict(zip(after["word"], after["count"], strict=True))["delayed"] == 91


def test_a_point_finds_the_word_around_it():
    placed = words.cloud(TERMS)
    box = placed[placed["word"] == "refund"].iloc[0]

    assert words.word_at(placed, (box["x0"] + box["x1"]) / 2, (box["y0"] + box["y1"]) / 2) == "refund"
    assert words.word_at(placed, -5, -5) is None


def test_a_small_word_in_the_corner_of_a_large_one_is_the_one_meant():
    boxes = pd.DataFrame({"word": ["large", "small"], "x0": [0, 2], "x1": [9, 3], "y0": [0, 2], "y1": [9, 3]})

    assert words.word_at(boxes, 2.5, 2.5) == "small"


def test_an_empty_cloud_can_be_drawn():
    assert len(words.plot(TERMS.iloc[:0], label=1).renderers) == 2


def test_a_chosen_word_lists_its_tweets_of_the_chosen_mood(keyword, put, tweet_row, author_row):
    keyword("nike")
    put(Author, author_row(1))
    put(Term, {"keyword_id": 1, "hour": tweet_row()["created_at"], "label": 1, "term": "late", "tweets": 2})
    put(Tweet, tweet_row(1, text="late again", label=1), tweet_row(2, text="so late", label=-1), tweet_row(3))
    selection = Selection(word="late")
    listed = words.page(selection)[-1]
    assert selection.mood == ALL
    assert listed.object.count("<article") == 2

    selection.mood = -1
    assert "so late" in listed.object
    assert listed.object.count("<article") == 1


@given(st.lists(st.tuples(st.text("aghij#é", min_size=1, max_size=12), st.integers(1, 10**4)), max_size=60))
@settings(max_examples=10, deadline=None)
def test_no_word_lies_on_another(terms):
    frame = pd.DataFrame(dict(terms).items(), columns=["term", "tweets"])
    boxes = words.cloud(frame)[["x0", "y0", "x1", "y1"]].values.tolist()

    for number, (x0, y0, x1, y1) in enumerate(boxes):
        assert not any(x0 < c and a < x1 and y0 < d and b < y1 for a, b, c, d in boxes[:number])


def test_the_clouds_show_what_sets_a_mood_apart_or_the_commonest_words_and_so_does_the_table(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    counts = {("shoe", 1): 300, ("shoe", -1): 487, ("great", 1): 80, ("late", -1): 70, ("<b>", -1): 60}
    hour = {"keyword_id": 1, "hour": tweet_row()["created_at"]}
    put(Term, *(hour | {"label": label, "term": term, "tweets": n} for (term, label), n in counts.items()))
    minute = {"keyword_id": 1, "minute": hour["hour"], "voices": 1, "sentiment_sum": 0, "sentiment_square_sum": 0}
    put(Trend, minute | {"label": 1, "tweets": 320}, minute | {"label": -1, "tweets": 400})
    selection = Selection()

    assert words.shown(selection.view, 1, APART)["term"].tolist() == ["great"]
    assert words.shown(selection.view, -1, APART)["term"].tolist() == ["late", "<b>"]
    assert words.shown(selection.view, 1, COMMON)["term"].tolist() == ["shoe", "great"]
    told = words.twin(selection.view, APART)
    assert "<td>great</td><td>80</td><td>25.0 %</td>" in told
    assert "n = 400 tweets" in told
    assert "&lt;b&gt;" in told
