"""X's query syntax: where a query goes wrong, and what it matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.syntax import QueryError, parsed, seen

WRONG = [
    ("", 1, "missing"),
    ("   ", 4, "missing"),
    ("nike OR", 8, "missing"),
    ("nike OR OR puma", 9, "missing"),
    ("OR nike", 1, "missing"),
    ("nike ()", 7, "missing"),
    ("(nike OR puma", 1, "no closing"),
    ("nike (puma (adidas)", 6, "no closing"),
    ("nike)", 5, "no opening"),
    ('nike "just do it', 6, "no partner"),
    ("nike - puma", 6, "minus"),
    ("nike --puma", 6, "minus"),
    ("nike -", 6, "minus"),
    ("nike -(puma OR adidas)", 6, "group cannot be negated"),
    ("nike is:nullcast", 6, "only be negated"),
    ("nike -sample:10", 7, "cannot be negated"),
    ('nike -embedding:"shoes"', 7, "cannot be negated"),
    ("nike sample:0", 6, "does not take '0'"),
    ("nike sample:101", 6, "does not take"),
    ("nike is:funny", 6, "does not take 'funny'"),
    ("nike lang:english", 6, "does not take"),
    ("nike lang: en", 6, "needs a value"),
    ("nike colour:red", 6, "no operator 'colour'"),
    ("nike https://x.com", 6, "no operator 'https'"),
    ("nike and puma", 6, "'and' as a word"),
    ("nike or puma", 6, "'or' as a word"),
    ("nike # puma", 6, "no #tag"),
    ("nike @", 6, "no #tag"),
    ("nike !!!", 6, "no word"),
    ('nike "..."', 6, "no word"),
    ('"nike shoes"~7', 1, "1 to 6"),
    ('"nike shoes"~', 1, "1 to 6"),
    ('"nike"~2', 1, "two words"),
    ("lang:en", 1, "too much"),
    ("-nike", 2, "too much"),
    ("nike OR has:links", 9, "too much"),
    ("nike OR (lang:en -puma)", 10, "too much"),
    ("go", 1, "too much"),
    ("nike " + "(" * 51 + "puma" + ")" * 51, 56, "50 deep"),
    ("x" * 1025, 1025, "1025 characters"),
]
RIGHT = [
    "nike",
    "nike puma OR adidas",
    "(nike OR puma) lang:en -is:retweet -is:nullcast",
    '"just do it" OR #justdoit OR @nike OR $nke',
    '"BP"',
    "go nike",
    '"nike shoes"~6',
    "from:nike OR to:@nike OR retweets_of:123",
    'bio:"data engineer" OR bio_location:nyc OR place:"new york city"',
    'url:"https://developer.x.com" OR url_contains:photos',
    "point_radius:[2.355128 48.861118 16km] OR bounding_box:[-105.301758 39.964069 -105.178505 40.09455]",
    "nike followers_count:1000..10000 min_followers:5 place_country:GB sample:15 has:images",
    'context:47.* entity:"Michael Jordan" conversation_id:1334987486343299072',
    'embedding:"climate change policy" embedding_threshold:0.4',
    "(😃 OR 😡) 😬",
    "日本 OR 東京 lang:zh-CN",
    "coca-cola rock'n'roll AT&T",
    "x" * 1024,
]


@pytest.mark.parametrize(("query", "column", "why"), WRONG)
def test_a_query_that_x_would_refuse_is_told_with_its_column(query, column, why):
    with pytest.raises(QueryError) as refused:
        parsed(query)

    assert why in refused.value.why
    assert refused.value.column == column


@pytest.mark.parametrize("query", RIGHT)
def test_a_query_that_x_takes_is_taken(query):
    assert parsed(query).stands_alone()


def test_the_error_marks_the_place_in_one_line():
    with pytest.raises(QueryError) as refused:
        parsed("nike (puma")

    assert str(refused.value) == "An opening parenthesis has no closing one. Column 6 of the query: nike ▶(puma"


@given(st.text(alphabet='ab "()-:#@OR~1é日', max_size=40))
def test_any_text_is_a_query_or_refused_at_a_place_inside_it(text):
    try:
        parsed(text).matches(seen(["a b"]))
        column = 1
    except QueryError as refused:
        column = refused.column
    assert 1 <= column <= len(text) + 1


MATCHES = [
    ("nike", "I love NIKE!", True),
    ("nike", "nikes", False),
    ("nike", "https://x.com/nike", False),
    ("nike", "#nike", True),
    ("#nike", "nike", False),
    ("#nike", "#nikeair", False),
    ("café", "cafe", False),
    ('"just do it"', "Just, do IT", True),
    ('"just do it"', "do it just", False),
    ('"father\'s day"', "Father’s Day", True),
    ('"nike shoes"~2', "shoes by nike", True),
    ('"nike shoes"~1', "shoes by nike", False),
    ('"nike shoes"~3', "nike nike nike", False),
    ("nike OR puma adidas", "puma", False),
    ("(nike OR puma) -adidas", "puma adidas", False),
    ("😃", "hi 😃😃", True),
    ("nike bio:runner", "nike", None),
    ("nike bio:runner", "puma", False),
    ("nike OR bio:runner", "nike", True),
    ("nike -bio:runner", "nike", None),
    ("東京", "東京都", None),
    ("東京", "大阪", False),
]


@pytest.mark.parametrize(("query", "text", "found"), MATCHES)
def test_a_query_matches_words_tags_and_what_only_x_knows_is_unknown(query, text, found):
    assert parsed(query).matches(seen([text])) is found


def test_what_else_is_known_of_a_tweet_is_matched_too():
    tweet = seen(["hello"], ["from:Ann", "from:7", "lang:en", "is:reply"])

    for query in ("from:@ann", "from:7 lang:EN", "hello is:reply -is:retweet", "hello -is:nullcast"):
        assert parsed(query).matches(tweet) is True
    assert parsed("hello is:quote").matches(tweet) is False


def test_only_what_we_can_judge_is_exact():
    assert parsed("nike (from:ann OR #b) -is:retweet has:links lang:en").exact()
    assert not any(parsed(query).exact() for query in ("nike bio:x", "nike -has:media", "nike sample:5", "東京"))
