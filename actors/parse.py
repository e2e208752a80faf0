"""A payload from X becomes messages: v2 stream messages and pages, in old and new field names, and v1.1 tweets.

Pure: bytes in, values out. The rows have the column names of `core.models`; what X did not send, or sent in a form
that cannot be read, is None, for unknown is not 0.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec
import orjson

from actors.objects import Brief, Delivery, Includes, Matches, Rule, Summary, Tweet, User, read
from core import syntax

Fields = dict[str, Any]
Told = TypeVar("Told", Delivery, Summary)

TWEET, RULES = b'{"data":{', b'"matching_rules":'
MARK = "tt:"  # begins the tags of our own rules, before the keyword's name
KINDS = {"retweeted": "retweet", "quoted": "quote", "replied_to": "reply"}  # of several references, the first wins
REFERRING = {"retweeted": "retweets_of_tweet_id", "replied_to": "in_reply_to_tweet_id"}
CONTENTS = {"hashtags": "#", "cashtags": "$", "mentions": "@", "urls": "http"}  # and how each begins in a text
CARRYING = ("retweet", "quote")  # the kinds that may bring another tweet along
UNKNOWN_COUNTS: Fields = dict.fromkeys(("retweet_count", "like_count", "reply_count", "quote_count"))
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIRST_SNOWFLAKE = 29_700_859_247  # ids below it, of before November 2010, were counted and hold no time
X_EPOCH = datetime.fromtimestamp(1288834974.657, UTC)
SURROGATE = re.compile("[\ud800-\udfff]")
STREAM, BRIEF = msgspec.json.Decoder(Delivery, strict=False), msgspec.json.Decoder(Summary, strict=False)


class Malformed(ValueError):
    """A payload that is not JSON, or a tweet that lacks what a row needs; says which and what."""


@dataclass(slots=True)
class Message:
    """One delivered tweet.

    Attributes:
        tags: the tags of the rules it matched; a rule without a tag gives none.
        tweet: the columns of `core.models.Tweet` that X knows.
        carried: of the tweet that it retweets the id and the counts, if the payload carries it.
        behind: what it retweets or quotes, and what that quotes.
        sources: its author's and the original's ids, if the payload carries them, each with the tweet.
        users: the users that come with it, by id.
    """

    tags: frozenset[str]
    tweet: Fields
    carried: Fields | None
    behind: list[Tweet] = field(compare=False, repr=False)
    sources: dict[int, Tweet] = field(compare=False, repr=False)
    users: dict[int, User] = field(compare=False, repr=False)

    @property
    def original(self) -> Fields | None:
        """Return the columns of the tweet that it retweets, if the payload carries it.

        Raises:
            Malformed: the payload carries it, but it lacks what a row needs.
        """
        return _row(self.behind[0]) | self.carried if self.carried else None

    @property
    def searched(self) -> str:
        """Return its text and those of the tweets it retweets or quotes, which X's rules look through too."""
        return "\n".join([self.tweet["text"], *(_full_text(one) or "" for one in self.behind)])

    @property
    def authors(self) -> list[Fields]:
        """Return the row of each author that it brings."""
        return [self.author(author_id) for author_id in self.sources]

    def author(self, author_id: int) -> Fields:
        """Return the columns of `core.models.Author` for one of `sources`, as this message shows him."""
        return _author(self.users[author_id], self.tweet, self.sources[author_id])

    def location(self, author_id: int) -> str | None:
        """Return what an author's profile says of where he is; None when it says nothing, or is not here."""
        return _text(self.users[author_id].location) if author_id in self.users else None


def messages(payload: bytes) -> tuple[list[Message], list[str]]:
    """Return a payload's messages, and a line for each thing in it that is malformed.

    A bad tweet on a page costs only itself. A payload without tweets (keep-alive, error, counts, compliance, types
    that X may yet invent) gives two empty lists. It raises nothing, whatever the bytes.
    """
    told = _decoded(STREAM, payload)
    if told and told.data.text is not None:
        return _messages([told.data], _named(told.matching_rules), told.includes)
    try:
        whole = _whole(document(payload))
    except Malformed as error:
        return [], [str(error)]
    tweets = [read(Tweet, one) for one in _delivered(whole)]
    return _messages(tweets, tags_of(whole), read(Includes, whole.get("includes")))


