"""Which words of a text are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.terms import LONGEST, MOST, terms


def test_words_and_hashtags_are_counted_once_and_casefolded():
    assert terms("Shoes SHOES shoes #Running #running Straße", "en", "nike") == ["shoes", "#running", "strasse"]


def test_links_handles_stop_words_numbers_and_single_letters_are_left_out():
    text = "RT @nobody: I don't think it's the 1st of 2026, x https://example.com/path?q=word you're I’ll amp 3.5 #7"

    assert terms(text, "en", "nike") == ["think", "1st"]


@pytest.mark.parametrize(
    "form", ["friday feeling", "Friday Feeling's", "#FridayFeeling", "@fridayfeeling", "friday-feeling"]
)
def test_the_keyword_is_left_out_in_every_form(form):
    assert terms(f"best {form} playlist", "en", "Friday Feeling") == ["best", "playlist"]


def test_words_beside_and_around_the_keyword_stay():
    assert terms("friday unitedness #unitedairlines united", "en", "united") == [
        "friday",
        "unitedness",
        "#unitedairlines",
    ]


def test_possessives_fold_onto_their_word():
    assert terms("shop's shop’s shop", "en", "nike") == ["shop"]


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("la nueva tienda es muy buena", "es", ["nueva", "tienda", "buena"]),
        ("das neue Geschäft ist sehr schön", "de", ["neue", "geschäft", "schön"]),
        ("C'est la nouvelle boutique de l'année", "fr", ["nouvelle", "boutique", "l'année"]),
        ("это новый магазин", "ru", ["новый", "магазин"]),
        ("हिन्दी में नया जूता", "hi", ["हिन्दी", "नया", "जूता"]),
        ("هذا مَتجر جديد", "ar", ["مَتجر", "جديد"]),
    ],
)
def test_other_languages_lose_their_commonest_words(text, lang, expected):
    assert terms(text, lang, "nike") == expected


def test_of_scripts_without_spaces_only_hashtags_count():
    text = "新しい靴を買いました nike \uff03プレゼント企画 #靴 sneaker รองเท้าใหม่"

    assert terms(text, "ja", "nike") == ["#プレゼント企画", "#靴", "sneaker"]


def test_a_language_nobody_listed_loses_the_english_ones():
    assert terms("the kedai baharu", None, "nike") == ["kedai", "baharu"]


def test_a_tweet_has_a_bounded_number_of_terms_of_bounded_length():
    assert len(terms(" ".join(f"word{'x' * n}" for n in range(50)), "en", "nike")) == MOST
    assert terms("y" * (LONGEST + 1), "en", "nike") == []


@given(st.text(), st.sampled_from(["en", "ja", None]), st.text(max_size=10))
def test_any_text_gives_distinct_casefolded_terms(text, lang, keyword):
    found = terms(text, lang, keyword)

    assert len(set(found)) == len(found) <= MOST
    for term in found:
        assert 1 < len(term) <= LONGEST
        assert not any(map(str.isspace, term))
        assert terms(term, lang, "") in ([term], [])
