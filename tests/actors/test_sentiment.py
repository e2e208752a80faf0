"""What a text about a keyword sounds like, whatever the keyword's own words are worth."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import correlation

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from actors.sentiment import Analyzer, label, score, scored

# What VADER's rules look at: valued words, capitals, boosters, negations, "but", "least", emoticons and punctuation.
VADER_MINDS = ["good", "BAD", "love", "HATE", "very", "not", "no", "never", "but", "at", "least", "kind", "of", "so"]
VADER_MINDS += ["the", "lost", "bag", "!", "??", ":)", "\U0001f620", "https://example.com/good"]
words = st.lists(st.sampled_from(VADER_MINDS), max_size=6).map(" ".join)
forms = st.sampled_from(["{}", "@{}", "#{}", "{}'s", "{}’s", "({})", "{}!", "{}, {}"])
cases = st.sampled_from([str.lower, str.upper, str.title])


@given(words, forms, cases, words, st.sampled_from(["united", "love", "sucks", "not", "but", "very", "hell"]))
def test_exchanging_a_keyword_for_a_nonsense_word_never_changes_the_score(before, form, case, after, keyword):
    def about(name: str) -> str:
        return f"{before} {form.format(case(name), case(name))} {after}".replace(keyword, name)

    assert score(about(keyword), keyword) == score(about("xqzzy"), "xqzzy")


@given(words, st.sampled_from(["{} {}", "{}-{}", "{}{}", "#{}{}", "@{}_{}"]), cases, words)
def test_a_phrase_counts_as_one_nonsense_word_in_every_spelling(before, form, case, after):
    text = f"{before} {case(form.format('friday', 'feeling'))} {after}"

    assert score(text, "Friday Feeling") == score(f"{before} {case('xqzzy')} {after}", "xqzzy")


@pytest.mark.parametrize("text", ["{} GREAT FLIGHT", "{} great flight", "GREAT flight with {}", "not so bad, {}!"])
def test_a_keyword_in_capitals_shouts_as_any_word_would(text):
    raw = SentimentIntensityAnalyzer().polarity_scores

    assert score(text.format("UNITED"), "united") == raw(text.format("XQZZY"))["compound"]
    assert score(text.format("United"), "united") == raw(text.format("Xqzzy"))["compound"]


def test_a_handle_is_worth_nothing():
    assert score("@united lost my bag", "united") == score("@zzz lost my bag", "united")
    assert score("@happy_lovely lost my bag", "united") == score("@zzz lost my bag", "united")
    assert score("@HAPPY lost MY good bag", "united") == score("@ZZZ lost MY good bag", "united")


@pytest.mark.parametrize(
    "text",
    [
        "I flew United from Chicago to Denver on Tuesday.",
        "@united from which terminal are the evening flights?",
        "UNITED flight 12 boards at gate B7 #United",
        "United's new timetable starts in March https://example.com/great-news",
        "Changing from United to another airline in Houston",
        "united/united, two tickets, row 14",
    ],
)
def test_a_flat_sentence_about_united_is_neutral(text):
    assert score(text, "united") == 0.0
    assert label(score(text, "united")) == 0


def test_a_neutral_text_is_labelled_neutral_and_not_negative():
    assert label(score("The train leaves at nine.", "train")) == 0


def test_a_keyword_inside_a_longer_word_is_not_itself():
    assert score("such a lovely day", "love") == score("such a lovely day", "xqzzy") > 0


def test_an_apostrophe_in_a_keyword_may_be_typed_either_way_or_left_out():
    texts = ["Good father’s day", "Good father's day", "Good fathers day", "Good #FathersDay"]

    assert {score(text, "Father's Day") for text in texts} == {score("Good zzz", "zzz")}


@pytest.mark.parametrize("text", ["", "united", "@united https://example.com/love", "#United!", "@United @you..."])
def test_a_text_that_only_names_the_keyword_is_not_scored(text):
    assert score(text, "united") is None
    assert label(score(text, "united")) is None


def test_emoji_and_emoticons_alone_are_scored():
    assert score("@united \U0001f620", "united") < 0 < score("@united :)", "united")


@pytest.mark.parametrize("keyword", ["", "#", "  ", "a+(b", "[", "c++", "at&t", "\\"])
def test_any_text_can_be_a_keyword(keyword):
    assert score(f"good {keyword} day", keyword) > 0


@pytest.mark.parametrize(
    ("compound", "expected"), [(0.05, 1), (0.0499, 0), (0.0, 0), (-0.0499, 0), (-0.05, -1), (None, None)]
)
def test_the_bounds_of_a_label_are_vaders(compound, expected):
    assert label(compound) == expected


def test_only_english_is_scored():
    assert scored("en")
    assert not scored("de")
    assert not scored(None)


def test_scores_follow_human_ratings(test_data: Path):
    lines = (test_data / "sentiment/vader_ground_truth.tsv").read_text(encoding="utf-8").splitlines()
    ratings = [(float(rating), text) for _, rating, text in (line.split("\t") for line in lines)]

    assert correlation([rating for rating, _ in ratings], [score(text, "xqzzy") or 0 for _, text in ratings]) > 0.87


def test_leaving_out_the_airlines_name_costs_no_accuracy(test_data: Path):
    with (test_data / "sentiment/airline_dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    truth = [{"positive": 1, "neutral": 0, "negative": -1}[row["airline_sentiment"]] for row in rows]
    ours = [label(score(row["text"], row["airline"])) for row in rows]
    raw = SentimentIntensityAnalyzer().polarity_scores
    naive = [label(raw(row["text"])["compound"]) for row in rows]

    def right(labels: list[int | None]) -> float:
        return sum(map(int.__eq__, truth, labels)) / len(rows)

    assert right(ours) >= right(naive) > 0.57


OURS, VADERS = Analyzer(), SentimentIntensityAnalyzer()


PHRASES = [*VADER_MINDS, "kind of good", "to die for", "yeah right", "No", "GREAT"]


@given(st.lists(st.one_of(st.sampled_from(PHRASES), st.text()), max_size=12))
def test_looking_only_at_what_can_move_the_score_changes_no_score(parts):
    text = " ".join(parts)

    assert OURS.compound(text) == VADERS.polarity_scores(text)["compound"]