def _decoded(decoder: msgspec.json.Decoder[Told], payload: bytes) -> Told | None:
    """Return a stream message with one tweet; None of anything else, and of what is not as X documents it."""
    try:
        return decoder.decode(payload) if payload.startswith(TWEET) else None
    except msgspec.MsgspecError:
        return None


def _messages(tweets: list[Tweet], tags: frozenset[str], included: Includes) -> tuple[list[Message], list[str]]:
    found: list[Message] = []
    problems: list[str] = []
    users, carried = included.accounts(), included.carried()
    for tweet in tweets:
        try:
            found.append(_message(tweet, tags, users, carried))
        except Malformed as error:
            problems.append(str(error))
    return found, problems


def document(payload: bytes) -> Any:
    """Return a payload's JSON value; None for a keep-alive.

    Raises:
        Malformed: it is not JSON.
    """
    if not payload.strip():
        return None
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        refused = error
    try:
        return json.loads(payload)  # slower, but takes the half emoji that a text cut short may end in
    except (ValueError, RecursionError):
        raise Malformed(f"not JSON: {refused}") from refused


def tweets_in(delivered: Any) -> int:
    """Count the tweets that a document delivers, readable or not."""
    return len(_delivered(_whole(delivered)))


def tags_at_end(payload: bytes) -> frozenset[str] | None:
    """Return the tags of the rules that a stream message with one tweet matched, without reading the tweet.

    X writes the rules last. None when this is another kind of payload, or the rules are elsewhere: `document` tells.
    """
    _, _, rules = payload.rpartition(RULES)  # inside a text these quotes would be escaped
    return _tags(rules) if rules and payload.startswith(TWEET) else None


@lru_cache(maxsize=4096)
def _tags(rules: bytes) -> frozenset[str] | None:
    """Return the tags of the rules at the end of a message; few sets of rules are behind all of them."""
    try:
        return tags_of({"matching_rules": orjson.loads(rules.rstrip().removesuffix(b"}"))})
    except orjson.JSONDecodeError:
        return None


def subject(payload: bytes) -> int:
    """Return the id of the tweet that a payload is about, which of a retweet is its original; 0 of one without tweets.

    Of a page it is the first tweet's.
    """
    if told := _decoded(BRIEF, payload):
        return _subject(told.data)
    try:
        tweets = _delivered(_whole(document(payload)))
    except Malformed:
        return 0
    return _subject(read(Brief, tweets[0])) if tweets else 0


def _subject(tweet: Brief) -> int:
    kind, original_id = _kind(tweet)
    return (original_id if kind == "retweet" else None) or tweet.id or 0


def tags_of(delivered: Any) -> frozenset[str]:
    """Return the tags of the rules that a document's tweets matched."""
    return _named(read(Matches, delivered).matching_rules)


def _named(rules: list[Rule]) -> frozenset[str]:
    return frozenset([tag for rule in rules if (tag := _text(rule.tag))])


def ids_of(delivered: Any) -> set[int]:
    """Return the ids of the tweets that a v2 document delivers, and of those that they bring with them."""
    whole = _fields(delivered)
    included = _fields(whole.get("includes"))
    return _ids(_delivered(whole)) | _ids(included.get("tweets") or included.get("posts"))


def seen(delivered: Any) -> syntax.Seen:
    """Look at a stream message as X's rules do: a retweet by the whole text of its original, a quote by both texts."""
    told = read(Delivery, delivered)
    behind = _behind(told.data, told.includes.carried())
    carried = behind if behind and _kind(told.data)[0] == "retweet" else [told.data, *behind]
    texts = [_full_text(one) or "" for one in carried]
    return syntax.seen(texts, [*_facts(told.data, told.includes.accounts()), *_contents(carried, texts)])


def _facts(tweet: Tweet, users: dict[int, User]) -> Iterator[str]:
    """Yield what holds of a tweet, as X's operators say it."""
    author = users.get(tweet.author_id or 0, User())
    yield from (f"from:{who}" for who in (tweet.author_id, author.username) if who)
    yield f"lang:{tweet.lang}"
    yield f"conversation_id:{tweet.conversation_id}"
    if author.verified:
        yield "is:verified"
    for one in tweet.references:
        yield f"is:{KINDS.get(str(one.type), one.type)}"
        yield f"{REFERRING.get(str(one.type), one.type)}:{one.id}"


