"""Payloads in every form that X sends, and in forms that it should not."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.parse import Malformed, Message, clean_text, document, messages, subject, tags_of, tweets_in
from core.models import Author, Tweet

RENAMED = {
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "referenced_tweets": "referenced_posts",
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "tweets": "posts",
}


def user(id: str = "7", **fields: Any) -> dict[str, Any]:
    counts = {"followers_count": 5, "following_count": 4, "tweet_count": 3, "listed_count": 2}
    return {"id": id, "username": f"user{id}", "name": f"User {id}", "public_metrics": counts} | fields


def tweet(id: str = "2000000000000000001", **fields: Any) -> dict[str, Any]:
    counts = {"retweet_count": 1, "like_count": 2, "reply_count": 3, "quote_count": 4}
    made = {"id": id, "author_id": "7", "created_at": "2026-06-19T12:00:00.000Z", "text": "hello", "lang": "en"}
    return made | {"conversation_id": id, "public_metrics": counts} | fields


def stream(data: dict[str, Any], tweets: Any = (), users: Any = (), **fields: Any) -> bytes:
    """A v2 stream message."""
    rules = [{"id": "1", "tag": "nike"}]
    includes = {"users": list(users), "tweets": list(tweets)}
    return json.dumps({"data": data, "includes": includes, "matching_rules": rules} | fields).encode()


def only(payload: bytes) -> Message:
    (message,), problems = messages(payload)
    assert problems == []
    return message


def references(**to: str) -> dict[str, Any]:
    return {"referenced_tweets": [{"type": relation, "id": id} for relation, id in to.items()]}


def renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {RENAMED.get(key, key): renamed(one) for key, one in value.items()}
    return [renamed(one) for one in value] if isinstance(value, list) else value


def status(**fields: Any) -> dict[str, Any]:
    """A v1.1 tweet."""
    writer = {"id": 7, "screen_name": "user7", "name": "User 7", "verified": False, "friends_count": 4}
    writer |= {"followers_count": 5, "statuses_count": 3, "listed_count": 2, "profile_image_url_https": "https://a/b"}
    made = {"id": 2000000000000000001, "user": writer, "text": "hello", "created_at": "Fri Jun 19 12:00:00 +0000 2026"}
    return made | {"lang": "en", "retweet_count": 1, "favorite_count": 2} | fields


def test_the_accounts_that_a_tweet_mentions_are_known_but_a_retweet_mentions_nobody():
    mentions = [
        {"id": "5", "username": "a"},
        {"id": "6", "username": "b"},
        {"id": "5", "username": "a"},
        {"username": "c"},
    ]
    addressed = tweet(entities={"mentions": mentions})
    retweet = tweet(entities={"mentions": mentions}, referenced_tweets=[{"type": "retweeted", "id": "1"}])

    assert only(stream(addressed)).tweet["mentioned_ids"] == [5, 6]
    assert only(stream(retweet)).tweet["mentioned_ids"] == []


def test_a_stream_message_gives_the_rows_of_its_tweet_and_its_author():
    message = only(stream(tweet(), users=[user(location="Uppsala", created_at="2020-01-01T00:00:00Z", verified=True)]))

    noon = datetime(2026, 6, 19, 12, tzinfo=UTC)
    assert message.tags == {"nike"}
    assert message.searched == "hello"
    assert message.original is None
    assert message.tweet == {
        "id": 2000000000000000001,
        "author_id": 7,
        "created_at": noon,
        "kind": "original",
        "original_id": None,
        "conversation_id": 2000000000000000001,
        "text": "hello",
        "lang": "en",
        "mentioned_ids": [],
        "retweet_count": 1,
        "like_count": 2,
        "reply_count": 3,
        "quote_count": 4,
    }
    assert message.authors == [
        {
            "id": 7,
            "username": "user7",
            "name": "User 7",
            "location": "Uppsala",
            "verified": True,
            "profile_image_url": None,
            "created_at": datetime(2020, 1, 1, tzinfo=UTC),
            "followers_count": 5,
            "following_count": 4,
            "tweet_count": 3,
            "listed_count": 2,
            "synthetic": False,
            "seen_at": noon,
        }
    ]


def test_rows_have_columns_that_the_tables_have():
    message = only(stream(tweet(), users=[user()]))

    assert message.tweet.keys() <= set(Tweet.__table__.columns.keys())
    assert message.authors[0].keys() == set(Author.__table__.columns.keys()) - {"seq"}


@pytest.mark.parametrize(
    ("to", "kind", "original_id"),
    [
        ({}, "original", None),
        ({"replied_to": "3"}, "reply", 3),
        ({"replied_to": "3", "quoted": "4"}, "quote", 4),
        ({"replied_to": "3", "quoted": "4", "retweeted": "5"}, "retweet", 5),
    ],
)
def test_a_retweet_wins_over_a_quote_and_a_quote_over_a_reply(to, kind, original_id):
    read = only(stream(tweet(**references(**to)))).tweet

    assert (read["kind"], read["original_id"]) == (kind, original_id)


def test_a_retweets_counts_belong_to_its_original():
    original = tweet("1900000000000000001", author_id="8", text="the whole text")
    counts = {"retweet_count": 9, "like_count": 0, "reply_count": 0, "quote_count": 0}
    retweet = tweet(text="RT @user8: the who…", public_metrics=counts, **references(retweeted=original["id"]))

    message = only(stream(retweet, [original], [user(), user("8")]))

    assert [message.tweet[name] for name in counts] == [None] * 4
    assert [message.original[name] for name in counts] == [9, 2, 3, 4]
    assert message.tweet["text"] == "RT @user8: the who…"
    assert "the whole text" in message.searched
    assert [(author["id"], author["seen_at"]) for author in message.authors] == [
        (7, message.tweet["created_at"]),
        (8, message.tweet["created_at"]),
    ]


def test_an_original_whose_count_nobody_tells_has_none():
    original = tweet("1900000000000000001", public_metrics={})
    retweet = tweet(public_metrics={}, **references(retweeted=original["id"]))

    assert only(stream(retweet, [original])).original["retweet_count"] is None


def test_a_retweet_without_its_original_stands_alone():
    message = only(stream(tweet(**references(retweeted="1900000000000000001"))))

    assert message.original is None
    assert message.tweet["retweet_count"] is None


def test_a_retweet_whose_original_cannot_be_read_stands_alone():
    original = {"id": "1900000000000000001", "text": "by nobody"}
    message = only(stream(tweet(**references(retweeted=original["id"])), [original]))

    with pytest.raises(Malformed, match="tweet 1900000000000000001: author_id is missing or cannot be read"):
        message.original  # noqa: B018
    assert message.tweet["kind"] == "retweet"


def test_the_new_field_names_read_like_the_old():
    original = tweet("1900000000000000001", note_tweet={"text": "long"}, edit_history_tweet_ids=["1"])
    payload = stream(tweet(**references(retweeted=original["id"])), [original], [user()])
    old, new = only(payload), only(json.dumps(renamed(json.loads(payload))).encode())

    assert new == old
    assert (new.authors, new.searched, new.original) == (old.authors, old.searched, old.original)


def test_a_v1_tweet_reads_like_its_v2_message():
    old = only(json.dumps(status()).encode())
    new = only(stream(tweet(), users=[user(verified=False, profile_image_url="https://a/b")]))

    assert old.tags == set()
    assert old.tweet == new.tweet | {"conversation_id": None, "reply_count": None, "quote_count": None}
    assert old.authors == new.authors


def test_a_v1_retweet_carries_its_original_and_its_authors():
    original = status(id=1900000000000000001, retweet_count=12, extended_tweet={"full_text": "the whole text"})
    original["user"] = original["user"] | {"id": 8}
    message = only(json.dumps(status(text="RT", retweeted_status=original, quoted_status_id=3)).encode())

    assert (message.tweet["kind"], message.tweet["original_id"]) == ("retweet", 1900000000000000001)
    assert (message.original["retweet_count"], message.original["author_id"]) == (12, 8)
    assert message.original["text"] == "the whole text"
    assert [author["id"] for author in message.authors] == [7, 8]


def test_a_v1_quote_and_a_v1_reply_name_the_tweet_they_are_about():
    quote = only(json.dumps(status(quoted_status={"id": 5})).encode()).tweet
    reply = only(json.dumps(status(in_reply_to_status_id=6)).encode()).tweet

    assert (quote["kind"], quote["original_id"], reply["kind"], reply["original_id"]) == ("quote", 5, "reply", 6)


def test_the_full_text_of_a_long_tweet_is_taken():
    assert only(stream(tweet(note_tweet={"text": "all of it"}))).tweet["text"] == "all of it"
    assert only(json.dumps(status(full_text="all of it")).encode()).tweet["text"] == "all of it"


def test_a_rule_without_a_tag_gives_none():
    rules = [{"id": 1, "tag": None}, {"id": 2}, {"id": 3, "tag": ""}, {"id": 4, "tag": "puma"}]

    assert only(stream(tweet(), matching_rules=rules)).tags == {"puma"}


def test_a_missing_time_is_read_from_the_snowflake_id():
    read = only(stream(tweet("803959697686597632", created_at=None))).tweet

    assert read["created_at"] == datetime(2016, 11, 30, 13, 51, 43, 434000, tzinfo=UTC)


def test_a_page_keeps_its_good_tweets_and_reports_its_bad_ones():
    page = {"data": [tweet("11"), tweet("12", author_id=None), tweet("13")], "includes": {"users": [user()]}}

    found, problems = messages(json.dumps(page).encode())

    assert [(one.tweet["id"], one.tags) for one in found] == [(11, set()), (13, set())]
    assert problems == ["tweet 12: author_id is missing or cannot be read"]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"id": "0"},
        {"id": str(2**63)},
        {"id": True},
        {"id": "\u0663"},
        {"author_id": None},
        {"text": 5},
        {"id": "20", "created_at": None},
        {"id": "20", "created_at": "yesterday"},
    ],
)
def test_a_tweet_without_what_a_row_needs_is_malformed(spoilt):
    found, problems = messages(stream(tweet() | spoilt))

    assert (len(found), len(problems)) == (0, 1)


@pytest.mark.parametrize("wrong", [-1, 2**63, True, "many", 1.5, None, [1]])
def test_a_count_that_is_none_is_unknown(wrong):
    assert only(stream(tweet(public_metrics={"like_count": wrong}))).tweet["like_count"] is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\r\n",
        b"null",
        b"[]",
        b"7",
        b'{"errors":[{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect"}]}',
        b'{"title":"ConnectionException","connection_issue":"TooManyConnections"}',
        b'{"data":[{"start":"2021-10-16T18:00:00Z","end":"2021-10-16T19:00:00Z","tweet_count":3961}]}',
        b'{"id":"117","action":"delete","created_at":"2019-09-06T17:25:54.667Z","reason":"protected"}',
        b'{"data":{"delete":{"tweet":{"id":"117"}}}}',
        b'{"delete":{"status":{"id":117,"user_id":3}}}',
        b'{"data":[{"id":"7","name":"User 7","username":"user7"}]}',
    ],
)
def test_a_payload_without_tweets_is_neither_a_message_nor_a_fault(payload):
    assert messages(payload) == ([], [])
    assert tweets_in(document(payload)) == 0


def test_a_documents_tweets_and_tags_are_told_without_reading_them():
    page = {"data": [tweet("11"), tweet("12", author_id=None)]}

    assert (tweets_in(json.loads(stream(tweet()))), tweets_in(page), tweets_in(status())) == (1, 2, 1)
    assert (tags_of(json.loads(stream(tweet()))), tags_of(page)) == ({"nike"}, set())


def test_a_broken_line_is_malformed():
    (problem,) = messages(b'{"data": {"author_id": "1021159080151404544"')[1]

    assert problem.startswith("not JSON")
    with pytest.raises(Malformed):
        document(b"[" * 100_000)


def test_text_is_unescaped_once_and_made_fit_for_postgres():
    assert clean_text("a &lt;3 b &amp;amp; \0cafe\u0301 \ud83d") == "a <3 b &amp; caf\u00e9 \ufffd"
    assert only(stream(tweet(text="cut \ud83d\0"))).tweet["text"] == "cut \ufffd"


def test_what_is_made_up_is_marked():
    by_user = only(stream(tweet(), users=[user(synthetic=True)]))
    by_tweet = only(stream(tweet(synthetic=True), users=[user()]))

    assert by_user.authors[0]["synthetic"] is by_tweet.authors[0]["synthetic"] is True


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["id", "text"]), scalars)


@given(st.binary())
def test_no_bytes_raise(payload):
    found, problems = messages(payload)

    assert found == []  # bytes at random make no tweet
    assert all("not JSON" in one for one in problems)


@given(
    st.dictionaries(st.sampled_from(["id", "author_id", "created_at", "text", "lang", "public_metrics"]), anything),
    st.dictionaries(st.sampled_from(["name", "location", "created_at", "public_metrics", "synthetic"]), anything),
    st.dictionaries(st.sampled_from(["data", "includes", "matching_rules", "text", "user"]), anything, max_size=1),
)
def test_no_value_in_any_field_raises_or_makes_a_row_that_postgres_would_refuse(in_tweet, in_user, in_whole):
    retweet = tweet(**references(retweeted="2000000000000000001")) | in_tweet
    whole = json.loads(stream(retweet, [tweet() | in_tweet], [user() | in_user])) | in_whole

    found, _ = messages(json.dumps(whole).encode())

    for value in [value for one in found for row in (one.tweet, *one.authors) for value in row.values()]:
        assert not isinstance(value, int) or 0 <= value < 2**63
        assert not isinstance(value, str) or ("\0" not in value and value.encode() is not None)


@given(
    st.dictionaries(st.sampled_from(["id", "created_at", "text", "lang", "public_metrics", "entities"]), anything),
    st.dictionaries(st.sampled_from(["id", "name", "verified", "created_at", "public_metrics"]), anything),
    st.dictionaries(st.sampled_from(["includes", "matching_rules"]), anything, max_size=1),
)
def test_a_message_in_the_form_that_is_read_at_once_says_what_it_says_in_any_other(in_tweet, in_user, in_whole):
    retweet = tweet(**references(retweeted="2000000000000000001"))
    whole = json.loads(stream(retweet | in_tweet, [tweet() | in_tweet], [user() | in_user])) | in_whole
    spaced, at_once = json.dumps(whole).encode(), json.dumps(whole, separators=(",", ":")).encode()

    (one, problem), (other, other_problem) = messages(spaced), messages(at_once)

    assert (one, problem) == (other, other_problem)
    assert [found.authors for found in one] == [found.authors for found in other]
    assert subject(spaced) == subject(at_once)


def test_what_a_tweet_is_about_is_its_original_or_itself():
    retweet = tweet("5", **references(retweeted="4"))

    for separators in ((", ", ": "), (",", ":")):
        told = [json.dumps(json.loads(stream(one)), separators=separators).encode() for one in (retweet, tweet("6"))]
        assert [subject(one) for one in told] == [4, 6]
    assert [subject(one) for one in (b"", b"{", b'{"data":{}}', b'{"data":[]}')] == [0, 0, 0, 0]


def test_a_recorded_v1_stream_and_its_v2_form_give_the_same_rows(test_data: Path):
    unknown_to_v1 = dict.fromkeys(("conversation_id", "reply_count", "quote_count"))
    with gzip.open(test_data / "tweets/retail_stream_v11.jsonl.gz") as old:
        old_messages = [only(line) for line in old]
    with gzip.open(test_data / "tweets/retail_stream_v2.jsonl.gz") as new:
        new_messages = [only(line) for line in new]

    assert len(new_messages) == 2613
    for before, after in zip(old_messages, new_messages, strict=True):
        assert before.tweet | unknown_to_v1 == after.tweet | unknown_to_v1
        assert (before.original or {}) | unknown_to_v1 == (after.original or {}) | unknown_to_v1
        assert sorted(before.authors, key=str) == sorted(after.authors, key=str)


def test_every_recorded_shape_that_holds_tweets_is_read(test_data: Path):
    found, malformed = {}, {}
    for path in (test_data / "tweets/v2_shapes").glob("*.jsonl"):
        read = [messages(line) for line in path.read_bytes().split(b"\n")]
        found[path.stem] = sum(len(good) for good, _ in read)
        malformed[path.stem] = sum(len(problems) for _, problems in read)

    assert (found.pop("kpop"), found.pop("withheld"), found.pop("streaming_output_with_error")) == (100, 215, 7)
    assert {name for name, count in found.items() if count == 0} == {"counts", "tweets_compliance", "users_compliance"}
    assert {name: count for name, count in malformed.items() if count} == {"streaming_output_with_error": 1}