def _contents(carried: list[Tweet], texts: list[str]) -> Iterator[str]:
    """Yield which of hashtags, cashtags, mentions and links some tweets have, by X's word or by their texts."""
    for name, mark in CONTENTS.items():
        if any(getattr(one.entities, name) for one in carried) or any(mark in text for text in texts):
            yield "has:links" if name == "urls" else f"has:{name}"


def clean_text(text: str) -> str:
    """Return text as it was meant and as Postgres takes it.

    X escapes &, < and > once; NUL and lone surrogates cannot be stored; in NFC equal words are equal.
    """
    if "&" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else unicodedata.normalize("NFC", SURROGATE.sub("\ufffd", text))


def _whole(delivered: Any) -> Fields:
    """Return a document as a v2 message or page."""
    whole = _fields(delivered)
    return _as_v2(whole) if "text" in whole or "full_text" in whole else whole


def _delivered(whole: Fields) -> list[Fields]:
    """Return a v2 document's tweets: counts, users and compliance events have no text, author or matching rule."""
    data, matched = whole.get("data"), "matching_rules" in whole
    tweets = _each(data if isinstance(data, list) else [data])
    return [one for one in tweets if matched or "text" in one or "author_id" in one]


def _message(tweet: Tweet, tags: frozenset[str], users: dict[int, User], included: dict[int, Tweet]) -> Message:
    row = _row(tweet)
    sources = {tweet.author_id: tweet} if tweet.author_id in users else {}
    behind = _behind(tweet, included) if included else []
    carried = None
    if row["kind"] == "retweet":
        if behind:
            original = behind[0]
            carried = {"id": original.id} | _counts(original)
            carried["retweet_count"] = _highest(carried["retweet_count"], row["retweet_count"])
            if original.author_id in users:
                sources.setdefault(original.author_id, original)
        row |= UNKNOWN_COUNTS  # what a retweet tells of its counts is the original's
    return Message(tags, row, carried, behind, sources, users)


def _behind(tweet: Tweet, included: Mapping[int, Tweet]) -> list[Tweet]:
    """Return the included tweet that a tweet retweets or quotes, the one that that one quotes, and so on."""
    behind, left = [], dict(included)
    kind, other = _kind(tweet)
    while kind in CARRYING and other in left:
        tweet = left.pop(other)
        behind.append(tweet)
        kind, other = _kind(tweet)
    return behind


def _row(tweet: Tweet) -> Fields:
    kind, original_id = _kind(tweet)
    row = {
        "id": tweet.id,
        "author_id": tweet.author_id,
        "created_at": _time(tweet.created_at) or _born(tweet.id),
        "kind": kind,
        "original_id": original_id,
        "conversation_id": tweet.conversation_id,
        "text": _full_text(tweet),
        "lang": _text(tweet.lang),
        "mentioned_ids": _mentioned(tweet) if kind != "retweet" else [],
        **_counts(tweet),
    }
    if tweet.id and tweet.author_id and row["created_at"] and row["text"] is not None:
        return row
    missing = next(one for one in ("id", "author_id", "created_at", "text") if row[one] is None)
    raise Malformed(f"tweet {tweet.id}: {missing} is missing or cannot be read")


def _counts(tweet: Tweet) -> Fields:
    counts = tweet.public_metrics
    return {
        "retweet_count": _either(counts.retweet_count, counts.repost_count),
        "like_count": counts.like_count,
        "reply_count": counts.reply_count,
        "quote_count": counts.quote_count,
    }


def _full_text(tweet: Tweet) -> str | None:
    text = tweet.note_tweet.text or tweet.note_post.text or tweet.text  # a long tweet's `text` is cut short
    return None if text is None else clean_text(text)


def _mentioned(tweet: Tweet) -> list[int]:
    """Return the ids of the accounts that a tweet mentions, each once, in order."""
    mentions = tweet.entities.mentions
    return list(dict.fromkeys(one.id for one in mentions if one.id)) if mentions else []


def _kind(tweet: Brief) -> tuple[str, int | None]:
    """Return a tweet's kind, and the id of the tweet that it retweets, quotes or answers."""
    references = tweet.references
    for relation, kind in KINDS.items() if references else ():
        for reference in references:
            if reference.type == relation:
                return kind, reference.id
    return "original", None


def _author(user: User, tweet: Fields, source: Tweet) -> Fields:
    """Return the row of a user object that was delivered with `tweet` as the author of `source`."""
    counts = user.public_metrics
    return {
        "id": user.id,
        "username": _text(user.username),
        "name": _text(user.name),
        "location": _text(user.location),
        "verified": user.verified if isinstance(user.verified, bool) else None,
        "profile_image_url": _text(user.profile_image_url),
        "created_at": _time(user.created_at),
        "followers_count": counts.followers_count,
        "following_count": counts.following_count,
        "tweet_count": _either(counts.tweet_count, counts.post_count),
        "listed_count": counts.listed_count,
        "synthetic": bool(user.synthetic or source.synthetic),
        "seen_at": tweet["created_at"],
    }


def _as_v2(status: Fields) -> Fields:
    """Return a v1.1 tweet as the v2 message that would have delivered it."""
    statuses = [status]
    for one in statuses:  # which grows: what a tweet retweets may quote another
        statuses += _each([one.get("retweeted_status"), one.get("quoted_status")])
    users = [_user_as_v2(_fields(one.get("user"))) for one in statuses]
    data, *carried = [_status_as_v2(one) for one in statuses]
    return {"data": data, "includes": {"users": users[::-1], "tweets": carried}}  # the last of equals counts: its own


def _status_as_v2(status: Fields) -> Fields:
    quoted = status.get("quoted_status_id") or _fields(status.get("quoted_status")).get("id")
    references = {
        "retweeted": _fields(status.get("retweeted_status")).get("id"),
        "quoted": quoted,
        "replied_to": status.get("in_reply_to_status_id"),
    }
    extended = _fields(status.get("extended_tweet"))  # what `status` has itself is cut short
    return {
        "id": status.get("id"),
        "author_id": _fields(status.get("user")).get("id"),
        "created_at": status.get("created_at"),
        "text": extended.get("full_text") or status.get("full_text") or status.get("text"),
        "lang": status.get("lang"),
        "public_metrics": {**status, "like_count": status.get("favorite_count")},
        "referenced_tweets": [{"type": relation, "id": to} for relation, to in references.items() if to],
        "entities": {"mentions": _fields({**status, **extended}.get("entities")).get("user_mentions")},
        "synthetic": status.get("synthetic"),
    }


def _user_as_v2(user: Fields) -> Fields:
    renamed = {"following_count": user.get("friends_count"), "tweet_count": user.get("statuses_count")}
    return {
        **user,
        "username": user.get("screen_name"),
        "profile_image_url": user.get("profile_image_url_https"),
        "public_metrics": {**user, **renamed},
    }


def _fields(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _each(value: Any) -> list[Fields]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _ids(value: Any) -> set[int]:
    return {one.id for one in map(partial(read, Brief), _each(value)) if one.id}


def _either(count: int | None, renamed: int | None) -> int | None:
    """Return a count that X has renamed, under either name."""
    return renamed if count is None else count


def _highest(*counts: int | None) -> int | None:
    return max((count for count in counts if count is not None), default=None)


def _text(value: str | None) -> str | None:
    return (clean_text(value) or None) if value else None


def _time(value: str | None) -> datetime | None:
    """Return a v2 time (ISO 8601) or a v1.1 one ("Wed Nov 30 13:51:43 +0000 2016") in UTC."""
    if not value:
        return None
    try:
        if value[:1].isalpha():
            _, month, day, clock, zone, year = value.split()
            value = f"{year}-{MONTHS.index(month) + 1:02}-{day}T{clock}{zone}"
        at = datetime.fromisoformat(value)
        return at if at.tzinfo is UTC else at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _born(tweet_id: int | None) -> datetime | None:
    """Return the time in a snowflake id: milliseconds since X's epoch, above 22 bits of machine and sequence."""
    return X_EPOCH + timedelta(milliseconds=tweet_id >> 22) if tweet_id and tweet_id >= FIRST_SNOWFLAKE else None
